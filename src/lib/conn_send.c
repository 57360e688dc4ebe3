/* send and sendall.
 *
 * send makes one attempt and returns how much was taken. sendall takes all or
 * nothing, and queues what the kernel did not take. Small messages gather while
 * a callback runs, large ones leave at once. */
#include <weir/conn.h>

#include <assert.h>
#include <errno.h>
#include <string.h>

#include "conn_inside.h"
#include "size.h"
#include "sys.h"

enum {
	/* up to here a copy costs less than a system call of its own */
	SMALL = 4096,
	/* of a pipe, that is read at a time */
	PIPE_PIECE = 16384
};

int weir_conn_refusal(const struct weir_conn *c)
{
	if (weir_conn_is(c, WEIR_PHASE_OPEN) && c->watch.loop)
		return 0;
	if (c->error >= 0 || c->error == -ENOMEM || c->error == -ENOBUFS ||
	    c->error == -EMSGSIZE)
		return -EPIPE;
	return c->error;
}

/* This may end the connection: the budget may not bear the bytes to queue. Or
 * nothing is queued any more, and what waits for that must not wait for an
 * EPOLLOUT. */
static int send_waiting(struct weir_conn *c)
{
	if (weir_conn_has(c, WEIR_FACT_OWES))
		weir_conn_settle_soon(c);
	weir_conn_send_waiting(c);
	return weir_conn_refusal(c);
}

/* The backlog, to append to; what the log owes c comes before. NULL: no
 * memory. */
static struct weir_backlog *backlog_to_append(struct weir_conn *c)
{
	struct weir_backlog *backlog = weir_conn_backlog(c);

	if (backlog && weir_conn_enqueue_log(c) < 0)
		return NULL;
	return backlog;
}

ssize_t weir_conn_offer(struct weir_conn *c, const void *data, size_t n)
{
	int error = weir_conn_refusal(c);

	weir_conn_accept_news(c);
	if (error == 0)
		error = send_waiting(c);
	if (error < 0)
		return error;
	if (n == 0 || weir_conn_has(c, WEIR_FACT_OWES | WEIR_FACT_FULL))
		return 0;
	return weir_conn_take_offer(c, weir_outbox_send(&c->out, c->watch.loop,
							c->watch.fd, data, n));
}

ssize_t weir_conn_send(struct weir_conn *c, const void *data, size_t n)
{
	ssize_t taken = weir_conn_offer(c, data, n);

	if (taken < 0 || (n > 0 && taken == (ssize_t)n))
		return taken;
	weir_conn_backlog(c);
	weir_conn_set(c, WEIR_FACT_WANTS_ROOM);
	weir_outbox_stop_gathering(&c->out, c->watch.loop);
	weir_conn_settle_soon(c);
	return taken;
}

/* Record that it has no room or no memory now; returns error. */
static int refuse(struct weir_conn *c, int error)
{
	weir_conn_set(c, WEIR_FACT_REFUSED);
	weir_conn_set(c, error == -ENOMEM ? WEIR_FACT_NO_MEMORY
					  : WEIR_FACT_NO_ROOM);
	/* At once, or a source would be read further with its input limit
	 * reached. */
	weir_link_press(c, true);
	weir_conn_settle_soon(c);
	return error;
}

size_t weir_conn_room(const struct weir_conn *c)
{
	size_t max;
	size_t held;

	if (weir_conn_refusal(c) < 0)
		return 0;
	max = weir_conn_max(c);
	held = weir_outbox_n_gathered(&c->out, c->watch.loop) +
	       weir_outbox_weight(&c->out);
	return held < max ? max - held : 0;
}

static bool has_room_for(const struct weir_conn *c, size_t n, bool is_file)
{
	if (is_file && weir_outbox_n_files(&c->out) >= weir_conn_files(c))
		return false;
	return n <= weir_conn_room(c);
}

/* Make n more bytes, or a file of that weight, fit by offering the kernel what
 * waits. */
static int make_room(struct weir_conn *c, size_t n, bool is_file)
{
	int error;

	if (n > weir_conn_max(c))
		return -EMSGSIZE;
	if (has_room_for(c, n, is_file))
		return 0;
	error = send_waiting(c);
	if (error < 0)
		return error;
	return has_room_for(c, n, is_file) ? 0 : refuse(c, -ENOBUFS);
}

