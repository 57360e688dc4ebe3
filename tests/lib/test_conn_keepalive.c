/* Dead peers: keepalive and TCP_USER_TIMEOUT, and a connection that is paused
 * when the kernel has found out. */
#include <weir/conn.h>

#include <criterion/criterion.h>
#include <errno.h>
#include <limits.h>
#include <linux/filter.h>
#include <netinet/in.h>
#include <netinet/tcp.h>

#include "fault.h"
#include "harness_conn.h"

#define MS     UINT64_C(1000000)
#define SECOND (1000 * MS)

enum {
	MAX_TURNS = 5,
	PATIENCE_MS = 20000,
	/* a test that takes so long hangs */
	PATIENCE_S = 60
};

TestSuite(conn_keepalive, .init = conn_begin, .fini = conn_end,
	  .timeout = PATIENCE_S);

static struct conn_probe p;

static int get_option(int level, int option)
{
	int value = -1;
	socklen_t len = sizeof value;

	cr_assert_eq(
		getsockopt(weir_conn_fd(&p.conn), level, option, &value, &len),
		0);
	return value;
}

/* -- what is asked of the kernel -- */

Test(conn_keepalive, the_kernel_gets_what_is_asked_for_rounded_up)
{
	const struct weir_conn_limits limits = {
		.keepalive_idle_ns = 20 * SECOND + 1,
		.keepalive_interval_ns = 3 * SECOND,
		.keepalive_count = 4,
		.user_timeout_ns = 25 * SECOND + 1};

	cr_assert_eq(conn_probe_open_tcp(&p, 0, &limits), 0);
	cr_expect_eq(get_option(SOL_SOCKET, SO_KEEPALIVE), 1);
	cr_expect_eq(get_option(IPPROTO_TCP, TCP_KEEPIDLE), 21);
	cr_expect_eq(get_option(IPPROTO_TCP, TCP_KEEPINTVL), 3);
	cr_expect_eq(get_option(IPPROTO_TCP, TCP_KEEPCNT), 4);
	cr_expect_eq(get_option(IPPROTO_TCP, TCP_USER_TIMEOUT), 25001);
}

Test(conn_keepalive, unasked_it_costs_no_call)
{
	const struct weir_conn_limits never = {.keepalive_idle_ns = WEIR_NEVER,
					       .user_timeout_ns = WEIR_NEVER};
	const struct weir_conn_limits *table[] = {NULL, &never};

	for (size_t i = 0; i < 2; i++) {
		fault_reset();
		cr_assert_eq(conn_probe_open_tcp(&p, 0, table[i]), 0);
		cr_expect_eq(fault_count(FAULT_SETSOCKOPT), 1, "TCP_NODELAY");
		cr_expect_eq(get_option(SOL_SOCKET, SO_KEEPALIVE), 0);
		weir_conn_pause(&p.conn);
		conn_turns(2);
		cr_expect_eq(p.conn.watch.committed, 0);
		conn_close_all();
	}
}

Test(conn_keepalive, a_unix_socket_takes_no_notice)
{
	const struct weir_conn_limits limits = {.keepalive_idle_ns = SECOND,
						.user_timeout_ns = SECOND};

	cr_assert_eq(conn_probe_open(&p, 0, &limits), 0);
	weir_conn_pause(&p.conn);
	conn_turns(2);
	cr_expect_eq(p.conn.watch.committed, 0);
}

Test(conn_keepalive, what_is_out_of_range_is_refused)
{
	static const struct weir_conn_limits table[] = {
		{.keepalive_idle_ns = 32767 * SECOND + 1},
		{.keepalive_interval_ns = 32767 * SECOND + 1},
		{.keepalive_count = 128},
		{.user_timeout_ns = INT_MAX * MS + 1}};
	static const struct weir_conn_limits most = {
		.keepalive_idle_ns = 32767 * SECOND,
		.keepalive_interval_ns = 32767 * SECOND,
		.keepalive_count = 127,
		.user_timeout_ns = INT_MAX * MS};

	for (size_t i = 0; i < sizeof table / sizeof *table; i++)
		cr_expect_eq(conn_probe_open_tcp(&p, 0, &table[i]), -EINVAL);
	cr_expect_eq(conn_probe_open_tcp(&p, 0, &most), 0);
}

