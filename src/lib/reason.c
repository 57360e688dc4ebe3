/* One name for each reason, in one place for all that print it. */
#include <weir/reason.h>

#include <stddef.h>

/* A switch, not a table: -Wswitch-enum then reports a missing reason. */
const char *weir_reason_name(enum weir_reason reason)
{
	switch (reason) {
	case WEIR_REASON_FINISHED:
		return "finished";
	case WEIR_REASON_PEER_CLOSED:
		return "peer_closed";
	case WEIR_REASON_RESET:
		return "reset";
	case WEIR_REASON_ABORTED:
		return "aborted";
	case WEIR_REASON_STALLED:
		return "stalled";
	case WEIR_REASON_TOO_SLOW:
		return "too_slow";
	case WEIR_REASON_IDLE:
		return "idle";
	case WEIR_REASON_LINGER:
		return "linger";
	case WEIR_REASON_BUDGET:
		return "budget";
	case WEIR_REASON_INPUT_LIMIT:
		return "input_limit";
	case WEIR_REASON_ERROR:
		return "error";
	case WEIR_N_REASONS:
		break;
	}
	return NULL;
}
