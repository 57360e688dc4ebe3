/* Whether what --help says fits a terminal, and whether the manual, in
 * docs/PROGRAM.1, knows the same. What is wrong dies with a message. */
#ifndef HARNESS_HELP_H
#define HARNESS_HELP_H

#include <stddef.h>

enum {
	HELP_TEXT_SIZE = 32768,
	HELP_NAME_SIZE = 64
};

void help_read(const char *program, char text[HELP_TEXT_SIZE]);
void help_read_manual(const char *program, char text[HELP_TEXT_SIZE]);
/* A name as roff(7) has it: a minus is \-. */
const char *help_escape(const char *name, char text[HELP_NAME_SIZE]);

/* That no line of text has more. */
void help_expect_columns(const char *text, size_t n_columns);
/* That each option of --help has its paragraph in the manual, with the same
 * argument and the numbers of its default, and the other way round; how many
 * there are. */
size_t help_expect_same_options(const char *program);

#endif
