/* What a stalled subscriber costs for one more message.
 *
 *	owed feed	appended to a feed, which all of them follow
 *	owed shared	a shared message (weir_buf), sent to each
 *
 * 10,000 subscribers connect over loopback and never read. A first message of
 * 64 KiB fills what the kernel holds for each, and its rest is queued: they are
 * stalled. Then 16 more, each of 1 KiB, are owed to all of them. The figure is
 * the growth of memory by those 16, less their payload, for one message and one
 * subscriber: counted by the loop (n_queue_bytes, which is what was asked of
 * malloc), and resident, in which malloc's own overhead is.
 *
 * The first message costs more, once: a connection that has ever owed something
 * keeps a record of its debt to its end.
 *
 * Prints: counted and resident bytes of the first message, and of a further
 * one. */
#include "crowd.h"

enum {
	FIRST_SIZE = 65536,
	MORE_SIZE = 1024,
	N_MORE = 16
};

struct memory {
	size_t n_queue;
	size_t n_resident;
};

static const struct weir_conn_events events = {.on_data = skip,
					       .on_close = forget};

static struct weir_feed feed;
static bool has_feed;

static void append(size_t size)
{
	void *room;
	int error = weir_feed_reserve(&feed, size, &room);

	if (error < 0)
		fail("weir_feed_reserve", error);
	memset(room, 'w', size);
	weir_feed_commit(&feed, size, NULL);
}

static void send_to_each(size_t size)
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
}

/* A feed offers a message to some of its followers a turn. */
static bool all_have(uint64_t n_bytes)
{
	for (int i = 0; i < N_SUBSCRIBERS; i++) {
		struct weir_progress progress;

		weir_conn_counters(&subscribers[i], &progress);
		if (progress.accepted != n_bytes)
			return false;
	}
	return true;
}

static struct memory publish(struct weir_loop *loop, size_t size)
{
	static uint64_t n_published;

	n_published += size;
	if (has_feed)
		append(size);
	else
		send_to_each(size);
	while (weir_loop_turn(loop, 100000000) > 0 || !all_have(n_published))
		; /* until the kernel takes no more of it */
	return (struct memory){queue_bytes(loop), resident()};
}

static void follow_all(struct weir_loop *loop)
{
	int error = 0;

	weir_feed_init(&feed, loop, NULL, WEIR_FEED_DROP_OLDEST);
	for (int i = 0; i < N_SUBSCRIBERS && error == 0; i++)
		error = weir_feed_follow(&feed, &subscribers[i]);
	if (error < 0)
		fail("weir_feed_follow", error);
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

int main(int argc, char **argv)
{
	struct memory none, first, last;
	struct weir_loop *loop;
	pid_t pid;
	int error = weir_loop_new(&loop);

	if (argc != 2 || error < 0)
		fail("owed feed|shared", error);
	has_feed = strcmp(argv[1], "feed") == 0;
	pid = gather_crowd(loop, &events);
	none = (struct memory){queue_bytes(loop), resident()};
	if (has_feed)
		follow_all(loop);
	last = first = publish(loop, FIRST_SIZE);
	for (int i = 0; i < N_MORE; i++)
		last = publish(loop, MORE_SIZE);
	check_that_all_are_stalled();
	kill(pid, SIGKILL);
	printf("%.1f %.1f %.1f %.1f\n",
	       each(none.n_queue, first.n_queue, FIRST_SIZE, 1),
	       each(none.n_resident, first.n_resident, FIRST_SIZE, 1),
	       each(first.n_queue, last.n_queue, N_MORE * MORE_SIZE, N_MORE),
	       each(first.n_resident, last.n_resident, N_MORE * MORE_SIZE,
		    N_MORE));
	return 0;
}
