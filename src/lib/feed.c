/* A feed: messages are appended at any time, and offered to the followers once
 * a turn.
 *
 * That is done in rounds: each follower is offered what is new to it, and when
 * all were, the next round begins, if there is something new. A turn serves as
 * many as it may, and the rest of the round comes first in the next turn. A
 * follower that waits for nothing is sent the news here, by one call. Of all
 * others only the state changes, and their own deferred call does the rest. So
 * no user's code runs in the middle of a round. */
#include <weir/feed.h>

#include <assert.h>
#include <errno.h>
#include <string.h>

#include <weir/observer.h>

#include "conn_inside.h"
#include "sys.h"

enum {
	/* one message */
	LARGEST = 1073741824,
	/* what one turn may spend on followers: a system call costs SEND, a
	 * follower that is passed by PASS, any other LOOK */
	SPENT_PER_TURN = 4096,
	SEND = 16,
	LOOK = 4,
	PASS = 1,
	BYTES_PER_TURN = 1048576,
	/* pieces of one system call; chunks of 16 KiB */
	SEND_IOV = 16,
	NO_MEMORY_RETRY_NS = 10000000
};

/* What a follower at begin is sent; the same for all that are there. */
struct news {
	struct weir_feed_place begin;
	struct weir_feed_place end;
	struct iovec iov[SEND_IOV];
	size_t n_iov;
	size_t n_bytes;
};

static struct weir_follower *follower_of(const struct weir_conn *c)
{
	return c->out.backlog->follower;
}

/* -- a round -- */

static void look_up(const struct weir_feed *feed, struct weir_feed_place begin,
		    struct news *news)
{
	struct weir_feed_place place = begin;

	*news = (struct news){.begin = begin, .end = begin};
	weir_feed_go_on(&place);
	while (weir_feed_at(&place) < feed->end && news->n_iov < SEND_IOV) {
		size_t n = place.chunk->n_bytes - place.offset;

		news->iov[news->n_iov++] =
			(struct iovec){place.chunk->bytes + place.offset, n};
		news->n_bytes += n;
		place.offset += n;
		news->end = place;
		weir_feed_go_on(&place);
	}
}

static ssize_t send_news(int fd, const struct news *news)
{
	if (news->n_iov == 1)
		return weir_sys_send(fd, news->iov[0].iov_base, news->n_bytes);
	return weir_sys_sendv(fd, news->iov, news->n_iov, false);
}

/* The kernel did not take all, or somebody watches. */
static __attribute__((noinline)) void take_answer(struct weir_conn *c,
						  size_t offered, ssize_t taken)
{
	struct weir_offer offer;

	offer = weir_outbox_count_offer(&c->out, c->watch.loop, offered, taken);
	if (weir_conn_take_offer(c, offer) < 0)
		return;
	weir_follower_consume(follower_of(c), (size_t)offer.taken);
	weir_conn_accept_rest(c);
}

/* Nothing waits to be sent or done, but the news. */
static inline bool is_plain(const struct weir_conn *c,
			    const struct weir_follower *f)
{
	const unsigned ordinary = WEIR_FACT_FOLLOWS | WEIR_FACT_KEPT |
				  WEIR_FACT_OFFER | WEIR_FACT_PEER_ENDED;

	return weir_conn_is(c, WEIR_PHASE_OPEN) &&
	       !weir_conn_has(c, ~ordinary) && f->n_own == 0 &&
	       !f->is_skipping && !weir_follower_has_gap(f);
}

static inline void offer(struct weir_feed *feed, struct weir_conn *c,
			 struct weir_follower *f, struct news *news)
{
	ssize_t taken;

	if (f->place.chunk != news->begin.chunk ||
	    f->place.offset != news->begin.offset)
		look_up(feed, f->place, news);
	if (news->n_bytes == 0)
		return;
	taken = send_news(c->watch.fd, news);
	f->end = feed->end;
	f->n_end = feed->n_messages;
	if (__builtin_expect(taken != (ssize_t)news->n_bytes ||
				     weir_feed_at(&news->end) != feed->end ||
				     feed->watch.loop->observer,
			     0)) {
		take_answer(c, news->n_bytes, taken);
		return;
	}
	c->out.sent += (size_t)taken;
	weir_follower_move(f, news->end);
}

/* Returns what that cost. */
static inline unsigned serve(struct weir_feed *feed, struct weir_follower *f,
			     struct news *news)
{
	struct weir_conn *c = f->conn;

