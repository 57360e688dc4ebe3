/* Why a healthy connection failed, or could not be made. */
#ifndef FLOOD_FAILURE_H
#define FLOOD_FAILURE_H

#include <stdbool.h>

struct load;
struct weir_result;

enum failure {
	FAILURE_CONNECT_REFUSED,
	FAILURE_CONNECT_TIMEOUT,
	FAILURE_CONNECT_OTHER,
	FAILURE_RESET,	/* by the target */
	FAILURE_CLOSED, /* the target ended it in mid-run */
	FAILURE_MEMORY, /* ours: no room for what is to be sent */
	FAILURE_OTHER,
	FAILURE_N
};

/* In lower case. */
const char *failure_name(enum failure failure);

/* Count a connection's failure, which is its first and only one: has_failed
 * remembers it. error is its negative errno, or 0: the target ended it. */
void failure_count(struct load *load, bool *has_failed, enum failure failure,
		   int error);
void failure_count_connect(struct load *load, bool *has_failed, int error);
/* The same by the reason for which a connection was closed, unless we closed
 * it. */
void failure_count_close(struct load *load, bool *has_failed,
			 const struct weir_result *result);

#endif
