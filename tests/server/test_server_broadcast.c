/* weir-server's broadcast: each line to all others, once, whole, in order. */
#include <criterion/criterion.h>

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "harness.h"
#include "harness_net.h"
#include "test_server_broadcast.h"

enum {
	KIB = 1024,
	N_FELLOWS = 8,
	N_LINES = 400
};

TestSuite(server_broadcast, .init = harness_begin, .fini = harness_end,
	  .timeout = AUDIENCE_PATIENCE_S);

static struct audience audience;
static char address[SERVED_ADDRESS_SIZE];

/* With so much room that no line is missed. */
static void start(const char *workers, const char *service)
{
	const char *const arguments[] = {"--high=64M", "--max=256M", workers,
					 service, NULL};

	audience_start(&audience, arguments);
	served_address(&audience.served, "broadcast", address);
}

static void expect_all_heard(void)
{
	audience_hear(&audience);
	for (size_t i = 0; i < audience.n; i++)
		cr_assert(fellow_has_heard_all(&audience.fellows[i]));
}

/* All that the members asked for is heard, and nothing is under way. */
static void settle(void)
{
	for (size_t i = 0; i < audience.n; i++)
		fellow_say(&audience.fellows[i], 1, 100);
	expect_all_heard();
}

static void expect_text(int fd, const char *text)
{
	char back[256];
	size_t n = strlen(text);

	harness_read(fd, back, n);
	cr_assert_arr_eq(back, text, n);
}

/* -- every line, to everybody else, once -- */

static void talk(const char *workers, size_t longest)
{
	start(workers, "broadcast=127.0.0.1:0");
	for (size_t i = 0; i < N_FELLOWS; i++)
		audience_join(&audience, address, 0);
	for (size_t i = 0; i < N_FELLOWS; i++)
		fellow_say(&audience.fellows[i], N_LINES, longest);
	expect_all_heard();
	cr_assert_eq(audience_stop(&audience), 0);
}

Test(server_broadcast, carries_every_line_to_all_others_in_order)
{
	talk("--workers=1", 2000);
}

Test(server_broadcast, carries_every_line_between_two_workers)
{
	talk("--workers=2", 2000);
}

Test(server_broadcast, carries_every_line_between_four_workers)
{
	talk("--workers=4", 2000);
}

/* Three of them fill what is between the workers. */
Test(server_broadcast, carries_lines_of_the_largest_size)
{
	talk("--workers=4", AUDIENCE_LINE);
}

/* A server that checks its queues walks them at every settling, which makes the
 * time grow with the square of their number. */
Test(server_broadcast, carries_very_many_very_short_lines)
{
	enum {
		N_BYTES = 100000
	};
	static char ends[N_BYTES];
	static char back[N_BYTES];
	int speaker;

	start("--workers=3", "broadcast=127.0.0.1:0");
	for (size_t i = 0; i < N_FELLOWS; i++)
		audience_join(&audience, address, 0);
	settle();
	speaker = dial(address, 0);
	memset(ends, '\n', sizeof ends);
	harness_write(speaker, ends, sizeof ends);
	shutdown(speaker, SHUT_WR);
	for (size_t i = 0; i < N_FELLOWS; i++) {
		harness_read(audience.fellows[i].fd, back, sizeof back);
		cr_assert_arr_eq(back, ends, sizeof ends);
	}
	expect_end(speaker);
	close(speaker);
	cr_assert_eq(audience_stop(&audience), 0);
}

Test(server_broadcast, brings_the_families_of_an_address_together)
{
	char second[SERVED_ADDRESS_SIZE];
	char local[SERVED_ADDRESS_SIZE];

	start("--workers=2", "broadcast=:0");
	served_address(&audience.served, "broadcast", second);
	for (size_t i = 0; i < N_FELLOWS; i++) {
		const char *at = i % 2 ? address : second;

		snprintf(local, sizeof local, "%s:%s",
			 strchr(at, '[') ? "[::1]" : "127.0.0.1",
			 strrchr(at, ':') + 1);
		audience_join(&audience, local, 0);
		fellow_say(&audience.fellows[i], N_LINES, 100);
	}
	expect_all_heard();
	cr_assert_eq(audience_stop(&audience), 0);
}

