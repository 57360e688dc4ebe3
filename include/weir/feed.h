/* A feed: a log of messages that many connections follow, each at its own pace.
 *
 * A message is stored once, whatever the number of its followers. A follower
 * is a connection with a position in the log, so a further message costs a
 * follower that does not read no memory at all. Once a turn all followers are
 * sent what is new to them, each in one system call.
 *
 * To its connection a message of the log is like one that it was sent at the
 * same time: it keeps its place among what weir_conn_sendall and the others
 * accept, and counts as accepted, queued, sent and dropped, against the
 * watermarks, for on_pressure, and for every limit. A chunk of the log counts
 * once against the loop's budget, however many followers wait for it.
 *
 * A follower that is behind by more than its connection's max misses whole
 * messages, which ones the feed's policy says. Where they are missing, it is
 * sent a text of your own (write_gap), such as "3 messages are missing".
 *
 * Messages are numbered from 0 on. A feed can keep the last ones (weir_feed_keep)
 * for a connection that follows late, or again, from the first message that it
 * does not have (weir_feed_follow_from).
 *
 * Example:
 *
 *	#include <sys/socket.h>
 *	#include <weir.h>
 *
 *	static size_t skip(struct weir_conn *c, const void *data, size_t n)
 *	{
 *		return n;
 *	}
 *
 *	static void on_close(struct weir_conn *c, const struct weir_result *r)
 *	{
 *	}
 *
 *	static const struct weir_conn_events events = {.on_data = skip,
 *						       .on_close = on_close};
 *
 *	int main(void)
 *	{
 *		struct weir_conn subscribers[2] = {0};
 *		struct weir_feed feed = {0};
 *		struct weir_loop *loop;
 *		int peers[2][2];
 *		char text[12];
 *
 *		weir_loop_new(&loop);
 *		weir_feed_init(&feed, loop, NULL, WEIR_FEED_DROP_OLDEST);
 *		for (int i = 0; i < 2; i++) {
 *			socketpair(AF_UNIX, SOCK_STREAM, 0, peers[i]);
 *			weir_conn_open(&subscribers[i], loop, peers[i][0],
 *				       &events, NULL);
 *			weir_feed_follow(&feed, &subscribers[i]);
 *		}
 *		weir_feed_append(&feed, "Hey~~~", 6, NULL);
 *		weir_feed_append(&feed, "Ho~~~~", 6, &subscribers[0]);
 *		for (int i = 0; i < 2; i++) {
 *			weir_conn_finish(&subscribers[i]);
 *			shutdown(peers[i][1], SHUT_WR);
 *		}
 *		weir_loop_run(loop);
 *		weir_feed_deinit(&feed);
 *		return recv(peers[0][1], text, 12, 0) != 6 ||
 *		       recv(peers[1][1], text, 12, 0) != 12 ||
 *		       weir_loop_free(loop) < 0;
 *	}
 */
#ifndef WEIR_FEED_H
#define WEIR_FEED_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <weir/declare.h>
#include <weir/list.h>
#include <weir/loop.h>
#include <weir/timer.h>

WEIR_DECLARE_BEGIN

struct weir_conn;
struct weir_feed;
struct weir_feed_chunk;

enum {
	/* room for the text that stands for missing messages */
	WEIR_FEED_GAP_SIZE = 64,
	/* how much may wait to be offered before a publisher should pause */
	WEIR_FEED_FULL = 131072
};

/* What a follower misses that is behind by more than its connection's max. */
enum weir_feed_policy {
	/* The oldest messages of which nothing was sent go, an eighth of max
	 * more than necessary, so that it misses many at a time. What was
	 * accepted before a message of the connection's own stays. */
	WEIR_FEED_DROP_OLDEST,
	/* New messages go, from the first for which there is no room until the
	 * queue is back at low. */
	WEIR_FEED_DROP_NEWEST
};

/* Many feeds may share it, and it stays until the last on_close of their
 * followers. All may be NULL. */
struct weir_feed_events {
	/* From the loop: c misses n_messages more, of n_bytes. Under
	 * WEIR_FEED_DROP_NEWEST the first loss is told at once, further ones
	 * when they are an eighth of max, or when reading goes on. Closing the
	 * connection here is the third policy. */
	void (*on_missed)(struct weir_conn *c, uint64_t n_messages,
			  uint64_t n_bytes);
	/* Write the text for the place where n_messages are missing, and return
	 * its length (0: no text). The same n_messages must give the same text.
	 * It may be called at any time, several times while messages are added
	 * to the gap; like an observer it looks, and calls nothing. */
	size_t (*write_gap)(const struct weir_conn *c, uint64_t n_messages,
			    char text[WEIR_FEED_GAP_SIZE]);
	/* From the loop: the feed was full, or weir_feed_append returned
	 * -ENOMEM, and publishers may go on. */
	void (*on_room)(struct weir_feed *feed);
};

