/* What is dropped when the queue is full, and who hears of it. */
#include <criterion/criterion.h>

#include <errno.h>
#include <unistd.h>

#include "fault.h"
#include "harness.h"
#include "test_dgram.h"

enum {
	SEED = 3,
	BATCH = 16,
	MAX_TURNS = 100,
	N_STEPS = 3000,
	/* a test that takes so long hangs */
	PATIENCE_S = 60
};

TestSuite(dgram_policy, .init = harness_begin, .fini = harness_end,
	  .timeout = PATIENCE_S);

static const char any_port[] = "udp:127.0.0.1:0";

static const struct weir_dgram_options newest = {
	.queue_messages = 3, .policy = WEIR_DGRAM_DROP_NEWEST};
static const struct weir_dgram_options oldest = {
	.queue_messages = 3, .policy = WEIR_DGRAM_DROP_OLDEST};

/* A kernel that is full until fault_clear, and five datagrams for it. */
static int begin(struct talk *t, struct weir_address *address,
		 const struct weir_dgram_options *options)
{
	int peer = peer_open(address, any_port);

	talk_bind(t, any_port, options);
	fault_result(FAULT_SENDMMSG, FAULT_ANY_FD, FAULT_ALWAYS, -EAGAIN);
	return peer;
}

/* The kernel has room again; all that is queued leaves. */
static void let_go(struct talk *t)
{
	fault_clear();
	harness_turn_until_idle(t->loop, MAX_TURNS);
	cr_expect_eq(t->d.buffers->queue.n_messages, 0);
	cr_expect_not(talk_is_armed(t));
}

Test(dgram_policy, the_newest_is_dropped)
{
	struct weir_address address;
	struct talk t = {.then = NULL};
	int peer = begin(&t, &address, &newest);

	for (unsigned i = 0; i < 5; i++)
		cr_expect_eq(talk_send(&t, &address, i, 10),
			     i < 3 ? 0 : -ENOBUFS);
	talk_expect_account(&t, 0, 3, 2);
	let_go(&t);
	talk_expect_account(&t, 3, 0, 2);
	cr_expect_eq(t.d.stats.n_errors, 0, "it is no error");
	for (unsigned i = 0; i < 3; i++)
		peer_expect(peer, i, 10);
	peer_expect_nothing(peer);
	close(peer);
	talk_end(&t);
}

Test(dgram_policy, the_oldest_are_dropped)
{
	struct weir_address address;
	struct talk t = {.then = NULL};
	int peer = begin(&t, &address, &oldest);

	for (unsigned i = 0; i < 5; i++)
		cr_expect_eq(talk_send(&t, &address, i, 10), 0);
	talk_expect_account(&t, 0, 3, 2);
	let_go(&t);
	talk_expect_account(&t, 3, 0, 2);
	for (unsigned i = 2; i < 5; i++)
		peer_expect(peer, i, 10);
	peer_expect_nothing(peer);
	close(peer);
	talk_end(&t);
}

Test(dgram_policy, the_queue_is_bounded_in_bytes)
{
	const struct weir_dgram_options options = {
		.queue_bytes = 100, .policy = WEIR_DGRAM_DROP_OLDEST};
	struct weir_address address;
	struct talk t = {.then = NULL};
	int peer = begin(&t, &address, &options);

	for (unsigned i = 0; i < 10; i++)
		cr_expect_eq(talk_send(&t, &address, i, 10), 0);
	talk_expect_account(&t, 0, 10, 0);
	cr_expect_eq(talk_send(&t, &address, 10, 11), 0);
	talk_expect_account(&t, 0, 9, 2);
	cr_expect_eq(talk_send(&t, &address, 11, 0), 0);
	talk_expect_account(&t, 0, 10, 2);
	cr_expect_eq(talk_send(&t, &address, 12, 100), 0);
	talk_expect_account(&t, 0, 2, 11);
	let_go(&t);
	peer_expect(peer, 11, 0);
	peer_expect(peer, 12, 100);
	close(peer);
	talk_end(&t);
}

Test(dgram_policy, the_newest_is_dropped_for_its_bytes_too)
{
	const struct weir_dgram_options options = {.queue_bytes = 100};
	struct weir_address address;
	struct talk t = {.then = NULL};
	int peer = begin(&t, &address, &options);

	cr_expect_eq(talk_send(&t, &address, 0, 90), 0);
	cr_expect_eq(talk_send(&t, &address, 1, 11), -ENOBUFS);
	cr_expect_eq(talk_send(&t, &address, 2, 10), 0);
	talk_expect_account(&t, 0, 2, 1);
	let_go(&t);
	peer_expect(peer, 0, 90);
	peer_expect(peer, 2, 10);
	close(peer);
	talk_end(&t);
}

