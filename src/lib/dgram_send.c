/* Sending datagrams: at once if nothing waits before them, else by the queue.
 *
 * settle, and nothing else, derives from the queue what to wait for: EPOLLOUT
 * where epoll reports room correctly, the timer where it does not or where the
 * kernel lacks memory, the next turn when this one's share is used up. So
 * nothing spins, and no queued datagram is forgotten. */
#include "dgram.h"
#include "dgram_source.h"
#include "loop.h"
#include "sys.h"

#include <assert.h>
#include <errno.h>

enum {
	/* calls of sendmmsg(2) in one pass, each for one destination or, where
	 * all are in one chain, for a batch */
	OFFERS_PER_TURN = 8,
	MAX_UDP_IPV4 = 65507,
	MAX_RETRY_NS = 64000000,
	PATIENCE_NS = 100000000
};

/* The socket's buffer has room, but the machine is short of memory. */
static bool is_shortage(int error)
{
	return error == -ENOBUFS || error == -ENOMEM;
}

/* A shortage of this length may concern this datagram alone, and may never
 * end. */
static bool is_out_of_patience(struct weir_dgram *d)
{
	uint64_t now_ns = weir_loop_fresh_now(d->watch.loop);

	if (d->short_since_ns == 0)
		d->short_since_ns = now_ns;
	return now_ns - d->short_since_ns >= PATIENCE_NS;
}

/* sendmmsg(2), which may report an earlier datagram's error (ICMP) and send
 * nothing. Reporting clears the error, so a second try reports on this
 * datagram. */
static int offer(struct weir_dgram *d, struct mmsghdr *messages, unsigned n)
{
	int result = weir_sys_sendmmsg(d->watch.fd, messages, n);
	int again;

	if (result >= 0 || result == -EAGAIN || is_shortage(result))
		return result;
	again = weir_sys_sendmmsg(d->watch.fd, messages, n);
	if (again != result)
		weir_dgram_note_error(d, result);
	return again;
}

/* How many of n datagrams for one receiver it may be sent now, as far as the
 * others are concerned. */
static unsigned count_allowed(struct weir_dgram *d,
			      const struct mmsghdr *messages, unsigned n)
{
	struct weir_dgram_share *share = d->buffers->share;
	int unread;

	if (!share)
		return n;
	if (weir_dgram_share_wants_to_see(share)) {
		unread = weir_sys_unacked(d->watch.fd);
		weir_dgram_share_see(share, unread > 0 ? (size_t)unread : 0);
	}
	return weir_dgram_share_allows(share, messages, n,
				       weir_loop_now(d->watch.loop));
}

/* As many of n datagrams for one receiver as it may have: sendmmsg(2)'s
 * result, or -EAGAIN. */
static int offer_share(struct weir_dgram *d, struct mmsghdr *messages,
		       unsigned n)
{
	int result = -EAGAIN;

	n = count_allowed(d, messages, n);
	if (n > 0)
		result = offer(d, messages, n);
	if (result > 0 && d->buffers->share)
		weir_dgram_share_charge(d->buffers->share, messages,
					(unsigned)result,
					weir_loop_now(d->watch.loop));
	return result;
}

/* Offer a batch of the chain whose turn it is. A short count has many causes;
 * the next call finds the cause. */
static void flush_chain(struct weir_dgram *d)
{
	struct mmsghdr messages[WEIR_DGRAM_BATCH];
	struct iovec iov[WEIR_DGRAM_BATCH];
	unsigned n = weir_dgram_queue_peek(&d->buffers->queue, messages, iov);
	int result = offer_share(d, messages, n);

	if (result >= 0) {
		weir_dgram_queue_consume(&d->buffers->queue, (unsigned)result);
		d->stats.n_sent += (unsigned)result;
		d->retry_ns = WEIR_DGRAM_MIN_RETRY_NS;
		d->short_since_ns = 0;
	} else if (result == -EAGAIN) {
		weir_dgram_queue_set_full(&d->buffers->queue);
	} else if (is_shortage(result) && !is_out_of_patience(d)) {
		d->is_short = true;
	} else {
		weir_dgram_queue_consume(&d->buffers->queue, 1);
		d->stats.n_dropped++;
		weir_dgram_note_error(d, result);
	}
}

