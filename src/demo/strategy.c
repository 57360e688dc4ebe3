#include "strategy.h"

#include <string.h>

#include "clock.h"

const struct strategy *const strategies[STRATEGY_COUNT] = {
	&strategy_send_once,
	&strategy_article_loop,
	&strategy_sendall_blocking,
	&strategy_sendall_spin,
	&strategy_queue_unbounded,
	&strategy_queue_always_armed,
	&strategy_weir};

const struct strategy *strategy_find(const char *name)
{
	for (size_t i = 0; i < STRATEGY_COUNT; i++)
		if (strcmp(strategies[i]->name, name) == 0)
			return strategies[i];
	return NULL;
}

void strategy_serve(const struct strategy *strategy, struct stage *stage)
{
	calls_count(&stage->calls);
	if (strategy->serve)
		strategy->serve(stage);
	else
		plain_serve(strategy, stage);
	calls_count(NULL);
}

void stage_queued(struct stage *stage, size_t n_bytes)
{
	uint64_t now_ns = clock_now();

	series_add(&stage->queue, (double)(now_ns - stage->start_ns),
		   (double)n_bytes);
	if (n_bytes > stage->queue_peak)
		stage->queue_peak = n_bytes;
}