/* n_new more bytes are queued: 0. */
static int appended(struct weir_conn *c, uint64_t n_new)
{
	weir_conn_take_queue(c, n_new);
	if (weir_conn_has(c, WEIR_FACT_OWES))
		weir_outbox_stop_gathering(&c->out, c->watch.loop);
	weir_conn_settle_soon(c);
	return 0;
}

/* The bytes cannot be given back, so they are accepted before the budget is
 * asked. */
bool weir_conn_queue_pipe(struct weir_conn *c, int pipe_fd, size_t n)
{
	struct weir_backlog *backlog = weir_conn_backlog(c);
	unsigned char piece[PIPE_PIECE];
	size_t n_left = n;
	ssize_t n_read = 1;

	if (!backlog || weir_sendq_reserve(&backlog->queue, n) < 0)
		return false;
	while (n_left > 0 && n_read > 0) {
		n_read = weir_sys_read(pipe_fd, piece,
				       weir_smaller(n_left, sizeof piece));
		if (n_read > 0) {
			weir_sendq_append(&backlog->queue, piece,
					  (size_t)n_read,
					  weir_loop_now(c->watch.loop));
			n_left -= (size_t)n_read;
		}
	}
	assert(n_left == 0);
	weir_outbox_update(&c->out, c->watch.loop);
	appended(c, n);
	(void)weir_conn_keep_budget(c, 0, 0);
	return true;
}

static int enqueue(struct weir_conn *c, const void *data, size_t n)
{
	struct weir_backlog *backlog = backlog_to_append(c);
	int error;

	if (!backlog || weir_sendq_reserve(&backlog->queue, n) < 0)
		return refuse(c, -ENOMEM);
	error = weir_conn_keep_budget(c, n, 0);
	if (error < 0)
		return error;
	weir_sendq_append(&backlog->queue, data, n,
			  weir_loop_now(c->watch.loop));
	weir_outbox_update(&c->out, c->watch.loop);
	return appended(c, n);
}

/* The heap that a large message may need, besides the gathered bytes. */
static int reserve_large(struct weir_sendq *q, size_t n_gathered, size_t n)
{
	/* The room at the tail is gone once the tail is sent; so is that of the
	 * chunk that the gathered bytes move to. */
	size_t reserve = n + weir_sendq_tail_room(q);

	if (n_gathered > 0)
		reserve += n_gathered + WEIR_CHUNK_SIZE;
	return weir_sendq_reserve(q, reserve);
}

/* A large message leaves at once, behind all that waits. Only the bytes that
 * the kernel does not take are copied, into memory reserved before. */
static int send_large(struct weir_conn *c, const void *data, size_t n)
{
	struct weir_loop *loop = c->watch.loop;
	size_t n_gathered = weir_outbox_n_gathered(&c->out, loop);
	struct weir_backlog *backlog = backlog_to_append(c);
	struct weir_offer offer;
	uint64_t n_queued;
	int error;

	if (!backlog || reserve_large(&backlog->queue, n_gathered, n) < 0)
		return refuse(c, -ENOMEM);
	error = weir_conn_keep_budget(c, n_gathered + n, 0);
	if (error < 0)
		return error;
	if (n_gathered > 0)
		weir_outbox_queue_gathered(&c->out, loop);
	offer = weir_outbox_send_behind(&c->out, loop, c->watch.fd, data, n);
	if (offer.offered > 0 && weir_conn_take_offer(c, offer) < 0)
		return weir_conn_refusal(c);
	n_queued = weir_outbox_n_queued(&c->out);
	if (n_queued > n_gathered + n)
		n_queued = n_gathered + n;
	return appended(c, n_queued);
}

/* Compared as integers: a pointer must not point far behind the buffer, and a
 * difference would cost every echo an instruction. */
static bool has_room_to_gather(const struct weir_gather *g, size_t n)
{
	return (uintptr_t)g->next + n <= (uintptr_t)g->end;
}

/* Copy to the gather buffer, which has room for n. */
static void gather(struct weir_gather *g, const void *data, size_t n)
{
	unsigned char *to = g->next;

	g->next = to + n;
	memcpy(to, data, n);
}

/* A message that does not fit the gather buffer may fit after that is sent, or
 * when there is a buffer again. */
