/* Listeners that pause: by their owner's word, by themselves, for ever. */
#include <criterion/criterion.h>

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <weir/listener.h>
#include "loop.h"

#include "fault.h"
#include "harness.h"
#include "harness_net.h"

enum {
	MAX_TURNS = 30,
	N_CLIENTS = 5,
	/* what one turn accepts at most */
	BUDGET = 64,
	SETTLE_MS = 50,
	RETRY_NS = 100000000
};

TestSuite(listener_pause, .init = harness_begin, .fini = harness_end);

static struct {
	struct weir_loop *loop;
	struct weir_listener listener;
	unsigned n_accepted;
	unsigned n_pauses;
	int error; /* of the last pause */
	/* what is done with each that is accepted, and at a pause */
	void (*then)(struct weir_listener *listener);
	void (*at_pause)(struct weir_listener *listener);
	int clients[N_CLIENTS];
} s;

static void on_accept(struct weir_listener *listener, int fd,
		      const struct weir_address *peer)
{
	(void)peer;
	close(fd);
	s.n_accepted++;
	if (s.then)
		s.then(listener);
}

static void on_pause(struct weir_listener *listener, int error)
{
	s.n_pauses++;
	s.error = error;
	if (s.at_pause)
		s.at_pause(listener);
}

static void begin_on(struct weir_address address)
{
	const struct weir_listener_options options = {.on_pause = on_pause};

	memset(&s, 0, sizeof s);
	cr_assert_eq(weir_loop_new(&s.loop), 0);
	cr_assert_eq(weir_listener_open(&s.listener, s.loop, &address, &options,
					on_accept),
		     0);
	for (int i = 0; i < N_CLIENTS; i++)
		s.clients[i] = -1;
}

static void begin(void)
{
	begin_on(harness_unix_name());
}

static void end(void)
{
	weir_listener_close(&s.listener);
	for (int i = 0; i < N_CLIENTS; i++)
		if (s.clients[i] >= 0)
			close(s.clients[i]);
	cr_assert_eq(weir_loop_free(s.loop), 0);
}

static void connect_all(void)
{
	for (int i = 0; i < N_CLIENTS; i++) {
		s.clients[i] = harness_connect(&s.listener.address);
		cr_assert_geq(s.clients[i], 0);
	}
}

static void turn_until(uint64_t time_ns)
{
	while (fault_time_now() < time_ns)
		weir_loop_turn(s.loop, (int64_t)(time_ns - fault_time_now()));
}

/* -- by the owner -- */

Test(listener_pause, while_it_is_paused_clients_wait)
{
	begin();
	weir_listener_pause(&s.listener);
	weir_listener_pause(&s.listener);
	connect_all();
	cr_expect_leq(harness_turn_until_idle(s.loop, MAX_TURNS), 2);
	turn_until(HARNESS_START_NS + 10 * RETRY_NS);
	cr_expect_eq(s.n_accepted, 0);
	cr_expect_eq(s.listener.stats.n_pauses, 0, "it is not its own");
	weir_listener_resume(&s.listener);
	harness_turn_until_idle(s.loop, MAX_TURNS);
	cr_expect_eq(s.n_accepted, N_CLIENTS);
	cr_expect_eq(s.n_pauses, 0);
	end();
}

Test(listener_pause, inside_it_accepts_no_more)
{
	begin();
	s.then = weir_listener_pause;
	connect_all();
	harness_turn_until_idle(s.loop, MAX_TURNS);
	cr_expect_eq(s.n_accepted, 1);
	weir_listener_resume(&s.listener);
	harness_turn_until_idle(s.loop, MAX_TURNS);
	cr_expect_eq(s.n_accepted, 2);
	end();
}

static void pause_and_resume(struct weir_listener *listener)
{
	weir_listener_pause(listener);
	weir_listener_resume(listener);
}

