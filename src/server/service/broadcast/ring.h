/* A ring buffer by which threads send messages to all other threads.
 *
 * Each message is written once, and each reader has a position of its own. So a
 * message reaches all readers or, while the slowest has too much left to read,
 * none: then the write fails, and the writer's wakeup is sent when there is
 * room.
 *
 * A reader has a number and a wakeup. Writers are readers too, which do not
 * read their own messages, and write only when they have read all others'. So
 * a thread that handles a message when it has read or written it handles all
 * messages in the same order as every other thread, and the n-th of them is
 * the same one for all. */
#ifndef RING_H
#define RING_H

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <weir.h>

enum {
	RING_SIZE = 262144, /* of all unread messages */
	RING_MAX_MESSAGE = 65536,
	/* a message that begins before the end goes on behind it */
	RING_MEMORY = RING_SIZE + RING_MAX_MESSAGE + 4
};

enum ring_outcome {
	RING_WRITTEN,
	RING_BEHIND, /* the writer has messages to read first */
	RING_FULL    /* its wakeup is sent when there is room */
};

struct ring_reader {
	struct weir_wakeup *wakeup;
	uint64_t at;	 /* it has read all before this */
	bool is_waiting; /* a message that it wrote found no room */
};

/* Positions count all bytes ever written before them.
 *
 * 1. slowest <= at of every reader <= end <= slowest + RING_SIZE
 * 2. a reader that has messages of others to read was sent its wakeup since it
 *    last read */
struct ring {
	pthread_mutex_t lock; /* for all but the unread bytes */
	uint64_t end;
	uint64_t slowest; /* a lower bound, refreshed when room is needed */
	size_t n_readers;
	struct ring_reader *readers;
	unsigned char *bytes;
};

/* -ENOMEM. Set every reader's wakeup before the first message. */
int ring_init(struct ring *ring, size_t n_readers);
/* No other thread may use it any more. */
void ring_deinit(struct ring *ring);

/* Write a message of n bytes, 1 to RING_MAX_MESSAGE, for all readers but
 * writer. */
enum ring_outcome ring_write(struct ring *ring, size_t writer,
			     const void *message, size_t n);

/* Give the messages to take until it returns false, which leaves that one.
 * Returns how many bytes are left; 0 if take took all. */
size_t ring_read(struct ring *ring, size_t reader,
		 bool (*take)(void *context, const void *message, size_t n),
		 void *context);

/* An unread message; valid until the view is closed. */
struct ring_message {
	const void *data;
	size_t n;
};

/* What a reader has to read, until ring_close. */
struct ring_view {
	struct ring *ring;
	size_t reader;
	uint64_t at; /* the next message */
	uint64_t end;
};

struct ring_view ring_open(struct ring *ring, size_t reader);
/* Take the next message. False: there is none. */
bool ring_next(struct ring_view *view, struct ring_message *message);
/* The messages before view->at are read. True: there are more, and no wakeup
 * will be sent for them. */
bool ring_close(struct ring_view *view);

#endif
