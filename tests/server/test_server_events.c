/* weir-server's events: who subscribes sees each line once, in order, with its
 * number, or is told how many are gone. */
#include <criterion/criterion.h>

#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "harness.h"
#include "test_server_events.h"

enum {
	KIB = 1024,
	N_VIEWERS = 8,
	N_LINES = 400
};

TestSuite(server_events, .init = harness_begin, .fini = harness_end,
	  .timeout = EVENTS_PATIENCE_S);

static struct served served;
static struct viewer viewers[N_VIEWERS];
static struct event event;
static char address[SERVED_ADDRESS_SIZE];

static void start(const char *workers, const char *service)
{
	served_start(&served, workers, service, NULL);
	served_address(&served, "events", address);
}

static void open_all(void)
{
	for (size_t i = 0; i < N_VIEWERS; i++)
		viewer_open(&viewers[i], address, 0);
}

static void close_all(void)
{
	for (size_t i = 0; i < N_VIEWERS; i++)
		viewer_close(&viewers[i]);
}

static void stop(void)
{
	close_all();
	cr_assert_eq(served_stop(&served), 0);
}

static void expect_missed(struct viewer *viewer, const char *data)
{
	cr_assert(viewer_next(viewer, &event));
	cr_assert_str_eq(event.type, "missed");
	cr_assert_str_eq(event.data, data);
}

/* -- lines -- */

static void carry_lines(const char *workers)
{
	start(workers, "events=127.0.0.1:0,high=64M,max=256M");
	open_all();
	events_post_lines(address, 1, N_LINES, 100);
	events_post_lines(address, N_LINES + 1, N_LINES, 2000);
	for (size_t i = 0; i < N_VIEWERS; i++)
		viewer_expect(&viewers[i], 1, 2 * (uint64_t)N_LINES);
	stop();
}

Test(server_events, carries_every_line_to_all_with_its_number)
{
	carry_lines("--workers=1");
}

Test(server_events, carries_every_line_between_four_workers)
{
	carry_lines("--workers=4");
}

static void *post_some(void *arg)
{
	char line[32];

	for (int i = 0; i < N_LINES; i++) {
		snprintf(line, sizeof line, "%s %d\n", (char *)arg, i);
		if (events_post(address, line) != 204)
			harness_die("a line is refused");
	}
	return NULL;
}

/* Lines of several publishers, at several workers at a time. */
Test(server_events, gives_a_line_the_same_number_at_every_worker)
{
	static char names[4][8] = {"a", "b", "c", "d"};
	static char first[4 * N_LINES][32];
	pthread_t threads[4];

	start("--workers=4", "events=127.0.0.1:0,high=64M,max=256M");
	open_all();
	for (size_t i = 0; i < 4; i++)
		pthread_create(&threads[i], NULL, post_some, names[i]);
	for (size_t i = 0; i < 4; i++)
		pthread_join(threads[i], NULL);
	for (size_t i = 0; i < N_VIEWERS; i++)
		for (uint64_t k = 0; k < 4 * (uint64_t)N_LINES; k++) {
			cr_assert(viewer_next(&viewers[i], &event));
			cr_assert_eq(event.n, k + 1);
			if (i == 0)
				strcpy(first[k], event.data);
			cr_assert_str_eq(event.data, first[k]);
		}
	stop();
}

/* Far more than all that is between two workers holds: the POST waits. */
Test(server_events, holds_what_is_posted_while_there_is_no_room)
{
	start("--workers=4", "events=127.0.0.1:0,high=64M,max=256M");
	open_all();
	events_post_lines(address, 1, 4000, 5000);
	for (size_t i = 0; i < N_VIEWERS; i++)
		viewer_expect(&viewers[i], 1, 4000);
	stop();
}

Test(server_events, shares_a_channel_with_broadcast)
{
	char broadcast[SERVED_ADDRESS_SIZE];
	char back[32];
	int fd;

	served_start(&served, "--workers=2", "events=127.0.0.1:0,channel=x",
		     "broadcast=127.0.0.1:0,channel=x", NULL);
	served_address(&served, "events", address);
	served_address(&served, "broadcast", broadcast);
	fd = dial(broadcast, 0);
	harness_write(fd, "from TCP\r\n", 10);
	viewer_open(&viewers[0], address, 0);
	strcpy(viewers[1].id, "0-0");
	viewer_open(&viewers[1], address, 0);
	expect_missed(&viewers[1], "unknown");
	cr_assert(viewer_next(&viewers[1], &event));
	cr_assert_str_eq(event.data, "from TCP");
	cr_assert_eq(events_post(address, "from HTTP"), 204);
	harness_read(fd, back, 10);
	cr_assert_arr_eq(back, "from HTTP\n", 10);
	cr_assert(viewer_next(&viewers[1], &event));
	cr_assert_str_eq(event.data, "from HTTP");
	cr_assert_eq(event.n, 2);
	close(fd);
	stop();
}

/* -- those that come back -- */

Test(server_events, replays_what_came_while_one_was_away)
{
	start("--workers=2", "events=127.0.0.1:0");
	viewer_open(&viewers[0], address, 0);
	events_post_lines(address, 1, 10, 10);
	viewer_expect(&viewers[0], 1, 5);
	viewer_close(&viewers[0]);
	events_post_lines(address, 11, 10, 10);
	/* at whichever worker */
	for (size_t i = 1; i < N_VIEWERS; i++) {
		strcpy(viewers[i].id, viewers[0].id);
		viewer_open(&viewers[i], address, 0);
	}
	events_post_lines(address, 21, 10, 10);
	for (size_t i = 1; i < N_VIEWERS; i++)
		viewer_expect(&viewers[i], 6, 25);
	stop();
}

