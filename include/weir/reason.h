/* Why a connection ended: the closed list that the library's results, the
 * metrics, the logs and the tests share. */
#ifndef WEIR_REASON_H
#define WEIR_REASON_H

#include <weir/declare.h>

WEIR_DECLARE_BEGIN

enum weir_reason {
	/* finish completed: all bytes sent, both FINs exchanged */
	WEIR_REASON_FINISHED,
	/* the peer closed both directions while bytes were owed (EPIPE) */
	WEIR_REASON_PEER_CLOSED,
	/* the peer or the network reset the connection (ECONNRESET) */
	WEIR_REASON_RESET,
	/* weir_conn_abort */
	WEIR_REASON_ABORTED,
	/* the peer's kernel took nothing for the time of the stall limit */
	WEIR_REASON_STALLED,
	/* it took less than the minimum rate over the window */
	WEIR_REASON_TOO_SLOW,
	/* nothing moved either way for the time of the idle limit */
	WEIR_REASON_IDLE,
	/* our FIN was sent, and the peer's did not come within the linger
	 * limit */
	WEIR_REASON_LINGER,
	/* the loop's memory budget was exceeded and it owed the most */
	WEIR_REASON_BUDGET,
	/* kept input reached its limit, and on_data consumed nothing of it */
	WEIR_REASON_INPUT_LIMIT,
	/* any other error; the result has its errno */
	WEIR_REASON_ERROR,
	WEIR_N_REASONS
};

/* "finished", "peer_closed", ...: the enumerator's name in lower case, a
 * static string that metrics and logs may use as a label. NULL for a number
 * that is no reason. */
const char *weir_reason_name(enum weir_reason reason);

WEIR_DECLARE_END

#endif