static void flush(struct weir_dgram *d)
{
	int i;

	for (i = 0; i < OFFERS_PER_TURN && !d->is_short; i++) {
		if (!weir_dgram_queue_is_ready(&d->buffers->queue))
			return;
		flush_chain(d);
	}
}

static void try_again(struct weir_timer *timer);

/* Draw the consequences of the queue's state. */
static void settle(struct weir_dgram *d)
{
	struct weir_loop *loop = d->watch.loop;
	bool is_ready = weir_dgram_queue_is_ready(&d->buffers->queue);
	bool is_full = !weir_list_is_empty(&d->buffers->queue.full);
	/* dropped while the queue was empty: for lack of memory */
	bool wants_room =
		is_full || (d->owes_drain && d->buffers->queue.n_messages == 0);
	bool is_by_clock = d->is_short || !d->buffers->queue.is_single;
	uint32_t events = EPOLLIN;
	bool needs_clock;

	if (wants_room && !is_by_clock)
		events |= EPOLLOUT;
	if (weir_watch_set(&d->watch, d->is_deaf ? 0 : events) < 0)
		d->is_deaf = true;
	if (is_ready && !d->is_short)
		weir_watch_defer(&d->watch);
	needs_clock = d->is_deaf || d->is_short || (wants_room && is_by_clock);
	if (needs_clock && !weir_timer_is_armed(&d->retry))
		weir_timer_arm(&d->retry, loop,
			       weir_loop_now(loop) + d->retry_ns, try_again);
}

void weir_dgram_go_on(struct weir_dgram *d)
{
	bool is_drained;

	flush(d);
	is_drained = d->owes_drain && d->buffers->queue.n_messages == 0;
	if (d->buffers->queue.n_messages == 0) {
		d->short_since_ns = 0;
		d->owes_drain = false;
	}
	settle(d);
	if (is_drained && d->events->on_drain)
		d->events->on_drain(d);
}

static void try_again(struct weir_timer *timer)
{
	struct weir_dgram *d =
		weir_container_of(timer, struct weir_dgram, retry);

	if (d->retry_ns < MAX_RETRY_NS)
		d->retry_ns *= 2;
	d->is_short = false;
	d->is_deaf = false;
	weir_dgram_queue_retry(&d->buffers->queue);
	weir_dgram_go_on(d);
}

static bool can_be_sent_to(const struct weir_dgram *d,
			   const struct weir_address *to)
{
	if (!to || d->is_connected)
		return !to && d->is_connected;
	if (to->sa.any.sa_family != d->address.sa.any.sa_family)
		return false;
	switch (to->sa.any.sa_family) {
	case AF_INET:
		return to->sa.in.sin_port != 0;
	case AF_INET6:
		return to->sa.in6.sin6_port != 0;
	default:
		return to->len > offsetof(struct sockaddr_un, sun_path);
	}
}

static size_t largest(const struct weir_dgram *d)
{
	size_t n = d->options.queue_bytes;

	if (d->address.sa.any.sa_family == AF_INET && n > MAX_UDP_IPV4)
		n = MAX_UDP_IPV4;
	if (d->address.sa.any.sa_family == AF_INET6 && n > WEIR_DGRAM_MAX)
		n = WEIR_DGRAM_MAX;
	return n;
}

static bool has_room(const struct weir_dgram *d, const struct msghdr *header)
{
	return weir_dgram_queue_has_room(&d->buffers->queue, header,
					 d->options.queue_messages,
					 d->options.queue_bytes);
}

/* What a send is to do, as sendmsg(2) is told. */
struct outgoing {
	struct msghdr header;
	struct iovec iov;
	union weir_dgram_control control;
};

/* By way of integers: sendmmsg(2) writes neither to the address nor to the
 * data, but struct msghdr, which serves recvmsg(2) too, cannot say so. */
