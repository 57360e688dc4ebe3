/* @FILE on the command line: its lines are arguments. */
#ifndef ARGUMENT_FILE_H
#define ARGUMENT_FILE_H

/* Put the lines of each @FILE in its place. Empty lines and those that begin
 * with # are skipped, blanks around a line are not part of it, and a line that
 * begins with @ is no further file. Returns the new argv, which ends with NULL
 * and stays for the process's life; *argc is its size. NULL: the reason was
 * printed. */
char **argument_file_expand(int *argc, char **argv);

#endif
