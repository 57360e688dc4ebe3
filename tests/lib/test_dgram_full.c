/* Datagrams when the kernel is full, and when it is short of memory. */
#include <criterion/criterion.h>

#include <errno.h>
#include <net/if.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "fault.h"
#include "harness.h"
#include "test_dgram.h"

enum {
	SEED = 3,
	MAX_TURNS = 100,
	N_STUCK = 100,
	N_NEVER = 200,
	N_ROUNDS = 60,
	/* a test that takes so long hangs */
	PATIENCE_S = 60
};

#define MS UINT64_C(1000000)

TestSuite(dgram_full, .init = harness_begin, .fini = harness_end,
	  .timeout = PATIENCE_S);

/* Turn for so long, in virtual time; how many turns that took. */
static unsigned turn_for(struct talk *t, uint64_t ns)
{
	uint64_t end_ns = fault_time_now() + ns;
	unsigned n = 0;

	for (; fault_time_now() < end_ns; n++)
		weir_loop_turn(t->loop, (int64_t)(end_ns - fault_time_now()));
	return n;
}

/* Send datagrams of one byte that tell from until one is queued; how many the
 * kernel took. */
static unsigned fill(struct talk *t, const struct weir_address *to)
{
	unsigned n = 0;

	while (t->d.buffers->queue.n_messages == 0)
		cr_assert_eq(talk_send(t, to, n++, 1), 0);
	return n - 1;
}

/* -- EPOLLOUT -- */

Test(dgram_full, epollout_is_armed_while_the_kernel_is_full)
{
	struct weir_address address;
	struct talk t = {.then = NULL};
	int peer = peer_open(&address, "udp:127.0.0.1:0");

	talk_bind(&t, "udp:127.0.0.1:0", NULL);
	fault_next(FAULT_SENDMMSG, -EAGAIN);
	cr_expect_eq(talk_send(&t, &address, 0, 10), 0);
	cr_expect_eq(talk_send(&t, &address, 1, 11), 0);
	cr_expect_eq(fault_count(FAULT_SENDMMSG), 1, "it is known to be full");
	talk_expect_account(&t, 0, 2, 0);
	cr_expect(talk_is_armed(&t));
	cr_expect_eq(weir_loop_turn(t.loop, 1), 1);
	cr_expect_eq(fault_count(FAULT_SENDMMSG), 2, "both in one call");
	talk_expect_account(&t, 2, 0, 0);
	cr_expect_not(talk_is_armed(&t));
	peer_expect(peer, 0, 10);
	peer_expect(peer, 1, 11);
	cr_expect_eq(t.n_drains, 0, "nothing was dropped");
	close(peer);
	talk_end(&t);
}

/* Epoll knows of a connected receiver's room: nothing is tried before. */
Test(dgram_full, a_connected_unix_socket_waits_for_epollout)
{
	struct weir_address address;
	struct talk t = {.then = NULL};
	int peer = peer_open(&address, "");
	unsigned n_taken;

	talk_connect(&t, &address, NULL);
	n_taken = fill(&t, NULL);
	cr_expect(talk_is_armed(&t));
	for (unsigned i = 0; i < 20; i++)
		cr_expect_eq(talk_send(&t, NULL, n_taken + 1 + i, 1), 0);
	cr_expect_leq(turn_for(&t, 1000 * MS), 1, "it spins");
	cr_expect_eq(fault_count(FAULT_SENDMMSG), n_taken + 1);
	for (unsigned i = 0; i < n_taken + 21; i++) {
		peer_expect(peer, i, 1);
		harness_turn_until_idle(t.loop, MAX_TURNS);
	}
	talk_expect_account(&t, n_taken + 21, 0, 0);
	cr_expect_not(talk_is_armed(&t));
	close(peer);
	talk_end(&t);
}

/* -- the clock -- */

