/* The protocols of systemd and compatible supervisors, without their library:
 * sd_listen_fds(3) and sd_notify(3). */
#ifndef SYSTEMD_H
#define SYSTEMD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
	FIRST_INHERITED = 3, /* SD_LISTEN_FDS_START */
	MAX_INHERITED = 1024,
	MAX_NAMES_SIZE = 65536, /* of LISTEN_FDNAMES; the kernel takes 128K */
	INHERITED_NAME_SIZE = 256, /* FileDescriptorName=, systemd.socket(5) */
	SYSTEMD_STATE_SIZE = 64	   /* of a text for systemd_notify */
};

/* A socket that was open when the program started. */
struct inherited {
	int fd; /* close-on-exec */
	char name[INHERITED_NAME_SIZE];
};

/* Fill in the sockets meant for this process, by its number in LISTEN_PID or
 * its parent's in LISTEN_PPID, and return their number, 0 if there are none.
 * Works once: the variables are removed from the environment. -EINVAL: LISTEN_FDS is wrong, or is more than n. -ESRCH: the sockets are
 * meant for another process. */
int systemd_sockets(struct inherited *sockets, int n);

/* Tell the supervisor "READY=1" and the like. Does nothing without a
 * supervisor; failures are ignored. */
void systemd_notify(const char *state);
/* From now on another process is the supervisor's: notify no more. */
void systemd_leave(void);

/* The interval in which it expects "WATCHDOG=1", in ns; 0: it does not. */
uint64_t systemd_watchdog(void);

/* Whether standard error is the journal's (JOURNAL_STREAM). */
bool systemd_reads_log(void);

#endif
