/* The accounts of who holds what of a shared send buffer, against a model of
 * receivers that knows. */
#include <criterion/criterion.h>

#include <stdlib.h>
#include <string.h>

#include "dgram_share.h"
#include "harness.h"
#include "sys.h"

enum {
	SIZE = 212992,
	EIGHTH = SIZE / 8,
	MAX_RECEIVERS = 220,
	N_STEPS = 20000,
	/* what the kernel takes for a datagram of 64 bytes */
	COST = 768
};

#define MS UINT64_C(1000000)

TestSuite(dgram_share, .init = harness_begin, .fini = harness_end);

static struct {
	struct weir_dgram_share share;
	size_t held[MAX_RECEIVERS];
	size_t unread;
	uint64_t now_ns;
	unsigned char data[4096];
	/* of one datagram */
	unsigned receiver;
	struct iovec iov;
	struct mmsghdr message;
} model;

static void begin(void)
{
	memset(&model, 0, sizeof model);
	model.now_ns = 1000 * MS;
	model.iov.iov_base = model.data;
	model.message.msg_hdr.msg_iov = &model.iov;
	model.message.msg_hdr.msg_iovlen = 1;
	model.message.msg_hdr.msg_name = &model.receiver;
	model.message.msg_hdr.msg_namelen = sizeof model.receiver;
	weir_dgram_share_init(&model.share, SIZE);
}

/* A datagram of 64 bytes; false: it may not have it now. */
static bool send_to(unsigned receiver)
{
	model.receiver = receiver;
	model.iov.iov_len = 64;
	if (weir_dgram_share_wants_to_see(&model.share))
		weir_dgram_share_see(&model.share, model.unread);
	if (model.unread >= SIZE ||
	    !weir_dgram_share_allows(&model.share, &model.message, 1,
				     model.now_ns))
		return false;
	weir_dgram_share_charge(&model.share, &model.message, 1, model.now_ns);
	model.held[receiver] += COST;
	model.unread += COST;
	return true;
}

static void read_all(unsigned receiver)
{
	model.unread -= model.held[receiver];
	model.held[receiver] = 0;
}

static void fill(unsigned n_receivers)
{
	for (unsigned i = 0; i < 300; i++)
		for (unsigned receiver = 0; receiver < n_receivers; receiver++)
			send_to(receiver);
}

Test(dgram_share, one_that_never_reads_has_three_eighths)
{
	begin();
	fill(1);
	cr_expect_geq(model.unread, EIGHTH * 3);
	cr_expect_leq(model.unread, EIGHTH * 3 + COST);
	cr_expect(send_to(1), "the others have what is left");
}

Test(dgram_share, one_that_reads_may_hold_more)
{
	begin();
	for (unsigned i = 0; i < 200; i++) {
		cr_assert(send_to(0));
		read_all(0);
	}
	while (send_to(0))
		;
	cr_expect_geq(model.unread, EIGHTH * 3);
	fill(1);
	cr_expect_geq(model.held[0], EIGHTH * 3);
	read_all(0);
	/* most is held by others */
	for (unsigned i = 1; model.unread < EIGHTH * 4; i++)
		cr_assert(send_to(i));
	while (send_to(0))
		;
	cr_expect_geq(model.held[0], EIGHTH / 2);
}

Test(dgram_share, many_that_never_read_have_a_half)
{
	for (unsigned n = 2; n <= 100; n++) {
		begin();
		fill(n);
		cr_expect_leq(model.unread, EIGHTH * 4 + COST, "%u", n);
		cr_expect(send_to(n), "one that holds nothing has its own");
	}
}

Test(dgram_share, one_beyond_its_share_is_tried_ever_less_often)
{
	unsigned n = 0;

	begin();
	fill(1);
	for (unsigned ms = 0; ms < 600; ms++) {
		model.now_ns += MS;
		n += send_to(0);
	}
	cr_expect_eq(n, 4, "after 1, 8, 64 and 512 ms: %u", n);
	read_all(0);
	cr_expect(send_to(0));
	cr_expect_eq(model.share.unread, COST);
}

