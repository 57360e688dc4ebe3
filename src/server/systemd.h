/* What systemd, or a supervisor that does the same, gives and wants to hear:
 * sd_listen_fds(3) and sd_notify(3), without their library. */
#ifndef SYSTEMD_H
#define SYSTEMD_H

#include <stddef.h>
#include <stdint.h>

enum {
	MAX_INHERITED = 64,
	INHERITED_NAME_SIZE = 256 /* FileDescriptorName=, systemd.socket(5) */
};

/* A socket that was open when the program started. */
struct inherited {
	int fd; /* close-on-exec from now on */
	char name[INHERITED_NAME_SIZE];
};

/* Fill in the sockets meant for this process, once: the environment forgets
 * them. Their number, 0 if there are none; -EINVAL: LISTEN_FDS makes no sense,
 * or is more than n. */
int systemd_sockets(struct inherited *sockets, int n);

/* Tell the supervisor "READY=1" and the like. Without one nothing happens; one
 * that does not listen is none of the server's troubles. */
void systemd_notify(const char *state);

/* How often it wants to hear "WATCHDOG=1", in ns; 0: it does not. */
uint64_t systemd_watchdog(void);

#endif
