/* An installed tree for each test, and programs that are built against it. */
#ifndef TEST_INSTALL_H
#define TEST_INSTALL_H

#include <stdbool.h>

/* Run make install with PREFIX=/usr and a DESTDIR of this test alone, which is
 * $D in commands. The programs of the harness are those installed. */
void install_begin(void);
/* Remove the tree. */
void install_end(void);

/* Make a goal with the same PREFIX and DESTDIR; whether it could. */
bool run_make(const char *goal);
/* Run sh; whether it exits with 0. */
bool sh(const char *command);
bool is_there(const char *program);
/* What a program must be linked with if the library in $BUILD was built so. */
const char *sanitizers(void);

/* Build the program $D/NAME from a source with the flags of pkg-config alone,
 * by a compiler command; is_static: of the static library. Dies if it does not
 * compile without a warning. */
void build_user(const char *compiler, const char *source, const char *name,
		bool is_static);

#endif
