/* A connection that follows a feed: what it accepts of the log, and what it
 * misses.
 *
 * It learns of new messages when the feed serves it, once a turn, and before
 * anything else is sent on it, so that the order is kept. While the kernel is
 * full nothing needs to be done for most messages: act_at is the size of the
 * log at which something is to be done. */
#include <weir/conn.h>

#include <weir/feed.h>

#include "conn_inside.h"
#include "size.h"

/* That of a connection which follows, or has followed. */
static struct weir_follower *follower_of(const struct weir_conn *c)
{
	return c->out.backlog->follower;
}

static size_t weight_of(const struct weir_conn *c)
{
	return weir_sendq_weight(&c->out.backlog->queue) +
	       weir_follower_weight(follower_of(c));
}

/* The size of a log as a follower's weight grows by it. */
static uint64_t size_of(const struct weir_feed *feed)
{
	return feed->end + feed->n_messages * WEIR_FEED_RECORD;
}

/* -- missing messages -- */

static size_t eighth_of_max(const struct weir_conn *c)
{
	return weir_conn_max(c) / 8;
}

/* An eighth of max more than necessary goes: otherwise, in a full queue, each
 * message would need a notice. */
static void drop_oldest(struct weir_conn *c)
{
	size_t max = weir_conn_max(c);
	size_t less = eighth_of_max(c) + WEIR_FEED_GAP_SIZE;

	(void)weir_follower_trim(&c->out, less < max ? max - less : 0, max,
				 weir_loop_now(c->watch.loop));
}

/* Without memory more than max is kept until there is some; then there is none
 * for further messages either. */
static void keep_below_max(struct weir_conn *c, uint64_t since,
			   size_t weight_before)
{
	struct weir_follower *f = follower_of(c);
	size_t taken = weight_before + WEIR_FEED_GAP_SIZE;
	size_t max = weir_conn_max(c);

	if (weight_of(c) <= max)
		return;
	if (f->feed->policy == WEIR_FEED_DROP_OLDEST)
		drop_oldest(c);
	else
		(void)weir_follower_cut(&c->out, since,
					taken < max ? max - taken : 0,
					weir_loop_now(c->watch.loop));
}

static bool is_to_be_told(const struct weir_conn *c,
			  const struct weir_follower *f)
{
	if (f->n_untold_messages == 0)
		return false;
	return !f->is_skipping || !f->was_told ||
	       f->n_untold_bytes >= eighth_of_max(c);
}

bool weir_conn_tell_missed(struct weir_conn *c)
{
	struct weir_follower *f = follower_of(c);
	bool was_dead = weir_conn_is_dead(c);
	uint64_t n_messages = f->n_untold_messages;
	uint64_t n_bytes = f->n_untold_bytes;

	if (!is_to_be_told(c, f))
		return true;
	f->n_untold_messages = 0;
	f->n_untold_bytes = 0;
	f->was_told = f->is_skipping;
	if (!f->events->on_missed)
		return true;
	weir_conn_begin_callback(c);
	f->events->on_missed(c, n_messages, n_bytes);
	weir_conn_end_callback(c);
	return was_dead || !weir_conn_is_dead(c);
}

/* -- the news -- */

/* When the feed must look at it again, though the kernel is full: when a
 * watermark is reached, or the weight has doubled, by which debtors are
 * sorted. */
static void set_act_at(struct weir_conn *c)
{
	struct weir_follower *f = follower_of(c);
	size_t weight = weight_of(c);
	size_t high = weir_conn_high(c);
	size_t next = weir_smaller(weir_conn_max(c) + 1, 2 * weight);

	if (weight < high)
		next = weir_smaller(next, high);
	if (f->is_skipping || f->is_leaving)
		next = weight;
	f->act_at = size_of(f->feed) + (next > weight ? next - weight : 0);
}

/* Gathered bytes are older than what is queued from now on. */
static void queue_gathered(struct weir_conn *c)
{
	struct weir_loop *loop = c->watch.loop;
	size_t n = weir_outbox_n_gathered(&c->out, loop);

	weir_outbox_stop_gathering(&c->out, loop);
	if (n == 0)
		return;
	weir_outbox_queue_gathered(&c->out, loop);
	weir_outbox_update(&c->out, loop);
	weir_conn_take_queue(c, n);
}

