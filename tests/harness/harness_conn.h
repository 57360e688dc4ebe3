/* A connection over a pair of sockets whose callbacks note how they are
 * called, and check at every call what no connection may ever do.
 *
 *	TestSuite(conn_send, .init = conn_begin, .fini = conn_end);
 *
 *	static struct conn_probe p;
 *
 *	conn_probe_open(&p, 0, NULL);
 *	cr_assert_eq(conn_probe_sendall(&p, 100), 0);
 *	conn_turns(1);
 *	cr_assert_eq(harness_peer_read(&p.peer, SIZE_MAX), 100);
 *	cr_assert_str_eq(p.calls, "");
 *
 * Both directions carry the pattern of p's seed, so an echo is right when the
 * peer reads the pattern. Checked in every callback, and the test aborts: it
 * comes from the loop, not from inside another callback, not after on_close;
 * input is the pattern without a gap, and never less than was kept;
 * on_pressure alternates; on_close comes once, with accepted = sent + dropped
 * and the descriptor closed. */
#ifndef HARNESS_CONN_H
#define HARNESS_CONN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include <weir/conn.h>
#include "loop.h"

#include "harness.h"

/* The names of the callbacks in calls, n_of and then. */
#define CONN_DATA     'd'
#define CONN_AT_END   'e'
#define CONN_WRITABLE 'w'
#define CONN_ABOVE    '+'
#define CONN_BELOW    '-'
#define CONN_CLOSED   'c'

struct conn_probe {
	struct weir_conn conn;
	struct harness_peer peer; /* the far end */
	struct weir_conn_limits limits;
	struct conn_probe *next; /* of those that conn_end looks after */

	/* What the test sets, before or after opening: */
	const struct weir_conn_events *events; /* before; NULL: all of them */
	struct conn_probe *other;	       /* for the test's own use */
	/* called in every callback, after it was noted; on_data consumes what
	 * take says after that */
	void (*then)(struct conn_probe *p, char call);
	/* on_data is the heart of an echo server */
	bool is_echo;
	/* on_data consumes at most so many bytes; opening sets SIZE_MAX */
	size_t take;

	/* What happened: */
	char calls[64];	     /* the first 63 callbacks, by letter, in order */
	unsigned n_of[128];  /* all, by letter */
	size_t n_offered;    /* to the last on_data or on_end */
	uint64_t n_taken;    /* bytes consumed by on_data, or seen by on_end */
	uint64_t n_written;  /* by the peer */
	uint64_t n_accepted; /* by send, sendall and sendbuf */
	size_t n_kept;	     /* offered and not consumed */
	bool is_above;
	struct weir_result result; /* what on_close was told */
};

/* The probes' loop: made by conn_begin, gone after conn_end. */
extern struct weir_loop *conn_loop;
/* All callbacks, to copy and leave some out. */
extern const struct weir_conn_events conn_probe_events;

/* For TestSuite: harness_begin and a loop; and in the end: abort what is
 * still open, close the peers, and harness_end. */
void conn_begin(void);
void conn_end(void);
/* End all probes, as conn_end does, and forget them. */
void conn_close_all(void);

/* Open over a Unix socketpair or TCP, whose end for the library has SO_SNDBUF
 * sndbuf (0: as it comes); limits NULL: the defaults, else copied. What p
 * counted before is forgotten, what the test set stays. The result is
 * weir_conn_open's; when it fails the sockets are closed. */
int conn_probe_open(struct conn_probe *p, int sndbuf,
		    const struct weir_conn_limits *limits);
int conn_probe_open_tcp(struct conn_probe *p, int sndbuf,
			const struct weir_conn_limits *limits);
/* The same over a pair that the test made; fd[0] is the library's. */
int conn_probe_open_pair(struct conn_probe *p, const int fd[2],
			 const struct weir_conn_limits *limits);

/* The next n bytes of the pattern by weir_conn_send and so on; the account is
 * checked afterwards. sendbuf's result is -ENOMEM too when there was no buffer
 * to be had. */
ssize_t conn_probe_send(struct conn_probe *p, size_t n);
int conn_probe_sendall(struct conn_probe *p, size_t n);
int conn_probe_sendbuf(struct conn_probe *p, size_t n);

/* The peer writes the next n bytes of the pattern. */
void conn_probe_write(struct conn_probe *p, size_t n);
/* The peer sends its FIN, or closes; its close is a reset if bytes that it
 * has not read are there. */
void conn_probe_write_end(struct conn_probe *p);
void conn_probe_hang_up(struct conn_probe *p);
/* The peer resets; TCP only. */
void conn_probe_reset(struct conn_probe *p);

/* accepted = sent + queued + dropped, and what the peer has is of the sent;
 * what conn_inside.h says of the state holds. */
void conn_probe_check(struct conn_probe *p);
/* Whether EPOLLOUT is wanted. */
bool conn_probe_is_armed(const struct conn_probe *p);
struct weir_progress conn_probe_progress(struct conn_probe *p);

/* Turns that do not wait. */
void conn_turns(unsigned n);
/* Turn and let p's peer read all it can until neither has anything to do. */
void conn_flow(struct conn_probe *p);
/* Over TCP: turn, in real time, until all that p's peer has is acknowledged. */
void conn_await_acks(struct conn_probe *p);
/* Turn for so long in virtual time. */
void conn_pass(uint64_t ns);

#endif
