/* One failing call in one situation, and what must come of it.
 *
 *	static int reply_in_on_data(void) { ... conn_fault_here(); ... }
 *
 *	static const struct fault_row rows[] = {
 *		{-EAGAIN, 0, "d", GOES_ON, 100, 0, 0},
 *		...
 *		{0}};
 *
 *	conn_fault_run(reply_in_on_data, FAULT_SEND, rows);
 *
 * Each row has a loop of its own. The situation ends with the call to be
 * judged; then the loop turns and the peer reads until neither has anything
 * left to do, a retry after -ENOMEM included.
 *
 * Where a row says EAGAIN it stands for EINTR too: sys.h reports an
 * interrupted socket call so. */
#ifndef TEST_CONN_FAULT_H
#define TEST_CONN_FAULT_H

#include <stddef.h>

#include "fault.h"
#include "harness_conn.h"

/* How it ends, by the names of reason.h. */
enum fault_end {
	/* it does not: the connection sends and receives as before */
	GOES_ON = WEIR_N_REASONS,
	/* there is none: open has failed, and the descriptor was the caller's
	 * (the harness closes it) */
	NOT_OPEN,
	FINISHED = WEIR_REASON_FINISHED,
	PEER_CLOSED = WEIR_REASON_PEER_CLOSED,
	RESET = WEIR_REASON_RESET,
	ABORTED = WEIR_REASON_ABORTED,
	STALLED = WEIR_REASON_STALLED,
	LINGER = WEIR_REASON_LINGER,
	ERROR = WEIR_REASON_ERROR
};

struct fault_row {
	int error;	   /* the call's, and with ERROR the result's too */
	int result;	   /* what the situation's last call returns */
	const char *calls; /* all callbacks; NULL ends the table */
	enum fault_end end;
	size_t n_received; /* by the peer, in all */
	size_t n_dropped;
	size_t n_unread;
};

/* Who is under test. */
extern struct conn_probe fault_probe;

/* The row's fault comes at the next such call from here on, or the nth. */
void conn_fault_here(void);
void conn_fault_at(uint64_t nth);
/* Run all rows. */
void conn_fault_run(int (*situation)(void), enum fault_call call,
		    const struct fault_row *rows);

#endif