Test(server_broadcast, keeps_two_of_them_apart)
{
	const char *const arguments[] = {"--workers=2", "broadcast=127.0.0.1:0",
					 "broadcast=127.0.0.1:0", NULL};
	static struct audience other;

	audience_start(&audience, arguments);
	served_address(&audience.served, "broadcast", address);
	for (size_t i = 0; i < 4; i++)
		fellow_say(audience_join(&audience, address, 0), N_LINES, 100);
	served_address(&audience.served, "broadcast", address);
	for (size_t i = 0; i < 4; i++)
		fellow_say(audience_join(&other, address, 0), N_LINES, 100);
	audience_speak(&other);
	expect_all_heard();
	audience_hear(&other);
	audience_close(&other);
	cr_assert_eq(audience_stop(&audience), 0);
}

Test(server_broadcast, brings_those_of_one_channel_together)
{
	const char *const arguments[] = {
		"--workers=2", "broadcast=127.0.0.1:0,channel=x",
		"broadcast=127.0.0.1:0,channel=y",
		"broadcast=127.0.0.1:0,slow=drop-newest,channel=x", NULL};
	char other[SERVED_ADDRESS_SIZE];
	char third[SERVED_ADDRESS_SIZE];
	int outsider;

	audience_start(&audience, arguments);
	served_address(&audience.served, "broadcast", address);
	served_address(&audience.served, "broadcast", other);
	served_address(&audience.served, "broadcast", third);
	outsider = dial(other, 0);
	for (size_t i = 0; i < N_FELLOWS; i++) {
		audience_join(&audience, i % 2 ? address : third, 0);
		fellow_say(&audience.fellows[i], N_LINES, 100);
	}
	expect_all_heard();
	shutdown(outsider, SHUT_WR);
	expect_end(outsider);
	close(outsider);
	cr_assert_eq(audience_stop(&audience), 0);
}

Test(server_broadcast, shares_a_unix_socket_among_workers)
{
	struct weir_address path = harness_unix_path("broadcast");
	char service[SERVED_ADDRESS_SIZE + 16];

	snprintf(service, sizeof service, "broadcast=unix:%s",
		 path.sa.un.sun_path);
	start("--workers=3", service);
	for (size_t i = 0; i < N_FELLOWS; i++)
		fellow_say(audience_join(&audience, address, 0), N_LINES, 2000);
	expect_all_heard();
	cr_assert_eq(audience_stop(&audience), 0);
	harness_remove_folder();
}

/* Members that come and go meanwhile change nothing for the others. */
Test(server_broadcast, goes_on_while_others_come_and_go)
{
	start("--workers=2", "broadcast=127.0.0.1:0");
	for (size_t i = 0; i < 4; i++)
		audience_join(&audience, address, 0);
	for (int round = 0; round < 50; round++) {
		int guest = dial(address, 0);

		for (size_t i = 0; i < 4; i++)
			fellow_say(&audience.fellows[i], 10, 500);
		audience_speak(&audience);
		if (round % 2)
			shutdown(guest, SHUT_WR);
		close(guest);
	}
	expect_all_heard();
	cr_assert_eq(audience_stop(&audience), 0);
}

/* Each is heard although the other's lines wait for it to read. */
Test(server_broadcast, lets_two_write_before_they_read)
{
	const char *const arguments[] = {"--workers=1", "--sndbuf=16K",
					 "broadcast=127.0.0.1:0", NULL};

	audience_start(&audience, arguments);
	served_address(&audience.served, "broadcast", address);
	for (size_t i = 0; i < 2; i++) {
		struct fellow *f = audience_join(&audience, address, 16 * KIB);

		f->is_deaf = true;
		fellow_say(f, 10000, 2000);
	}
	audience_speak(&audience);
	for (size_t i = 0; i < 2; i++)
		audience.fellows[i].is_deaf = false;
	audience_hear(&audience);
	cr_assert_eq(audience_stop(&audience), 0);
}

/* -- what is no line -- */

static void join_two(int fds[2])
{
	start("--workers=1", "broadcast=127.0.0.1:0");
	for (size_t i = 0; i < 2; i++)
		audience_join(&audience, address, 0);
	settle();
	for (size_t i = 0; i < 2; i++)
		fds[i] = audience.fellows[i].fd;
}

