/* The outbox itself: offers to the kernel, the bytes they leave, the counters.
 *
 * A short send means that the kernel is full (law 4): the offer says so, and
 * there is no second try before EPOLLOUT. */
#include "outbox.h"

#include <assert.h>
#include <errno.h>

#include "size.h"
#include "sys.h"

enum {
	/* how many pieces may go out in front of a large message */
	BEHIND_IOV = 64
};

/* -- the backlog -- */

void weir_outbox_init_backlog(struct weir_outbox *o, struct weir_loop *loop,
			      struct weir_backlog *backlog)
{
	*backlog = (struct weir_backlog){.queue.pool = &loop->pool,
					 .debtor.outbox = o};
	weir_list_init(&backlog->fences);
	o->backlog = backlog;
}

struct weir_backlog *weir_outbox_backlog(struct weir_outbox *o,
					 struct weir_loop *loop)
{
	struct weir_backlog *backlog;

	if (o->backlog)
		return o->backlog;
	backlog = weir_pool_alloc(&loop->pool, sizeof *backlog);
	if (backlog)
		weir_outbox_init_backlog(o, loop, backlog);
	return backlog;
}

void weir_outbox_deinit(struct weir_outbox *o)
{
	struct weir_backlog *backlog = o->backlog;

	if (!backlog)
		return;
	if (backlog->follower) {
		weir_follower_move(backlog->follower,
				   (struct weir_feed_place){NULL, 0});
		weir_pool_free(backlog->queue.pool, backlog->follower,
			       sizeof *backlog->follower);
	}
	weir_sendq_clear(&backlog->queue);
	weir_pool_free(backlog->queue.pool, backlog, sizeof *backlog);
	o->backlog = NULL;
}

void weir_outbox_update(struct weir_outbox *o, struct weir_loop *loop)
{
	struct weir_backlog *backlog = o->backlog;
	uint64_t n = weir_outbox_n_queued(o);

	/* A gap without a text is no byte that would be waited for. */
	if (n == 0 && backlog->follower)
		weir_follower_pass_gap(backlog->follower);
	if (n == 0)
		backlog->pace.has_drained = true;
	if (backlog->queue_peak < n)
		backlog->queue_peak = n;
	weir_outbox_claim(o, loop, 0);
}

/* -- full, and no longer -- */

void weir_outbox_begin_stall(struct weir_outbox *o, struct weir_loop *loop)
{
	if (o->backlog && o->backlog->full_since_ns == 0)
		o->backlog->full_since_ns = weir_loop_now(loop);
}

void weir_outbox_end_stall(struct weir_outbox *o, struct weir_loop *loop)
{
	struct weir_backlog *backlog = o->backlog;

	if (!backlog || backlog->full_since_ns == 0)
		return;
	backlog->stalled_ns += weir_loop_now(loop) - backlog->full_since_ns;
	backlog->full_since_ns = 0;
}

/* -- offers -- */

bool weir_outbox_is_passing(ssize_t error)
{
	return error == -EAGAIN || error == -ENOBUFS || error == -ENOMEM;
}

void weir_outbox_count_taken(struct weir_outbox *o, struct weir_loop *loop,
			     const struct weir_offer *offer)
{
	o->sent += (uint64_t)offer->taken;
	if (!offer->is_full)
		return;
	o->n_short_sends++;
	if (offer->taken == 0)
		o->n_would_blocks++;
	weir_outbox_begin_stall(o, loop);
}

struct weir_offer weir_outbox_count_offer(struct weir_outbox *o,
					  struct weir_loop *loop,
					  size_t offered, ssize_t taken)
{
	struct weir_offer offer = {.offered = offered, .taken = taken};

	if (weir_outbox_is_passing(taken))
		offer.taken = 0;
	if (offer.taken < 0)
		return offer;
	offer.is_full = (size_t)offer.taken < offered;
	weir_loop_spend_at_once(loop, (size_t)offer.taken);
	weir_outbox_count_taken(o, loop, &offer);
	return offer;
}

struct weir_offer weir_outbox_send(struct weir_outbox *o,
				   struct weir_loop *loop, int fd,
				   const void *data, size_t n)
{
	return weir_outbox_count_offer(o, loop, n, weir_sys_send(fd, data, n));
}

/* The offer has the whole queue, or there is no offer. */
static struct weir_offer offer_behind(struct weir_outbox *o,
				      struct weir_loop *loop, int fd,
				      const void *data, size_t n)
{
	const struct weir_sendq *q = &o->backlog->queue;
	struct iovec iov[BEHIND_IOV + 1];
	size_t n_waiting;
	size_t n_iov;

	n_iov = weir_sendq_peek(q, iov, BEHIND_IOV, SIZE_MAX, &n_waiting);
	if (n_waiting < weir_sendq_length(q))
		return (struct weir_offer){.offered = 0};
	/* sendmsg reads only, but its iovec is not const. */
	iov[n_iov].iov_base = (void *)(uintptr_t)data;
	iov[n_iov].iov_len = n;
	return weir_outbox_count_offer(
		o, loop, n_waiting + n,
		weir_sys_sendv(fd, iov, n_iov + 1, false));
}

