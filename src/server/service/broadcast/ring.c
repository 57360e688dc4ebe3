/* Unread bytes do not change, so a reader copies them without the lock; it takes
 * the lock only to find the end, and to release what it has read. A wakeup is
 * sent only to a reader that had nothing left to read: the others check again
 * before they wait. */
#include "ring.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

struct head {
	uint32_t n;
	uint32_t writer;
};

int ring_init(struct ring *ring, size_t n_readers)
{
	*ring = (struct ring){.n_readers = n_readers};
	ring->readers = calloc(n_readers, sizeof *ring->readers);
	ring->bytes = malloc(RING_SIZE);
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

/* -- the buffer -- */

/* How many of the n bytes at at lie before the buffer's end. */
static size_t before_end(uint64_t at, size_t n)
{
	size_t left = RING_SIZE - (size_t)(at % RING_SIZE);

	return n < left ? n : left;
}

static void put(struct ring *ring, uint64_t at, const void *from, size_t n)
{
	size_t n_first = before_end(at, n);

	memcpy(ring->bytes + at % RING_SIZE, from, n_first);
	memcpy(ring->bytes, (const char *)from + n_first, n - n_first);
}

static void get(const struct ring *ring, uint64_t at, void *to, size_t n)
{
	size_t n_first = before_end(at, n);

	memcpy(to, ring->bytes + at % RING_SIZE, n_first);
	memcpy((char *)to + n_first, ring->bytes, n - n_first);
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

/* Wake the readers that had nothing to read. The writer's own position moves on
 * if it is at the end; otherwise ring_next skips the message later. */
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

static bool try_to_write(struct ring *ring, size_t writer, const void *message,
			 size_t n)
{
	const struct head head = {.n = (uint32_t)n, .writer = (uint32_t)writer};

	if (!has_room(ring, sizeof head + n))
		find_slowest(ring);
	if (!has_room(ring, sizeof head + n)) {
		ring->readers[writer].is_waiting = true;
		return false;
	}
	put(ring, ring->end, &head, sizeof head);
	put(ring, ring->end + sizeof head, message, n);
	wake_readers(ring, writer, ring->end + sizeof head + n);
	return true;
}

bool ring_write(struct ring *ring, size_t writer, const void *message, size_t n)
{
	bool is_written;

	assert(n > 0 && n <= RING_MAX_MESSAGE);
	pthread_mutex_lock(&ring->lock);
	is_written = try_to_write(ring, writer, message, n);
	pthread_mutex_unlock(&ring->lock);
	return is_written;
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
	while (view->at < view->end) {
		struct head head;

		get(view->ring, view->at, &head, sizeof head);
		message->n = head.n;
		message->at = view->at + sizeof head;
		view->at = message->at + head.n;
		if (head.writer != view->reader)
			return true;
	}
	return false;
}

void ring_copy(const struct ring_view *view, const struct ring_message *message,
	       void *to)
{
	get(view->ring, message->at, to, message->n);
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
