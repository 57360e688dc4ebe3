/* A datagram socket from the inside: what the dgram*.c files share. */
#ifndef WEIR_LIB_DGRAM_H
#define WEIR_LIB_DGRAM_H

#include <sys/socket.h>

#include <weir/address.h>
#include <weir/dgram.h>

#include "dgram_queue.h"
#include "dgram_share.h"
#include "dgram_source.h"

enum {
	/* how many datagrams are received in one turn, at most */
	WEIR_DGRAM_RECEIVE_BATCH = 16,
	/* the first period of retries where epoll does not report room */
	WEIR_DGRAM_MIN_RETRY_NS = 1000000
};

/* The queue of datagrams to send, and the memory that a batch is received into.
 * It is allocated apart from the dgram: a datagram must stay valid to the end
 * of on_datagram, even if the dgram is freed inside. */
struct weir_dgram_buffers {
	struct weir_dgram_queue queue;
	struct weir_dgram_share *share; /* NULL: the queue is single */
	struct mmsghdr messages[WEIR_DGRAM_RECEIVE_BATCH];
	struct iovec iov[WEIR_DGRAM_RECEIVE_BATCH];
	union weir_dgram_control control[WEIR_DGRAM_RECEIVE_BATCH];
	struct weir_dgram_received received[WEIR_DGRAM_RECEIVE_BATCH];
	/* the share, and behind it room for a batch of datagrams */
	_Alignas(struct weir_dgram_share) unsigned char bytes[];
};

/* The watch's callback. */
void weir_dgram_on_ready(struct weir_watch *watch, uint32_t events);
void weir_dgram_note_error(struct weir_dgram *d, int error);
/* Flush what is ready, and decide what to wait for. Call it from the loop, as
 * the last thing, since on_drain may free the dgram. */
void weir_dgram_go_on(struct weir_dgram *d);

#endif
