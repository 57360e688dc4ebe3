/* The loop inside another one: by plain poll(2), and in libuv's loop where
 * libuv is installed. */
#include "loop.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <dlfcn.h>
#include <poll.h>

#include "fault.h"
#include "harness_conn.h"

#if defined __has_include
#if __has_include(<uv.h>)
#include <uv.h>
#define HAS_UV
#endif
#endif

enum {
	MUCH = 400000 /* more than one turn's kernel takes */
};

TestSuite(loop_inside, .init = conn_begin, .fini = conn_end);

static struct conn_probe p;

static bool is_readable(void)
{
	struct pollfd poller = {.fd = weir_loop_fd(conn_loop),
				.events = POLLIN};

	return poll(&poller, 1, 0) == 1;
}

Test(loop_inside, poll_and_turns_send_all_to_a_slow_reader)
{
	cr_assert_eq(conn_probe_open(&p, 4608, NULL), 0);
	cr_assert_eq(conn_probe_sendall(&p, MUCH), 0);
	while (p.peer.n_received < MUCH) {
		int64_t ns = weir_loop_prepare(conn_loop);

		if (ns != 0 && !is_readable())
			cr_assert_gt(harness_peer_read(&p.peer, 10000), 0,
				     "the loop sleeps, and owes");
		cr_assert_geq(weir_loop_turn(conn_loop, 0), 0);
	}
	weir_loop_prepare(conn_loop);
	cr_assert_not(is_readable(), "there is nothing to do");
}

Test(loop_inside, prepare_says_when_work_is_left)
{
	cr_assert_eq(conn_probe_open(&p, 0, NULL), 0);
	cr_assert_eq(weir_loop_prepare(conn_loop), -1);
	cr_assert_eq(conn_probe_sendall(&p, 10), 0);
	cr_assert_eq(weir_loop_prepare(conn_loop), 0);
	conn_turns(1);
	cr_assert_eq(weir_loop_prepare(conn_loop), -1);
	cr_assert_eq(harness_peer_read(&p.peer, 10), 10);
}

static void note_nothing(struct weir_timer *timer)
{
	(void)timer;
}

Test(loop_inside, its_timers_make_it_readable)
{
	struct weir_timer timer = {0};

	weir_timer_arm(&timer, conn_loop, HARNESS_START_NS + 1000,
		       note_nothing);
	cr_assert_eq(weir_loop_prepare(conn_loop), -1);
	cr_assert_not(is_readable());
	fault_time_advance(1000);
	cr_assert(is_readable());
	conn_turns(1);
	cr_assert_not(weir_timer_is_armed(&timer));
}

Test(loop_inside, without_a_timerfd_the_other_loop_is_told_how_long)
{
	struct weir_timer timer = {0};

	weir_timer_arm(&timer, conn_loop, HARNESS_START_NS + 1000,
		       note_nothing);
	fault_result(FAULT_TIMERFD_SET, FAULT_ANY_FD, FAULT_ALWAYS, -ENOMEM);
	cr_assert_eq(weir_loop_prepare(conn_loop), 1000);
	fault_time_advance(1000);
	cr_assert_eq(weir_loop_prepare(conn_loop), 0);
	conn_turns(1);
	cr_assert_not(weir_timer_is_armed(&timer));
}

#ifdef HAS_UV
/* Loaded and not linked, so that the tests need no libuv. */
#define UV(NAME) (__extension__(__typeof__(NAME) *) symbol(#NAME))

static void *library;
static uv_prepare_t before;
static uv_poll_t poller;
static uv_idle_t busy;

static void *symbol(const char *name)
{
	void *found = dlsym(library, name);

	if (!found)
		harness_die("libuv has no %s", name);
	return found;
}

/* libuv does not wait while an idle handle is active. */
static void do_nothing(uv_idle_t *handle)
{
	(void)handle;
}

static void turn_inside(uv_poll_t *handle, int status, int events)
{
	(void)handle;
	(void)events;
	cr_assert_eq(status, 0);
	weir_loop_turn(conn_loop, 0);
}

static void prepare_inside(uv_prepare_t *handle)
{
	(void)handle;
	harness_peer_read(&p.peer, 10000);
	if (weir_loop_prepare(conn_loop) == 0) {
		weir_loop_turn(conn_loop, 0);
		UV(uv_idle_start)(&busy, do_nothing);
	} else {
		UV(uv_idle_stop)(&busy);
	}
	if (p.peer.n_received == MUCH)
		UV(uv_stop)(handle->loop);
}

/* Closing, libuv calls nobody back. */
static void close_all(uv_loop_t *uv)
{
	UV(uv_close)((uv_handle_t *)&before, NULL);
	UV(uv_close)((uv_handle_t *)&poller, NULL);
	UV(uv_close)((uv_handle_t *)&busy, NULL);
	UV(uv_run)(uv, UV_RUN_DEFAULT);
	cr_assert_eq(UV(uv_loop_close)(uv), 0);
}

Test(loop_inside, libuv_drives_it)
{
	static uv_loop_t uv;

	library = dlopen("libuv.so.1", RTLD_NOW);
	if (!library)
		cr_skip_test("libuv is not installed");
	cr_assert_eq(conn_probe_open(&p, 4608, NULL), 0);
	cr_assert_eq(conn_probe_sendall(&p, MUCH), 0);
	cr_assert_eq(UV(uv_loop_init)(&uv), 0);
	UV(uv_prepare_init)(&uv, &before);
	UV(uv_prepare_start)(&before, prepare_inside);
	UV(uv_idle_init)(&uv, &busy);
	UV(uv_poll_init)(&uv, &poller, weir_loop_fd(conn_loop));
	UV(uv_poll_start)(&poller, UV_READABLE, turn_inside);
	UV(uv_run)(&uv, UV_RUN_DEFAULT);
	cr_assert_eq(p.peer.n_received, MUCH);
	close_all(&uv);
	dlclose(library);
}
#else
Test(loop_inside, libuv_drives_it)
{
	cr_skip_test("uv.h is not installed");
}
#endif
