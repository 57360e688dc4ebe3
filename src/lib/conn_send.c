/* send and sendall: what a user asks to be sent.
 *
 * send makes one attempt and tells how much was taken; sendall takes all or
 * nothing, and remembers what the kernel did not take. Small messages gather
 * while a callback runs, large ones leave at once. */
#include <weir/conn.h>

#include <errno.h>
#include <string.h>

#include "conn_inside.h"
#include "sys.h"

enum {
	/* up to here a copy costs less than a system call of its own */
	SMALL = 4096,
	/* pieces that may go out in front of a large message */
	LARGE_IOV = 64
};

static size_t smaller(size_t a, size_t b)
{
	return a < b ? a : b;
}

int weir_conn_refusal(const struct weir_conn *c)
{
	const uint32_t against =
		WEIR_CONN_ENDED | WEIR_CONN_DETACHING | WEIR_CONN_DEAD;

	if (!(c->state & against))
		return 0;
	/* These two would read like a refusal, after which all goes on. */
	if (c->error == 0 || c->error == -ENOMEM || c->error == -ENOBUFS)
		return -EPIPE;
	return c->error;
}

/* What of it must be queued may be more than the budget bears. */
static int send_waiting(struct weir_conn *c)
{
	weir_conn_send_waiting(c);
	if ((c->state & WEIR_CONN_DEAD) && c->reason == WEIR_REASON_BUDGET)
		return -ENOBUFS;
	return weir_conn_refusal(c);
}

ssize_t weir_conn_send(struct weir_conn *c, const void *data, size_t n)
{
	int error = weir_conn_refusal(c);
	ssize_t taken = 0;

	if (error == 0)
		error = send_waiting(c);
	if (error < 0)
		return error;
	if (n > 0 && !(c->state & (WEIR_CONN_OWES | WEIR_CONN_FULL))) {
		taken = weir_sys_send(c->watch.fd, data, n);
		taken = weir_conn_note_offer(c, n, taken);
		if (taken == (ssize_t)n || taken < 0)
			return taken;
	}
	/* The debt keeps the time that it stalls. */
	weir_conn_debt(c);
	c->state |= WEIR_CONN_WANTS_ROOM;
	weir_conn_stop_gathering(c);
	weir_conn_note(c);
	return taken;
}

int weir_conn_refuse(struct weir_conn *c, int error)
{
	c->state |= WEIR_CONN_REFUSED;
	c->state |= error == -ENOMEM ? WEIR_CONN_NO_MEMORY : WEIR_CONN_NO_ROOM;
	/* At once, or a source would be read on with its input limit full. */
	weir_link_press(c, true);
	weir_conn_note(c);
	return error;
}

static bool has_room_for(const struct weir_conn *c, size_t n)
{
	size_t max = weir_conn_max(c);
	size_t held = weir_conn_n_gathered(c);

	if (c->debt)
		held += weir_sendq_weight(&c->debt->queue);
	return held <= max && n <= max - held;
}

/* Make n more fit under max, if offering the kernel what waits does it. */
static int make_room(struct weir_conn *c, size_t n)
{
	int error;

	if (n > weir_conn_max(c))
		return -EMSGSIZE;
	if (has_room_for(c, n))
		return 0;
	error = send_waiting(c);
	if (error < 0)
		return error;
	return has_room_for(c, n) ? 0 : weir_conn_refuse(c, -ENOBUFS);
}

static int note_appended(struct weir_conn *c, uint64_t n)
{
	if (!weir_sendq_is_empty(&c->debt->queue))
		weir_conn_stop_gathering(c);
	weir_conn_note_queue(c, n);
	weir_conn_note(c);
	return 0;
}

static int enqueue(struct weir_conn *c, const void *data, size_t n)
{
	struct weir_debt *debt = weir_conn_debt(c);

	if (!debt || weir_sendq_reserve(&debt->queue, n) < 0)
		return weir_conn_refuse(c, -ENOMEM);
	if (weir_conn_keep_budget(c, n, 0) < 0)
		return -ENOBUFS;
	weir_sendq_append(&debt->queue, data, n, weir_loop_now(c->watch.loop));
	return note_appended(c, n);
}

/* Send the queue, which must fit into the iovec, and data in one call. */
static ssize_t send_behind_queue(struct weir_conn *c, const void *data,
				 size_t n)
{
	struct weir_sendq *q = &c->debt->queue;
	struct iovec iov[LARGE_IOV + 1];
	size_t n_waiting;
	size_t n_iov;
	size_t sent;
	ssize_t taken;

	n_iov = weir_sendq_peek(q, iov, LARGE_IOV, SIZE_MAX, &n_waiting);
	if (n_waiting < weir_sendq_length(q))
		return 0;
	/* sendmsg reads only, but its iovec is not const. */
	iov[n_iov].iov_base = (void *)(uintptr_t)data;
	iov[n_iov].iov_len = n;
	taken = weir_sys_sendv(c->watch.fd, iov, n_iov + 1, false);
	taken = weir_conn_note_offer(c, n_waiting + n, taken);
	if (taken < 0)
		return taken;
	sent = smaller((size_t)taken, n_waiting);
	weir_sendq_consume(q, sent);
	return taken - (ssize_t)sent;
}

