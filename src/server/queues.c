/* SIGUSR1: the longest send queues of all workers, as a table. */
#include "queues.h"

#include "log.h"
#include "quantity.h"

enum {
	N_PRINTED = 20
};

static void say(struct worker *worker, const struct debtor *debtor)
{
	const struct weir_progress *progress = &debtor->progress;
	char queued[QUANTITY_TEXT_SIZE];
	char oldest[QUANTITY_TEXT_SIZE];
	char full[QUANTITY_TEXT_SIZE];

	log_print(worker, "%-32s %-12s %10s %9s %9s %6lu", debtor->peer,
		  debtor->service->name,
		  quantity_format_size(queued, (double)progress->queued),
		  quantity_format_time(oldest, (double)progress->oldest_age_ns),
		  quantity_format_time(full, (double)progress->full_ns),
		  (unsigned long)progress->n_short_sends);
}

void queues_print(struct server *server)
{
	struct worker *first = &server->workers[0];
	struct ranked ranked[N_LONGEST + 1];
	size_t n = snapshots_rank(server, ranked);

	if (n > N_PRINTED)
		n = N_PRINTED;
	while (n > 0 && ranked[n - 1].by == 0)
		n--;
	if (n == 0) {
		log_print(first, "nothing is queued for anybody");
		return;
	}
	log_print(first, "%-32s %-12s %10s %9s %9s %6s", "peer", "service",
		  "queued", "oldest", "stalled", "short");
	for (size_t i = 0; i < n; i++)
		say(first, ranked[i].thing);
}
