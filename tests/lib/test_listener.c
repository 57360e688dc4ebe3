#include <criterion/criterion.h>

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <weir/listener.h>
#include "loop.h"

#include "fault.h"
#include "harness.h"
#include "harness_net.h"

enum {
	MAX_TURNS = 30,
	/* what one turn accepts at most */
	BUDGET = 64,
	RETRY_NS = 100000000
};

TestSuite(listener, .init = harness_begin, .fini = harness_end);

struct server {
	struct weir_loop *loop;
	struct weir_listener listener;
	unsigned n_accepted;
	struct weir_address peer; /* the last one's */
	int flags;		  /* and its descriptor's */
	int fd_flags;
	int sndbuf;
	int rcvbuf;
};

static int get_option(int fd, int option)
{
	int value = -1;
	socklen_t len = sizeof value;

	getsockopt(fd, SOL_SOCKET, option, &value, &len);
	return value;
}

static void note_and_close(struct weir_listener *listener, int fd,
			   const struct weir_address *peer)
{
	struct server *s = weir_container_of(listener, struct server, listener);

	s->n_accepted++;
	s->peer = *peer;
	s->flags = fcntl(fd, F_GETFL);
	s->fd_flags = fcntl(fd, F_GETFD);
	s->sndbuf = get_option(fd, SO_SNDBUF);
	s->rcvbuf = get_option(fd, SO_RCVBUF);
	close(fd);
}

static int try_open(struct server *s, const struct weir_address *address,
		    const struct weir_listener_options *options)
{
	return weir_listener_open(&s->listener, s->loop, address, options,
				  note_and_close);
}

static void begin(struct server *s)
{
	memset(s, 0, sizeof *s);
	cr_assert_eq(weir_loop_new(&s->loop), 0);
}

/* A listener on a Unix name: there a connect is complete on return. */
static void begin_on_unix(struct server *s)
{
	struct weir_address address = harness_unix_name();

	begin(s);
	cr_assert_eq(try_open(s, &address, NULL), 0);
}

static void end(struct server *s)
{
	weir_listener_close(&s->listener);
	cr_assert_eq(weir_loop_free(s->loop), 0);
}

static void connect_and_leave(const struct server *s, int n)
{
	int i;

	for (i = 0; i < n; i++) {
		int fd = harness_connect(&s->listener.address);

		cr_assert_geq(fd, 0);
		close(fd);
	}
}

static void turn_until(struct server *s, uint64_t time_ns)
{
	while (fault_time_now() < time_ns)
		weir_loop_turn(s->loop, (int64_t)(time_ns - fault_time_now()));
}

static void expect_one_client(const char *typed)
{
	struct weir_address address = harness_address(typed);
	struct weir_address name = {.type = SOCK_STREAM, .len = sizeof name.sa};
	char expected[WEIR_ADDRESS_TEXT_SIZE];
	char found[WEIR_ADDRESS_TEXT_SIZE];
	struct server s;
	int fd;

	fault_time_settle(50);
	begin(&s);
	cr_assert_eq(try_open(&s, &address, NULL), 0);
	cr_expect_neq(s.listener.address.sa.in.sin_port, 0);
	fd = harness_connect(&s.listener.address);
	cr_assert_geq(fd, 0);
	harness_turn_until_idle(s.loop, MAX_TURNS);
	cr_expect_eq(s.n_accepted, 1);
	cr_expect_eq(s.listener.stats.n_accepted, 1);
	cr_expect(s.flags & O_NONBLOCK);
	cr_expect(s.fd_flags & FD_CLOEXEC);
	getsockname(fd, &name.sa.any, &name.len);
	weir_address_format(&name, expected, sizeof expected);
	weir_address_format(&s.peer, found, sizeof found);
	cr_expect_str_eq(found, expected);
	close(fd);
	end(&s);
	cr_expect_eq(fault_count(FAULT_LSTAT), 0, "it has no file");
}

Test(listener, accepts_over_ipv4)
{
	expect_one_client("127.0.0.1:0");
}

Test(listener, accepts_over_ipv6)
{
	expect_one_client("[::1]:0");
}

Test(listener, accepts_over_a_unix_name)
{
	struct server s;

	begin_on_unix(&s);
	connect_and_leave(&s, 3);
	harness_turn_until_idle(s.loop, MAX_TURNS);
	cr_expect_eq(s.n_accepted, 3);
	cr_expect_eq(s.peer.sa.any.sa_family, AF_UNIX);
	cr_expect_eq(s.peer.len, sizeof s.peer.sa.any.sa_family);
	end(&s);
}

/* The port that the kernel chooses for IPv6 may be somebody else's on IPv4, so
 * a few are tried. */
