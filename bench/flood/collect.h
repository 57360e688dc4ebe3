/* From what was counted to what is reported. */
#ifndef FLOOD_COLLECT_H
#define FLOOD_COLLECT_H

#include <stddef.h>
#include <stdint.h>

struct load;
struct peer;

/* The end of a second, or of the run. */
void collect_second(struct load *load, uint64_t now_ns);
/* The measurement begins, ends. */
void collect_begin(struct load *load);
void collect_end(struct load *load, uint64_t now_ns);
/* Bytes in our own queues. */
uint64_t collect_queued(const struct load *load);
/* A connection is owed answers that will not come; the oldest of their messages
 * was sent at sent_ns. */
void collect_silence(struct peer *peer, uint64_t sent_ns, uint64_t now_ns);
/* Of the connections that get answers: those from first on. */
void collect_fairness(struct load *load, size_t first);
/* What the kernel holds of each connection; before their FINs. */
void collect_bytes(struct load *load);
/* After the last answer: what is still in flight, and the sums. */
void collect_rest(struct load *load);

#endif
