/* Datagram sockets that are taken over, open already. */
#include <criterion/criterion.h>

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "fault.h"
#include "harness.h"
#include "harness_net.h"
#include "test_dgram.h"

enum {
	SEED = 11,
	N = 1000
};

static void end_of_test(void)
{
	harness_remove_folder();
	harness_end();
}

TestSuite(dgram_adopt, .init = harness_begin, .fini = end_of_test);

static void answer(struct talk *t, const void *data, size_t n)
{
	const struct weir_address *to = t->d.is_connected ? NULL : &t->from;

	cr_assert_eq(weir_dgram_send(&t->d, to, data, n), 0);
}

static void reply(struct talk *t, const void *data, size_t n)
{
	cr_assert_eq(weir_dgram_reply(&t->d, &t->in, data, n), 0);
}

static void expect_echo(struct talk *t, int peer)
{
	harness_fill(t->data, N, SEED, 0);
	cr_assert_eq(send(peer, t->data, N, 0), N);
	talk_hear(t, 1);
	peer_expect(peer, SEED, N);
	talk_expect_account(t, 1, 0, 0);
}

static void expect_echo_at(const char *text)
{
	struct weir_address address;
	struct weir_address name;
	struct talk t = {.then = answer};
	int fd = peer_open(&address, text);
	int peer = peer_open(&name, text);

	cr_assert_eq(connect(peer, &address.sa.any, address.len), 0);
	cr_assert_eq(fcntl(fd, F_SETFL, 0), 0);
	cr_assert_eq(talk_adopt(&t, fd), 0);
	cr_expect_eq(weir_dgram_fd(&t.d), fd);
	cr_expect_eq(t.d.address.len, address.len);
	cr_expect_eq(memcmp(&t.d.address.sa, &address.sa, address.len), 0);
	expect_echo(&t, peer);
	cr_expect_not(fcntl(fd, F_GETFL) & O_NONBLOCK,
		      "others may share the socket");
	close(peer);
	talk_end(&t);
	cr_expect_eq(fcntl(fd, F_GETFD), -1, "it is not closed");
}

Test(dgram_adopt, a_bound_socket_serves_as_one_of_ours)
{
	expect_echo_at("udp:127.0.0.1:0");
	expect_echo_at("udp:[::1]:0");
	expect_echo_at("");
}

Test(dgram_adopt, a_pair_is_connected)
{
	struct talk t = {.then = answer};
	int pair[2];

	cr_assert_eq(socketpair(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0, pair),
		     0);
	cr_assert_eq(talk_adopt(&t, pair[0]), 0);
	expect_echo(&t, pair[1]);
	close(pair[1]);
	talk_end(&t);
}

Test(dgram_adopt, the_file_stays)
{
	struct weir_address path = harness_unix_path("socket");
	int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	struct talk t = {.n = 0};

	cr_assert_eq(bind(fd, &path.sa.any, path.len), 0);
	cr_assert_eq(talk_adopt(&t, fd), 0);
	talk_end(&t);
	cr_expect_eq(access(path.sa.un.sun_path, F_OK), 0);
}

/* systemd makes such sockets (BindIPv6Only= in systemd.socket(5)). */
Test(dgram_adopt, one_for_both_families_answers_from_where_it_was_asked)
{
	struct sockaddr_in6 any = {.sin6_family = AF_INET6};
	struct weir_address asked = harness_address("udp:127.0.0.2:1");
	struct weir_address name;
	struct talk t = {.then = reply};
	const int no = 0;
	int fd = socket(AF_INET6, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	int peer = peer_open(&name, "udp:127.0.0.1:0");

	cr_assert_eq(setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &no, sizeof no),
		     0);
	cr_assert_eq(bind(fd, (struct sockaddr *)&any, sizeof any), 0);
	cr_assert_eq(talk_adopt(&t, fd), 0);
	asked.sa.in.sin_port = weir_dgram_address(&t.d)->sa.in6.sin6_port;
	/* so it hears nothing from 127.0.0.1 */
	cr_assert_eq(connect(peer, &asked.sa.any, asked.len), 0);
	expect_echo(&t, peer);
	close(peer);
	talk_end(&t);
}

static void expect_refusal(int fd, int error)
{
	static const struct weir_dgram zero;
	struct talk t = {.n = 0};

	cr_expect_eq(talk_adopt(&t, fd), error);
	cr_expect_eq(memcmp(&t.d, &zero, sizeof zero), 0);
	cr_expect_eq(close(fd), 0, "it is the caller's");
	talk_end(&t);
}

Test(dgram_adopt, what_is_no_datagram_socket_with_a_name_is_refused)
{
	struct weir_address listening = harness_unix_name();
	int pipes[2];

	cr_assert_eq(pipe2(pipes, O_CLOEXEC), 0);
	expect_refusal(pipes[0], -ENOTSOCK);
	close(pipes[1]);
	expect_refusal(harness_listen(&listening, 5), -EINVAL);
	expect_refusal(socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0), -EINVAL);
	expect_refusal(socket(AF_INET6, SOCK_DGRAM | SOCK_CLOEXEC, 0), -EINVAL);
	expect_refusal(socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0), -EINVAL);
	expect_refusal(socket(AF_NETLINK, SOCK_DGRAM | SOCK_CLOEXEC, 0),
		       -EINVAL);
}

Test(dgram_adopt, every_failing_call_leaves_the_socket_alone)
{
	struct weir_address address;
	int fd = peer_open(&address, "udp:0.0.0.0:0");
	struct talk t = {.n = 0};
	enum fault_call hit;
	unsigned k = 0;

	do {
		int error;

		cr_assert_eq(weir_loop_new(&t.loop), 0);
		fault_reset();
		fault_fail_call(++k);
		error = weir_dgram_adopt(&t.d, t.loop, fd, t.d.events, NULL);
		hit = fault_hit();
		fault_reset();
		cr_expect_eq(error, hit == FAULT_NONE ? 0 : fault_natural(hit));
		cr_expect_eq(t.d.watch.loop != NULL, error == 0);
		talk_end(&t);
	} while (hit != FAULT_NONE);
	cr_expect_eq(k - 1, 6,
		     "getsockopt, getsockname, getpeername, "
		     "setsockopt, alloc, epoll_add");
}

Test(dgram_adopt, options_out_of_range_leave_the_socket_alone)
{
	const struct weir_dgram_options wrong = {.sndbuf = -1};
	struct weir_address address;
	struct weir_dgram d = {.n_failures = 0};
	struct weir_loop *loop;
	int fd = peer_open(&address, "udp:127.0.0.1:0");

	cr_assert_eq(weir_loop_new(&loop), 0);
	fault_reset();
	cr_expect_eq(weir_dgram_adopt(&d, loop, fd, NULL, &wrong), -EINVAL);
	cr_expect_eq(fault_count_kernel(), 0);
	cr_assert_eq(weir_loop_free(loop), 0);
	close(fd);
}
