/* What follows memory leaves in the same flush. The suite is declared in
 * test_conn_sendfile.c. */
#include <weir/conn.h>

#include <criterion/criterion.h>
#include <errno.h>

#include "conn_inside.h"

#include "fault.h"
#include "harness_conn.h"
#include "harness_sendfile.h"

enum {
	SMALL = 100
};

static struct conn_probe p;

static unsigned n_answers;
static size_t n_of_file;

/* To a pipelined batch of requests: a head and a file for each. */
static void answer(struct conn_probe *probe, char call)
{
	unsigned i;

	if (call != CONN_DATA)
		return;
	for (i = 0; i < n_answers; i++) {
		cr_assert_eq(conn_probe_sendall(probe, SMALL), 0);
		cr_assert_eq(sendfile_next(&p, n_of_file), 0);
	}
}

static void expect_answers_in_one_turn(unsigned n_files, size_t n)
{
	p.then = answer;
	n_answers = n_files;
	n_of_file = n;
	conn_probe_open(&p, 0, NULL);
	conn_probe_write(&p, 1);
	fault_reset();
	conn_turns(1);
	cr_assert_eq(harness_peer_read(&p.peer, SIZE_MAX),
		     n_files * (SMALL + n));
	cr_assert_eq(conn_probe_progress(&p).n_arms, 0);
	cr_assert_eq(fault_count(FAULT_SEND), 0);
}

Test(conn_sendfile, leaves_small_ones_and_their_heads_in_one_call)
{
	expect_answers_in_one_turn(16, 1000);
	cr_assert_eq(fault_count(FAULT_SENDV), 1);
	cr_assert_eq(fault_count(FAULT_SENDFILE), 0);
}

Test(conn_sendfile, leaves_larger_ones_in_one_turn_with_two_calls_each)
{
	expect_answers_in_one_turn(4, 17000);
	cr_assert_eq(fault_count(FAULT_SENDV), 4);
	cr_assert_eq(fault_count(FAULT_SENDFILE), 4);
}

/* All that is read for one call is bounded; what is left is next. */
Test(conn_sendfile, leaves_many_small_ones_in_few_calls)
{
	expect_answers_in_one_turn(16, 5000);
	cr_assert_eq(fault_count(FAULT_SENDV), 3);
	cr_assert_eq(fault_count(FAULT_SENDFILE), 0);
}

/* -- what is next is late -- */

/* Bytes that the kernel keeps for a file behind them do not wait for it. */
Test(conn_sendfile, leaves_a_head_whose_file_the_kernel_has_no_room_for)
{
	conn_probe_open_tcp(&p, 0, NULL);
	fault_next(FAULT_SENDFILE, -EAGAIN);
	cr_assert_eq(conn_probe_sendall(&p, SMALL), 0);
	cr_assert_eq(sendfile_next(&p, 17000), 0);
	conn_turns(1);
	cr_assert_eq(harness_peer_read(&p.peer, SIZE_MAX), SMALL);
	sendfile_expect_received(&p);
}

Test(conn_sendfile, leaves_a_head_whose_file_is_for_another_turn)
{
	struct weir_offer offer;

	conn_probe_open_tcp(&p, 0, NULL);
	cr_assert_eq(conn_probe_sendall(&p, SMALL), 0);
	cr_assert_eq(sendfile_next(&p, 17000), 0);
	offer = weir_outbox_flush(&p.conn.out, conn_loop, weir_conn_fd(&p.conn),
				  SMALL, true);
	cr_assert_eq(offer.taken, SMALL);
	cr_assert_eq(harness_peer_read(&p.peer, SIZE_MAX), SMALL);
	sendfile_expect_received(&p);
}

/* How often the packet of a head is pushed because the file does not follow. */
static uint64_t n_pushed(size_t n)
{
	uint64_t n_calls;

	conn_probe_open(&p, 0, NULL);
	fault_reset();
	cr_assert_eq(conn_probe_sendall(&p, 100), 0);
	cr_assert_eq(sendfile_next(&p, n), 0);
	fault_next(FAULT_SENDFILE, -EAGAIN);
	conn_turns(1);
	cr_assert_eq(fault_n_pending(), 0);
	n_calls = fault_count(FAULT_SETSOCKOPT);
	conn_close_all();
	return n_calls;
}

Test(conn_sendfile, keeps_a_head_only_for_a_file_that_fits_its_packet)
{
	cr_assert_eq(n_pushed(65536 - 100), 1);
	cr_assert_eq(n_pushed(65536 - 99), 0);
}
