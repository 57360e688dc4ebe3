/* A datagram socket from the inside: what dgram.c and dgram_send.c share. */
#ifndef WEIR_LIB_DGRAM_H
#define WEIR_LIB_DGRAM_H

#include <sys/socket.h>

#include <weir/address.h>
#include <weir/dgram.h>

#include "dgram_queue.h"

enum {
	/* what is received in one turn at most */
	WEIR_DGRAM_RECEIVE_BATCH = 16,
	/* how soon a refusal that epoll cannot see the end of is tried again */
	WEIR_DGRAM_MIN_RETRY_NS = 1000000
};

/* What is sent waits in queue; the rest is what a batch is received into.
 * Beside the dgram, since the last datagram that is told must be good to the
 * end of the call, whatever becomes of the dgram inside. */
struct weir_dgram_buffers {
	struct weir_dgram_queue queue;
	struct mmsghdr messages[WEIR_DGRAM_RECEIVE_BATCH];
	struct iovec iov[WEIR_DGRAM_RECEIVE_BATCH];
	struct weir_address from[WEIR_DGRAM_RECEIVE_BATCH];
	unsigned char bytes[];
};

void weir_dgram_note_error(struct weir_dgram *d, int error);
/* Flush what is ready, and decide what is waited for. From the loop, and last
 * of all, since on_drain may free the dgram. */
void weir_dgram_go_on(struct weir_dgram *d);

#endif