static void *post_lines_slowly(void *arg)
{
	(void)arg;
	for (uint64_t k = 1; k <= 50 * N_LINES; k += 50)
		events_post_lines(address, k, 50, 100);
	return NULL;
}

/* Wherever it arrives it sees each line once, while others publish. */
Test(server_events, loses_and_repeats_nothing_however_often_one_comes_back)
{
	uint64_t k = 1;
	pthread_t thread;

	start("--workers=4", "events=127.0.0.1:0,high=64M,max=256M");
	viewer_open(&viewers[0], address, 0);
	pthread_create(&thread, NULL, post_lines_slowly, NULL);
	while (k <= 50 * N_LINES) {
		uint64_t n = 1 + harness_random_below(100);
		uint64_t n_left = 50 * N_LINES + 1 - k;

		n = n < n_left ? n : n_left;
		viewer_expect(&viewers[0], k, n);
		k += n;
		viewer_close(&viewers[0]);
		viewer_open(&viewers[0], address, 0);
	}
	pthread_join(thread, NULL);
	stop();
}

Test(server_events, tells_how_many_are_gone)
{
	uint64_t n;

	start("--workers=2", "events=127.0.0.1:0,replay=100K");
	viewer_open(&viewers[0], address, 0);
	events_post_lines(address, 1, 3, 10);
	viewer_expect(&viewers[0], 1, 3);
	viewer_close(&viewers[0]);
	events_post_lines(address, 4, 2000, 100);
	viewer_open(&viewers[0], address, 0);
	cr_assert(viewer_next(&viewers[0], &event));
	cr_assert_str_eq(event.type, "missed");
	n = strtoull(event.data, NULL, 10);
	cr_assert_gt(n, 1000);
	cr_assert_lt(n, 1500);
	viewer_expect(&viewers[0], 4 + n, 2000 - n);
	stop();
}

Test(server_events, tells_that_it_does_not_know_what_another_server_sent)
{
	start("--workers=1", "events=127.0.0.1:0");
	events_post_lines(address, 1, 3, 10);
	strcpy(viewers[0].id, "1-2");
	viewer_open(&viewers[0], address, 0);
	expect_missed(&viewers[0], "unknown");
	viewer_expect(&viewers[0], 1, 3);
	stop();
}

/* -- those that are slow -- */

/* Told where they are missing, and how many. */
static void read_past_gaps(struct viewer *viewer, uint64_t n_lines)
{
	uint64_t k = 1;
	uint64_t n_all = 0;

	while (k <= n_lines) {
		cr_assert(viewer_next(viewer, &event));
		if (strcmp(event.type, "missed") == 0) {
			uint64_t n = strtoull(event.data, NULL, 10);

			k += n;
			n_all += n;
		} else {
			cr_assert_eq(event.n, k++);
		}
	}
	cr_assert_eq(k, n_lines + 1);
	cr_assert_gt(n_all, n_lines / 2);
}

/* Lines until one that reads nothing must have missed most of them; another
 * reads all. */
static void pass_by(const char *policy)
{
	char service[128];

	snprintf(service, sizeof service,
		 "events=127.0.0.1:0,sndbuf=16K,high=64K,max=256K,slow=%s",
		 policy);
	start("--workers=2", service);
	viewer_open(&viewers[0], address, 4 * KIB);
	viewer_open(&viewers[1], address, 0);
	for (uint64_t k = 0; k < 100; k++) {
		events_post_lines(address, 1 + 20 * k, 20, 2000);
		viewer_expect(&viewers[1], 1 + 20 * k, 20);
	}
}

Test(server_events, tells_the_slow_where_the_oldest_are_missing)
{
	pass_by("drop-oldest");
	read_past_gaps(&viewers[0], 2000);
	served_line(&served, ": no room: its oldest lines are dropped");
	stop();
}

Test(server_events, tells_the_slow_where_the_newest_are_missing)
{
	pass_by("drop-newest");
	/* the last ones are not told before a line that follows */
	viewers[0].id[0] = '\0';
	read_past_gaps(&viewers[0], 2000);
	stop();
}

Test(server_events, disconnects_the_slow_and_replays_to_them)
{
	pass_by("disconnect");
	served_line(&served, ": no room: it is disconnected");
	viewer_close(&viewers[0]);
	viewer_close(&viewers[1]);
	events_post_lines(address, 2001, 1, 100);
	viewer_open(&viewers[1], address, 0);
	viewer_expect(&viewers[1], 2001, 1);
	stop();
}

/* -- silence and the end -- */

Test(server_events, sends_a_comment_when_nothing_else_comes)
{
	start("--workers=1", "events=127.0.0.1:0,heartbeat=100ms");
	open_all();
	for (size_t i = 0; i < N_VIEWERS; i++)
		for (int k = 0; k < 3; k++)
			cr_assert_str_eq(viewer_read(&viewers[i], "\n\n"), ":");
	events_post_lines(address, 1, 1, 10);
	viewer_expect(&viewers[0], 1, 1);
	stop();
}

static void stop_with(const char *workers)
{
	start(workers, "events=127.0.0.1:0,high=64M,max=256M");
	open_all();
	events_post_lines(address, 1, N_LINES, 1000);
	kill(served.pid, SIGTERM);
	for (size_t i = 0; i < N_VIEWERS; i++) {
		viewer_expect(&viewers[i], 1, N_LINES);
		cr_assert_not(viewer_next(&viewers[i], &event));
	}
	close_all();
	cr_assert_eq(served_end(&served), 0);
}

Test(server_events, ends_each_stream_with_all_that_was_published)
{
	stop_with("--workers=1");
}

Test(server_events, ends_each_stream_of_four_workers)
{
	stop_with("--workers=4");
}