Test(listener, ipv6_and_ipv4_share_a_port)
{
	struct weir_address v6 = harness_address("[::]:0");
	struct weir_address v4 = harness_address("0.0.0.0:0");
	struct server a;
	struct server b;
	unsigned n_tries = 0;
	int error;

	begin(&a);
	begin(&b);
	do {
		weir_listener_close(&a.listener);
		cr_assert_eq(try_open(&a, &v6, NULL), 0);
		v4.sa.in.sin_port = a.listener.address.sa.in6.sin6_port;
		error = try_open(&b, &v4, NULL);
	} while (error == -EADDRINUSE && ++n_tries < 20);
	cr_expect_eq(error, 0);
	end(&a);
	end(&b);
}

Test(listener, a_port_is_shared_only_if_all_want_it)
{
	static const struct weir_listener_options shared = {.reuseport = true};
	struct weir_address address = harness_address("127.0.0.1:0");
	struct server a;
	struct server b;

	begin(&a);
	begin(&b);
	cr_assert_eq(try_open(&a, &address, &shared), 0);
	cr_expect_eq(try_open(&b, &a.listener.address, NULL), -EADDRINUSE);
	cr_expect_null(b.listener.watch.loop);
	cr_expect_eq(try_open(&b, &a.listener.address, &shared), 0);
	end(&a);
	end(&b);
}

Test(listener, tcp_connections_get_the_buffers_asked_for)
{
	static const struct weir_listener_options small = {.sndbuf = 8192,
							   .rcvbuf = 4096};
	struct weir_address address = harness_address("127.0.0.1:0");
	struct server s;

	fault_time_settle(50);
	begin(&s);
	cr_assert_eq(try_open(&s, &address, &small), 0);
	connect_and_leave(&s, 1);
	harness_turn_until_idle(s.loop, MAX_TURNS);
	/* socket(7): the kernel doubles both */
	cr_expect_eq(s.sndbuf, 2 * small.sndbuf);
	cr_expect_eq(s.rcvbuf, 2 * small.rcvbuf);
	end(&s);
}

Test(listener, unix_connections_get_the_send_buffer_asked_for)
{
	static const struct weir_listener_options small = {.sndbuf = 8192};
	struct weir_address address = harness_unix_name();
	struct weir_address peer;
	struct server s;
	int fd;

	begin(&s);
	cr_assert_eq(try_open(&s, &address, &small), 0);
	connect_and_leave(&s, 2);
	fd = weir_listener_take(&s.listener, &peer);
	cr_expect_eq(get_option(fd, SO_SNDBUF), 2 * small.sndbuf);
	close(fd);
	harness_turn_until_idle(s.loop, MAX_TURNS);
	cr_expect_eq(s.sndbuf, 2 * small.sndbuf);
	end(&s);
}

Test(listener, the_backlog_lets_one_more_in)
{
	static const struct weir_listener_options options = {.backlog = 2};
	struct weir_address address = harness_unix_name();
	struct server s;

	begin(&s);
	cr_assert_eq(try_open(&s, &address, &options), 0);
	connect_and_leave(&s, 3);
	cr_expect_eq(harness_connect(&address), -EAGAIN);
	end(&s);
	begin(&s);
	cr_assert_eq(try_open(&s, &address, NULL), 0);
	connect_and_leave(&s, 512);
	cr_expect_eq(harness_connect(&address), -EAGAIN);
	end(&s);
}

Test(listener, a_turn_accepts_no_more_than_its_budget)
{
	struct server s;

	begin_on_unix(&s);
	connect_and_leave(&s, 2 * BUDGET + 1);
	weir_loop_turn(s.loop, 0);
	cr_expect_eq(s.n_accepted, BUDGET);
	weir_loop_turn(s.loop, 0);
	cr_expect_eq(s.n_accepted, 2 * BUDGET);
	weir_loop_turn(s.loop, 0);
	cr_expect_eq(s.n_accepted, 2 * BUDGET + 1);
	cr_expect_eq(s.listener.stats.n_pauses, 0);
	end(&s);
}