Test(listener_pause, resumed_at_once_it_has_never_paused)
{
	begin();
	s.then = pause_and_resume;
	connect_all();
	harness_turn_until_idle(s.loop, MAX_TURNS);
	cr_expect_eq(s.n_accepted, N_CLIENTS);
	cr_expect_eq(fault_count(FAULT_EPOLL_DEL), 0);
	weir_listener_resume(&s.listener);
	cr_expect_eq(fault_count(FAULT_ANY_EPOLL_CTL), 2,
		     "the timerfd and the listener");
	end();
}

static void pause_the_other(struct weir_listener *listener, int fd,
			    const struct weir_address *peer)
{
	(void)peer;
	close(fd);
	weir_listener_close(listener);
	weir_listener_pause(&s.listener);
}

Test(listener_pause, an_event_that_came_before_the_pause_counts_no_more)
{
	struct weir_address address = harness_address("unix:@weir-test-first");
	struct weir_listener first = {0};
	int fd;

	memset(&s, 0, sizeof s);
	cr_assert_eq(weir_loop_new(&s.loop), 0);
	cr_assert_eq(weir_listener_open(&first, s.loop, &address, NULL,
					pause_the_other),
		     0);
	fd = harness_connect(&address);
	address = harness_unix_name();
	cr_assert_eq(weir_listener_open(&s.listener, s.loop, &address, NULL,
					on_accept),
		     0);
	connect_all();
	harness_turn_until_idle(s.loop, MAX_TURNS);
	cr_expect_eq(s.n_accepted, 0);
	close(fd);
	end();
}

Test(listener_pause, a_closed_one_takes_no_notice)
{
	begin();
	weir_listener_close(&s.listener);
	weir_listener_pause(&s.listener);
	weir_listener_resume(&s.listener);
	cr_expect_eq(weir_loop_run(s.loop), 0);
	end();
}

Test(listener_pause, its_own_pause_does_not_end_the_owners)
{
	begin();
	fault_next(FAULT_ACCEPT, -EMFILE);
	connect_all();
	weir_loop_turn(s.loop, 0);
	weir_listener_pause(&s.listener);
	turn_until(HARNESS_START_NS + 3 * RETRY_NS);
	cr_expect_eq(s.n_accepted, 0);
	weir_listener_resume(&s.listener);
	harness_turn_until_idle(s.loop, MAX_TURNS);
	cr_expect_eq(s.n_accepted, N_CLIENTS);
	end();
}

Test(listener_pause, paused_at_its_own_pause_it_is_not_tried_again)
{
	begin();
	s.at_pause = weir_listener_pause;
	fault_next(FAULT_ACCEPT, -EMFILE);
	connect_all();
	turn_until(HARNESS_START_NS + 3 * RETRY_NS);
	cr_expect_eq(fault_count(FAULT_ACCEPT), 1);
	weir_listener_resume(&s.listener);
	harness_turn_until_idle(s.loop, MAX_TURNS);
	cr_expect_eq(s.n_accepted, N_CLIENTS);
	end();
}

Test(listener_pause, a_resume_that_the_kernel_refuses_is_made_good)
{
	begin();
	weir_listener_pause(&s.listener);
	connect_all();
	weir_loop_turn(s.loop, 0);
	fault_next(FAULT_EPOLL_ADD, -ENOMEM);
	weir_listener_resume(&s.listener);
	cr_expect_eq(s.n_pauses, 0, "it called from outside the loop");
	turn_until(HARNESS_START_NS + RETRY_NS);
	harness_turn_until_idle(s.loop, MAX_TURNS);
	cr_expect_eq(s.n_accepted, N_CLIENTS);
	end();
}

/* -- by itself -- */

