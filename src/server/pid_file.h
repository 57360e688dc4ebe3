/* The file that tells other programs the number of this process (--pid-file).
 * Of several processes one of which replaces the other, the one that listens
 * has written it. */
#ifndef PID_FILE_H
#define PID_FILE_H

/* Write it whole, in place of what is there. path NULL: there is none. 0, or a
 * negative errno. */
int pid_file_write(const char *path);

/* Remove it, if this process has written it last. */
void pid_file_remove(const char *path);

#endif