Test(dgram_full, an_unconnected_unix_socket_tries_again_ever_less_often)
{
	struct weir_address address;
	struct talk t = {.then = NULL};
	int peer = peer_open(&address, "");
	unsigned n_taken;
	unsigned n_turns;

	talk_bind(&t, "", NULL);
	n_taken = fill(&t, &address);
	cr_expect_not(talk_is_armed(&t), "epoll would report it for ever");
	n_turns = turn_for(&t, 127 * MS);
	cr_expect_leq(n_turns, 8, "%u turns for 1 + 2 + ... + 64 ms", n_turns);
	n_turns = turn_for(&t, 6400 * MS);
	cr_expect_leq(n_turns, 101, "%u turns", n_turns);
	cr_expect_geq(n_turns, 100);
	cr_expect_eq(talk_send(&t, &address, n_taken + 1, 1), 0);
	cr_expect_eq(peer_drain(peer), n_taken);
	turn_for(&t, 64 * MS);
	peer_expect(peer, n_taken, 1);
	peer_expect(peer, n_taken + 1, 1);
	talk_expect_account(&t, n_taken + 2, 0, 0);
	cr_expect_leq(turn_for(&t, 1000 * MS), 1, "the timer goes on");
	/* after success it begins with 1 ms again */
	fill(&t, &address);
	peer_drain(peer);
	turn_for(&t, 1 * MS);
	cr_expect_eq(peer_drain(peer), 1);
	close(peer);
	talk_end(&t);
}

Test(dgram_full, a_full_receiver_does_not_hold_up_another)
{
	struct weir_address stuck_address;
	struct weir_address address;
	struct talk t = {.then = NULL};
	int stuck = peer_open(&stuck_address, "");
	int peer = peer_open(&address, "");
	unsigned n_taken;

	talk_bind(&t, "", NULL);
	n_taken = fill(&t, &stuck_address);
	for (unsigned i = 0; i < 50; i++) {
		cr_expect_eq(talk_send(&t, &address, i, 1), 0);
		cr_expect_eq(talk_send(&t, &stuck_address, n_taken + 1 + i, 1),
			     0);
		peer_expect(peer, i, 1);
	}
	talk_expect_account(&t, n_taken + 50, 51, 0);
	for (unsigned i = 0; i < n_taken + 51; i++) {
		peer_expect(stuck, i, 1);
		turn_for(&t, 64 * MS);
	}
	talk_expect_account(&t, n_taken + 101, 0, 0);
	close(stuck);
	close(peer);
	talk_end(&t);
}

/* All are full at first, and one of them reads again. */
Test(dgram_full, a_hundred_full_receivers_do_not_hold_up_one_that_reads)
{
	const struct weir_dgram_options options = {.sndbuf = 1048576};
	struct weir_address addresses[N_STUCK];
	struct talk t = {.then = NULL};
	int peers[N_STUCK];

	talk_bind(&t, "", &options);
	for (size_t i = 0; i < N_STUCK; i++) {
		peers[i] = peer_open(&addresses[i], "");
		while (!weir_dgram_queue_is_before(&t.d.buffers->queue,
						   &addresses[i]))
			cr_assert_eq(talk_send(&t, &addresses[i], SEED, 1), 0);
	}
	cr_expect_eq(t.d.buffers->queue.n_messages, N_STUCK);
	turn_for(&t, 1000 * MS);
	peer_drain(peers[N_STUCK / 2]);
	turn_for(&t, 64 * MS);
	peer_expect(peers[N_STUCK / 2], SEED, 1);
	cr_expect_eq(t.d.buffers->queue.n_messages, N_STUCK - 1);
	for (size_t i = 0; i < N_STUCK; i++)
		close(peers[i]);
	/* nobody is there any more: each is an error of its own */
	turn_for(&t, 64 * MS);
	cr_expect_eq(t.d.buffers->queue.n_messages, 0);
	cr_expect_eq(t.d.stats.n_errors, N_STUCK - 1);
	cr_expect_eq(t.d.stats.last_error, -ECONNREFUSED);
	talk_end(&t);
}

/* -- receivers that never read -- */

/* The reader reads as soon as there is something; for how long it waited. */
static uint64_t wait_for_answer(struct talk *t, int peer)
{
	uint64_t since_ns = fault_time_now();

	while (peer_drain(peer) == 0 && fault_time_now() < since_ns + 5000 * MS)
		turn_for(t, 1 * MS);
	return fault_time_now() - since_ns;
}

static void expect_service_when_they_read(struct talk *t, const int *peers,
					  const struct weir_address *addresses,
					  unsigned n)
{
	for (unsigned round = 0; t->d.buffers->queue.n_messages > 0; round++) {
		cr_assert_lt(round, 2000);
		for (unsigned i = 0; i < n; i++)
			peer_drain(peers[i]);
		turn_for(t, 64 * MS);
	}
	for (unsigned i = 0; i < n; i++) {
		peer_drain(peers[i]);
		cr_assert_eq(talk_send(t, &addresses[i], i, 1), 0);
		turn_for(t, 1 * MS);
		peer_expect(peers[i], i, 1);
	}
}

