/* The longest turn of a loop: in which kind of work it was. */
#include <weir.h>

#include <criterion/criterion.h>
#include <signal.h>
#include <sys/socket.h>
#include <unistd.h>

#include "fault.h"
#include "harness.h"
#include "harness_net.h"
#include "test_loop.h"

enum {
	MS = 1000000
};

static void start(void)
{
	loop_begin();
	weir_loop_time_turns(loop, true);
}

TestSuite(loop_timing_kinds, .init = start, .fini = loop_end);

static void compute(void)
{
	fault_time_compute(5 * MS);
}

/* The longest turn was one with a single piece of work, of that kind. */
static void expect_longest(enum weir_work kind)
{
	struct weir_loop_stats stats;

	weir_loop_stats(loop, &stats);
	cr_expect_eq(stats.longest_turn_ns, 5 * MS);
	cr_expect_str_eq(weir_work_name(stats.longest_turn_in),
			 weir_work_name(kind));
}

static void on_expire(struct weir_timer *timer)
{
	(void)timer;
	compute();
}

Test(loop_timing_kinds, is_in_a_timer)
{
	struct weir_timer timer = {0};

	weir_timer_arm(&timer, loop, HARNESS_START_NS + 1, on_expire);
	weir_loop_run(loop);
	expect_longest(WEIR_WORK_TIMER);
	cr_expect_eq(loop->timer_watch.kind, WEIR_WORK_TIMER);
}

static void on_signal(struct weir_signal *signal)
{
	compute();
	weir_signal_close(signal);
}

Test(loop_timing_kinds, is_in_a_signal)
{
	struct weir_signal signal = {0};

	cr_assert_eq(weir_signal_open(&signal, loop, SIGUSR1, on_signal), 0);
	raise(SIGUSR1);
	weir_loop_run(loop);
	expect_longest(WEIR_WORK_SIGNAL);
}

static void on_wakeup(struct weir_wakeup *wakeup)
{
	compute();
	weir_wakeup_close(wakeup);
}

Test(loop_timing_kinds, is_in_a_wakeup)
{
	struct weir_wakeup wakeup = {0};

	cr_assert_eq(weir_wakeup_open(&wakeup, loop, on_wakeup), 0);
	weir_wakeup_send(&wakeup);
	weir_loop_run(loop);
	expect_longest(WEIR_WORK_WAKEUP);
}

static void on_accept(struct weir_listener *listener, int fd,
		      const struct weir_address *peer)
{
	(void)peer;
	compute();
	close(fd);
	weir_listener_close(listener);
}

Test(loop_timing_kinds, is_in_a_listener)
{
	struct weir_address address = harness_unix_name();
	struct weir_listener listener = {0};
	int client;

	cr_assert_eq(
		weir_listener_open(&listener, loop, &address, NULL, on_accept),
		0);
	client = harness_connect(&address);
	weir_loop_run(loop);
	expect_longest(WEIR_WORK_LISTENER);
	close(client);
}

static void on_connect(struct weir_connector *connector, int fd)
{
	(void)connector;
	compute();
	close(fd);
}

Test(loop_timing_kinds, is_in_a_connector)
{
	struct weir_address address = harness_address("127.0.0.1:0");
	struct weir_connector connector = {0};
	int server = harness_listen(&address, 5);

	fault_time_settle(50);
	cr_assert_eq(weir_connector_open(&connector, loop, &address, 1, NULL,
					 on_connect),
		     0);
	weir_loop_run(loop);
	expect_longest(WEIR_WORK_CONNECTOR);
	close(server);
}

static void on_datagram(struct weir_dgram *d,
			const struct weir_dgram_received *in)
{
	cr_expect_eq(in->n, in->true_size);
	compute();
	weir_dgram_close(d);
}

static const struct weir_dgram_events dgram_events = {.on_datagram =
							      on_datagram};

Test(loop_timing_kinds, is_in_a_datagram)
{
	struct weir_address address = harness_unix_name();
	struct weir_dgram d = {0};
	int sender = socket(AF_UNIX, SOCK_DGRAM, 0);

	address.type = SOCK_DGRAM;
	cr_assert_eq(weir_dgram_bind(&d, loop, &address, &dgram_events, NULL),
		     0);
	cr_assert_eq(sendto(sender, "!", 1, 0, &address.sa.any, address.len),
		     1);
	weir_loop_run(loop);
	expect_longest(WEIR_WORK_DGRAM);
	close(sender);
}

/* -- connections -- */

static size_t on_data(struct weir_conn *c, const void *data, size_t n)
{
	(void)c;
	(void)data;
	compute();
	return n;
}

static void on_pressure(struct weir_conn *c, bool above)
{
	(void)c;
	(void)above;
	compute();
}

static void on_close(struct weir_conn *c, const struct weir_result *result)
{
	(void)c;
	(void)result;
	compute();
}

static const struct weir_conn_events events = {
	.on_data = on_data, .on_pressure = on_pressure, .on_close = on_close};

static void expect_in_a_turn(enum weir_work kind)
{
	weir_loop_time_turns(loop, true);
	cr_assert_geq(weir_loop_turn(loop, 0), 0);
	expect_longest(kind);
}

Test(loop_timing_kinds, is_in_a_connections_input_its_flush_or_its_close)
{
	static char much[900000];
	struct weir_conn c = {0};
	int fd[2];

	harness_unix_pair(fd, 4608);
	cr_assert_eq(weir_conn_open(&c, loop, fd[0], &events, NULL), 0);
	harness_write(fd[1], "!", 1);
	expect_in_a_turn(WEIR_WORK_CONNECTION);
	cr_assert_eq(weir_conn_sendall(&c, much, sizeof much), 0);
	expect_in_a_turn(WEIR_WORK_FLUSH);
	weir_conn_abort(&c, false);
	expect_in_a_turn(WEIR_WORK_CLOSE);
	close(fd[1]);
}