Test(conn_keepalive, a_refusal_of_the_kernel_is_told)
{
	const struct weir_conn_limits limits = {.keepalive_idle_ns = SECOND,
						.keepalive_interval_ns = SECOND,
						.keepalive_count = 1,
						.user_timeout_ns = SECOND};

	/* TCP_NODELAY is the first */
	for (uint64_t i = 2; i <= 6; i++) {
		fault_result(FAULT_SETSOCKOPT, FAULT_ANY_FD, i, -ENOPROTOOPT);
		cr_expect_eq(conn_probe_open_tcp(&p, 0, &limits), -ENOPROTOOPT);
		cr_expect_eq(fault_n_pending(), 0);
	}
	cr_expect_eq(conn_probe_open_tcp(&p, 0, &limits), 0);
}

Test(conn_keepalive, a_change_of_limits_sets_and_takes_back)
{
	const struct weir_conn_limits limits = {.keepalive_idle_ns =
							20 * SECOND,
						.user_timeout_ns = 25 * SECOND};

	cr_assert_eq(conn_probe_open_tcp(&p, 0, NULL), 0);
	cr_assert_eq(weir_conn_set_limits(&p.conn, &limits), 0);
	cr_expect_eq(get_option(SOL_SOCKET, SO_KEEPALIVE), 1);
	cr_expect_eq(get_option(IPPROTO_TCP, TCP_KEEPIDLE), 20);
	cr_expect_eq(get_option(IPPROTO_TCP, TCP_USER_TIMEOUT), 25000);
	weir_conn_pause(&p.conn);
	conn_turns(2);
	cr_expect_neq(p.conn.watch.committed, 0);
	cr_assert_eq(weir_conn_set_limits(&p.conn, NULL), 0);
	conn_turns(2);
	cr_expect_eq(get_option(SOL_SOCKET, SO_KEEPALIVE), 0);
	cr_expect_eq(get_option(IPPROTO_TCP, TCP_USER_TIMEOUT), 0);
	cr_expect_eq(p.conn.watch.committed, 0);
}

Test(conn_keepalive, a_change_leaves_the_users_own_options)
{
	const int on = 1;

	cr_assert_eq(conn_probe_open_tcp(&p, 0, NULL), 0);
	setsockopt(weir_conn_fd(&p.conn), SOL_SOCKET, SO_KEEPALIVE, &on,
		   sizeof on);
	cr_assert_eq(weir_conn_set_limits(&p.conn, NULL), 0);
	cr_expect_eq(get_option(SOL_SOCKET, SO_KEEPALIVE), 1);
}

Test(conn_keepalive, a_change_that_the_kernel_refuses_leaves_the_limits)
{
	const struct weir_conn_limits limits = {
		.max = 600000, .keepalive_idle_ns = 20 * SECOND};

	cr_assert_eq(conn_probe_open_tcp(&p, 0, NULL), 0);
	fault_next(FAULT_SETSOCKOPT, -ENOPROTOOPT);
	cr_assert_eq(weir_conn_set_limits(&p.conn, &limits), -ENOPROTOOPT);
	cr_expect_eq(weir_conn_room(&p.conn), 1048576);
}

/* -- what the kernel finds out -- */

static const struct weir_conn_limits table[] = {
	{.keepalive_idle_ns = 10 * SECOND}, {.user_timeout_ns = 10 * SECOND}};

static void expect_end(enum weir_reason reason, int error)
{
	cr_expect_eq(p.n_of[CONN_CLOSED], 1);
	cr_expect_eq(p.result.reason, reason, "%s",
		     weir_reason_name(p.result.reason));
	cr_expect_eq(p.result.error, error);
}

Test(conn_keepalive, a_paused_one_is_told_of_its_peers_end)
{
	for (size_t i = 0; i < 2; i++) {
		cr_assert_eq(conn_probe_open_tcp(&p, 0, &table[i]), 0);
		conn_probe_write(&p, 100);
		weir_conn_pause(&p.conn);
		harness_turn_until_idle(conn_loop, MAX_TURNS);
		conn_probe_reset(&p);
		harness_turn_until_idle(conn_loop, MAX_TURNS);
		expect_end(WEIR_REASON_RESET, -ECONNRESET);
		conn_close_all();
	}
}

static struct conn_probe before, behind;

static void use_up_the_turn(struct conn_probe *probe, char call)
{
	(void)probe;
	(void)call;
	weir_loop_spend(conn_loop, WEIR_TURN_BYTES);
}

static void drop_what_waits(struct conn_probe *probe, char call)
{
	(void)probe;
	(void)call;
	(void)weir_conn_trim(&p.conn, 0);
}