/* n_stuck receivers of n bytes each time, and one that reads at once. Those
 * that are connected to us may hold any number, the others 11. */
static void expect_room_beside(unsigned n_stuck, size_t n, bool is_connected)
{
	struct weir_address addresses[N_NEVER];
	struct weir_address address;
	struct weir_dgram_stats stats;
	struct talk t = {.then = NULL};
	uint64_t waited_ns;
	int peers[N_NEVER];
	int peer = peer_open(&address, "");

	talk_bind(&t, "", NULL);
	for (unsigned i = 0; i < n_stuck; i++) {
		const struct weir_address *to = weir_dgram_address(&t.d);

		peers[i] = peer_open(&addresses[i], "");
		if (is_connected)
			cr_assert_eq(connect(peers[i], &to->sa.any, to->len),
				     0);
	}
	for (unsigned round = 0; round < N_ROUNDS; round++) {
		for (unsigned i = 0; i < n_stuck; i++)
			(void)talk_send(&t, &addresses[i], i, n);
		cr_assert_eq(talk_send(&t, &address, round, n), 0);
		waited_ns = wait_for_answer(&t, peer);
		cr_expect_leq(waited_ns, 200 * MS, "%u: %u ms", round,
			      (unsigned)(waited_ns / MS));
		turn_for(&t, 10 * MS);
	}
	weir_dgram_stats(&t.d, &stats);
	cr_expect_eq(stats.n_accepted,
		     stats.n_sent + stats.n_queued + stats.n_dropped);
	cr_expect_gt(stats.n_queued, 0);
	expect_service_when_they_read(&t, peers, addresses, n_stuck);
	for (unsigned i = 0; i < n_stuck; i++)
		close(peers[i]);
	close(peer);
	talk_end(&t);
}

Test(dgram_full, twenty_that_never_read_leave_room_to_one_that_reads)
{
	expect_room_beside(20, 64, false);
	expect_room_beside(20, 1000, false);
}

Test(dgram_full, connected_ones_that_never_read_leave_room_to_one_that_reads)
{
	expect_room_beside(5, 64, true);
	expect_room_beside(20, 1000, true);
}

Test(dgram_full, two_hundred_that_never_read_leave_room_to_one_that_reads)
{
	expect_room_beside(200, 64, false);
	expect_room_beside(200, 64, true);
}

/* -- a pass is bounded -- */

Test(dgram_full, a_turn_sends_only_so_much_of_a_long_queue)
{
	const struct weir_dgram_options options = {.queue_messages = 3000};
	struct weir_address address;
	struct talk t = {.then = NULL};
	int peer = peer_open(&address, "udp:127.0.0.1:0");

	talk_bind(&t, "udp:127.0.0.1:0", &options);
	fault_next(FAULT_SENDMMSG, -EAGAIN);
	for (unsigned i = 0; i < 3000; i++)
		cr_assert_eq(talk_send(&t, &address, i, 1), 0);
	weir_loop_turn(t.loop, 1);
	cr_expect_gt(t.d.stats.n_sent, 0);
	cr_expect_leq(t.d.stats.n_sent, 2 * 8 * WEIR_DGRAM_BATCH);
	harness_turn_until_idle(t.loop, MAX_TURNS);
	talk_expect_account(&t, 3000, 0, 0);
	cr_expect_leq(fault_count(FAULT_SENDMMSG), 3000 / WEIR_DGRAM_BATCH + 2);
	cr_expect_eq(fault_count(FAULT_EPOLL_WAIT), t.loop->n_turns);
	close(peer);
	talk_end(&t);
}

/* -- a kernel that is short of memory -- */

static void expect_recovery(int error)
{
	struct weir_address address;
	struct talk t = {.then = NULL};
	int peer = peer_open(&address, "udp:127.0.0.1:0");

	talk_bind(&t, "udp:127.0.0.1:0", NULL);
	for (unsigned i = 1; i <= 6; i++)
		fault_result(FAULT_SENDMMSG, FAULT_ANY_FD, i, error);
	cr_expect_eq(talk_send(&t, &address, SEED, 10), 0);
	cr_expect_eq(talk_send(&t, &address, SEED, 10), 0);
	cr_expect_not(talk_is_armed(&t), "EPOLLOUT would spin");
	cr_expect_leq(turn_for(&t, 63 * MS), 7);
	talk_expect_account(&t, 2, 0, 0);
	cr_expect_eq(t.d.stats.n_errors, 0);
	peer_expect(peer, SEED, 10);
	peer_expect(peer, SEED, 10);
	fault_clear();
	close(peer);
	talk_end(&t);
}

