/* Fences among messages that are sent, in part and late, or trimmed, at random,
 * against a naive model: the list of all messages, and how far they are. */
#include <weir/fence.h>

#include <criterion/criterion.h>
#include <stdlib.h>

#include "conn_inside.h"

#include "fault.h"
#include "harness_conn.h"

TestSuite(fence_model, .init = conn_begin, .fini = conn_end);

enum {
	N_MARKS = 30,
	MAX_PIECES = 100000
};

struct piece {
	uint64_t at;
	size_t n;
	size_t n_sent;
	bool is_shared;
	bool is_dropped;
};

static struct conn_probe p;
static struct piece *pieces;
static size_t n_pieces;
static size_t first; /* all before it have been sent or dropped */
static uint64_t n_synced;
static struct weir_fence fences[N_MARKS];
static uint64_t places[N_MARKS];
static uint64_t last_place;
static uint64_t n_told; /* dropped bytes, by all fences */
static unsigned n_fired;

static bool is_over(const struct piece *piece)
{
	return piece->is_dropped || piece->n_sent == piece->n;
}

/* What the kernel has taken is the oldest that was not dropped. */
static void sync_sent(void)
{
	uint64_t n = conn_probe_progress(&p).sent - n_synced;

	n_synced += n;
	for (; first < n_pieces; first++) {
		struct piece *piece = &pieces[first];
		size_t k = piece->n - piece->n_sent;

		if (is_over(piece))
			continue;
		if (k > n)
			k = (size_t)n;
		piece->n_sent += k;
		n -= k;
		if (!is_over(piece))
			break;
	}
	cr_assert_eq(n, 0);
}

static uint64_t dropped_before(uint64_t place)
{
	uint64_t n = 0;
	size_t i;

	for (i = 0; i < n_pieces && pieces[i].at < place; i++)
		if (pieces[i].is_dropped)
			n += pieces[i].n - pieces[i].n_sent;
	return n;
}

static uint64_t n_left(void)
{
	return first < n_pieces ? pieces[first].at + pieces[first].n_sent
				: p.n_accepted;
}

static void on_fence(struct weir_fence *fence, uint64_t n_dropped)
{
	uint64_t place = places[fence - fences];

	sync_sent();
	cr_assert_geq(n_left(), place, "early");
	cr_assert_geq(place, last_place, "out of order");
	cr_assert_eq(n_dropped, dropped_before(place) - n_told);
	last_place = place;
	n_told += n_dropped;
	n_fired++;
}

/* -- the operations -- */

static void send_one(size_t n, bool is_shared)
{
	uint64_t at = p.n_accepted;
	int error = is_shared ? conn_probe_sendbuf(&p, n)
			      : conn_probe_sendall(&p, n);

	cr_assert_lt(n_pieces, MAX_PIECES);
	if (error == 0)
		pieces[n_pieces++] = (struct piece){
			.at = at, .n = n, .is_shared = is_shared};
	sync_sent();
}

static void trim(void)
{
	size_t n_wanted = harness_random_below(5);
	size_t n = 0;
	size_t target;
	size_t i;

	/* a target that so many of the oldest have to go for */
	target = weir_outbox_weight(&p.conn.out);
	for (i = first; i < n_pieces && n < n_wanted; i++) {
		struct piece *piece = &pieces[i];

		if (is_over(piece) || !piece->is_shared || piece->n_sent > 0)
			continue;
		piece->is_dropped = true;
		target -= piece->n < 64 ? 64 : piece->n;
		n++;
	}
	cr_assert_eq(weir_conn_trim(&p.conn, target), n);
	sync_sent();
}

static void set(struct weir_fence *fence)
{
	if (fence->conn)
		return;
	places[fence - fences] = p.n_accepted;
	cr_assert_eq(weir_fence_open(fence, &p.conn, on_fence), 0);
}

/* The peer's bytes have gaps here, and are not looked at. */
static void read_some(size_t n)
{
	static unsigned char data[20000];

	p.peer.n_received += harness_drain(p.peer.fd, data, n);
}

static void step(void)
{
	size_t dice = harness_random_below(100);
	size_t n =
		1 + harness_random_below(harness_random_below(2) ? 100 : 9000);
	struct weir_fence *fence = &fences[harness_random_below(N_MARKS)];

	if (dice < 20)
		send_one(n, true);
	else if (dice < 35)
		send_one(n, false);
	else if (dice < 45)
		trim();
	else if (dice < 60)
		set(fence);
	else if (dice < 64)
		weir_fence_close(fence);
	else if (dice < 74)
		fault_at_most(FAULT_ANY_SEND, weir_conn_fd(&p.conn), 1, n / 3);
	else if (dice < 85)
		conn_turns(1);
	else
		read_some(n);
}

/* After some turns none is late. */
static void check_not_late(void)
{
	size_t i;

	conn_turns(3);
	sync_sent();
	for (i = 0; i < N_MARKS; i++)
		cr_assert(!fences[i].conn || places[i] > n_left(), "late");
}

static void begin(void)
{
	const struct weir_conn_limits limits = {
		.low = 5000, .high = 20000, .max = 100000};

	conn_probe_open(&p, 4608, &limits);
	pieces = calloc(MAX_PIECES, sizeof *pieces);
	set(&fences[0]);
	conn_turns(1);
}

/* What is still queued is dropped, and told. */
static void end_by_abort(void)
{
	size_t i;

	sync_sent();
	for (i = 0; i < n_pieces; i++)
		pieces[i].is_dropped |= !is_over(&pieces[i]);
	first = n_pieces;
	weir_conn_abort(&p.conn, false);
	conn_turns(2);
	for (i = 0; i < N_MARKS; i++)
		cr_assert_null(fences[i].conn);
	free(pieces);
}

Test(fence_model, agrees_under_random_operations)
{
	int i;

	begin();
	for (i = 0; i < 20000; i++) {
		step();
		if (i % 16 == 0)
			check_not_late();
	}
	end_by_abort();
	cr_assert_gt(n_fired, 500);
	cr_assert_gt(n_told, 0);
}
