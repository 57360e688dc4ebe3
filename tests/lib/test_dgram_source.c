/* Datagram sockets on the wildcard address: asked at one of ours, they answer
 * from it. */
#include <criterion/criterion.h>

#include <errno.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "dgram_source.h"
#include "fault.h"
#include "harness.h"
#include "harness_net.h"
#include "test_dgram.h"

enum {
	SEED = 5,
	MAX_TURNS = 100,
	/* a test that takes so long hangs */
	PATIENCE_S = 60
};

TestSuite(dgram_source, .init = harness_begin, .fini = harness_end,
	  .timeout = PATIENCE_S);

static void answer(struct talk *t, const void *data, size_t n)
{
	cr_expect_eq(weir_dgram_reply(&t->d, &t->in, data, n), 0);
}

/* Ask at this address of ours, as a client that hears no other. */
static int ask(const struct talk *t, const char *host)
{
	static const char question[10];
	struct weir_address to = harness_address(host);
	int fd = socket(to.sa.any.sa_family,
			SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

	if (to.sa.any.sa_family == AF_INET)
		to.sa.in.sin_port = t->d.address.sa.in.sin_port;
	else
		to.sa.in6.sin6_port = t->d.address.sa.in6.sin6_port;
	must(connect(fd, &to.sa.any, to.len), "connect");
	must(send(fd, question, sizeof question, 0), "send");
	return fd;
}

static void expect_told(const struct talk *t, const char *host)
{
	struct weir_address to = t->in.to;
	char text[WEIR_ADDRESS_TEXT_SIZE];

	cr_expect_eq(to.len, t->d.address.len);
	if (to.sa.any.sa_family == AF_INET) {
		cr_expect_eq(to.sa.in.sin_port, t->d.address.sa.in.sin_port);
		to.sa.in.sin_port = 0;
	} else {
		cr_expect_eq(to.sa.in6.sin6_port,
			     t->d.address.sa.in6.sin6_port);
		to.sa.in6.sin6_port = 0;
	}
	cr_expect_str_eq(weir_address_format(&to, text, sizeof text), host);
}

static void expect_answer(int fd)
{
	char data[99];

	cr_expect_eq(recv(fd, data, sizeof data, 0), 10, "%s", strerror(errno));
	close(fd);
}

static void expect_answer_from(const char *bound, const char *asked)
{
	struct talk t = {.then = answer};
	int fd;

	talk_bind(&t, bound, NULL);
	fd = ask(&t, asked);
	talk_hear(&t, 1);
	expect_told(&t, asked);
	harness_turn_until_idle(t.loop, MAX_TURNS);
	expect_answer(fd);
	talk_expect_account(&t, 1, 0, 0);
	talk_end(&t);
}

Test(dgram_source, the_answer_comes_from_the_address_that_was_asked)
{
	expect_answer_from("udp:0.0.0.0:0", "udp:127.0.0.1:0");
	expect_answer_from("udp:0.0.0.0:0", "udp:127.0.0.2:0");
	expect_answer_from("udp:[::]:0", "udp:[::1]:0");
}

Test(dgram_source, one_that_is_bound_to_an_address_asks_nothing)
{
	expect_answer_from("udp:127.0.0.3:0", "udp:127.0.0.3:0");
	cr_expect_eq(fault_count(FAULT_SETSOCKOPT), 0);
}

Test(dgram_source, a_queued_answer_remembers_where_it_leaves_from)
{
	struct talk t = {.then = answer};
	int fds[2];

	talk_bind(&t, "udp:0.0.0.0:0", NULL);
	fds[0] = ask(&t, "udp:127.0.0.2:0");
	fds[1] = ask(&t, "udp:127.0.0.4:0");
	fault_next(FAULT_SENDMMSG, -EAGAIN);
	talk_hear(&t, 2);
	cr_expect_eq(t.d.buffers->queue.n_messages, 2);
	harness_turn_until_idle(t.loop, MAX_TURNS);
	expect_answer(fds[0]);
	expect_answer(fds[1]);
	talk_end(&t);
}

Test(dgram_source, what_was_received_can_be_kept_and_answered_later)
{
	struct talk t = {.then = NULL};
	struct weir_dgram_received kept;
	int fds[2];

	talk_bind(&t, "udp:0.0.0.0:0", NULL);
	fds[0] = ask(&t, "udp:127.0.0.2:0");
	talk_hear(&t, 1);
	kept = t.in;
	fds[1] = ask(&t, "udp:127.0.0.4:0");
	talk_hear(&t, 2);
	cr_expect_eq(weir_dgram_reply(&t.d, &kept, "0123456789", 10), 0);
	expect_answer(fds[0]);
	close(fds[1]);
	talk_end(&t);
}

Test(dgram_source, an_address_that_is_not_ours_any_more_is_told)
{
	struct talk t = {.then = NULL};
	int fd;

	talk_bind(&t, "udp:0.0.0.0:0", NULL);
	fd = ask(&t, "udp:127.0.0.2:0");
	talk_hear(&t, 1);
	t.in.to.sa.in.sin_addr.s_addr = htonl(0xc0000201); /* 192.0.2.1 */
	cr_expect_eq(weir_dgram_reply(&t.d, &t.in, "x", 1), -ENETUNREACH);
	talk_expect_account(&t, 0, 0, 1);
	close(fd);
	talk_end(&t);
}

Test(dgram_source, without_an_address_of_ours_the_kernel_chooses)
{
	const struct weir_address none[2] = {{.len = 0},
					     harness_address("udp:0.0.0.0:0")};
	struct weir_address address;
	struct talk t = {.then = NULL};
	int peer = peer_open(&address, "udp:127.0.0.1:0");

	talk_bind(&t, "udp:0.0.0.0:0", NULL);
	for (size_t i = 0; i < 2; i++) {
		const struct weir_dgram_received in = {.from = address,
						       .to = none[i]};

		cr_expect_eq(weir_dgram_reply(&t.d, &in, "x", 1), 0);
		cr_expect_eq(peer_drain(peer), 1);
	}
	cr_expect_eq(weir_dgram_send(&t.d, &address, "x", 1), 0);
	cr_expect_eq(peer_drain(peer), 1);
	close(peer);
	talk_end(&t);
}

/* A group is no address to answer from; the interface's is (ip(7)). */
Test(dgram_source, to_a_group_the_answer_comes_from_the_interface)
{
	struct weir_address group = harness_address("udp:239.7.7.7:0");
	struct ip_mreqn on_loopback = {.imr_multiaddr = group.sa.in.sin_addr,
				       .imr_address.s_addr =
					       htonl(INADDR_LOOPBACK)};
	struct weir_address address;
	struct talk t = {.then = answer};
	int peer = peer_open(&address, "udp:127.0.0.1:0");

	talk_bind(&t, "udp:0.0.0.0:0", NULL);
	must(setsockopt(weir_dgram_fd(&t.d), IPPROTO_IP, IP_ADD_MEMBERSHIP,
			&on_loopback, sizeof on_loopback),
	     "join");
	must(setsockopt(peer, IPPROTO_IP, IP_MULTICAST_IF, &on_loopback,
			sizeof on_loopback),
	     "choose the interface");
	group.sa.in.sin_port = t.d.address.sa.in.sin_port;
	must(sendto(peer, "0123456789", 10, 0, &group.sa.any, group.len),
	     "sendto");
	talk_hear(&t, 1);
	expect_told(&t, "udp:127.0.0.1:0");
	cr_expect(t.in.is_for_many);
	harness_turn_until_idle(t.loop, MAX_TURNS);
	expect_answer(peer);
	talk_end(&t);
}

Test(dgram_source, tells_a_broadcast_from_what_was_sent_to_it_alone)
{
	static const char *const hosts[] = {"udp:127.255.255.255:0",
					    "udp:127.0.0.2:0"};
	struct weir_address address;
	struct talk t = {.then = NULL};
	int peer = peer_open(&address, "udp:127.0.0.1:0");

	talk_bind(&t, "udp:0.0.0.0:0", NULL);
	must(setsockopt(peer, SOL_SOCKET, SO_BROADCAST, &(int){1}, sizeof(int)),
	     "allow broadcasts");
	for (unsigned i = 0; i < 2; i++) {
		struct weir_address to = harness_address(hosts[i]);

		to.sa.in.sin_port = t.d.address.sa.in.sin_port;
		must(sendto(peer, "x", 1, 0, &to.sa.any, to.len), "sendto");
		talk_hear(&t, i + 1);
		cr_expect_eq(t.in.is_for_many, i == 0, "%s", hosts[i]);
	}
	close(peer);
	talk_end(&t);
}

Test(dgram_source, a_connected_one_replies_to_its_peer)
{
	struct weir_address address;
	struct talk t = {.then = answer};
	int peer = peer_open(&address, "udp:127.0.0.1:0");
	struct sockaddr_in name;
	socklen_t len = sizeof name;

	talk_connect(&t, &address, NULL);
	must(getsockname(weir_dgram_fd(&t.d), (struct sockaddr *)(void *)&name,
			 &len),
	     "getsockname");
	must(sendto(peer, "0123456789", 10, 0,
		    (const struct sockaddr *)(const void *)&name, len),
	     "sendto");
	talk_hear(&t, 1);
	cr_expect_eq(t.in.to.len, 0);
	harness_turn_until_idle(t.loop, MAX_TURNS);
	expect_answer(peer);
	talk_end(&t);
}

/* They come before it. */
Test(dgram_source, other_control_messages_do_not_hide_the_address)
{
	const int on = 1;
	struct talk t = {.then = NULL};
	int fd;

	talk_bind(&t, "udp:0.0.0.0:0", NULL);
	setsockopt(weir_dgram_fd(&t.d), SOL_SOCKET, SO_TIMESTAMP, &on,
		   sizeof on);
	setsockopt(weir_dgram_fd(&t.d), IPPROTO_IP, IP_RECVTTL, &on, sizeof on);
	fd = ask(&t, "udp:127.0.0.2:0");
	talk_hear(&t, 1);
	expect_told(&t, "udp:127.0.0.2:0");
	close(fd);
	talk_end(&t);
}

/* What a datagram that came in by IPv6 says of where it was sent to. */
static struct weir_address read_v6(const char *host)
{
	struct weir_address to = harness_address("udp:[::]:7");
	struct weir_address source = harness_address(host);
	union weir_dgram_control control;
	struct msghdr header = {0};

	source.sa.in6.sin6_scope_id = 1;
	weir_dgram_source_write(&header, &control, &source);
	cr_expect_eq(weir_dgram_source_read(&header, &to),
		     source.sa.in6.sin6_addr.s6_addr[0] == 0xff);
	return to;
}

static void expect_read(const char *host, const char *text)
{
	struct weir_address to = read_v6(host);
	char read[WEIR_ADDRESS_TEXT_SIZE];

	weir_address_format(&to, read, sizeof read);
	cr_expect_str_eq(read, text);
}

Test(dgram_source, what_was_sent_to_a_group_is_answered_from_any_address)
{
	expect_read("udp:[ff02::1]:7", "udp:[::]:7");
}

Test(dgram_source, a_link_local_address_has_the_scope_it_came_by)
{
	expect_read("udp:[fe80::7]:7", "udp:[fe80::7%1]:7");
	expect_read("udp:[2001:db8::7]:7", "udp:[2001:db8::7]:7");
}

Test(dgram_source, a_unix_address_is_no_wildcard)
{
	struct weir_address address = harness_unix_name();

	cr_expect_not(weir_dgram_source_is_wildcard(&address));
}
