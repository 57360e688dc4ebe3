/* The loop under random operations, in and between its callbacks, against a
 * naive model: what each watch may hear of is known before the turn. */
#include "loop.h"

#include <criterion/criterion.h>
#include <poll.h>

#include "fault.h"
#include "harness.h"
#include "harness_probe.h"

enum {
	N_PROBES = 24,
	N_TURNS = 20000
};

/* Beside each probe. Turns are numbered from 1. */
struct model {
	bool is_open;
	bool is_due;	      /* a deferred call was asked for ... */
	bool is_close_due;    /* ... a close's ... */
	uint64_t asked_turn;  /* ... in or after this turn */
	uint64_t opened_turn; /* the turn in which it was; 0: before it */
	uint32_t wanted;
	uint32_t wanted_at_wait;
	bool was_ready_at_wait; /* and was not called since */
};

static struct weir_loop *loop;
static struct probe probes[N_PROBES];
static struct model models[N_PROBES];
static uint64_t turn; /* the one that runs; between turns 0 */
static uint64_t n_turns;

TestSuite(loop_model, .init = harness_begin, .fini = harness_end);

static uint32_t random_events(void)
{
	static const uint32_t all[] = {0, EPOLLIN, EPOLLOUT,
				       EPOLLIN | EPOLLOUT};

	return all[harness_random_below(4)];
}

static void called(struct probe *probe);

static void open_or_close(size_t i)
{
	uint32_t events = random_events();

	if (models[i].is_open) {
		probe_close(&probes[i]);
		models[i] = (struct model){0};
		return;
	}
	probes[i] = (struct probe){.then = called};
	probe_open(&probes[i], loop, events);
	models[i] = (struct model){
		.is_open = true, .opened_turn = turn, .wanted = events};
}

/* A close overrides a flush, which may then come a turn later. */
static void ask_for_call(size_t i)
{
	struct model *m = &models[i];
	bool is_close = harness_random_below(2) == 0;

	if (is_close)
		weir_watch_defer_close(&probes[i].watch);
	else
		weir_watch_defer(&probes[i].watch);
	if (!m->is_due || (is_close && !m->is_close_due))
		m->asked_turn = n_turns;
	m->is_due = true;
	m->is_close_due |= is_close;
}

static void do_something(void)
{
	size_t i = harness_random_below(N_PROBES);
	size_t what = harness_random_below(8);

	if (what == 0 || !models[i].is_open) {
		open_or_close(i);
	} else if (what == 1) {
		models[i].wanted = random_events();
		weir_watch_set(&probes[i].watch, models[i].wanted);
	} else if (what == 2) {
		ask_for_call(i);
	} else if (what == 3) {
		probe_drain(&probes[i]);
	} else if (what == 4 && harness_random_below(4) == 0) {
		probe_hang_up(&probes[i]);
	} else if (probes[i].fd[1] > 0 && what <= 6) {
		probe_poke(&probes[i]);
	}
}

static void called(struct probe *probe)
{
	size_t i = (size_t)(probe - probes);
	struct model *m = &models[i];
	size_t n;

	cr_assert(m->is_open);
	if (probe->events == 0) {
		cr_assert(m->is_due, "nobody asked for it");
		m->is_due = false;
		m->is_close_due = false;
	} else {
		cr_assert_neq(m->opened_turn, turn, "a dead one's event");
		cr_assert_neq(m->wanted_at_wait, 0);
		cr_assert_eq(probe->events &
				     ~(m->wanted_at_wait | EPOLLHUP | EPOLLERR),
			     0);
		m->was_ready_at_wait = false;
	}
	for (n = harness_random_below(4); n > 0; n--)
		do_something();
}

static bool is_ready(const struct probe *probe, uint32_t wanted)
{
	/* poll's numbers for these events are epoll's */
	struct pollfd fd = {.fd = probe->fd[0], .events = (short)wanted};

	return wanted != 0 && poll(&fd, 1, 0) == 1;
}

static void look_before_the_turn(void)
{
	size_t i;

	for (i = 0; i < N_PROBES; i++) {
		struct model *m = &models[i];

		m->opened_turn = 0;
		m->wanted_at_wait = m->wanted;
		m->was_ready_at_wait =
			m->is_open && is_ready(&probes[i], m->wanted);
	}
}

static void look_after_the_turn(void)
{
	size_t n_open = 0;
	size_t i;

	for (i = 0; i < N_PROBES; i++) {
		const struct model *m = &models[i];

		n_open += m->is_open;
		cr_assert_not(m->was_ready_at_wait, "it was not called");
		cr_assert(!m->is_due || m->asked_turn == n_turns,
			  "it has been waiting for more than a turn");
	}
	cr_assert_eq(loop->n_open, n_open);
}

Test(loop_model, calls_all_that_are_ready_or_due_and_nobody_else)
{
	size_t i;

	cr_assert_eq(weir_loop_new(&loop), 0);
	while (n_turns < N_TURNS) {
		do_something();
		look_before_the_turn();
		turn = ++n_turns;
		cr_assert_geq(weir_loop_turn(loop, 0), 0);
		turn = 0;
		look_after_the_turn();
	}
	for (i = 0; i < N_PROBES; i++)
		probe_close(&probes[i]);
	cr_assert_eq(weir_loop_free(loop), 0);
}
