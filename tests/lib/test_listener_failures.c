/* Why accepting failed, counted by cause; and what accepted sockets inherit. */
#include <criterion/criterion.h>

#include <errno.h>
#include <netinet/tcp.h>
#include <string.h>
#include <unistd.h>

#include <weir/listener.h>
#include "loop.h"

#include "fault.h"
#include "harness.h"
#include "harness_net.h"

enum {
	MAX_TURNS = 30
};

TestSuite(listener_failures, .init = harness_begin, .fini = harness_end);

static struct weir_loop *loop;
static struct weir_listener listener;
static int notsent_lowat; /* of the last that was accepted */

static void note_and_close(struct weir_listener *l, int fd,
			   const struct weir_address *peer)
{
	socklen_t len = sizeof notsent_lowat;

	(void)l;
	(void)peer;
	getsockopt(fd, IPPROTO_TCP, TCP_NOTSENT_LOWAT, &notsent_lowat, &len);
	close(fd);
}

static void begin(struct weir_address address,
		  const struct weir_listener_options *options)
{
	cr_assert_eq(weir_loop_new(&loop), 0);
	cr_assert_eq(weir_listener_open(&listener, loop, &address, options,
					note_and_close),
		     0);
}

static void end(void)
{
	weir_listener_close(&listener);
	cr_assert_eq(weir_loop_free(loop), 0);
}

static void connect_and_leave(void)
{
	int fd = harness_connect(&listener.address);

	cr_assert_geq(fd, 0);
	close(fd);
}

static const struct {
	int error;
	enum weir_accept_failure failure;
	bool pauses;
} causes[] = {
	{-EMFILE, WEIR_ACCEPT_EMFILE, true},
	{-ENFILE, WEIR_ACCEPT_ENFILE, true},
	{-ENOBUFS, WEIR_ACCEPT_ENOBUFS, true},
	{-ENOMEM, WEIR_ACCEPT_ENOMEM, true},
	{-EINVAL, WEIR_ACCEPT_OTHER, true},
	{-EIO, WEIR_ACCEPT_OTHER, true},
	{-ECONNABORTED, WEIR_ACCEPT_ABORTED, false},
	{-EPROTO, WEIR_ACCEPT_ABORTED, false},
	{-ENETDOWN, WEIR_ACCEPT_NETWORK, false},
	{-ENOPROTOOPT, WEIR_ACCEPT_NETWORK, false},
	{-EHOSTDOWN, WEIR_ACCEPT_NETWORK, false},
	{-ENONET, WEIR_ACCEPT_NETWORK, false},
	{-EHOSTUNREACH, WEIR_ACCEPT_NETWORK, false},
	{-EOPNOTSUPP, WEIR_ACCEPT_NETWORK, false},
	{-ENETUNREACH, WEIR_ACCEPT_NETWORK, false},
	{-EPERM, WEIR_ACCEPT_FIREWALL, false},
};

static uint64_t count_all(void)
{
	uint64_t n = 0;
	int i;

	for (i = 0; i < WEIR_N_ACCEPT_FAILURES; i++)
		n += listener.stats.n_failures[i];
	return n;
}

Test(listener_failures, each_is_counted_under_its_cause)
{
	size_t i;

	for (i = 0; i < sizeof causes / sizeof *causes; i++) {
		begin(harness_unix_name(), NULL);
		cr_assert_eq(count_all(), 0, "a new listener has failed");
		fault_next(FAULT_ACCEPT, causes[i].error);
		connect_and_leave();
		weir_loop_turn(loop, 0);
		cr_expect_eq(listener.stats.n_failures[causes[i].failure], 1,
			     "%s", strerror(-causes[i].error));
		cr_expect_eq(count_all(), 1);
		cr_expect_eq(listener.stats.n_pauses, causes[i].pauses, "%s",
			     strerror(-causes[i].error));
		cr_expect_eq(listener.stats.n_accepted, !causes[i].pauses);
		end();
	}
}

