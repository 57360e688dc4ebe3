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
	SEED = 3,
	BATCH = 16,
	/* a test that takes so long hangs */
	PATIENCE_S = 60
};

static void end_of_test(void)
{
	harness_remove_folder();
	harness_end();
}

TestSuite(dgram, .init = harness_begin, .fini = end_of_test,
	  .timeout = PATIENCE_S);

static void answer(struct talk *t, const void *data, size_t n)
{
	cr_assert_eq(weir_dgram_send(&t->d, &t->from, data, n), 0);
}

/* -- every family -- */

/* largest: a datagram of the most that the family takes. */
static void echo_over(const char *text, const char *peer_text, size_t largest)
{
	const size_t sizes[] = {6, 0, 1, 1400, largest};
	struct talk t = {.then = answer};
	struct weir_address address;
	int peer = peer_open(&address, peer_text);

	talk_bind(&t, text, NULL);
	for (unsigned i = 0; i < sizeof sizes / sizeof *sizes; i++) {
		peer_send(peer, &t, i, sizes[i]);
		talk_hear(&t, i + 1);
		cr_expect_eq(t.n, sizes[i]);
		cr_expect_eq(t.true_size, sizes[i]);
		cr_expect_eq(t.from.len, address.len);
		cr_expect_eq(memcmp(&t.from.sa, &address.sa, address.len), 0);
		peer_expect(peer, i, sizes[i]);
	}
	talk_expect_account(&t, 5, 0, 0);
	close(peer);
	talk_end(&t);
}

Test(dgram, goes_over_ipv4)
{
	echo_over("udp:127.0.0.1:0", "udp:127.0.0.1:0", 65507);
}

Test(dgram, goes_over_ipv6)
{
	echo_over("udp:[::1]:0", "udp:[::1]:0", WEIR_DGRAM_MAX);
}

Test(dgram, goes_over_unix_names)
{
	echo_over("", "", 65000);
}

static void path_as_text(const char *name, char *text, size_t size)
{
	struct weir_address path = harness_unix_path(name);

	path.type = SOCK_DGRAM;
	weir_address_format(&path, text, size);
}

Test(dgram, goes_over_unix_paths)
{
	char server[WEIR_ADDRESS_TEXT_SIZE];
	char client[WEIR_ADDRESS_TEXT_SIZE];

	path_as_text("server", server, sizeof server);
	path_as_text("client", client, sizeof client);
	echo_over(server, client, 65000);
}

/* -- batches -- */

Test(dgram, a_batch_is_received_and_answered_in_one_call_each)
{
	struct talk t = {.then = answer};
	struct weir_address address;
	int peer = peer_open(&address, "udp:127.0.0.1:0");

	talk_bind(&t, "udp:127.0.0.1:0", NULL);
	for (unsigned i = 0; i < BATCH; i++)
		peer_send(peer, &t, i, 100 + i);
	talk_hear(&t, BATCH);
	cr_expect_eq(fault_count(FAULT_RECVMMSG), 1);
	cr_expect_eq(fault_count(FAULT_SENDMMSG), 1);
	for (unsigned i = 0; i < BATCH; i++)
		peer_expect(peer, i, 100 + i);
	close(peer);
	talk_end(&t);
}

Test(dgram, no_more_than_a_batch_is_received_in_a_turn)
{
	struct talk t = {.then = NULL};
	struct weir_address address;
	int peer = peer_open(&address, "udp:127.0.0.1:0");

	talk_bind(&t, "udp:127.0.0.1:0", NULL);
	for (unsigned i = 0; i < 2 * BATCH + 1; i++)
		peer_send(peer, &t, i, 1);
	for (unsigned i = 1; i <= 2; i++) {
		weir_loop_turn(t.loop, 1);
		cr_expect_eq(t.n_heard, i * BATCH);
	}
	weir_loop_turn(t.loop, 1);
	cr_expect_eq(t.n_heard, 2 * BATCH + 1);
	close(peer);
	talk_end(&t);
}

static void send_twice(struct talk *t, const void *data, size_t n)
{
	answer(t, data, n);
	answer(t, data, n);
}

