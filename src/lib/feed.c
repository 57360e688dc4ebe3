/* A feed: messages are appended at any time, and offered to its followers once
 * a turn (feed_round.c). */
#include "feed.h"

#include <assert.h>
#include <errno.h>
#include <string.h>

#include "conn_inside.h"

enum {
	/* one message */
	LARGEST = 1073741824,
	NO_MEMORY_RETRY_NS = 10000000
};

/* -- the log -- */

static void on_retry(struct weir_timer *timer)
{
	struct weir_feed *feed =
		weir_container_of(timer, struct weir_feed, retry);

	weir_feed_tell_room(feed);
}

static int refuse_for_memory(struct weir_feed *feed)
{
	struct weir_loop *loop = feed->watch.loop;

	feed->owes_room = true;
	weir_timer_arm(&feed->retry, loop,
		       weir_loop_now(loop) + NO_MEMORY_RETRY_NS, on_retry);
	return -ENOMEM;
}

/* The size of the log before this chunk, with the records of messages. */
static uint64_t size_before(const struct weir_feed_chunk *chunk)
{
	return chunk->at + chunk->n_before * WEIR_FEED_RECORD;
}

/* Let go of chunks that are not to be kept. */
static void forget_oldest(struct weir_feed *feed)
{
	uint64_t size = feed->end + feed->n_messages * WEIR_FEED_RECORD;
	struct weir_feed_chunk *next = feed->oldest ? feed->oldest->next : NULL;

	while (next && size - size_before(next) >= feed->keep) {
		struct weir_feed_chunk *before = feed->oldest;

		feed->oldest = weir_feed_chunk_ref(next);
		weir_feed_chunk_unref(before);
		next = next->next;
	}
}

void weir_feed_keep(struct weir_feed *feed, size_t n)
{
	feed->keep = n;
	if (n > 0 && !feed->oldest && feed->tail)
		feed->oldest = weir_feed_chunk_ref(feed->tail);
	forget_oldest(feed);
	if (n > 0)
		return;
	weir_feed_chunk_unref(feed->oldest);
	feed->oldest = NULL;
}

uint64_t weir_feed_oldest(const struct weir_feed *feed)
{
	return feed->oldest ? feed->oldest->n_before : feed->n_messages;
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
	if (feed->keep > 0 && !feed->oldest)
		feed->oldest = weir_feed_chunk_ref(chunk);
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

static struct weir_follower *follower_of(const struct weir_conn *c)
{
	return c->out.backlog->follower;
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

	if (n == 0 || (feed->n_followers == 0 && feed->keep == 0))
		return;
	if (own)
		weir_conn_accept_news(from);
	if (feed->tail->n_messages == 0)
		feed->tail->begun_ns = weir_loop_now(feed->watch.loop);
	weir_feed_chunk_add(feed->tail, n, own ? own->number : 0);
	feed->end += n;
	feed->n_messages++;
	forget_oldest(feed);
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

/* The end of the log, or the beginning of message nth, which is kept. */
static struct weir_feed_place find(const struct weir_feed *feed, uint64_t nth)
{
	struct weir_feed_chunk *chunk = feed->oldest;

	if (nth >= feed->n_messages)
		return (struct weir_feed_place){feed->tail,
						feed->tail->n_bytes};
	while (chunk->next && nth >= chunk->next->n_before)
		chunk = chunk->next;
	return (struct weir_feed_place){
		chunk, weir_feed_message_begin(
			       chunk, (uint32_t)(nth - chunk->n_before))};
}

/* One that has something to be sent by now is served soon. */
static void take_in(struct weir_feed *feed, struct weir_follower *f,
		    struct weir_feed_place place)
{
	f->feed = feed;
	f->events = feed->events;
	f->number = ++feed->n_follows;
	f->end = weir_feed_at(&place);
	f->n_end = weir_feed_n_before(&place);
	weir_follower_move(f, place);
	feed->n_followers++;
	weir_conn_set(f->conn, WEIR_FACT_FOLLOWS);
	if (f->end == feed->end) {
		weir_list_append(&feed->served, &f->link);
		return;
	}
	weir_list_append(&feed->waiting, &f->link);
	weir_watch_defer(&feed->watch);
}

/* It left when there was no memory for that. */
static bool has_to_leave(const struct weir_conn *c)
{
	return weir_conn_has(c, WEIR_FACT_FOLLOWS) &&
	       follower_of(c)->is_leaving;
}

int weir_feed_follow(struct weir_feed *feed, struct weir_conn *c)
{
	return weir_feed_follow_from(feed, c, feed->n_messages);
}

int weir_feed_follow_from(struct weir_feed *feed, struct weir_conn *c,
			  uint64_t nth)
{
	uint64_t oldest = weir_feed_oldest(feed);
	struct weir_follower *f;
	int error = weir_conn_refusal(c);

	assert(error < 0 || c->watch.loop == feed->watch.loop);
	if (error < 0)
		return error;
	if (has_to_leave(c))
		weir_conn_leave_feed(c);
	if (has_to_leave(c))
		return -ENOMEM;
	assert(!weir_conn_has(c, WEIR_FACT_FOLLOWS));
	if (!feed->tail && add_chunk(feed, 1) < 0)
		return -ENOMEM;
	/* The budget may have closed it. */
	error = weir_conn_refusal(c);
	if (error < 0)
		return error;
	f = prepare_follower(c);
	if (!f)
		return -ENOMEM;
	take_in(feed, f, find(feed, nth > oldest ? nth : oldest));
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
					     .on_ready = weir_feed_serve,
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
	weir_feed_keep(feed, 0);
	weir_feed_chunk_unref(feed->tail);
	feed->tail = NULL;
	weir_timer_cancel(&feed->retry);
	weir_list_remove(&feed->watch.work);
}