Test(server_broadcast, lets_a_line_of_64_kib_through_and_none_that_is_longer)
{
	static char line[AUDIENCE_LINE + 1];
	static char back[AUDIENCE_LINE];
	int fds[2];

	join_two(fds);
	memset(line, 'x', sizeof line);
	line[AUDIENCE_LINE - 1] = '\n';
	harness_write(fds[0], line, AUDIENCE_LINE);
	harness_read(fds[1], back, AUDIENCE_LINE);
	cr_assert_arr_eq(line, back, AUDIENCE_LINE);
	line[AUDIENCE_LINE - 1] = 'x';
	line[AUDIENCE_LINE] = '\n';
	harness_write(fds[0], line, AUDIENCE_LINE + 1);
	expect_text(fds[0], "# line too long\n");
	expect_end(fds[0]);
	served_line(&audience.served, ": a line of more than 65536 bytes");
	/* nothing of it came, and the other one is still heard */
	harness_write(fds[1], "lonely\n", 7);
	shutdown(fds[1], SHUT_WR);
	expect_end(fds[1]);
	cr_assert_eq(audience_stop(&audience), 0);
}

Test(server_broadcast, sends_no_tail_without_an_end_of_line)
{
	int fds[2];

	join_two(fds);
	harness_write(fds[0], "whole\ntail", 10);
	shutdown(fds[0], SHUT_WR);
	expect_end(fds[0]);
	served_line(&audience.served,
		    ": 4 bytes without an end of line not sent");
	expect_text(fds[1], "whole\n");
	shutdown(fds[1], SHUT_WR);
	expect_end(fds[1]);
	cr_assert_eq(audience_stop(&audience), 0);
}

/* -- the end -- */

static void stop_after_speech(const char *workers)
{
	start(workers, "broadcast=127.0.0.1:0");
	for (size_t i = 0; i < N_FELLOWS; i++)
		audience_join(&audience, address, 0);
	fellow_say(&audience.fellows[0], 1000, 200);
	audience_speak(&audience);
	kill(audience.served.pid, SIGTERM);
	audience_hear_to_the_end(&audience);
	for (size_t i = 0; i < N_FELLOWS; i++)
		cr_assert(fellow_has_heard_all(&audience.fellows[i]));
	audience_close(&audience);
	cr_assert_eq(served_wait(&audience.served), 0);
	served_forget(&audience.served);
}

Test(server_broadcast, carries_what_was_said_before_it_was_told_to_stop)
{
	stop_after_speech("--workers=1");
}

Test(server_broadcast, carries_it_between_two_workers_too)
{
	stop_after_speech("--workers=2");
}

Test(server_broadcast, carries_it_between_four_workers_too)
{
	stop_after_speech("--workers=4");
}

/* All of it waits in the kernel when the server hears of the signal, and is
 * more than the workers can pass to one another at a time. */
static void stop_in_the_midst(const char *workers)
{
	start(workers, "broadcast=127.0.0.1:0,high=16M");
	for (size_t i = 0; i < AUDIENCE_MAX; i++)
		audience_join(&audience, address, 0);
	served_halt(&audience.served);
	for (size_t i = 0; i < AUDIENCE_MAX; i++)
		fellow_say(&audience.fellows[i], 300, 200);
	audience_speak(&audience);
	kill(audience.served.pid, SIGTERM);
	served_go_on(&audience.served);
	audience_hear_to_the_end(&audience);
	for (size_t i = 0; i < AUDIENCE_MAX; i++)
		cr_assert(fellow_has_heard_all(&audience.fellows[i]));
	audience_close(&audience);
	cr_assert_eq(served_wait(&audience.served), 0);
	served_forget(&audience.served);
}

Test(server_broadcast, carries_what_waits_when_it_is_told_to_stop)
{
	stop_in_the_midst("--workers=1");
}

Test(server_broadcast, carries_what_waits_between_workers)
{
	stop_in_the_midst("--workers=4");
}

/* It may be too much to be passed on while the server stops: then the rest is
 * not read, but what one of them hears all of them hear. */
Test(server_broadcast, carries_a_line_to_all_or_none_when_it_stops)
{
	start("--workers=4", "broadcast=127.0.0.1:0");
	for (size_t i = 0; i < AUDIENCE_MAX; i++)
		audience_join(&audience, address, 0);
	served_halt(&audience.served);
	for (size_t i = 0; i < AUDIENCE_MAX; i++)
		fellow_say(&audience.fellows[i], 1500, 400);
	audience_speak(&audience);
	kill(audience.served.pid, SIGTERM);
	served_go_on(&audience.served);
	audience_hear_to_the_end(&audience);
	for (size_t i = 0; i < AUDIENCE_MAX; i++) {
		const struct fellow *first = &audience.fellows[i == 0];

		for (size_t k = 0; k < AUDIENCE_MAX; k++)
			if (k != i)
				cr_assert_eq(audience.fellows[k].n_heard[i],
					     first->n_heard[i]);
	}
	audience_close(&audience);
	(void)served_wait(&audience.served);
	served_forget(&audience.served);
}