/* Embedded by its owner. The fields are the library's.
 *
 * 1. offered <= round_end <= end
 * 2. tail is NULL until something follows or is kept
 * 3. oldest is tail or before it; NULL: nothing is kept */
struct weir_feed {
	struct weir_watch watch;  /* never in epoll; for deferred calls */
	struct weir_list waiting; /* followers to offer the news to */
	struct weir_list served;  /* those that were offered it */
	size_t n_followers;
	const struct weir_feed_events *events;
	enum weir_feed_policy policy;
	bool owes_room; /* on_room is owed */
	struct weir_timer retry;
	struct weir_feed_chunk *tail;
	struct weir_feed_chunk *oldest;
	size_t keep; /* bytes of messages and their records */
	/* places in the log, in bytes */
	uint64_t end;
	uint64_t offered;   /* all followers were offered what is before it */
	uint64_t round_end; /* the end when the present round began */
	uint64_t n_messages;
	uint64_t n_follows; /* so far */
};

/* Make an empty feed. It has no descriptor, and keeps no loop running. events
 * may be NULL. */
void weir_feed_init(struct weir_feed *feed, struct weir_loop *loop,
		    const struct weir_feed_events *events,
		    enum weir_feed_policy policy);
/* Let all followers leave, and release the log: what they have accepted is
 * sent all the same. It must come before its loop is freed. */
void weir_feed_deinit(struct weir_feed *feed);

/* From now on c, an open connection of the same loop that follows no feed, is
 * sent what is appended. It goes on until the connection ends, in which its
 * shutdown, finish and detach count as ends.
 *
 * -ENOMEM; -EPIPE or the connection's error, as weir_conn_sendall. */
int weir_feed_follow(struct weir_feed *feed, struct weir_conn *c);
/* The same from message nth on: c is sent what is kept of the messages from
 * there, then what is appended. It begins with weir_feed_oldest if nth is gone,
 * and with the next message if nth has not come. What is more than c's max is
 * missed as the policy says. */
int weir_feed_follow_from(struct weir_feed *feed, struct weir_conn *c,
			  uint64_t nth);
/* Stop following. What is in the log by now is accepted and will be sent.
 * Leaving nothing does nothing. */
void weir_feed_leave(struct weir_conn *c);

/* From now on keep the last messages, of n bytes at least with 8 more for each,
 * and up to one chunk of 16 KiB more, or one message that is larger. What is
 * kept counts against the loop's budget, but is nobody's debt: the budget closes
 * connections to make room beside it. 0: keep none. */
void weir_feed_keep(struct weir_feed *feed, size_t n);
/* The number of the first message that is kept, and that of the next one to be
 * appended; equal while none is kept. */
uint64_t weir_feed_oldest(const struct weir_feed *feed);
static inline uint64_t weir_feed_next_message(const struct weir_feed *feed)
{
	return feed->n_messages;
}

/* Append a message of n bytes for all followers but from (NULL: for all). An
 * empty one, or one that nothing follows while none is kept, leaves no trace,
 * and has no number.
 *
 * -EMSGSIZE: larger than 1 GiB; -ENOMEM: on_room follows within 10 ms. On
 * failure no follower gets it. A message larger than a follower's max is
 * missed by that follower unless it can be sent at once. */
int weir_feed_append(struct weir_feed *feed, const void *data, size_t n,
		     struct weir_conn *from);
/* The same in two steps, for a message that is yet to be made, or that must
 * not fail any more: make room for n bytes at *room, and say later that a
 * message of at most n bytes is there. Nothing else may be called on the feed
 * in between. */
int weir_feed_reserve(struct weir_feed *feed, size_t n, void **room);
void weir_feed_commit(struct weir_feed *feed, size_t n, struct weir_conn *from);

/* True while WEIR_FEED_FULL bytes were not yet offered to all followers.
 * Messages are accepted all the same, but if publishers do not wait for
 * on_room, followers that keep up with the loop may miss some. */
bool weir_feed_is_full(const struct weir_feed *feed);

/* How many connections follow it. */
static inline size_t weir_feed_n_followers(const struct weir_feed *feed)
{
	return feed->n_followers;
}

WEIR_DECLARE_END

#endif
