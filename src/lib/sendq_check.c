/* The invariants of a send queue. */
#include "sendq.h"

#include <assert.h>

void weir_sendq_check(const struct weir_sendq *q)
{
	const struct weir_sendq_segment *s;
	const struct weir_sendq_segment *last = NULL;
	size_t n_bytes = 0;
	size_t n_padding = 0;
	uint64_t n_file_bytes = 0;
	size_t n_files = 0;
	uint64_t n_gap = q->tail_gap;

	for (s = q->head; s; s = s->next) {
		n_gap += s->gap;
		last = s;
		n_padding += weir_sendq_segment_padding(s);
		if (weir_sendq_segment_is_file(s)) {
			assert(weir_sendq_segment_length(s) > 0);
			n_file_bytes += weir_sendq_segment_length(s);
			n_files++;
			continue;
		}
		assert(s->begin < s->end && s->end <= s->size);
		n_bytes += s->end - s->begin;
	}
	assert(!q->head || q->head->gap == 0);
	assert(q->tail == last);
	assert(q->n_bytes == n_bytes);
	assert(q->n_file_bytes == n_file_bytes);
	assert(q->n_files == n_files);
	assert(q->n_padding == n_padding);
	assert(q->n_gap == n_gap);
}
