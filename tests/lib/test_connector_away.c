/* Connecting while the loop is busy with other things, or away. */
#include <criterion/criterion.h>

#include <errno.h>
#include <unistd.h>

#include "fault.h"
#include "harness.h"
#include "harness_net.h"
#include "harness_probe.h"
#include "test_connector.h"

enum {
	SETTLE_MS = 50,
	BACKLOG = 9,
	N_BUSY = WEIR_PIECE_EVENTS + 8
};

static const uint64_t STAGGER_NS = 250000000;
static const uint64_t DEADLINE_NS = HARNESS_START_NS + 5000000000;

static void begin_test(void)
{
	harness_begin();
	fault_time_settle(SETTLE_MS);
}

TestSuite(connector_away, .init = begin_test, .fini = connecting_end_of_test);

static void be_slow(struct weir_timer *timer)
{
	(void)timer;
	fault_time_advance(STAGGER_NS);
}

Test(connector_away, a_slow_callback_is_not_the_first_attempts_loss)
{
	struct weir_address addresses[2] = {harness_address("127.0.0.1:0"),
					    harness_address("127.0.0.1:0")};
	struct weir_timer slow = {0};
	struct connecting c;
	int listener = harness_listen(&addresses[1], BACKLOG);
	int fds[2];

	connecting_listen_full(&addresses[0], fds);
	connecting_begin(&c);
	weir_timer_arm(&slow, c.loop, 1, be_slow);
	connecting_start(&c, addresses, 2, DEADLINE_NS);
	connecting_run(&c);
	cr_expect_geq(c.outcome, 0);
	cr_expect_eq(fault_time_now(), HARNESS_START_NS + 2 * STAGGER_NS);
	close(listener);
	connecting_close_both(fds);
	connecting_end(&c);
}

/* Begin to connect behind many watches that are ready all the time, and let the
 * deadline pass before the next turn. */
static void connect_behind_others(struct connecting *c,
				  const struct weir_address *address)
{
	static struct probe busy[N_BUSY];

	connecting_begin(c);
	for (unsigned i = 0; i < N_BUSY; i++) {
		probe_open(&busy[i], c->loop, EPOLLIN);
		probe_poke(&busy[i]);
	}
	connecting_start(c, address, 1, DEADLINE_NS);
	while (!weir_connector_address(&c->connector))
		weir_loop_turn(c->loop, -1);
	fault_time_advance(DEADLINE_NS);
	weir_loop_turn(c->loop, -1);
	cr_expect_eq(c->n_outcomes, 1);
	for (unsigned i = 0; i < N_BUSY; i++)
		probe_close(&busy[i]);
}

Test(connector_away, a_connect_that_was_in_time_is_no_timeout)
{
	struct weir_address address = harness_address("127.0.0.1:0");
	int listener = harness_listen(&address, BACKLOG);
	struct connecting c;

	connect_behind_others(&c, &address);
	cr_expect_geq(c.outcome, 0, "%d", c.outcome);
	cr_expect(harness_accept(listener));
	close(listener);
	connecting_end(&c);
}

Test(connector_away, a_connect_that_nobody_answers_is_one)
{
	struct weir_address address = harness_address("127.0.0.1:0");
	struct connecting c;
	int fds[2];

	connecting_listen_full(&address, fds);
	connect_behind_others(&c, &address);
	cr_expect_eq(c.outcome, -ETIMEDOUT);
	connecting_close_both(fds);
	connecting_end(&c);
}