Test(listener_failures, that_nobody_waits_is_none)
{
	struct weir_address peer;

	begin(harness_unix_name(), NULL);
	connect_and_leave();
	weir_loop_turn(loop, 0);
	cr_expect_eq(weir_listener_take(&listener, &peer), -EAGAIN);
	cr_expect_eq(count_all(), 0);
	end();
}

Test(listener_failures, take_counts_them_too)
{
	struct weir_address peer;

	begin(harness_unix_name(), NULL);
	fault_next(FAULT_ACCEPT, -ENFILE);
	cr_expect_eq(weir_listener_take(&listener, &peer), -ENFILE);
	cr_expect_eq(listener.stats.n_failures[WEIR_ACCEPT_ENFILE], 1);
	cr_expect_eq(listener.stats.n_pauses, 0);
	end();
}

Test(listener_failures, every_one_has_the_name_that_is_written_here)
{
	static const char *const names[WEIR_N_ACCEPT_FAILURES] = {
		[WEIR_ACCEPT_EMFILE] = "emfile",
		[WEIR_ACCEPT_ENFILE] = "enfile",
		[WEIR_ACCEPT_ENOBUFS] = "enobufs",
		[WEIR_ACCEPT_ENOMEM] = "enomem",
		[WEIR_ACCEPT_OTHER] = "other",
		[WEIR_ACCEPT_ABORTED] = "aborted",
		[WEIR_ACCEPT_NETWORK] = "network",
		[WEIR_ACCEPT_FIREWALL] = "firewall",
	};
	int i;

	for (i = 0; i < WEIR_N_ACCEPT_FAILURES; i++) {
		cr_assert_not_null(names[i], "this test lacks number %d", i);
		cr_expect_str_eq(
			weir_accept_failure_name((enum weir_accept_failure)i),
			names[i]);
	}
	cr_expect_null(weir_accept_failure_name(WEIR_N_ACCEPT_FAILURES));
	cr_expect_null(weir_accept_failure_name((enum weir_accept_failure)99));
}

/* -- TCP_NOTSENT_LOWAT -- */

static void expect_lowat(int expected)
{
	fault_time_settle(50);
	connect_and_leave();
	harness_turn_until_idle(loop, MAX_TURNS);
	cr_expect_eq(listener.stats.n_accepted, 1);
	cr_expect_eq(notsent_lowat, expected);
	end();
}

Test(listener_failures, accepted_sockets_have_the_lowat_asked_for)
{
	static const struct weir_listener_options options = {.notsent_lowat =
								     12345};

	begin(harness_address("127.0.0.1:0"), &options);
	expect_lowat(12345);
	begin(harness_address("[::1]:0"), &options);
	expect_lowat(12345);
}

/* 0 is "by net.ipv4.tcp_notsent_lowat" (tcp(7)). */
Test(listener_failures, unasked_they_have_none)
{
	begin(harness_address("127.0.0.1:0"), NULL);
	cr_expect_eq(fault_count(FAULT_SETSOCKOPT), 2,
		     "SO_REUSEADDR and TCP_NODELAY alone");
	expect_lowat(0);
}

Test(listener_failures, an_adopted_sockets_children_have_it_too)
{
	static const struct weir_listener_options options = {.notsent_lowat =
								     777};
	struct weir_address address = harness_address("127.0.0.1:0");
	int fd = harness_listen(&address, 5);

	cr_assert_eq(weir_loop_new(&loop), 0);
	cr_assert_eq(weir_listener_adopt(&listener, loop, fd, &options,
					 note_and_close),
		     0);
	expect_lowat(777);
}

Test(listener_failures, a_unix_socket_does_not_ask_for_it)
{
	static const struct weir_listener_options options = {.notsent_lowat =
								     12345};

	begin(harness_unix_name(), &options);
	connect_and_leave();
	weir_loop_turn(loop, 0);
	cr_expect_eq(listener.stats.n_accepted, 1);
	cr_expect_eq(fault_count(FAULT_SETSOCKOPT), 0);
	end();
}