/* A large message leaves at once, behind all that waits; only what the kernel
 * leaves of it is copied, into memory that is reserved before. */
static int send_large(struct weir_conn *c, const void *data, size_t n)
{
	struct weir_debt *debt = weir_conn_debt(c);
	size_t n_gathered = weir_conn_n_gathered(c);
	size_t reserve = n;
	ssize_t taken;

	if (!debt)
		return weir_conn_refuse(c, -ENOMEM);
	/* The room at the tail goes when the tail is sent; and so does that of
	 * the chunk that what is gathered moves to. */
	reserve += weir_sendq_tail_room(&debt->queue);
	if (n_gathered > 0)
		reserve += n_gathered + WEIR_CHUNK_SIZE;
	if (weir_sendq_reserve(&debt->queue, reserve) < 0)
		return weir_conn_refuse(c, -ENOMEM);
	if (weir_conn_keep_budget(c, n_gathered + n, 0) < 0)
		return -ENOBUFS;
	if (n_gathered > 0)
		weir_conn_queue_gathered(c, 0);
	taken = send_behind_queue(c, data, n);
	if (taken < 0)
		return (int)taken;
	weir_sendq_append(&debt->queue, (const char *)data + taken,
			  n - (size_t)taken, weir_loop_now(c->watch.loop));
	weir_sendq_release(&debt->queue);
	return note_appended(c, smaller(n_gathered + n - (size_t)taken,
					weir_sendq_length(&debt->queue)));
}

static size_t room_to_gather(const struct weir_gather *g)
{
	return (size_t)(g->end - g->next);
}

/* Copy to the gather buffer, which has room for n. */
static void gather(struct weir_gather *g, const void *data, size_t n)
{
	unsigned char *to = g->next;

	g->next = to + n;
	memcpy(to, data, n);
}

/* What the gather buffer has no room for may find some when it is sent, or
 * when there is a buffer again. */
static int send_small(struct weir_conn *c, const void *data, size_t n)
{
	struct weir_gather *g = &c->watch.loop->gather;
	int error;

	if (g->owner != c || (c->state & WEIR_CONN_OWES))
		return enqueue(c, data, n);
	error = send_waiting(c);
	if (error < 0)
		return error;
	weir_conn_gather_refill(c->watch.loop);
	weir_conn_gather(c);
	if (n > room_to_gather(g))
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
	error = make_room(c, n);
	if (error < 0)
		return error;
	if (c->state & WEIR_CONN_FULL)
		return enqueue(c, data, n);
	return n > SMALL ? send_large(c, data, n) : send_small(c, data, n);
}

int weir_conn_sendall(struct weir_conn *c, const void *data, size_t n)
{
	struct weir_gather *g = &c->watch.loop->gather;

	/* n - 1: a message of 0 bytes takes the careful way. */
	if (g->owner != c || n - 1 >= SMALL || n > room_to_gather(g))
		return sendall_with_care(c, data, n);
	gather(g, data, n);
	return 0;
}

/* The debt, behind what the callback has gathered: ready to be appended to.
 * NULL: no memory. */
static struct weir_debt *debt_behind_gathered(struct weir_conn *c)
{
	struct weir_debt *debt = weir_conn_debt(c);

	if (debt && weir_conn_n_gathered(c) > 0)
		weir_conn_note_queue(c, weir_conn_queue_gathered(c, 0));
	return debt;
}

static size_t larger(size_t a, size_t b)
{
	return a > b ? a : b;
}

int weir_conn_sendbuf(struct weir_conn *c, struct weir_buf *buf)
{
	size_t n = weir_buf_size(buf);
	struct weir_debt *debt;
	int error = weir_conn_refusal(c);

	if (error < 0 || n == 0)
		return error;
	error = make_room(c, larger(n, WEIR_SENDQ_MIN_WEIGHT));
	if (error < 0)
		return error;
	debt = debt_behind_gathered(c);
	if (!debt)
		return weir_conn_refuse(c, -ENOMEM);
	if (weir_conn_keep_budget(c, n, weir_sendq_cost_of_buf(buf)) < 0)
		return -ENOBUFS;
	if (weir_sendq_append_buf(&debt->queue, buf, 0,
				  weir_loop_now(c->watch.loop)) < 0)
		return weir_conn_refuse(c, -ENOMEM);
	return note_appended(c, n);
}

int weir_conn_sendfile(struct weir_conn *c, int file, int64_t offset,
		       uint64_t n)
{
	struct weir_debt *debt;
	int error = weir_conn_refusal(c);

	if (error < 0)
		return error;
	if (!weir_sys_is_nonblocking(c->watch.fd))
		return -EINVAL;
	if (n == 0) {
		weir_sys_close(file);
		return 0;
	}
	debt = debt_behind_gathered(c);
	if (debt && weir_conn_keep_budget(c, 0, 0) < 0)
		return -ENOBUFS;
	if (!debt || weir_sendq_append_file(&debt->queue, file, offset, n,
					    weir_loop_now(c->watch.loop)) < 0)
		return weir_conn_refuse(c, -ENOMEM);
	return note_appended(c, n);
}
