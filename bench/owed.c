/* What a stalled subscriber costs for one more shared message.
 *
 * 10,000 subscribers connect over loopback and never read. A first shared
 * message of 64 KiB fills what the kernel holds for each, and its rest is
 * queued: they are stalled. Then 16 more, each of 1 KiB, are owed to all of
 * them. The figure is the growth of memory by those 16, less their payload,
 * for one message and one subscriber: counted by the loop (n_queue_bytes,
 * which is what was asked of malloc), and resident, in which malloc's own
 * overhead is.
 *
 * The first message costs more, once: a connection that has ever owed something
 * keeps a record of its debt to its end.
 * Exit status 1: by either count more than 48 bytes, rounded to whole ones. */
#include "crowd.h"

enum {
	FIRST_SIZE = 65536,
	MORE_SIZE = 1024,
	N_MORE = 16,
	LIMIT = 48
};

struct memory {
	size_t n_queue;
	size_t n_resident;
};

static const struct weir_conn_events events = {.on_data = skip,
					       .on_close = forget};

static struct memory publish(struct weir_loop *loop, size_t size)
{
	struct weir_buf *buf = weir_buf_new(size);
	int error = 0;

	if (!buf)
		fail("weir_buf_new", -ENOMEM);
	memset(weir_buf_data(buf), 'w', size);
	for (int i = 0; i < N_SUBSCRIBERS && error == 0; i++)
		error = weir_conn_sendbuf(&subscribers[i], buf);
	if (error < 0)
		fail("weir_conn_sendbuf", error);
	weir_buf_unref(buf);
	while (weir_loop_turn(loop, 100000000) > 0)
		; /* until the kernel takes no more of it */
	return (struct memory){queue_bytes(loop), resident()};
}

/* All of them owe all but the first message, or the figure means nothing. */
static void check_that_all_are_stalled(void)
{
	for (int i = 0; i < N_SUBSCRIBERS; i++) {
		struct weir_progress progress;

		weir_conn_progress(&subscribers[i], &progress);
		if (progress.queued <= N_MORE * MORE_SIZE)
			fail("a subscriber is not stalled", -ECANCELED);
	}
}

static double each(size_t before, size_t after, size_t n_payload, int n)
{
	double growth = (double)after - (double)before - (double)n_payload;

	return growth / N_SUBSCRIBERS / n;
}

int main(void)
{
	struct memory none, first, last;
	struct weir_loop *loop;
	double counted, held;
	pid_t pid;
	int error = weir_loop_new(&loop);

	if (error < 0)
		fail("weir_loop_new", error);
	pid = gather_crowd(loop, &events);
	none = (struct memory){queue_bytes(loop), resident()};
	last = first = publish(loop, FIRST_SIZE);
	for (int i = 0; i < N_MORE; i++)
		last = publish(loop, MORE_SIZE);
	check_that_all_are_stalled();
	kill(pid, SIGKILL);
	printf("%-44s %8s %9s\n", "bytes a subscriber, beyond the payload",
	       "counted", "resident");
	printf("%-44s %8.1f %9.1f\n", "the first message, with the debt record",
	       each(none.n_queue, first.n_queue, FIRST_SIZE, 1),
	       each(none.n_resident, first.n_resident, FIRST_SIZE, 1));
	counted = each(first.n_queue, last.n_queue, N_MORE * MORE_SIZE, N_MORE);
	held = each(first.n_resident, last.n_resident, N_MORE * MORE_SIZE,
		    N_MORE);
	printf("%-44s %8.1f %9.1f\n", "each further message (limit 48)",
	       counted, held);
	return counted >= LIMIT + 0.5 || held >= LIMIT + 0.5;
}
