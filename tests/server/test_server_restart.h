/* What the tests of a restart have in common. */
#ifndef TEST_SERVER_RESTART_H
#define TEST_SERVER_RESTART_H

#include <stddef.h>
#include <sys/types.h>

#include "harness_server.h"

enum {
	RESTART_PATIENCE_S = 60
};

/* A suite's. The tests are parents of all processes that they cause. */
void restart_test_begin(void);
void restart_test_end(void);

/* SIGUSR2 to the process pid of s, which is replaced; the new one's number. */
pid_t restart_of(struct served *s, pid_t pid);
/* The same, after the signal. */
pid_t restart_await(struct served *s);
/* Stop the last process, and expect that all of them lost nothing. */
void restart_stop(struct served *s, pid_t last);
/* A replaced process ends by itself, and has lost nothing. */
void restart_expect_end(pid_t pid);
/* Dial, echo, close. */
void restart_expect_echo_at(const char *address);

/* A file in a folder of the test's own: its path, good to the end of it. */
const char *restart_file(const char *name);
void restart_write(const char *path, const char *text, mode_t mode);

#endif
