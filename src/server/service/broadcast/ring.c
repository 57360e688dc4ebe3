/* Unread bytes do not change, so a reader copies them without the lock; it takes
 * the lock only to find the end, and to release what it has read. A wakeup is
 * sent only to a reader that had nothing left to read: the others check again
 * before they wait. */
#include "ring.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum {
	HEAD = sizeof(uint32_t) /* in front of each message: its size */
};

_Static_assert((int)RING_MEMORY == (int)RING_SIZE + RING_MAX_MESSAGE + HEAD,
	       "the last message has room behind the end");

int ring_init(struct ring *ring, size_t n_readers)
{
	*ring = (struct ring){.n_readers = n_readers};
	ring->readers = calloc(n_readers, sizeof *ring->readers);
	ring->bytes = malloc(RING_MEMORY);
	if (!ring->readers || !ring->bytes) {
		free(ring->readers);
		free(ring->bytes);
		return -ENOMEM;
	}
	pthread_mutex_init(&ring->lock, NULL);
	return 0;
}

void ring_deinit(struct ring *ring)
{
	pthread_mutex_destroy(&ring->lock);
	free(ring->readers);
	free(ring->bytes);
}

/* -- writing, under the lock -- */

static void find_slowest(struct ring *ring)
{
	ring->slowest = ring->end;
	for (size_t i = 0; i < ring->n_readers; i++)
		if (ring->readers[i].at < ring->slowest)
			ring->slowest = ring->readers[i].at;
}

static bool has_room(const struct ring *ring, size_t n)
{
	return ring->end + n - ring->slowest <= RING_SIZE;
}

static unsigned char *bytes_at(const struct ring *ring, uint64_t at)
{
	return ring->bytes + at % RING_SIZE;
}

/* Wake the readers that had nothing to read. The writer has read it. */
static void wake_readers(struct ring *ring, size_t writer, uint64_t end)
{
	for (size_t i = 0; i < ring->n_readers; i++) {
		struct ring_reader *reader = &ring->readers[i];

		if (reader->at != ring->end)
			continue;
		if (i == writer)
			reader->at = end;
		else
			weir_wakeup_send(reader->wakeup);
	}
	ring->end = end;
}

static enum ring_outcome try_to_write(struct ring *ring, size_t writer,
				      const void *message, size_t n)
{
	const uint32_t size = (uint32_t)n;

	if (ring->readers[writer].at != ring->end)
		return RING_BEHIND;
	if (!has_room(ring, HEAD + n))
		find_slowest(ring);
	if (!has_room(ring, HEAD + n)) {
		ring->readers[writer].is_waiting = true;
		return RING_FULL;
	}
	memcpy(bytes_at(ring, ring->end), &size, HEAD);
	memcpy(bytes_at(ring, ring->end) + HEAD, message, n);
	wake_readers(ring, writer, ring->end + HEAD + n);
	return RING_WRITTEN;
}

enum ring_outcome ring_write(struct ring *ring, size_t writer,
			     const void *message, size_t n)
{
	enum ring_outcome outcome;

	assert(n > 0 && n <= RING_MAX_MESSAGE);
	pthread_mutex_lock(&ring->lock);
	outcome = try_to_write(ring, writer, message, n);
	pthread_mutex_unlock(&ring->lock);
	return outcome;
}

/* -- reading -- */

struct ring_view ring_open(struct ring *ring, size_t reader)
{
	struct ring_view view = {.ring = ring, .reader = reader};

	pthread_mutex_lock(&ring->lock);
	view.at = ring->readers[reader].at;
	view.end = ring->end;
	pthread_mutex_unlock(&ring->lock);
	return view;
}

bool ring_next(struct ring_view *view, struct ring_message *message)
{
	const unsigned char *bytes = bytes_at(view->ring, view->at);
	uint32_t size;

	if (view->at == view->end)
		return false;
	memcpy(&size, bytes, HEAD);
	message->data = bytes + HEAD;
	message->n = size;
	view->at += HEAD + size;
	return true;
}

/* Not before half of the ring is free, so that a waiting writer finds room for
 * more than one message. */
static void wake_writers(struct ring *ring)
{
	find_slowest(ring);
	if (!has_room(ring, RING_SIZE / 2))
		return;
	for (size_t i = 0; i < ring->n_readers; i++) {
		if (ring->readers[i].is_waiting)
			weir_wakeup_send(ring->readers[i].wakeup);
		ring->readers[i].is_waiting = false;
	}
}

bool ring_close(struct ring_view *view)
{
	struct ring *ring = view->ring;
	bool has_more;

	pthread_mutex_lock(&ring->lock);
	ring->readers[view->reader].at = view->at;
	wake_writers(ring);
	has_more = view->at != ring->end;
	pthread_mutex_unlock(&ring->lock);
	return has_more;
}

size_t ring_read(struct ring *ring, size_t reader,
		 bool (*take)(void *context, const void *message, size_t n),
		 void *context)
{
	struct ring_message message;
	struct ring_view view;
	bool is_stopped = false;
	uint64_t at;

	do {
		view = ring_open(ring, reader);
		at = view.at;
		while (ring_next(&view, &message)) {
			is_stopped = !take(context, message.data, message.n);
			if (is_stopped)
				break;
			at = view.at;
		}
		view.at = at;
	} while (ring_close(&view) && !is_stopped);
	return (size_t)(view.end - at);
}