static int send_small(struct weir_conn *c, const void *data, size_t n)
{
	struct weir_gather *g = &c->watch.loop->gather;
	int error;

	if (g->owner != &c->out || weir_conn_has(c, WEIR_FACT_OWES))
		return enqueue(c, data, n);
	error = send_waiting(c);
	if (error < 0)
		return error;
	weir_outbox_refill_gather(c->watch.loop);
	weir_conn_begin_callback(c);
	if (!has_room_to_gather(g, n))
		return enqueue(c, data, n);
	gather(g, data, n);
	return 0;
}

/* Out of line, to keep the common case short. */
static __attribute__((noinline)) int sendall_with_care(struct weir_conn *c,
						       const void *data,
						       size_t n)
{
	int error = weir_conn_refusal(c);

	if (error < 0 || n == 0)
		return error;
	weir_conn_accept_news(c);
	error = make_room(c, n, false);
	if (error < 0)
		return error;
	if (weir_conn_has(c, WEIR_FACT_FULL))
		return enqueue(c, data, n);
	return n > SMALL ? send_large(c, data, n) : send_small(c, data, n);
}

int weir_conn_sendall(struct weir_conn *c, const void *data, size_t n)
{
	struct weir_loop *loop = c->watch.loop;

	/* n - 1: a message of 0 bytes takes the slow path. */
	if (!loop || loop->gather.owner != &c->out || n - 1 >= SMALL ||
	    !has_room_to_gather(&loop->gather, n))
		return sendall_with_care(c, data, n);
	gather(&loop->gather, data, n);
	return 0;
}

/* The backlog, ready to append to, with the gathered bytes in it. NULL: no
 * memory. */
static struct weir_backlog *backlog_behind_gathered(struct weir_conn *c)
{
	struct weir_backlog *backlog = backlog_to_append(c);
	size_t n = weir_outbox_n_gathered(&c->out, c->watch.loop);

	if (backlog && n > 0) {
		weir_outbox_queue_gathered(&c->out, c->watch.loop);
		weir_outbox_update(&c->out, c->watch.loop);
		weir_conn_take_queue(c, n);
	}
	return backlog;
}

int weir_conn_sendbuf(struct weir_conn *c, struct weir_buf *buf)
{
	size_t n = weir_buf_size(buf);
	struct weir_backlog *backlog;
	int error = weir_conn_refusal(c);

	if (error < 0 || n == 0)
		return error;
	weir_conn_accept_news(c);
	error = make_room(c, weir_larger(n, WEIR_SENDQ_MIN_WEIGHT), false);
	if (error < 0)
		return error;
	backlog = backlog_behind_gathered(c);
	if (!backlog)
		return refuse(c, -ENOMEM);
	error = weir_conn_keep_budget(c, n, weir_sendq_cost_of_buf(buf));
	if (error < 0)
		return error;
	if (weir_sendq_append_buf(&backlog->queue, buf, 0,
				  weir_loop_now(c->watch.loop)) < 0)
		return refuse(c, -ENOMEM);
	weir_outbox_update(&c->out, c->watch.loop);
	return appended(c, n);
}

static int enqueue_file(struct weir_conn *c, struct weir_file *file,
			off_t offset, uint64_t n)
{
	int error = make_room(c, WEIR_SENDQ_FILE_WEIGHT, true);
	struct weir_backlog *backlog;

	if (error < 0)
		return error;
	backlog = backlog_behind_gathered(c);
	if (!backlog)
		return refuse(c, -ENOMEM);
	error = weir_conn_keep_budget(c, WEIR_SENDQ_FILE_WEIGHT,
				      WEIR_SENDQ_FILE_WEIGHT);
	if (error < 0)
		return error;
	if (weir_sendq_append_file(&backlog->queue, file, offset, n,
				   weir_loop_now(c->watch.loop)) < 0)
		return refuse(c, -ENOMEM);
	weir_outbox_update(&c->out, c->watch.loop);
	return appended(c, n);
}

int weir_conn_sendfile(struct weir_conn *c, struct weir_file *file,
		       int64_t offset, uint64_t n)
{
	int error = weir_conn_refusal(c);

	if (error < 0)
		return error;
	if (offset < 0 || n > (uint64_t)(INT64_MAX - offset))
		return -EINVAL;
	weir_conn_accept_news(c);
	return n > 0 ? enqueue_file(c, file, offset, n) : 0;
}
