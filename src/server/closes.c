#include "closes.h"

void closes_add(struct closes *closes, const struct weir_conn *c,
		const struct weir_result *result, uint64_t now_ns)
{
	bool is_good = result->reason == WEIR_REASON_FINISHED ||
		       result->reason == WEIR_REASON_PEER_CLOSED;
	struct closed *closed =
		&closes->last[is_good][closes->n[is_good]++ % N_CLOSES];

	closed->service = client_endpoint(c)->service;
	closed->result = *result;
	closed->when_ns = now_ns;
	client_peer(c, closed->peer);
}

size_t closes_count(const struct closes *closes, bool is_good)
{
	uint64_t n = closes->n[is_good];

	return n < N_CLOSES ? (size_t)n : N_CLOSES;
}