Test(listener_pause, its_own_pause_is_told_once_until_it_accepts_again)
{
	begin();
	fault_result(FAULT_ACCEPT, FAULT_ANY_FD, FAULT_ALWAYS, -EMFILE);
	connect_all();
	turn_until(HARNESS_START_NS + 10 * RETRY_NS);
	cr_expect_eq(s.n_pauses, 1);
	cr_expect_eq(s.error, -EMFILE);
	cr_expect_geq(s.listener.stats.n_pauses, 9);
	fault_clear();
	turn_until(HARNESS_START_NS + 12 * RETRY_NS);
	cr_expect_eq(s.n_accepted, N_CLIENTS);
	fault_next(FAULT_ACCEPT, -ENFILE);
	close(harness_connect(&s.listener.address));
	weir_loop_turn(s.loop, 0);
	cr_expect_eq(s.n_pauses, 2);
	cr_expect_eq(s.error, -ENFILE);
	end();
}

Test(listener_pause, closed_inside_the_telling_it_is_closed)
{
	begin();
	s.at_pause = weir_listener_close;
	fault_next(FAULT_ACCEPT, -EMFILE);
	connect_all();
	cr_expect_eq(weir_loop_run(s.loop), 0);
	cr_expect_eq(s.n_pauses, 1);
	end();
}

/* -- for ever -- */

static void expect_one_report_of_the_end(void)
{
	uint64_t n_turns;

	must(shutdown(weir_listener_fd(&s.listener), SHUT_RDWR), "shutdown");
	harness_turn_until_idle(s.loop, MAX_TURNS);
	cr_expect_eq(s.n_pauses, 1);
	cr_expect_eq(s.error, -EINVAL);
	n_turns = s.loop->n_turns;
	turn_until(fault_time_now() + 10 * RETRY_NS);
	cr_expect_eq(s.loop->n_turns, n_turns + 1);
	cr_expect_eq(fault_count(FAULT_ACCEPT), 1, "it is tried again");
	cr_expect_eq(s.n_pauses, 1);
	end();
}

Test(listener_pause, after_a_shutdown_of_its_socket_it_says_so_and_rests)
{
	begin();
	expect_one_report_of_the_end();
	fault_reset();
	fault_time_settle(SETTLE_MS);
	begin_on(harness_address("127.0.0.1:0"));
	expect_one_report_of_the_end();
}

/* Then epoll reports it readable, accept(2) has nothing, and neither says why
 * (measured on Linux 6.18). */
Test(listener_pause, a_unix_socket_shut_down_for_reading_does_not_spin)
{
	begin();
	must(shutdown(weir_listener_fd(&s.listener), SHUT_RD), "shutdown");
	turn_until(HARNESS_START_NS + 3 * RETRY_NS);
	cr_expect_leq(s.loop->n_turns, 4 * (BUDGET + 1));
	cr_expect_eq(s.n_pauses, 1);
	cr_expect_eq(s.error, -EAGAIN);
	end();
}

/* What was in the backlog at the shutdown is refused with it. */
Test(listener_pause, after_a_shutdown_it_may_be_closed_inside)
{
	begin();
	s.at_pause = weir_listener_close;
	connect_all();
	must(shutdown(weir_listener_fd(&s.listener), SHUT_RDWR), "shutdown");
	cr_expect_eq(weir_loop_run(s.loop), 0);
	cr_expect_eq(s.n_pauses, 1);
	end();
}

/* -- options -- */

Test(listener_pause, options_out_of_range_are_refused_and_change_nothing)
{
	static const struct weir_listener_options table[] = {
		{.backlog = -1},
		{.notsent_lowat = -1},
		{.sndbuf = -1},
		{.rcvbuf = -1}};
	struct weir_address address = harness_address("127.0.0.1:0");
	struct weir_listener listener = {0};
	int fd = harness_listen(&address, 1);

	begin();
	for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
		cr_expect_eq(weir_listener_open(&listener, s.loop, &address,
						&table[i], on_accept),
			     -EINVAL);
		cr_expect_eq(weir_listener_adopt(&listener, s.loop, fd,
						 &table[i], on_accept),
			     -EINVAL);
		cr_expect_not(weir_listener_is_open(&listener));
	}
	close(fd);
	end();
}
