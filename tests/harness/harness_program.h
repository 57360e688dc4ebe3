/* The programs of $WEIR_BUILD (or build) as children. What goes wrong here dies
 * with a message. */
#ifndef HARNESS_PROGRAM_H
#define HARNESS_PROGRAM_H

#include <stdarg.h>
#include <stddef.h>
#include <sys/types.h>

enum {
	PROGRAM_MAX_ARGUMENTS = 32 /* with the NULL behind the last */
};

/* Have sh run the program with these arguments and redirections. What it
 * prints to its standard output is cut to size, and ends with a NUL; its exit
 * status. */
int program_print(const char *name, const char *arguments, char *text,
		  size_t size);

/* -- starting one by hand -- */

/* A list of them, NULL behind the last. */
void program_arguments(const char *arguments[PROGRAM_MAX_ARGUMENTS],
		       va_list list);
/* In the child: become the program, all signals let through; it is killed when
 * the test dies. */
_Noreturn void program_exec(const char *name, const char *const *arguments);
/* Its exit status, or 128 + the signal that ended it. */
int program_wait(pid_t pid);
/* A line of /proc/PID/status, such as VmHWM, in KiB. */
size_t program_kib(pid_t pid, const char *name);

#endif
