/* The rounds of a feed: each follower is offered what is new to it, and when all
 * were, the next round begins, if there is something new. A follower that came
 * for what is kept waits among the others, whether a round is under way or not.
 *
 * A turn serves as many as it may, and the rest of the round comes first in the
 * next turn. A follower that waits for nothing is sent the news here, by one
 * call. Of all others only the state changes, and their own deferred call does
 * the rest. So no user's code runs in the middle of a round. */
#include "feed.h"

#include <weir/observer.h>

#include "conn_inside.h"
#include "sys.h"

enum {
	/* what one turn may spend on followers: a system call costs SEND, a
	 * follower that is passed by PASS, any other LOOK */
	SPENT_PER_TURN = 4096,
	SEND = 16,
	LOOK = 4,
	PASS = 1,
	BYTES_PER_TURN = 1048576,
	/* pieces of one system call; chunks of 16 KiB */
	SEND_IOV = 16
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
	       !f->is_skipping && !f->is_leaving && !weir_follower_has_gap(f);
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

void weir_feed_tell_room(struct weir_feed *feed)
{
	if (!feed->owes_room || weir_feed_is_full(feed))
		return;
	feed->owes_room = false;
	if (feed->events->on_room)
		feed->events->on_room(feed);
}

void weir_feed_serve(struct weir_watch *watch, uint32_t events)
{
	struct weir_feed *feed =
		weir_container_of(watch, struct weir_feed, watch);

	(void)events;
	if (feed->offered == feed->round_end && feed->end > feed->offered) {
		weir_list_move_all(&feed->waiting, &feed->served);
		feed->round_end = feed->end;
	}
	if (serve_some(feed))
		feed->offered = feed->round_end;
	if (feed->offered < feed->end)
		weir_watch_defer(watch);
	weir_feed_tell_room(feed);
}