/* A send would have met the error, which epoll reports once. */
Test(conn_keepalive, a_paused_one_is_told_though_what_it_owed_is_dropped)
{
	before.then = use_up_the_turn;
	behind.then = drop_what_waits;
	cr_assert_eq(conn_probe_open(&before, 0, NULL), 0);
	cr_assert_eq(conn_probe_open(&behind, 0, NULL), 0);
	cr_assert_eq(conn_probe_open_tcp(&p, 0, &table[0]), 0);
	weir_conn_pause(&p.conn);
	conn_turns(2);
	conn_probe_write(&before, 1);
	cr_assert_eq(conn_probe_sendbuf(&p, 1000), 0);
	conn_probe_reset(&p);
	conn_probe_write(&behind, 1);
	harness_turn_until_idle(conn_loop, MAX_TURNS);
	expect_end(WEIR_REASON_RESET, -ECONNRESET);
}

/* From here on the peer's kernel drops what comes, and answers nothing. */
static void unplug_peer(void)
{
	struct sock_filter drop = BPF_STMT(BPF_RET | BPF_K, 0);
	const struct sock_fprog program = {.len = 1, .filter = &drop};

	must(setsockopt(p.peer.fd, SOL_SOCKET, SO_ATTACH_FILTER, &program,
			sizeof program),
	     "setsockopt");
}

/* It is the kernel's clock that runs here, for two seconds at most. */
static void wait_for_the_kernel(void)
{
	fault_time_settle(PATIENCE_MS);
	weir_loop_turn(conn_loop, 1);
	fault_time_settle(0);
	conn_turns(2);
}

Test(conn_keepalive, what_nobody_acknowledges_ends_a_paused_one)
{
	const struct weir_conn_limits limits = {.user_timeout_ns = 1};

	cr_assert_eq(conn_probe_open_tcp(&p, 0, &limits), 0);
	unplug_peer();
	cr_assert_eq(conn_probe_sendall(&p, 100), 0);
	weir_conn_pause(&p.conn);
	conn_turns(2);
	cr_expect_eq(conn_probe_progress(&p).queued, 0, "it owes something");
	wait_for_the_kernel();
	expect_end(WEIR_REASON_ERROR, -ETIMEDOUT);
}

Test(conn_keepalive, a_silent_peer_ends_a_paused_one_that_owes_nothing)
{
	const struct weir_conn_limits limits = {.keepalive_idle_ns = 1,
						.keepalive_interval_ns = 1,
						.keepalive_count = 1};

	cr_assert_eq(conn_probe_open_tcp(&p, 0, &limits), 0);
	unplug_peer();
	weir_conn_pause(&p.conn);
	conn_turns(2);
	wait_for_the_kernel();
	expect_end(WEIR_REASON_ERROR, -ETIMEDOUT);
}

Test(conn_keepalive, a_reading_one_is_told_by_recv)
{
	cr_assert_eq(conn_probe_open_tcp(&p, 0, &table[0]), 0);
	fault_next(FAULT_RECV, -ETIMEDOUT);
	conn_probe_reset(&p);
	harness_turn_until_idle(conn_loop, MAX_TURNS);
	expect_end(WEIR_REASON_ERROR, -ETIMEDOUT);
}

Test(conn_keepalive, both_fins_of_a_paused_one_do_not_spin)
{
	cr_assert_eq(conn_probe_open_tcp(&p, 0, &table[0]), 0);
	conn_probe_write(&p, 100);
	weir_conn_pause(&p.conn);
	weir_conn_shutdown(&p.conn);
	conn_turns(2);
	conn_probe_write_end(&p);
	harness_turn_until_idle(conn_loop, MAX_TURNS);
	cr_expect_str_eq(p.calls, "");
	weir_conn_resume(&p.conn);
	harness_turn_until_idle(conn_loop, MAX_TURNS);
	cr_expect_str_eq(p.calls, "de");
	cr_expect_eq(p.n_taken, 100);
}

Test(conn_keepalive, a_pause_and_its_end_lose_no_input)
{
	cr_assert_eq(conn_probe_open_tcp(&p, 0, &table[0]), 0);
	for (int i = 1; i <= 3; i++) {
		weir_conn_pause(&p.conn);
		conn_turns(2);
		conn_probe_write(&p, 1000);
		harness_turn_until_idle(conn_loop, MAX_TURNS);
		weir_conn_resume(&p.conn);
		harness_turn_until_idle(conn_loop, MAX_TURNS);
		cr_expect_eq(p.n_taken, (uint64_t)i * 1000);
	}
}
