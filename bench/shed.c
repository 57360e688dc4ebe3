/* 10,000 stalled readers against a loop's budget of 64 MiB.
 *
 * Each is owed message after message of 4 KiB, 625 MiB in all. Before and
 * after every sendall the heap that the send queues hold is looked at: it may
 * pass the budget by what one call reserves, a chunk, and no more. Who is
 * closed must be closed for the budget.
 * Exit status 1: it passed by more, or somebody went for another reason. */
#include "crowd.h"

enum {
	MESSAGE_SIZE = 4096,
	N_ROUNDS = 16,
	BUDGET = 67108864,
	CHUNK = 16384 /* what a send queue takes at once */
};

static int n_closed;
static int n_closed_otherwise;

static void on_close(struct weir_conn *c, const struct weir_result *result)
{
	(void)c;
	n_closed++;
	if (result->reason != WEIR_REASON_BUDGET)
		n_closed_otherwise++;
}

static const struct weir_conn_events events = {.on_data = skip,
					       .on_close = on_close};

static size_t larger(size_t a, size_t b)
{
	return a > b ? a : b;
}

/* One message more for each; the most that the queues held meanwhile. */
static size_t owe_all(struct weir_loop *loop, const char *message)
{
	size_t peak = 0;

	for (int i = 0; i < N_SUBSCRIBERS; i++) {
		if (!weir_conn_is_open(&subscribers[i]))
			continue;
		weir_conn_sendall(&subscribers[i], message, MESSAGE_SIZE);
		peak = larger(peak, queue_bytes(loop));
	}
	while (weir_loop_turn(loop, 10000000) > 0)
		peak = larger(peak, queue_bytes(loop));
	return peak;
}

int main(void)
{
	static const char message[MESSAGE_SIZE];
	struct weir_loop *loop;
	size_t peak = 0;
	pid_t pid;
	int error = weir_loop_new(&loop);

	if (error == 0)
		error = weir_loop_budget(loop, BUDGET, 0);
	if (error < 0)
		fail("weir_loop_new", error);
	pid = gather_crowd(loop, &events);
	for (int round = 0; round < N_ROUNDS; round++)
		peak = larger(peak, owe_all(loop, message));
	kill(pid, SIGKILL);
	printf("stalled readers                     %10d\n", N_SUBSCRIBERS);
	printf("most heap held by queues      %10.2f MiB  (budget 64)\n",
	       (double)peak / 1048576);
	printf("closed for the budget               %10d\n",
	       n_closed - n_closed_otherwise);
	printf("closed for another reason           %10d\n",
	       n_closed_otherwise);
	return peak > BUDGET + CHUNK || n_closed == 0 || n_closed_otherwise > 0;
}
