/* A follower of a feed, as its outbox sees it: what the log owes it.
 *
 * It stands behind the outbox's queue, as if it were one more piece at the
 * queue's tail, in this order:
 *
 *	notice	the text of a gap that was reached, or the rest of it
 *	gap	messages that were dropped, and the text to stand for them
 *	range	from place to end in the log, without its own messages
 *
 * All of it moves into the queue when something of the connection's own is to
 * be queued behind it. A gap is reached when nothing is in front of it any
 * more; until then it may grow, by the oldest messages of the range.
 */
#ifndef WEIR_LIB_FOLLOWER_H
#define WEIR_LIB_FOLLOWER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/uio.h>

#include <weir/feed.h>
#include <weir/list.h>

#include "feed_log.h"

struct weir_outbox;

/* 1. notice is at most WEIR_FEED_GAP_SIZE; with a gap, place is where a message
 *    begins
 * 2. n_own bytes of the range are of its own messages, which are not sent; if
 *    that is all of it, the range is empty
 * 3. n_end messages end at end or before it
 * 4. without a chunk nothing is owed, and it has left */
struct weir_follower {
	struct weir_feed *feed; /* NULL: it has left */
	struct weir_conn *conn;
	struct weir_list link; /* in the feed's waiting or served */
	const struct weir_feed_events *events;
	struct weir_feed_place place;
	uint64_t number; /* marks its own messages */
	uint64_t end;
	uint64_t n_end;
	uint64_t n_own;
	uint64_t since_ns; /* when the range was last empty */
	uint64_t act_at;   /* while full: see conn_feed.c */
	/* the gap */
	uint64_t n_gap_messages;
	size_t n_gap_text;
	uint64_t n_dropped; /* bytes, in all gaps so far */
	/* what on_missed is to be told */
	uint64_t n_untold_messages;
	uint64_t n_untold_bytes;
	bool is_skipping; /* new messages are dropped */
	bool was_told;	  /* on_missed was, since it is skipping */
	bool is_leaving;  /* for lack of memory it has not left yet */
	uint8_t notice_begin;
	uint8_t notice_end;
	char notice[WEIR_FEED_GAP_SIZE];
};

static inline size_t weir_follower_n_notice(const struct weir_follower *f)
{
	return (size_t)(f->notice_end - f->notice_begin);
}

static inline bool weir_follower_has_gap(const struct weir_follower *f)
{
	return f->n_gap_messages > 0;
}

/* The bytes of the range that are to be sent. */
static inline uint64_t weir_follower_n_range(const struct weir_follower *f)
{
	return f->place.chunk ? f->end - weir_feed_at(&f->place) - f->n_own : 0;
}

/* All bytes that are to be sent. */
static inline uint64_t weir_follower_n_queued(const struct weir_follower *f)
{
	return weir_follower_n_notice(f) + f->n_gap_text +
	       weir_follower_n_range(f);
}

/* The same as the watermarks count it: with the records of messages, but for
 * one, so that a message as large as max fits. */
size_t weir_follower_weight(const struct weir_follower *f);
/* When the oldest byte of the range was accepted, or a little later. */
uint64_t weir_follower_oldest_ns(const struct weir_follower *f);

/* Move to place, or with a NULL chunk to nowhere. */
void weir_follower_move(struct weir_follower *f, struct weir_feed_place place);
/* Go over its own messages, if those are next. */
void weir_follower_pass_own(struct weir_follower *f);
/* The bytes, and messages, of its own between its place and until. */
uint64_t weir_follower_count_own(const struct weir_follower *f, uint64_t until,
				 uint64_t *n_messages);
/* Its own message of n bytes was appended; it knows all before. */
void weir_follower_take_own(struct weir_follower *f, size_t n);

/* If a gap is there, go on behind it: its text is the notice. There must be no
 * notice. */
void weir_follower_pass_gap(struct weir_follower *f);
/* Describe what is to be sent, up to the gap, as weir_sendq_peek does. */
size_t weir_follower_peek(const struct weir_follower *f, struct iovec *iov,
			  size_t max_iov, size_t max_bytes, size_t *n_bytes);
/* n of the bytes that peek described were sent. */
void weir_follower_consume(struct weir_follower *f, size_t n);

/* Move what o owes from the log into its queue, up to the place until of the
 * log (or all, if that is f->end). -ENOMEM: a part has moved, if any. */
int weir_follower_enqueue(struct weir_outbox *o, uint64_t until,
			  uint64_t now_ns);
/* Drop the oldest messages of the range until o weighs at most target, or there
 * is but one, with which it weighs at most max. -ENOMEM: the one under way
 * could not be set apart, and nothing is dropped. */
int weir_follower_trim(struct weir_outbox *o, size_t target, size_t max,
		       uint64_t now_ns);
/* Drop the messages of the range behind those for which room weighs enough,
 * beginning at the place since, and skip new ones from now on. -ENOMEM. */
int weir_follower_cut(struct weir_outbox *o, uint64_t since, size_t room,
		      uint64_t now_ns);
/* Drop the whole range. */
void weir_follower_skip(struct weir_outbox *o);
/* Drop all, and forget the gap; how many bytes. */
uint64_t weir_follower_drop(struct weir_outbox *o);

/* Assert the invariants; walks the range. */
void weir_follower_check(const struct weir_follower *f);

#endif