Test(dgram_full, a_shortage_of_memory_is_waited_out_by_the_clock)
{
	expect_recovery(-ENOBUFS);
	expect_recovery(-ENOMEM);
}

Test(dgram_full, a_shortage_that_does_not_end_drops_and_counts)
{
	struct weir_dgram_stats stats;
	struct weir_address address;
	struct talk t = {.then = NULL};
	int peer = peer_open(&address, "udp:127.0.0.1:0");
	unsigned n_turns;

	talk_bind(&t, "udp:127.0.0.1:0", NULL);
	fault_result(FAULT_SENDMMSG, FAULT_ANY_FD, FAULT_ALWAYS, -ENOBUFS);
	for (unsigned i = 0; i < 40; i++)
		cr_expect_eq(talk_send(&t, &address, i, 10), 0);
	n_turns = turn_for(&t, 1000 * MS);
	cr_expect_leq(n_turns, 16, "%u turns: it spins", n_turns);
	talk_expect_account(&t, 0, 0, 40);
	weir_dgram_stats(&t.d, &stats);
	cr_expect_eq(stats.n_errors, 40);
	cr_expect_eq(stats.last_error, -ENOBUFS);
	fault_clear();
	/* the next shortage has its own 100 ms */
	fault_next(FAULT_SENDMMSG, -ENOBUFS);
	cr_expect_eq(talk_send(&t, &address, SEED, 10), 0);
	turn_for(&t, 64 * MS);
	peer_expect(peer, SEED, 10);
	close(peer);
	talk_end(&t);
}

/* Two shortages of 64 ms with a success between are not one of 128. */
Test(dgram_full, patience_begins_anew_when_one_is_taken)
{
	struct weir_address address;
	struct talk t = {.then = NULL};
	int peer = peer_open(&address, "udp:127.0.0.1:0");

	talk_bind(&t, "udp:127.0.0.1:0", NULL);
	fault_result(FAULT_SENDMMSG, FAULT_ANY_FD, FAULT_ALWAYS, -ENOBUFS);
	for (unsigned i = 0; i < 3; i++)
		cr_expect_eq(talk_send(&t, &address, i, 10), 0);
	turn_for(&t, 64 * MS);
	fault_clear();
	fault_at_most(FAULT_SENDMMSG, FAULT_ANY_FD, 1, 1);
	for (unsigned i = 2; i < 9; i++)
		fault_result(FAULT_SENDMMSG, FAULT_ANY_FD, i, -ENOBUFS);
	turn_for(&t, 1000 * MS);
	cr_expect_eq(fault_n_pending(), 0);
	talk_expect_account(&t, 3, 0, 0);
	close(peer);
	talk_end(&t);
}

/* Loopback with the MTU of an Ethernet, in a network of the test's own. */
static bool enter_ethernet(void)
{
	struct ifreq up = {.ifr_name = "lo", .ifr_flags = IFF_UP};
	struct ifreq mtu = {.ifr_name = "lo", .ifr_mtu = 1500};
	int fd;
	bool is_set;

	if (unshare(CLONE_NEWNET) < 0)
		return false;
	fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	is_set = ioctl(fd, SIOCSIFFLAGS, &up) == 0 &&
		 ioctl(fd, SIOCSIFMTU, &mtu) == 0;
	close(fd);
	return is_set;
}

/* Its fragments exceed the send buffer, now and for ever. */
Test(dgram_full, one_that_never_fits_holds_up_the_next_for_100_ms_alone)
{
	const struct weir_dgram_options options = {.sndbuf = 1};
	struct weir_address address;
	struct talk t = {.then = NULL};
	int peer;

	if (!enter_ethernet())
		cr_skip_test("no right to a network with another MTU");
	peer = peer_open(&address, "udp:127.0.0.1:0");
	talk_bind(&t, "udp:127.0.0.1:0", &options);
	cr_expect_eq(talk_send(&t, &address, 1, 20000), 0);
	cr_expect_eq(talk_send(&t, &address, 2, 1000), 0);
	talk_expect_account(&t, 0, 2, 0);
	cr_expect_leq(turn_for(&t, 128 * MS), 9);
	talk_expect_account(&t, 1, 0, 1);
	cr_expect_eq(t.d.stats.last_error, -ENOBUFS);
	peer_expect(peer, 2, 1000);
	close(peer);
	talk_end(&t);
}