Test(listener, those_who_are_gone_are_skipped)
{
	static const int errors[] = {
		-ECONNABORTED, -EPROTO,	     -EPERM,  -ENETDOWN,
		-ENOPROTOOPT,  -EHOSTDOWN,   -ENONET, -EHOSTUNREACH,
		-EOPNOTSUPP,   -ENETUNREACH,
	};
	const size_t n = sizeof errors / sizeof *errors;
	struct server s;
	size_t i;

	begin_on_unix(&s);
	for (i = 0; i < n; i++)
		fault_result(FAULT_ACCEPT, FAULT_ANY_FD, i + 1, errors[i]);
	connect_and_leave(&s, 1);
	weir_loop_turn(s.loop, 0);
	cr_expect_eq(s.n_accepted, 1, "not in the same turn");
	cr_expect_eq(s.listener.stats.n_accepted, 1);
	cr_expect_eq(s.listener.stats.n_failures[WEIR_ACCEPT_ABORTED], 2);
	cr_expect_eq(s.listener.stats.n_failures[WEIR_ACCEPT_FIREWALL], 1);
	cr_expect_eq(s.listener.stats.n_failures[WEIR_ACCEPT_NETWORK], n - 3);
	cr_expect_eq(s.listener.stats.n_pauses, 0);
	cr_expect_eq(fault_n_pending(), 0);
	end(&s);
}

Test(listener, an_endless_run_of_them_neither_holds_the_loop_nor_spins)
{
	struct server s;

	begin_on_unix(&s);
	fault_result(FAULT_ACCEPT, FAULT_ANY_FD, FAULT_ALWAYS, -ECONNABORTED);
	connect_and_leave(&s, 1);
	weir_loop_turn(s.loop, 0);
	cr_expect_eq(fault_count(FAULT_ACCEPT), BUDGET);
	cr_expect_eq(s.listener.stats.n_pauses, 1);
	fault_clear();
	turn_until(&s, HARNESS_START_NS + 2 * (uint64_t)RETRY_NS);
	cr_expect_eq(s.n_accepted, 1);
	end(&s);
}

/* It tries ten times a second, costs two turns each time, and recovers. */
static void expect_pauses(int error)
{
	struct server s;

	begin_on_unix(&s);
	fault_result(FAULT_ACCEPT, FAULT_ANY_FD, FAULT_ALWAYS, error);
	connect_and_leave(&s, 2);
	turn_until(&s, HARNESS_START_NS + 10 * (uint64_t)RETRY_NS);
	cr_expect_eq(s.n_accepted, 0);
	cr_expect_leq(s.loop->n_turns, 21, "it spins");
	cr_expect_geq(s.listener.stats.n_pauses, 10, "it does not try again");
	cr_expect_leq(s.listener.stats.n_pauses, 11);
	fault_clear();
	turn_until(&s, HARNESS_START_NS + 12 * (uint64_t)RETRY_NS);
	cr_expect_eq(s.n_accepted, 2, "it did not recover");
	connect_and_leave(&s, 1);
	weir_loop_turn(s.loop, 0);
	cr_expect_eq(s.n_accepted, 3, "it is still paused");
	end(&s);
}

Test(listener, pauses_without_descriptors)
{
	expect_pauses(-EMFILE);
}

Test(listener, pauses_when_the_system_has_no_descriptors)
{
	expect_pauses(-ENFILE);
}

Test(listener, pauses_without_socket_buffers)
{
	expect_pauses(-ENOBUFS);
}

Test(listener, pauses_without_memory)
{
	expect_pauses(-ENOMEM);
}

Test(listener, others_are_served_while_it_pauses)
{
	struct weir_address address = harness_address("127.0.0.1:0");
	struct server a;
	struct server b = {.n_accepted = 0};

	fault_time_settle(50);
	begin_on_unix(&a);
	cr_assert_eq(weir_listener_open(&b.listener, a.loop, &address, NULL,
					note_and_close),
		     0);
	fault_result(FAULT_ACCEPT, a.listener.watch.fd, FAULT_ALWAYS, -EMFILE);
	connect_and_leave(&a, 1);
	weir_loop_turn(a.loop, 0);
	connect_and_leave(&b, 1);
	weir_loop_turn(a.loop, 0);
	cr_expect_eq(a.listener.stats.n_pauses, 1);
	cr_expect_eq(b.n_accepted, 1);
	weir_listener_close(&b.listener);
	end(&a);
}

Test(listener, pauses_again_when_epoll_does_not_take_it_back)
{
	struct server s;

	begin_on_unix(&s);
	fault_next(FAULT_ACCEPT, -EMFILE);
	connect_and_leave(&s, 1);
	weir_loop_turn(s.loop, 0);
	fault_next(FAULT_EPOLL_ADD, -ENOMEM);
	turn_until(&s, HARNESS_START_NS + (uint64_t)RETRY_NS);
	weir_loop_turn(s.loop, 0);
	cr_expect_eq(fault_n_pending(), 0);
	cr_expect_eq(s.listener.stats.n_pauses, 2);
	cr_expect_eq(s.n_accepted, 0);
	turn_until(&s, HARNESS_START_NS + 3 * (uint64_t)RETRY_NS);
	cr_expect_eq(s.n_accepted, 1);
	end(&s);
}