	if (is_plain(c, f)) {
		offer(feed, c, f, news);
		return SEND;
	}
	if (weir_conn_has(c, WEIR_FACT_FULL) &&
	    feed->end + feed->n_messages * WEIR_FEED_RECORD < f->act_at) {
		f->end = feed->end;
		f->n_end = feed->n_messages;
		return PASS;
	}
	weir_conn_accept_news(c);
	return LOOK;
}

/* True: all have been offered what there was when the round began. */
static bool serve_some(struct weir_feed *feed)
{
	struct news news = {.n_iov = 0};
	uint64_t n_bytes = 0;
	unsigned spent = 0;
	struct weir_list *link;

	while (spent < SPENT_PER_TURN && n_bytes < BYTES_PER_TURN &&
	       (link = weir_list_pop(&feed->waiting))) {
		struct weir_follower *f =
			weir_container_of(link, struct weir_follower, link);
		unsigned cost;

		weir_list_append(&feed->served, link);
		cost = serve(feed, f, &news);
		spent += cost;
		if (cost == SEND)
			n_bytes += news.n_bytes;
	}
	weir_loop_spend(feed->watch.loop, (size_t)n_bytes);
	return weir_list_is_empty(&feed->waiting);
}

static void tell_room(struct weir_feed *feed)
{
	if (!feed->owes_room || weir_feed_is_full(feed))
		return;
	feed->owes_room = false;
	if (feed->events->on_room)
		feed->events->on_room(feed);
}

static void go_on(struct weir_watch *watch, uint32_t events)
{
	struct weir_feed *feed =
		weir_container_of(watch, struct weir_feed, watch);

	(void)events;
	if (weir_list_is_empty(&feed->waiting)) {
		weir_list_move_all(&feed->waiting, &feed->served);
		feed->round_end = feed->end;
	}
	if (serve_some(feed))
		feed->offered = feed->round_end;
	if (feed->offered < feed->end)
		weir_watch_defer(watch);
	tell_room(feed);
}

/* -- the log -- */

static void on_retry(struct weir_timer *timer)
{
	struct weir_feed *feed =
		weir_container_of(timer, struct weir_feed, retry);

	tell_room(feed);
}

static int refuse_for_memory(struct weir_feed *feed)
{
	struct weir_loop *loop = feed->watch.loop;

	feed->owes_room = true;
	weir_timer_arm(&feed->retry, loop,
		       weir_loop_now(loop) + NO_MEMORY_RETRY_NS, on_retry);
	return -ENOMEM;
}

static int add_chunk(struct weir_feed *feed, size_t n)
{
	struct weir_loop *loop = feed->watch.loop;
	struct weir_feed_chunk *chunk;

	weir_conn_shed(loop, weir_feed_chunk_cost(n), NULL);
	chunk = weir_feed_chunk_new(&loop->pool, n);
	if (!chunk)
		return -ENOMEM;
	chunk->at = feed->end;
	chunk->n_before = feed->n_messages;
	if (feed->tail) {
		feed->tail->next = weir_feed_chunk_ref(chunk);
		weir_feed_chunk_unref(feed->tail);
	}
	feed->tail = chunk;
	return 0;
}

int weir_feed_reserve(struct weir_feed *feed, size_t n, void **room)
{
	if (n > LARGEST)
		return -EMSGSIZE;
	if (!feed->tail || !weir_feed_chunk_has_room(feed->tail, n)) {
		if (add_chunk(feed, n) < 0)
			return refuse_for_memory(feed);
	}
	*room = feed->tail->bytes + feed->tail->n_bytes;
	return 0;
}

static struct weir_follower *follower_in(const struct weir_feed *feed,
					 struct weir_conn *c)
{
	struct weir_follower *f;

	if (!c || !weir_conn_has(c, WEIR_FACT_FOLLOWS))
		return NULL;
	f = follower_of(c);
	return f->feed == feed && !f->is_leaving ? f : NULL;
}

/* What the connection whose callback runs sends after this comes after it. */
static void stop_gathering(struct weir_feed *feed)
{
	struct weir_loop *loop = feed->watch.loop;
	struct weir_outbox *o = loop->gather.owner;

	if (o && o->backlog && o->backlog->follower &&
	    o->backlog->follower->feed == feed)
		weir_outbox_stop_gathering(o, loop);
}

