/* Followers of one feed over socketpairs, for the tests of feeds. */
#ifndef TEST_FEED_H
#define TEST_FEED_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <weir.h>

enum {
	FEED_SNDBUF = 4608,
	FEED_MAX_MEMBERS = 320
};

struct feed_member {
	struct weir_conn conn;
	int peer;
	bool is_closed;
	struct weir_result result;
	uint64_t n_missed;
	uint64_t n_missed_bytes;
	bool is_to_abort; /* when it misses something */
	unsigned n_above;
	unsigned n_below;
	/* called in on_data */
	void (*then)(struct feed_member *m);
};

extern struct weir_loop *feed_loop;
extern struct weir_feed feed;
extern struct feed_member feed_members[FEED_MAX_MEMBERS];
extern unsigned feed_n_room; /* calls of on_room */

/* For TestSuite. */
void feed_begin(void);
void feed_end(void);
/* Before the first member; else drop-oldest. */
void feed_policy(enum weir_feed_policy policy);

/* The next member, open, with these limits (NULL: the defaults). */
struct feed_member *feed_open(const struct weir_conn_limits *limits);
/* The same, which follows. */
struct feed_member *feed_join(const struct weir_conn_limits *limits);
/* Append text, or n bytes of c; it must work. */
void feed_say(const char *text);
void feed_fill(char c, size_t n);
/* Fill the kernel's buffer, and one message waits in the log. */
void feed_stall(struct feed_member *m);
/* Turns that do not wait, until nothing is left. */
void feed_turns(void);
/* What has come to it is text. */
void feed_expect(struct feed_member *m, const char *text);
/* Take all that comes until nothing more does; returns how many bytes, and
 * the last of them in tail (as a string of at most size - 1). */
size_t feed_drain(struct feed_member *m, char *tail, size_t size);
struct weir_progress feed_progress(const struct feed_member *m);

#endif