/* -- on_drain -- */

static void send_one_more(struct talk *t)
{
	cr_expect_eq(t->d.buffers->queue.n_messages, 0);
	cr_expect_eq(weir_dgram_send(&t->d, &t->from, "again", 5), 0);
}

static void expect_drain(const struct weir_dgram_options *options)
{
	struct weir_address address;
	struct talk t = {.on_drain = send_one_more};
	int peer = begin(&t, &address, options);

	t.from = address;
	for (unsigned i = 0; i < 3; i++)
		(void)talk_send(&t, &address, i, 10);
	let_go(&t);
	cr_expect_eq(t.n_drains, 0, "nothing was dropped");
	fault_result(FAULT_SENDMMSG, FAULT_ANY_FD, FAULT_ALWAYS, -EAGAIN);
	for (unsigned i = 0; i < 5; i++)
		(void)talk_send(&t, &address, i, 10);
	cr_expect_eq(t.n_drains, 0, "it came from outside the loop");
	let_go(&t);
	cr_expect_eq(t.n_drains, 1);
	cr_expect_eq(peer_drain(peer), 7);
	harness_turn_until_idle(t.loop, MAX_TURNS);
	cr_expect_eq(t.n_drains, 1);
	close(peer);
	talk_end(&t);
}

Test(dgram_policy, who_was_refused_is_told_when_the_queue_is_empty)
{
	expect_drain(&newest);
	expect_drain(&oldest);
}

static void expect_drain_without_memory(const char *text)
{
	struct talk t = {.on_drain = send_one_more};
	struct weir_address address;
	int peer = peer_open(&address, text);

	talk_bind(&t, text, NULL);
	t.from = address;
	fault_next(FAULT_SENDMMSG, -EAGAIN);
	fault_next(FAULT_ALLOC, -ENOMEM);
	cr_expect_eq(talk_send(&t, &address, SEED, 10), -ENOMEM);
	talk_expect_account(&t, 0, 0, 1);
	cr_expect_eq(t.n_drains, 0);
	weir_loop_turn(t.loop, 2000000);
	cr_expect_eq(t.n_drains, 1);
	cr_expect_eq(peer_drain(peer), 1);
	cr_expect_not(talk_is_armed(&t));
	close(peer);
	talk_end(&t);
}

Test(dgram_policy, who_found_no_memory_is_told_when_there_is_room)
{
	expect_drain_without_memory(any_port);
	expect_drain_without_memory("");
}

Test(dgram_policy, without_memory_the_older_ones_stay)
{
	struct weir_address address;
	struct talk t = {.then = NULL};
	int peer = begin(&t, &address, &oldest);

	for (unsigned i = 0; i < 3; i++)
		cr_expect_eq(talk_send(&t, &address, i, 10), 0);
	fault_next(FAULT_ALLOC, -ENOMEM);
	cr_expect_eq(talk_send(&t, &address, 3, 10), -ENOMEM);
	talk_expect_account(&t, 0, 3, 1);
	let_go(&t);
	for (unsigned i = 0; i < 3; i++)
		peer_expect(peer, i, 10);
	close(peer);
	talk_end(&t);
}

/* -- gathering -- */

static void answer(struct talk *t, const void *data, size_t n)
{
	cr_expect_eq(weir_dgram_send(&t->d, &t->from, data, n), 0);
}

/* What is gathered counts in the queue, but the kernel has room: nothing of a
 * batch of answers may be dropped. */
static void expect_all_answers(const struct weir_dgram_options *options)
{
	struct talk t = {.then = answer};
	struct weir_address address;
	int peer = peer_open(&address, any_port);

	talk_bind(&t, any_port, options);
	for (unsigned i = 0; i < BATCH; i++)
		peer_send(peer, &t, i, 100);
	talk_hear(&t, BATCH);
	talk_expect_account(&t, BATCH, 0, 0);
	for (unsigned i = 0; i < BATCH; i++)
		peer_expect(peer, i, 100);
	cr_expect_eq(t.n_drains, 0);
	fault_clear();
	close(peer);
	talk_end(&t);
}

Test(dgram_policy, answers_are_offered_before_one_is_dropped)
{
	const struct weir_dgram_options few_bytes = {.queue_bytes = 250};

	expect_all_answers(&newest);
	expect_all_answers(&oldest);
	expect_all_answers(&few_bytes);
}

