/* Opening datagram sockets: paths, refusals, failures. */
#include <criterion/criterion.h>

#include <errno.h>
#include <sys/socket.h>
#include <unistd.h>

#include "fault.h"
#include "harness.h"
#include "harness_net.h"
#include "test_dgram.h"

static const char any_port[] = "udp:127.0.0.1:0";

static void end_of_test(void)
{
	harness_remove_folder();
	harness_end();
}

TestSuite(dgram_open, .init = harness_begin, .fini = end_of_test);

static const struct weir_dgram_events deaf;

static struct weir_address dgram_path(const char *name)
{
	struct weir_address address = harness_unix_path(name);

	address.type = SOCK_DGRAM;
	return address;
}

static int try_bind(struct talk *t, const struct weir_address *address)
{
	return weir_dgram_bind(&t->d, t->loop, address, &deaf, NULL);
}

static int try_connect(struct talk *t, const struct weir_address *address)
{
	return weir_dgram_connect(&t->d, t->loop, address, &deaf, NULL);
}

static bool is_there(const struct weir_address *address)
{
	return access(address->sa.un.sun_path, F_OK) == 0;
}

Test(dgram_open, a_path_is_taken_over_from_the_dead_and_removed_at_the_end)
{
	struct weir_address address = dgram_path("socket");
	struct talk t = {.n = 0};
	struct talk other = {.n = 0};
	int dead = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	cr_assert_eq(bind(dead, &address.sa.any, address.len), 0);
	cr_assert_eq(weir_loop_new(&t.loop), 0);
	cr_assert_eq(weir_loop_new(&other.loop), 0);
	cr_expect_eq(try_bind(&t, &address), -EADDRINUSE, "it is not dead");
	close(dead);
	cr_expect_eq(try_bind(&t, &address), 0);
	cr_expect_eq(try_bind(&other, &address), -EADDRINUSE);
	talk_end(&t);
	cr_expect_not(is_there(&address));
	talk_end(&other);
}

/* Handed from one owner to the next, as from process to process. */
Test(dgram_open, an_adopted_path_is_removed_by_its_owner_alone)
{
	struct weir_address address = dgram_path("handed");
	struct talk first = {.n = 0};
	struct talk second = {.n = 0};

	cr_assert_eq(weir_loop_new(&first.loop), 0);
	cr_assert_eq(weir_loop_new(&second.loop), 0);
	cr_assert_eq(try_bind(&first, &address), 0);
	cr_assert_eq(weir_dgram_adopt(&second.d, second.loop,
				      dup(weir_dgram_fd(&first.d)), &deaf,
				      NULL),
		     0);
	cr_expect_str_eq(weir_dgram_address(&second.d)->sa.un.sun_path,
			 address.sa.un.sun_path);
	cr_expect_eq(weir_dgram_own_file(&first.d, false), 0);
	talk_end(&first);
	cr_expect(is_there(&address));
	cr_expect_eq(weir_dgram_own_file(&second.d, true), 0);
	talk_end(&second);
	cr_expect_not(is_there(&address));
}

Test(dgram_open, what_cannot_be_opened_says_why)
{
	struct weir_address stream = harness_address("127.0.0.1:0");
	struct weir_address nowhere = harness_address("udp:192.0.2.1:0");
	struct weir_address nobody = dgram_path("nobody");
	struct weir_address taken;
	struct talk t = {.n = 0};
	int peer = peer_open(&taken, any_port);
	int n_fds;

	cr_assert_eq(weir_loop_new(&t.loop), 0);
	n_fds = harness_count_fds();
	cr_expect_eq(try_bind(&t, &stream), -EINVAL);
	cr_expect_eq(try_connect(&t, &stream), -EINVAL);
	cr_expect_eq(try_bind(&t, &nowhere), -EADDRNOTAVAIL);
	cr_expect_eq(try_bind(&t, &taken), -EADDRINUSE);
	cr_expect_eq(try_connect(&t, &nobody), -ENOENT);
	cr_expect_eq(harness_count_fds(), n_fds);
	cr_expect_null(t.d.watch.loop);
	close(peer);
	talk_end(&t);
}

/* What it cannot know it would answer from the wrong address. */
Test(dgram_open, a_wildcard_whose_destinations_are_not_told_is_not_bound)
{
	struct weir_address any = harness_address("udp:0.0.0.0:0");
	struct talk t = {.n = 0};
	int n_fds;

	cr_assert_eq(weir_loop_new(&t.loop), 0);
	n_fds = harness_count_fds();
	fault_next(FAULT_SETSOCKOPT, -EPERM);
	cr_expect_eq(try_bind(&t, &any), -EPERM);
	cr_expect_eq(harness_count_fds(), n_fds);
	cr_expect_eq(fault_count(FAULT_BIND), 0);
	talk_end(&t);
}

/* A path that is in use is looked at, found free, and bound again. */
static bool is_survived(enum fault_call hit, const struct weir_address *address)
{
	return hit == FAULT_NONE ||
	       (hit == FAULT_BIND && address->sa.any.sa_family == AF_UNIX &&
		address->sa.un.sun_path[0] != '\0');
}

/* Returns the number of calls. */
static uint64_t fail_every_call(int (*try_open)(struct talk *t,
						const struct weir_address *a),
				const struct weir_address *address)
{
	enum fault_call hit = FAULT_N_CALLS;
	uint64_t k;

	for (k = 0; hit != FAULT_NONE; k++) {
		struct talk t = {.n = 0};
		int n_fds;
		int error;

		cr_assert_eq(weir_loop_new(&t.loop), 0);
		n_fds = harness_count_fds();
		fault_reset();
		fault_fail_call(k + 1);
		error = try_open(&t, address);
		hit = fault_hit();
		fault_reset();
		cr_expect_eq(error, is_survived(hit, address)
					    ? 0
					    : fault_natural(hit));
		cr_expect_eq(harness_count_fds(), n_fds + (error == 0));
		cr_expect_eq(t.d.watch.loop != NULL, error == 0);
		talk_end(&t);
	}
	return k - 1;
}

Test(dgram_open, every_failing_call_of_an_opening_is_told)
{
	struct weir_address v4 = harness_address(any_port);
	struct weir_address v6 = harness_address("udp:[::1]:0");
	struct weir_address path = dgram_path("socket");
	struct weir_address address;
	int peer = peer_open(&address, "");

	/* socket, bind, getsockname, alloc, epoll_add */
	cr_expect_eq(fail_every_call(try_bind, &v4), 5);
	cr_expect_eq(fail_every_call(try_bind, &v6), 6);
	cr_expect_eq(fail_every_call(try_bind, &path), 7);
	cr_expect_not(is_there(&path));
	/* socket, bind, connect, alloc, epoll_add */
	cr_expect_eq(fail_every_call(try_connect, &address), 5);
	close(peer);
}
