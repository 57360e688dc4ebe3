/* The system calls of a connection's life, and what they may not cost. */
#include <criterion/criterion.h>

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

#include <weir/conn.h>
#include <weir/listener.h>

#include "fault.h"
#include "harness.h"
#include "harness_net.h"

enum {
	MAX_TURNS = 30
};

TestSuite(conn_life, .init = harness_begin, .fini = harness_end);

static struct weir_loop *loop;
static struct weir_listener listener;
static struct weir_conn conn;
static struct weir_result result;
static int no_delay;

static size_t echo(struct weir_conn *c, const void *data, size_t n)
{
	return weir_conn_sendall(c, data, n) == 0 ? n : 0;
}

static void note_close(struct weir_conn *c, const struct weir_result *r)
{
	(void)c;
	result = *r;
}

static const struct weir_conn_events events = {.on_data = echo,
					       .on_close = note_close};

static void on_accept(struct weir_listener *l, int fd,
		      const struct weir_address *peer)
{
	socklen_t len = sizeof no_delay;

	(void)peer;
	cr_assert_eq(weir_conn_accept(&conn, l, fd, &events, NULL), 0);
	getsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &no_delay, &len);
}

static void begin(const struct weir_address *address)
{
	fault_time_settle(50);
	cr_assert_eq(weir_loop_new(&loop), 0);
	cr_assert_eq(
		weir_listener_open(&listener, loop, address, NULL, on_accept),
		0);
}

static void end(void)
{
	weir_listener_close(&listener);
	cr_assert_eq(weir_loop_free(loop), 0);
}

/* Connect, have one echo, end in order. */
static void live(void)
{
	char text[4];
	int fd = harness_connect(weir_listener_address(&listener));

	cr_assert_geq(fd, 0);
	harness_turn_until_idle(loop, MAX_TURNS);
	cr_assert_eq(send(fd, "Hey~", 4, 0), 4);
	harness_turn_until_idle(loop, MAX_TURNS);
	cr_assert_eq(recv(fd, text, 4, 0), 4);
	shutdown(fd, SHUT_WR);
	harness_turn_until_idle(loop, MAX_TURNS);
	cr_expect_eq(recv(fd, text, 1, 0), 0);
	close(fd);
	cr_expect_eq(result.reason, WEIR_REASON_FINISHED);
}

Test(conn_life, costs_nine_calls_beside_the_waits)
{
	const struct weir_address address = harness_address("127.0.0.1:0");

	begin(&address);
	live();
	fault_reset();
	live();
	cr_expect_eq(no_delay, 1, "not inherited");
	cr_expect_eq(result.progress.kernel_unacked, 0);
	cr_expect_eq(result.progress.kernel_unsent, 0);
	cr_expect_eq(fault_count(FAULT_ACCEPT), 1);
	cr_expect_eq(fault_count(FAULT_ANY_EPOLL_CTL), 2);
	cr_expect_eq(fault_count(FAULT_UNACKED), 1);
	cr_expect_eq(fault_count(FAULT_SHUTDOWN_WRITE), 1);
	cr_expect_eq(fault_count_kernel() - fault_count(FAULT_EPOLL_WAIT), 9,
		     "accept, epoll_ctl twice, recv twice, send, shutdown, "
		     "SIOCOUTQ, close");
	end();
}

Test(conn_life, an_accepted_unix_socket_is_not_asked_what_it_is)
{
	const struct weir_address address = harness_unix_name();

	begin(&address);
	live();
	cr_expect_eq(fault_count(FAULT_GETSOCKOPT), 0);
	cr_expect_eq(result.progress.kernel_unacked, -1);
	end();
}

Test(conn_life, a_connection_from_an_adopted_listener_gets_its_own_options)
{
	struct weir_address address = harness_address("127.0.0.1:0");
	int fd = harness_listen(&address, 8);

	fault_time_settle(50);
	cr_assert_eq(weir_loop_new(&loop), 0);
	cr_assert_eq(weir_listener_adopt(&listener, loop, fd, NULL, on_accept),
		     0);
	live();
	cr_expect_eq(no_delay, 1);
	end();
}
