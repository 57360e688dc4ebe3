/* The protocols of systemd and compatible supervisors, without their library:
 * sd_listen_fds(3) and sd_notify(3). */
#ifndef SYSTEMD_H
#define SYSTEMD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
	MAX_INHERITED = 64,
	INHERITED_NAME_SIZE = 256 /* FileDescriptorName=, systemd.socket(5) */
};

/* A socket that was open when the program started. */
struct inherited {
	int fd; /* close-on-exec */
	char name[INHERITED_NAME_SIZE];
};

/* Fill in the sockets meant for this process and return their number, 0 if
 * there are none. Works once: the variables are removed from the environment.
 * -EINVAL: LISTEN_FDS is wrong, or is more than n. -ESRCH: the sockets are
 * meant for another process. */
int systemd_sockets(struct inherited *sockets, int n);

/* Tell the supervisor "READY=1" and the like. Does nothing without a
 * supervisor; failures are ignored. */
void systemd_notify(const char *state);

/* The interval in which it expects "WATCHDOG=1", in ns; 0: it does not. */
uint64_t systemd_watchdog(void);

/* Whether standard error is the journal's (JOURNAL_STREAM). */
bool systemd_reads_log(void);

#endif