void weir_feed_commit(struct weir_feed *feed, size_t n, struct weir_conn *from)
{
	struct weir_follower *own = follower_in(feed, from);

	if (n == 0 || feed->n_followers == 0)
		return;
	if (own)
		weir_conn_accept_news(from);
	if (feed->tail->n_messages == 0)
		feed->tail->begun_ns = weir_loop_now(feed->watch.loop);
	weir_feed_chunk_add(feed->tail, n, own ? own->number : 0);
	feed->end += n;
	feed->n_messages++;
	if (own)
		weir_follower_take_own(own, n);
	else
		stop_gathering(feed);
	weir_watch_defer(&feed->watch);
	if (weir_feed_is_full(feed))
		feed->owes_room = true;
}

int weir_feed_append(struct weir_feed *feed, const void *data, size_t n,
		     struct weir_conn *from)
{
	void *room;
	int error = weir_feed_reserve(feed, n, &room);

	if (error < 0 || n == 0)
		return error;
	memcpy(room, data, n);
	weir_feed_commit(feed, n, from);
	return 0;
}

bool weir_feed_is_full(const struct weir_feed *feed)
{
	return feed->end - feed->offered >= WEIR_FEED_FULL;
}

/* -- following -- */

/* c's follower, which follows nothing, made if there was none. */
static struct weir_follower *prepare_follower(struct weir_conn *c)
{
	struct weir_backlog *backlog = weir_conn_backlog(c);

	if (!backlog)
		return NULL;
	if (!backlog->follower) {
		backlog->follower = weir_pool_alloc(&c->watch.loop->pool,
						    sizeof *backlog->follower);
		if (backlog->follower)
			*backlog->follower = (struct weir_follower){.conn = c};
		return backlog->follower;
	}
	/* It may owe what it followed before. */
	if (weir_conn_enqueue_log(c) < 0)
		return NULL;
	return backlog->follower;
}

int weir_feed_follow(struct weir_feed *feed, struct weir_conn *c)
{
	struct weir_follower *f;
	int error = weir_conn_refusal(c);

	assert(error < 0 || c->watch.loop == feed->watch.loop);
	assert(!weir_conn_has(c, WEIR_FACT_FOLLOWS));
	if (error < 0)
		return error;
	if (!feed->tail && add_chunk(feed, 1) < 0)
		return -ENOMEM;
	/* The budget may have closed it. */
	error = weir_conn_refusal(c);
	if (error < 0)
		return error;
	f = prepare_follower(c);
	if (!f)
		return -ENOMEM;
	f->feed = feed;
	f->events = feed->events;
	f->number = ++feed->n_follows;
	f->end = feed->end;
	f->n_end = feed->n_messages;
	weir_follower_move(
		f, (struct weir_feed_place){feed->tail, feed->tail->n_bytes});
	weir_list_append(&feed->served, &f->link);
	feed->n_followers++;
	weir_conn_set(c, WEIR_FACT_FOLLOWS);
	return 0;
}

void weir_feed_leave(struct weir_conn *c)
{
	if (weir_conn_is_open(c))
		weir_conn_leave_feed(c);
}

/* -- init and deinit -- */

void weir_feed_init(struct weir_feed *feed, struct weir_loop *loop,
		    const struct weir_feed_events *events,
		    enum weir_feed_policy policy)
{
	static const struct weir_feed_events none;

	*feed = (struct weir_feed){.watch = {.loop = loop,
					     .on_ready = go_on,
					     .fd = -1,
					     .kind = WEIR_WORK_FLUSH},
				   .events = events ? events : &none,
				   .policy = policy};
	weir_list_init(&feed->waiting);
	weir_list_init(&feed->served);
}

void weir_feed_deinit(struct weir_feed *feed)
{
	struct weir_list *link;

	weir_list_move_all(&feed->served, &feed->waiting);
	while (!weir_list_is_empty(&feed->served)) {
		struct weir_follower *f;

		link = feed->served.next;
		f = weir_container_of(link, struct weir_follower, link);
		weir_conn_leave_feed(f->conn);
		/* The log does not grow any more, so it may be kept. */
		weir_conn_forget_feed(f->conn);
	}
	weir_feed_chunk_unref(feed->tail);
	feed->tail = NULL;
	weir_timer_cancel(&feed->retry);
	weir_list_remove(&feed->watch.work);
}