static void describe(struct outgoing *out, const struct weir_address *to,
		     const void *data, size_t n)
{
	out->header = (struct msghdr){.msg_iov = &out->iov, .msg_iovlen = 1};
	out->iov = (struct iovec){.iov_base = (void *)(uintptr_t)data,
				  .iov_len = n};
	if (to) {
		out->header.msg_name = (void *)(uintptr_t)&to->sa;
		out->header.msg_namelen = to->len;
	}
}

/* Queue it, by the policy if need be. A failure leaves the others alone. */
static int put_in_queue(struct weir_dgram *d, const struct msghdr *header,
			bool is_refused)
{
	bool drops_oldest = d->options.policy == WEIR_DGRAM_DROP_OLDEST;
	struct weir_dgram_queue *q = &d->buffers->queue;
	int error = -ENOBUFS;

	d->stats.n_accepted++;
	if (drops_oldest || has_room(d, header))
		error = weir_dgram_queue_add(q, header, is_refused);
	if (error < 0) {
		d->stats.n_dropped++;
		d->owes_drain = true;
	}
	while (q->n_messages > d->options.queue_messages ||
	       q->n_bytes > d->options.queue_bytes) {
		weir_dgram_queue_drop_oldest(q);
		d->stats.n_dropped++;
		d->owes_drain = true;
	}
	settle(d);
	return error;
}

/* 0; -EAGAIN: it must wait; or why it cannot be sent. */
static int send_now(struct weir_dgram *d, const struct msghdr *header)
{
	struct mmsghdr message = {.msg_hdr = *header};
	int result = offer_share(d, &message, 1);

	if (result == -EAGAIN || result == -EMSGSIZE || result == -EINVAL)
		return result;
	if (is_shortage(result) && !is_out_of_patience(d)) {
		d->is_short = true;
		return -EAGAIN;
	}
	d->stats.n_accepted++;
	if (result >= 0) {
		d->stats.n_sent++;
		d->short_since_ns = 0;
		return 0;
	}
	d->stats.n_dropped++;
	weir_dgram_note_error(d, result);
	return result;
}

static int send_or_queue(struct weir_dgram *d, const struct weir_address *to,
			 const struct msghdr *header)
{
	int error = 0;

	if (d->closed_inside) {
		/* gather; what does not fit is offered first */
		if (has_room(d, header) &&
		    weir_dgram_queue_add(&d->buffers->queue, header, false) ==
			    0) {
			d->stats.n_accepted++;
			return 0;
		}
		flush(d);
	}
	if (!d->is_short &&
	    !weir_dgram_queue_is_before(&d->buffers->queue, to)) {
		error = send_now(d, header);
		if (error != -EAGAIN)
			return error;
	}
	return put_in_queue(d, header, error == -EAGAIN);
}

/* source is NULL: the kernel's choice. */
static int send_from(struct weir_dgram *d, const struct weir_address *source,
		     const struct weir_address *to, const void *data, size_t n)
{
	struct outgoing out;

	assert(d->watch.loop);
	if (!can_be_sent_to(d, to))
		return -EINVAL;
	if (n > largest(d))
		return -EMSGSIZE;
	describe(&out, to, data, n);
	if (source)
		weir_dgram_source_write(&out.header, &out.control, source);
	return send_or_queue(d, to, &out.header);
}

int weir_dgram_send(struct weir_dgram *d, const struct weir_address *to,
		    const void *data, size_t n)
{
	return send_from(d, NULL, to, data, n);
}

int weir_dgram_reply(struct weir_dgram *d, const struct weir_dgram_received *in,
		     const void *data, size_t n)
{
	const struct weir_address *to = d->is_connected ? NULL : &in->from;
	const struct weir_address *source = NULL;

	if (d->is_wildcard &&
	    in->to.sa.any.sa_family == d->address.sa.any.sa_family &&
	    !weir_dgram_source_is_wildcard(&in->to))
		source = &in->to;
	return send_from(d, source, to, data, n);
}