struct weir_offer weir_outbox_send_behind(struct weir_outbox *o,
					  struct weir_loop *loop, int fd,
					  const void *data, size_t n)
{
	struct weir_offer offer = offer_behind(o, loop, fd, data, n);
	struct weir_sendq *q = &o->backlog->queue;
	size_t of_queue;
	size_t of_data;

	if (offer.taken < 0)
		return offer;
	/* The queue was offered whole, without a file, or nothing was taken. */
	of_queue = weir_smaller((size_t)offer.taken, weir_sendq_n_bytes(q));
	of_data = (size_t)offer.taken - of_queue;
	weir_sendq_consume(q, of_queue);
	weir_sendq_append(q, (const char *)data + of_data, n - of_data,
			  weir_loop_now(loop));
	weir_sendq_release(q);
	weir_outbox_update(o, loop);
	return offer;
}

/* -- dropping -- */

static void tell_fences(void *user, uint64_t at, uint64_t n)
{
	weir_outbox_tell_fences(user, at, n);
}

static void drop_one(void *user, uint64_t at, uint64_t n)
{
	struct weir_outbox *o = user;

	weir_outbox_tell_fences(o, at, n);
	o->backlog->dropped += n;
}

size_t weir_outbox_trim(struct weir_outbox *o, struct weir_loop *loop,
			size_t target)
{
	size_t n;

	if (!weir_outbox_is_owing(o))
		return 0;
	n = weir_sendq_trim(&o->backlog->queue, target, drop_one, o);
	weir_outbox_update(o, loop);
	return n;
}

uint64_t weir_outbox_drop(struct weir_outbox *o, struct weir_loop *loop)
{
	size_t n_gathered = weir_outbox_forget_gathered(o, loop);
	struct weir_backlog *backlog = o->backlog;
	uint64_t n;

	weir_outbox_end_stall(o, loop);
	if (!backlog)
		return 0;
	weir_sendq_tell(&backlog->queue, tell_fences, o);
	/* The queue is empty while anything is gathered. */
	weir_outbox_tell_fences(o, 0, n_gathered);
	n = n_gathered + weir_sendq_length(&backlog->queue);
	if (backlog->follower)
		n += weir_follower_drop(o);
	backlog->dropped += n;
	weir_sendq_clear(&backlog->queue);
	weir_outbox_update(o, loop);
	return n;
}

/* -- counters -- */

uint64_t weir_outbox_n_left(const struct weir_outbox *o)
{
	const struct weir_backlog *backlog = o->backlog;
	uint64_t n_apart = backlog->queue.n_gap;

	if (backlog->follower)
		n_apart += backlog->follower->n_dropped;
	return o->sent + backlog->dropped - n_apart;
}

void weir_outbox_progress(const struct weir_outbox *o, struct weir_loop *loop,
			  struct weir_progress *progress)
{
	const struct weir_backlog *backlog = o->backlog;
	uint64_t oldest_ns;
	uint64_t now_ns;

	progress->sent = o->sent;
	progress->n_short_sends = o->n_short_sends;
	progress->n_would_blocks = o->n_would_blocks;
	progress->queued =
		weir_outbox_n_gathered(o, loop) + weir_outbox_n_queued(o);
	if (backlog) {
		now_ns = weir_loop_now(loop);
		oldest_ns = weir_sendq_oldest_ns(&backlog->queue);
		if (oldest_ns == 0 && backlog->follower)
			oldest_ns = weir_follower_oldest_ns(backlog->follower);
		progress->dropped = backlog->dropped;
		progress->n_arms = backlog->n_arms;
		/* That of a log grows without a call. */
		progress->queue_peak = backlog->queue_peak;
		if (progress->queue_peak < progress->queued &&
		    backlog->follower)
			progress->queue_peak = progress->queued;
		if (backlog->full_since_ns > 0)
			progress->full_ns = now_ns - backlog->full_since_ns;
		progress->stalled_ns = backlog->stalled_ns + progress->full_ns;
		if (oldest_ns > 0)
			progress->oldest_age_ns = now_ns - oldest_ns;
	}
	progress->accepted =
		progress->sent + progress->queued + progress->dropped;
}

void weir_outbox_check(const struct weir_outbox *o)
{
	const struct weir_backlog *backlog = o->backlog;

	if (!backlog)
		return;
	weir_sendq_check(&backlog->queue);
	if (backlog->follower)
		weir_follower_check(backlog->follower);
	assert(backlog->debtor.outbox == o);
	assert(weir_list_is_linked(&backlog->debtor.link) ==
	       (weir_outbox_weight(o) + backlog->n_input > 0));
	weir_outbox_check_fences(o);
}