Test(dgram_share, a_trial_that_is_read_clears_a_wrong_account)
{
	unsigned n = 0;

	begin();
	/* 0 has read all that it holds, but 1 was sent to later */
	for (unsigned i = 0; i < 200; i++) {
		send_to(0);
		send_to(1);
		read_all(0);
		send_to(2);
	}
	for (unsigned ms = 0; ms < 100; ms++) {
		model.now_ns += MS;
		n += send_to(0);
		read_all(0);
	}
	cr_expect_geq(n, 50, "%u", n);
}

Test(dgram_share, those_that_never_read_are_not_tried_in_the_last_eighth)
{
	begin();
	for (unsigned ms = 0; ms < 100000; ms++) {
		for (unsigned receiver = 0; receiver < 50; receiver++)
			send_to(receiver);
		model.now_ns += MS;
	}
	cr_expect_leq(model.unread, EIGHTH * 7 + COST);
	cr_expect_geq(model.unread, EIGHTH * 7);
}

Test(dgram_share, a_batch_is_an_eighth_of_the_buffer)
{
	struct mmsghdr messages[64];

	begin();
	model.iov.iov_len = 64;
	for (size_t i = 0; i < 64; i++)
		messages[i] = model.message;
	cr_expect_eq(weir_dgram_share_allows(&model.share, messages, 64, 0),
		     EIGHTH / COST);
	cr_expect_eq(weir_dgram_share_allows(&model.share, messages, 3, 0), 3);
	model.iov.iov_len = 40000;
	cr_expect_eq(weir_dgram_share_allows(&model.share, messages, 64, 0), 1,
		     "a large one goes alone");
}

/* Accounts of so many receivers that each is forgotten before it comes again,
 * and all read. */
Test(dgram_share, a_thousand_receivers_that_read_are_all_sent_to)
{
	begin();
	for (unsigned i = 0; i < 10000; i++) {
		unsigned receiver = i % 1000;

		model.receiver = receiver;
		model.iov.iov_len = 64;
		if (weir_dgram_share_wants_to_see(&model.share))
			weir_dgram_share_see(&model.share, model.unread);
		cr_assert_eq(weir_dgram_share_allows(&model.share,
						     &model.message, 1, 0),
			     1, "%u", i);
		weir_dgram_share_charge(&model.share, &model.message, 1, 0);
	}
}

/* Those that read do so 0.3 ms after, at most. */
static void let_read(unsigned first, unsigned n, const uint64_t *due_ns)
{
	for (unsigned i = first; i < first + n; i++)
		if (due_ns[i] <= model.now_ns)
			read_all(i);
}

/* n_stuck receivers that never read and n_readers, all of which want one after
 * another, in random order; how long a reader waited at most. */
static uint64_t longest_wait(unsigned n_stuck, unsigned n_readers)
{
	uint64_t asked_ns[MAX_RECEIVERS] = {0};
	uint64_t due_ns[MAX_RECEIVERS] = {0};
	uint64_t longest_ns = 0;

	begin();
	for (unsigned i = 0; i < N_STEPS; i++) {
		unsigned who = (unsigned)rand() % (n_stuck + n_readers);

		model.now_ns += (unsigned)rand() % (MS / 4);
		let_read(n_stuck, n_readers, due_ns);
		if (who >= n_stuck && asked_ns[who] == 0)
			asked_ns[who] = model.now_ns;
		if (!send_to(who) || who < n_stuck)
			continue;
		if (model.now_ns - asked_ns[who] > longest_ns)
			longest_ns = model.now_ns - asked_ns[who];
		asked_ns[who] = 0;
		due_ns[who] = model.now_ns + (unsigned)rand() % (MS * 3 / 10);
	}
	for (unsigned i = n_stuck; i < n_stuck + n_readers; i++)
		if (asked_ns[i] && model.now_ns - asked_ns[i] > longest_ns)
			longest_ns = model.now_ns - asked_ns[i];
	return longest_ns;
}

Test(dgram_share, a_reader_among_those_that_never_read_waits_for_no_long)
{
	for (unsigned seed = 1; seed <= 50; seed++) {
		srand(seed);
		cr_expect_leq(longest_wait(5, 1), 200 * MS, "%u", seed);
		cr_expect_leq(longest_wait(20, 1), 200 * MS, "%u", seed);
		cr_expect_leq(longest_wait(0, 200), 200 * MS, "%u", seed);
	}
}
