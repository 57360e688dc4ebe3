#include "strategy.h"

#include <string.h>

#include "plain.h"

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

void strategy_serve(const struct strategy *strategy, struct server *server)
{
	calls_count(&server->calls);
	if (strategy->serve)
		strategy->serve(server);
	else
		plain_serve(strategy, server);
	calls_count(NULL);
}