/* Unix receivers are a chain each, so a call each. */
Test(dgram, answers_to_several_unix_peers_keep_their_order)
{
	struct talk t = {.then = send_twice};
	struct weir_address addresses[3];
	int peers[3];

	talk_bind(&t, "", NULL);
	for (unsigned i = 0; i < 3; i++)
		peers[i] = peer_open(&addresses[i], "");
	for (unsigned i = 0; i < 9; i++)
		peer_send(peers[i % 3], &t, i, 10 + i);
	talk_hear(&t, 9);
	cr_expect_eq(fault_count(FAULT_SENDMMSG), 3);
	for (unsigned i = 0; i < 9; i++) {
		peer_expect(peers[i % 3], i, 10 + i);
		peer_expect(peers[i % 3], i, 10 + i);
	}
	for (unsigned i = 0; i < 3; i++)
		close(peers[i]);
	talk_end(&t);
}

Test(dgram, what_is_sent_from_outside_the_loop_leaves_at_once)
{
	struct talk t = {.then = NULL};
	struct weir_address address;
	int peer = peer_open(&address, "");

	talk_bind(&t, "", NULL);
	cr_expect_eq(talk_send(&t, &address, SEED, 10), 0);
	peer_expect(peer, SEED, 10);
	cr_expect_eq(fault_count(FAULT_SENDMMSG), 1);
	talk_expect_account(&t, 1, 0, 0);
	cr_expect_not(talk_is_armed(&t));
	cr_expect_eq(harness_turn_until_idle(t.loop, 1), 1);
	close(peer);
	talk_end(&t);
}

/* -- truncation -- */

static void expect_truncation(const char *text)
{
	const struct weir_dgram_options options = {.receive_max = 10};
	struct talk t = {.then = NULL};
	struct weir_dgram_stats stats;
	struct weir_address address;
	int peer = peer_open(&address, text);

	talk_bind(&t, text, &options);
	peer_send(peer, &t, SEED, 25);
	peer_send(peer, &t, SEED, 10);
	talk_hear(&t, 2);
	cr_expect_eq(t.n, 10);
	cr_expect_eq(t.true_size, 10);
	peer_send(peer, &t, SEED + 1, 11);
	talk_hear(&t, 3);
	cr_expect_eq(t.n, 10);
	cr_expect_eq(t.true_size, 11);
	harness_check(t.data, t.n, SEED + 1, 0);
	weir_dgram_stats(&t.d, &stats);
	cr_expect_eq(stats.n_truncated, 2);
	close(peer);
	talk_end(&t);
}

Test(dgram, what_exceeds_the_limit_is_cut_and_its_true_size_told)
{
	expect_truncation("udp:127.0.0.1:0");
	expect_truncation("");
}

/* -- who may be answered -- */

Test(dgram, a_unix_sender_without_a_name_cannot_be_answered)
{
	struct talk t = {.then = NULL};
	int peer = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	talk_bind(&t, "", NULL);
	peer_send(peer, &t, SEED, 10);
	talk_hear(&t, 1);
	cr_expect_eq(t.from.sa.any.sa_family, AF_UNIX);
	cr_expect_eq(t.from.len, sizeof(sa_family_t));
	cr_expect_eq(talk_send(&t, &t.from, SEED, 10), -EINVAL);
	talk_expect_account(&t, 0, 0, 0);
	close(peer);
	talk_end(&t);
}

Test(dgram, what_can_never_be_sent_is_refused_and_not_counted)
{
	static const char *const texts[] = {"udp:127.0.0.1:0", "udp:[::1]:0"};
	static const size_t largest[] = {65507, WEIR_DGRAM_MAX};

	for (size_t i = 0; i < 2; i++) {
		struct weir_address unix_name = harness_unix_name();
		struct weir_address port_0 = harness_address(texts[i]);
		struct weir_address address;
		struct talk t = {.then = NULL};
		int peer = peer_open(&address, texts[i]);

		talk_bind(&t, texts[i], NULL);
		cr_expect_eq(talk_send(&t, NULL, SEED, 1), -EINVAL);
		cr_expect_eq(talk_send(&t, &unix_name, SEED, 1), -EINVAL);
		cr_expect_eq(talk_send(&t, &port_0, SEED, 1), -EINVAL);
		cr_expect_eq(fault_count(FAULT_SENDMMSG), i);
		cr_expect_eq(talk_send(&t, &address, SEED, largest[i] + 1),
			     -EMSGSIZE);
		cr_expect_eq(talk_send(&t, &address, SEED, largest[i]), 0);
		talk_expect_account(&t, 1, 0, 0);
		close(peer);
		talk_end(&t);
	}
}

