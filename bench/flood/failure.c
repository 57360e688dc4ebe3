#include "failure.h"

#include <errno.h>
#include <stdio.h>

#include "complain.h"
#include "load.h"

const char *failure_name(enum failure failure)
{
	static const char *const names[FAILURE_N] = {
		[FAILURE_CONNECT_REFUSED] = "connect_refused",
		[FAILURE_CONNECT_TIMEOUT] = "connect_timeout",
		[FAILURE_CONNECT_OTHER] = "connect_other",
		[FAILURE_RESET] = "reset",
		[FAILURE_CLOSED] = "closed",
		[FAILURE_MEMORY] = "memory",
		[FAILURE_OTHER] = "other"};

	return names[failure];
}

void failure_count(struct load *load, bool *has_failed, enum failure cause,
		   int error)
{
	struct result *result = load->result;
	char text[COMPLAIN_CAUSE_SIZE] = "the target ended the connection";

	if (*has_failed)
		return;
	*has_failed = true;
	if (error)
		complain_cause(error, text);
	if (result->n_errors == 0)
		(void)snprintf(result->first_error, sizeof result->first_error,
			       "%s: %s", failure_name(cause), text);
	result->errors[cause]++;
	result->n_errors++;
	load->last_error = error;
}

void failure_count_connect(struct load *load, bool *has_failed, int error)
{
	enum failure cause = FAILURE_CONNECT_OTHER;

	if (error == -ECONNREFUSED)
		cause = FAILURE_CONNECT_REFUSED;
	else if (error == -ETIMEDOUT)
		cause = FAILURE_CONNECT_TIMEOUT;
	failure_count(load, has_failed, cause, error);
}

void failure_count_close(struct load *load, bool *has_failed,
			 const struct weir_result *result)
{
	enum failure cause = FAILURE_OTHER;
	int error = result->error;

	/* it was we */
	if (result->reason == WEIR_REASON_FINISHED ||
	    result->reason == WEIR_REASON_ABORTED)
		return;
	if (result->reason == WEIR_REASON_RESET)
		cause = FAILURE_RESET;
	else if (result->reason == WEIR_REASON_PEER_CLOSED)
		cause = FAILURE_CLOSED;
	else if (result->reason == WEIR_REASON_BUDGET)
		cause = FAILURE_MEMORY;
	if (result->reason == WEIR_REASON_BUDGET)
		error = -ENOBUFS;
	else if (result->reason == WEIR_REASON_INPUT_LIMIT)
		error = -EMSGSIZE;
	failure_count(load, has_failed, cause, error);
}
