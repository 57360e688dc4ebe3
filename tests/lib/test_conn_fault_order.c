/* Short sends among all the ways to send: whatever the kernel takes of each,
 * the peer reads one stream, in order and whole. */
#include "test_conn_fault.h"

#include <criterion/criterion.h>
#include <errno.h>

TestSuite(conn_fault_order, .init = conn_begin, .fini = conn_end);

enum {
	SMALL = 100,  /* gathered */
	LARGE = 4500, /* leaves at once, behind what was gathered */
	LAST = 50,
	ALL = SMALL + LARGE + LAST,
	MANY = 4000, /* small too */
	N_MANY = 40, /* twice what is gathered at most, and more */
	N_RUNS = 1500,
	N_SENDS = 8,
	N_SHORT = 5
};

static struct conn_probe *const p = &fault_probe;

/* The gather buffer is there from a first round on. */
static void open_warm(void (*then)(struct conn_probe *probe, char call))
{
	conn_probe_open(p, 0, NULL);
	p->is_echo = true;
	conn_probe_write(p, 1);
	conn_flow(p);
	p->is_echo = false;
	p->then = then;
	conn_probe_write(p, 1);
}

static void close_whole(void)
{
	conn_flow(p);
	cr_assert_eq(p->peer.n_received, p->n_accepted);
	p->then = NULL;
	conn_close_all();
}

/* -- one short send, at every byte -- */

static void send_three(struct conn_probe *probe, char call)
{
	if (call == CONN_DATA) {
		cr_assert_eq(conn_probe_sendall(probe, SMALL), 0);
		cr_assert_eq(conn_probe_sendall(probe, LARGE), 0);
		cr_assert_eq(conn_probe_sendall(probe, LAST), 0);
	}
}

static void send_large_first(struct conn_probe *probe, char call)
{
	if (call == CONN_DATA) {
		cr_assert_eq(conn_probe_sendall(probe, LARGE), 0);
		cr_assert_eq(conn_probe_sendall(probe, SMALL), 0);
		cr_assert_eq(conn_probe_sendall(probe, LAST), 0);
	}
}

Test(conn_fault_order, small_large_small_is_short_at_every_byte)
{
	size_t n;

	for (n = 0; n < ALL; n++) {
		open_warm(send_three);
		fault_at_most(FAULT_ANY_SEND, FAULT_ANY_FD, 1, n);
		close_whole();
	}
}

Test(conn_fault_order, large_small_small_is_short_at_every_byte)
{
	size_t n;

	for (n = 0; n < ALL; n++) {
		open_warm(send_large_first);
		fault_at_most(FAULT_ANY_SEND, FAULT_ANY_FD, 1, n);
		close_whole();
	}
}

/* -- more than can be gathered -- */

static void send_many(struct conn_probe *probe, char call)
{
	int i;

	for (i = 0; call == CONN_DATA && i < N_MANY; i++)
		cr_assert_eq(conn_probe_sendall(probe, MANY), 0);
}

/* The first send, or the one that follows it, takes next to nothing. */
Test(conn_fault_order, many_small_ones_are_short_at_each_send)
{
	uint64_t nth;

	for (nth = 1; nth <= 3; nth++) {
		open_warm(send_many);
		fault_at_most(FAULT_ANY_SEND, FAULT_ANY_FD, nth, MANY / 2);
		close_whole();
	}
}

/* -- anything, short anywhere -- */

static size_t draw_size(void)
{
	static const size_t most[] = {10, 100, 4096, 5000, 20000, 70000};

	return 1 + harness_random_below(most[harness_random_below(6)]);
}

static void send_anything(struct conn_probe *probe)
{
	size_t n = draw_size();
	int error = 0;

	switch (harness_random_below(4)) {
	case 0:
		error = conn_probe_sendbuf(probe, n);
		break;
	case 1:
		cr_assert_geq(conn_probe_send(probe, n), 0);
		break;
	default:
		error = conn_probe_sendall(probe, n);
		break;
	}
	cr_assert(error == 0 || error == -ENOBUFS);
}

static void send_several(struct conn_probe *probe, char call)
{
	size_t n = harness_random_below(N_SENDS);

	if (call == CONN_DATA || call == CONN_WRITABLE)
		while (n-- > 0 && probe->n_accepted < 300000)
			send_anything(probe);
}

/* Inside a callback, then outside, then inside again. */
Test(conn_fault_order, any_sends_may_be_short_anywhere)
{
	int i;
	int k;

	for (i = 0; i < N_RUNS; i++) {
		open_warm(send_several);
		for (k = 0; k < N_SHORT; k++)
			fault_at_most(FAULT_ANY_SEND, FAULT_ANY_FD,
				      1 + harness_random_below(2 * N_SHORT),
				      harness_random_below(2) ? draw_size()
							      : 0);
		conn_turns((unsigned)harness_random_below(3));
		send_anything(p);
		send_anything(p);
		conn_probe_write(p, 1);
		conn_turns((unsigned)harness_random_below(3));
		fault_clear();
		close_whole();
	}
}