/* What no queue could hold is refused although the kernel has room. */
Test(dgram, what_is_larger_than_the_queue_is_refused)
{
	const struct weir_dgram_options options = {.queue_bytes = 100};
	struct weir_address address;
	struct talk t = {.then = NULL};
	int peer = peer_open(&address, "");

	talk_bind(&t, "", &options);
	cr_expect_eq(talk_send(&t, &address, SEED, 101), -EMSGSIZE);
	cr_expect_eq(talk_send(&t, &address, SEED, 100), 0);
	talk_expect_account(&t, 1, 0, 0);
	close(peer);
	talk_end(&t);
}

Test(dgram, what_is_larger_than_a_unix_send_buffer_is_refused)
{
	const struct weir_dgram_options options = {.sndbuf = 4608};
	struct weir_address address;
	struct talk t = {.then = NULL};
	int peer = peer_open(&address, "");

	talk_bind(&t, "", &options);
	cr_expect_eq(talk_send(&t, &address, SEED, 30000), -EMSGSIZE);
	talk_expect_account(&t, 0, 0, 0);
	cr_expect_eq(t.d.stats.n_errors, 0);
	close(peer);
	talk_end(&t);
}

/* -- connected ones -- */

static void expect_connection(const char *text)
{
	struct weir_address address;
	struct weir_address other_address;
	struct talk t = {.then = NULL};
	int peer = peer_open(&address, text);
	int other = peer_open(&other_address, text);
	struct weir_address self = {.type = SOCK_DGRAM};

	talk_connect(&t, &address, NULL);
	cr_expect_eq(talk_send(&t, &address, SEED, 5), -EINVAL,
		     "it has one peer");
	cr_expect_eq(talk_send(&t, NULL, SEED, 5), 0);
	self.len = sizeof self.sa;
	cr_assert_eq(recvfrom(peer, t.data, 5, 0, &self.sa.any, &self.len), 5);
	/* the peer can answer, nobody else is heard */
	sendto(other, "no", 2, 0, &self.sa.any, self.len);
	cr_assert_eq(sendto(peer, "yes", 3, 0, &self.sa.any, self.len), 3);
	talk_hear(&t, 1);
	cr_expect_eq(t.n, 3);
	harness_turn_until_idle(t.loop, 2);
	cr_expect_eq(t.n_heard, 1);
	close(peer);
	close(other);
	talk_end(&t);
}

Test(dgram, a_connected_one_talks_to_its_peer_alone)
{
	expect_connection("udp:127.0.0.1:0");
	expect_connection("udp:[::1]:0");
	expect_connection("");
}

/* -- the socket -- */

Test(dgram, the_socket_is_what_was_asked_for)
{
	const struct weir_dgram_options options = {.sndbuf = 30000,
						   .rcvbuf = 40000};
	struct talk t = {.then = NULL};
	socklen_t len = sizeof(int);
	int value;
	int fd;

	talk_bind(&t, "udp:[::1]:0", &options);
	fd = t.d.watch.fd;
	cr_expect_neq(t.d.address.sa.in6.sin6_port, 0);
	cr_expect(fcntl(fd, F_GETFL) & O_NONBLOCK);
	cr_expect(fcntl(fd, F_GETFD) & FD_CLOEXEC);
	getsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &value, &len);
	cr_expect_eq(value, 1);
	getsockopt(fd, SOL_SOCKET, SO_SNDBUF, &value, &len);
	cr_expect_eq(value, 2 * 30000, "as the kernel doubles it (socket(7))");
	getsockopt(fd, SOL_SOCKET, SO_RCVBUF, &value, &len);
	cr_expect_eq(value, 2 * 40000);
	cr_expect_eq(weir_loop_free(t.loop), -EBUSY);
	talk_end(&t);
}