Test(dgram_policy, answers_need_no_memory_while_the_kernel_has_room)
{
	struct talk t = {.then = answer};
	struct weir_address address;
	int peer = peer_open(&address, any_port);

	talk_bind(&t, any_port, NULL);
	for (unsigned i = 0; i < BATCH; i++)
		peer_send(peer, &t, i, 100);
	fault_result(FAULT_ALLOC, FAULT_ANY_FD, FAULT_ALWAYS, -ENOMEM);
	talk_hear(&t, BATCH);
	talk_expect_account(&t, BATCH, 0, 0);
	for (unsigned i = 0; i < BATCH; i++)
		peer_expect(peer, i, 100);
	fault_clear();
	close(peer);
	talk_end(&t);
}

/* The third answer finds no memory: it must not overtake the first two. */
Test(dgram_policy, answers_without_memory_keep_their_place)
{
	struct talk t = {.then = answer};
	struct weir_address address;
	int peer = peer_open(&address, any_port);

	talk_bind(&t, any_port, NULL);
	for (unsigned i = 0; i < 4; i++)
		peer_send(peer, &t, i, 100);
	fault_result(FAULT_ALLOC, FAULT_ANY_FD, 3, -ENOMEM);
	talk_hear(&t, 4);
	for (unsigned i = 0; i < 4; i++)
		peer_expect(peer, i, 100);
	cr_expect_eq(fault_n_pending(), 0);
	close(peer);
	talk_end(&t);
}

/* -- the account, whatever happens -- */

static int random_fault(void)
{
	static const int errors[] = {-EAGAIN,	    -EAGAIN, -ENOBUFS,
				     -EHOSTUNREACH, -EPERM,  -EMSGSIZE};

	return errors[harness_random_below(sizeof errors / sizeof *errors)];
}

static void step(struct talk *t, const struct weir_address *peers, int *fds,
		 size_t n_peers)
{
	size_t i = harness_random_below(n_peers);
	size_t dice = harness_random_below(20);
	size_t size = harness_random_below(600);

	if (dice < 11)
		(void)talk_send(t, &peers[i], SEED, size);
	else if (dice < 13)
		fault_next(FAULT_SENDMMSG, random_fault());
	else if (dice == 13)
		fault_at_most(FAULT_SENDMMSG, FAULT_ANY_FD, 1, 2);
	else if (dice == 14)
		fault_next(FAULT_ALLOC, -ENOMEM);
	else if (dice < 17)
		(void)peer_drain(fds[i]);
	else
		weir_loop_turn(t->loop, 1000000);
	if (harness_random_below(50) == 0)
		fault_clear();
}

static void live_at_random(const char *text,
			   const struct weir_dgram_options *options)
{
	struct weir_address addresses[5];
	struct talk t = {.then = NULL};
	int fds[5];

	for (size_t i = 0; i < 5; i++)
		fds[i] = peer_open(&addresses[i], text);
	talk_bind(&t, text, options);
	fault_time_settle(0);
	for (int i = 0; i < N_STEPS; i++) {
		step(&t, addresses, fds, 5);
		weir_dgram_queue_check(&t.d.buffers->queue);
		cr_assert_eq(t.d.stats.n_accepted,
			     t.d.stats.n_sent + t.d.buffers->queue.n_messages +
				     t.d.stats.n_dropped);
		cr_assert_leq(t.d.buffers->queue.n_bytes,
			      t.d.options.queue_bytes);
		cr_assert_leq(t.d.buffers->queue.n_messages,
			      t.d.options.queue_messages);
	}
	fault_clear();
	for (int i = 0; i < N_STEPS && t.d.buffers->queue.n_messages > 0; i++) {
		for (size_t j = 0; j < 5; j++)
			(void)peer_drain(fds[j]);
		weir_loop_turn(t.loop, 10000000);
	}
	cr_expect_eq(t.d.buffers->queue.n_messages, 0, "it hangs");
	for (size_t i = 0; i < 5; i++)
		close(fds[i]);
	talk_end(&t);
}

Test(dgram_policy, the_account_holds_under_random_faults)
{
	const struct weir_dgram_options small = {
		.queue_bytes = 5000,
		.queue_messages = 20,
		.policy = WEIR_DGRAM_DROP_OLDEST};

	live_at_random("", NULL);
	live_at_random("", &small);
	live_at_random(any_port, NULL);
	live_at_random(any_port, &small);
}
