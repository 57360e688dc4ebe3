/* Several loops on one listening socket, each watching it exclusively. */
#include <criterion/criterion.h>

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include <weir/listener.h>
#include "loop.h"

#include "fault.h"
#include "harness.h"
#include "harness_net.h"

enum {
	N_WORKERS = 2,
	MANY = 200, /* more than a turn accepts */
	MAX_TURNS = 30,
	RETRY_NS = 100000000
};

struct worker {
	struct weir_loop *loop;
	struct weir_listener listener;
	unsigned n_accepted;
};

static const struct weir_listener_options exclusive = {.exclusive = true};
static struct worker workers[N_WORKERS];
static struct worker *const a = &workers[0];
static struct worker *const b = &workers[1];

static void just_close(struct weir_listener *listener, int fd,
		       const struct weir_address *peer)
{
	(void)peer;
	weir_container_of(listener, struct worker, listener)->n_accepted++;
	close(fd);
}

static void share(struct worker *other)
{
	int fd = fcntl(a->listener.watch.fd, F_DUPFD_CLOEXEC, 0);

	cr_assert_eq(weir_listener_adopt(&other->listener, other->loop, fd,
					 &exclusive, just_close),
		     0);
}

static void start(void)
{
	struct weir_address address;
	int i;

	harness_begin();
	address = harness_unix_name();
	for (i = 0; i < N_WORKERS; i++)
		cr_assert_eq(weir_loop_new(&workers[i].loop), 0);
	cr_assert_eq(weir_listener_open(&a->listener, a->loop, &address,
					&exclusive, just_close),
		     0);
	share(b);
}

static void finish(void)
{
	int i;

	for (i = 0; i < N_WORKERS; i++) {
		weir_listener_close(&workers[i].listener);
		if (weir_loop_free(workers[i].loop) != 0)
			harness_die("something is still open");
	}
	harness_end();
}

TestSuite(listener_shared, .init = start, .fini = finish);

static void connect_and_leave(unsigned n)
{
	unsigned i;

	for (i = 0; i < n; i++) {
		int fd = harness_connect(&a->listener.address);

		cr_assert_geq(fd, 0);
		close(fd);
	}
}

static int turn(struct worker *w)
{
	return weir_loop_turn(w->loop, 0);
}

Test(listener_shared, either_can_accept)
{
	connect_and_leave(1);
	turn(a);
	connect_and_leave(1);
	turn(b);
	cr_expect_eq(a->n_accepted, 1);
	cr_expect_eq(b->n_accepted, 1);
}

Test(listener_shared, each_client_is_accepted_exactly_once)
{
	connect_and_leave(MANY);
	while (turn(a) + turn(b) > 0)
		;
	cr_expect_eq(a->n_accepted + b->n_accepted, MANY);
	cr_expect_gt(a->n_accepted, 0);
	cr_expect_gt(b->n_accepted, 0);
	cr_expect_not(harness_accept(a->listener.watch.fd));
}

/* What EPOLLEXCLUSIVE is for: who does not get the wake-up is left asleep.
 * In one thread nobody sleeps, so epoll(7) itself is asked. */
Test(listener_shared, both_watch_exclusively)
{
	cr_expect_eq(a->listener.watch.committed, EPOLLIN | EPOLLEXCLUSIVE);
	cr_expect_eq(b->listener.watch.committed, EPOLLIN | EPOLLEXCLUSIVE);
	/* the kernel's own word: an exclusive entry cannot be modified */
	weir_watch_set(&b->listener.watch, EPOLLIN);
	turn(b);
	cr_expect_eq(fault_count(FAULT_EPOLL_MOD), 1);
	cr_expect_eq(b->listener.watch.committed, 0);
}

Test(listener_shared, while_one_pauses_the_other_serves)
{
	fault_result(FAULT_ACCEPT, a->listener.watch.fd, FAULT_ALWAYS, -EMFILE);
	connect_and_leave(3);
	turn(a);
	cr_assert_eq(a->listener.stats.n_pauses, 1);
	cr_expect_eq(turn(a), 0, "it does not pause");
	turn(b);
	cr_expect_eq(b->n_accepted, 3);
	connect_and_leave(2);
	turn(b);
	cr_expect_eq(b->n_accepted, 5);
}

Test(listener_shared, one_that_paused_comes_back_and_is_exclusive_again)
{
	fault_result(FAULT_ACCEPT, a->listener.watch.fd, 1, -EMFILE);
	connect_and_leave(1);
	turn(a);
	cr_assert_eq(a->listener.stats.n_pauses, 1);
	turn(a);
	cr_assert_eq(a->listener.watch.committed, 0);
	weir_loop_turn(a->loop, RETRY_NS);
	cr_assert_eq(a->listener.watch.committed, EPOLLIN | EPOLLEXCLUSIVE);
	turn(a);
	cr_expect_eq(a->n_accepted, 1);
	cr_expect_eq(fault_count(FAULT_EPOLL_MOD), 0);
	cr_expect_eq(a->listener.stats.n_pauses, 1,
		     "epoll did not take it back");
	connect_and_leave(1);
	turn(a);
	cr_expect_eq(a->n_accepted, 2);
}

/* All are served whichever goes, by whoever stays; the file or name is bound
 * until the last descriptor is closed. */
Test(listener_shared, one_closes_and_the_other_goes_on)
{
	struct weir_address peer;
	struct weir_address address = a->listener.address;
	int fd;

	connect_and_leave(2);
	fd = weir_listener_take(&a->listener, &peer);
	cr_assert_geq(fd, 0);
	close(fd);
	weir_listener_close(&a->listener);
	turn(b);
	cr_expect_eq(b->n_accepted, 1);
	fd = harness_connect(&address);
	cr_assert_geq(fd, 0);
	close(fd);
	turn(b);
	cr_expect_eq(b->n_accepted, 2);
}

/* An inherited TCP socket is shared in the same way. */
Test(listener_shared, over_tcp_too)
{
	struct weir_address address = harness_address("127.0.0.1:0");
	unsigned i;

	fault_time_settle(50);
	weir_listener_close(&b->listener);
	weir_listener_close(&a->listener);
	cr_assert_eq(weir_listener_adopt(&a->listener, a->loop,
					 harness_listen(&address, 5),
					 &exclusive, just_close),
		     0);
	share(b);
	for (i = 0; i < 2; i++) {
		connect_and_leave(1);
		harness_turn_until_idle(workers[i].loop, MAX_TURNS);
		cr_expect_eq(workers[i].n_accepted, 1);
	}
}
