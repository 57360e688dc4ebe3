/* The last connections that a worker has closed, for people: those that ended
 * in good order and the others each have their own ring, so that a flood of
 * the former does not push out what is worth a look. */
#ifndef CLOSES_H
#define CLOSES_H

#include <stdbool.h>

#include "client.h"

enum {
	N_CLOSES = 16
};

struct closed {
	const struct service *service;
	struct weir_result result;
	uint64_t when_ns; /* on the loop's clock */
	char peer[PEER_TEXT_SIZE];
};

/* Zeroed: empty. */
struct closes {
	uint64_t n[2]; /* so far; not in good order, in good order */
	struct closed last[2][N_CLOSES];
};

void closes_add(struct closes *closes, const struct weir_conn *c,
		const struct weir_result *result, uint64_t now_ns);
/* How many there are in a ring. */
size_t closes_count(const struct closes *closes, bool is_good);

#endif