static void accept_new(struct weir_conn *c)
{
	struct weir_follower *f = follower_of(c);
	size_t weight = weight_of(c);
	uint64_t since = f->end;

	if (f->is_skipping && weight <= weir_conn_low(c))
		f->is_skipping = false;
	if (weir_follower_n_range(f) == 0)
		f->since_ns = weir_loop_now(c->watch.loop);
	f->end = f->feed->end;
	f->n_end = f->feed->n_messages;
	if (f->is_skipping)
		weir_follower_skip(&c->out);
	else
		keep_below_max(c, since, weight);
}

/* The kernel is full, and no more than bytes has changed. */
static bool is_quiet(const struct weir_conn *c)
{
	const struct weir_follower *f = follower_of(c);

	return weir_conn_has(c, WEIR_FACT_FULL) && !is_to_be_told(c, f) &&
	       (f->is_skipping || size_of(f->feed) < f->act_at);
}

static void take_news(struct weir_conn *c, uint64_t n_before)
{
	uint64_t n = weir_outbox_n_queued(&c->out);

	weir_outbox_update(&c->out, c->watch.loop);
	weir_conn_take_queue(c, n > n_before ? n - n_before : 0);
	if (!is_quiet(c))
		weir_conn_settle_soon(c);
	set_act_at(c);
}

void weir_conn_accept_news(struct weir_conn *c)
{
	uint64_t n_before;

	if (!weir_conn_has(c, WEIR_FACT_FOLLOWS))
		return;
	if (follower_of(c)->is_leaving) {
		weir_conn_leave_feed(c);
	} else if (weir_conn_is_behind(c)) {
		queue_gathered(c);
		n_before = weir_outbox_n_queued(&c->out);
		accept_new(c);
		take_news(c, n_before);
	}
}

void weir_conn_stop_skipping(struct weir_conn *c)
{
	struct weir_follower *f = follower_of(c);

	if (!f->is_skipping)
		return;
	weir_conn_accept_news(c);
	f->is_skipping = false;
	(void)weir_conn_tell_missed(c);
}

void weir_conn_accept_rest(struct weir_conn *c)
{
	struct weir_follower *f = follower_of(c);

	f->since_ns = weir_loop_now(c->watch.loop);
	f->act_at = 0;
	keep_below_max(c, weir_feed_at(&f->place), 0);
	take_news(c, 0);
}

int weir_conn_enqueue_log(struct weir_conn *c)
{
	struct weir_follower *f = weir_conn_follower(c);
	int error;

	if (!f)
		return 0;
	/* What it weighs behind this is not foreseen. */
	f->act_at = 0;
	error = weir_follower_enqueue(&c->out, f->end,
				      weir_loop_now(c->watch.loop));
	weir_outbox_update(&c->out, c->watch.loop);
	return error;
}

/* -- the end -- */

static void take_out(struct weir_conn *c)
{
	struct weir_follower *f = follower_of(c);

	weir_conn_clear(c, WEIR_FACT_FOLLOWS);
	weir_list_remove(&f->link);
	f->feed->n_followers--;
	f->feed = NULL;
	f->is_leaving = false;
}

void weir_conn_leave_feed(struct weir_conn *c)
{
	struct weir_follower *f;

	if (!weir_conn_has(c, WEIR_FACT_FOLLOWS))
		return;
	f = follower_of(c);
	if (!f->is_leaving)
		weir_conn_accept_news(c);
	/* Its place would keep the log, which grows. */
	f->is_leaving = weir_conn_enqueue_log(c) < 0;
	if (f->is_leaving)
		return;
	weir_follower_move(f, (struct weir_feed_place){NULL, 0});
	take_out(c);
}

void weir_conn_forget_feed(struct weir_conn *c)
{
	if (weir_conn_has(c, WEIR_FACT_FOLLOWS))
		take_out(c);
}
