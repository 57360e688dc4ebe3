/* Listeners on paths: whose file is it? */
#include <criterion/criterion.h>

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <weir/listener.h>
#include "loop.h"

#include "fault.h"
#include "harness.h"
#include "harness_net.h"

enum {
	MAX_TURNS = 30
};

static void end_of_test(void)
{
	harness_remove_folder();
	harness_end();
}

TestSuite(listener_path, .init = harness_begin, .fini = end_of_test);

struct server {
	struct weir_loop *loop;
	struct weir_listener listener;
	struct weir_address address;
	const char *path; /* of address */
	unsigned n_accepted;
};

static void just_close(struct weir_listener *listener, int fd,
		       const struct weir_address *peer)
{
	(void)peer;
	weir_container_of(listener, struct server, listener)->n_accepted++;
	close(fd);
}

static void begin(struct server *s)
{
	memset(s, 0, sizeof *s);
	s->address = harness_unix_path("socket");
	s->path = s->address.sa.un.sun_path;
	cr_assert_eq(weir_loop_new(&s->loop), 0);
}

static int try_open(struct server *s)
{
	return weir_listener_open(&s->listener, s->loop, &s->address, NULL,
				  just_close);
}

static void end(struct server *s)
{
	weir_listener_close(&s->listener);
	cr_assert_eq(weir_loop_free(s->loop), 0);
}

static void expect_service(struct server *s)
{
	int fd = harness_connect(&s->address);

	cr_assert_geq(fd, 0);
	harness_turn_until_idle(s->loop, MAX_TURNS);
	cr_expect_eq(s->n_accepted, 1);
	close(fd);
}

/* As a server leaves it that was killed. */
static void leave_stale(struct server *s)
{
	close(harness_listen(&s->address, 5));
}

static bool is_there(const char *path)
{
	struct stat st;

	return lstat(path, &st) == 0;
}

Test(listener_path, it_makes_its_file_and_removes_it)
{
	struct server s;

	begin(&s);
	cr_assert_eq(try_open(&s), 0);
	expect_service(&s);
	cr_expect(is_there(s.path));
	weir_listener_close(&s.listener);
	cr_expect_not(is_there(s.path));
	end(&s);
}

Test(listener_path, a_stale_socket_is_replaced)
{
	struct server s;

	begin(&s);
	leave_stale(&s);
	cr_assert_eq(try_open(&s), 0);
	expect_service(&s);
	end(&s);
	cr_expect_not(is_there(s.path));
}

/* Handed from one owner to the next, as from process to process. */
Test(listener_path, a_file_can_be_left_to_whoever_adopts_the_socket)
{
	struct server first;
	struct server second;

	begin(&first);
	begin(&second);
	cr_assert_eq(try_open(&first), 0);
	cr_assert_eq(weir_listener_adopt(&second.listener, second.loop,
					 dup(weir_listener_fd(&first.listener)),
					 NULL, just_close),
		     0);
	cr_expect_eq(weir_listener_own_file(&first.listener, false), 0);
	end(&first);
	expect_service(&second);
	cr_expect_eq(weir_listener_own_file(&second.listener, true), 0);
	end(&second);
	cr_expect_not(is_there(second.path));
}

/* It was replaced meanwhile: what is there is left alone. */
Test(listener_path, a_file_that_is_no_socket_cannot_be_owned)
{
	struct server s;

	begin(&s);
	cr_assert_eq(try_open(&s), 0);
	cr_assert_eq(unlink(s.path), 0);
	cr_expect_eq(weir_listener_own_file(&s.listener, true), -ENOENT);
	close(open(s.path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600));
	cr_expect_eq(weir_listener_own_file(&s.listener, true), -ENOTSOCK);
	end(&s);
	cr_expect(is_there(s.path));
	unlink(s.path);
}

Test(listener_path, a_live_one_is_refused_and_lives_on)
{
	struct server s;
	int other;
	int client;

	begin(&s);
	other = harness_listen(&s.address, 5);
	cr_expect_eq(try_open(&s), -EADDRINUSE);
	cr_expect_not(harness_accept(other), "it got a client that is none");
	client = harness_connect(&s.address);
	cr_expect(harness_accept(other), "it was cut off from its file");
	close(client);
	close(other);
	end(&s);
}

Test(listener_path, a_full_backlog_is_a_sign_of_life)
{
	struct server s;
	int other;
	int client;

	begin(&s);
	other = harness_listen(&s.address, 0);
	client = harness_connect(&s.address);
	cr_assert_eq(harness_connect(&s.address), -EAGAIN);
	cr_expect_eq(try_open(&s), -EADDRINUSE);
	cr_expect(is_there(s.path));
	close(client);
	close(other);
	end(&s);
}

Test(listener_path, a_datagram_socket_is_refused)
{
	struct server s;
	int other;

	begin(&s);
	other = socket(AF_UNIX, SOCK_DGRAM, 0);
	cr_assert_eq(bind(other, &s.address.sa.any, s.address.len), 0);
	cr_expect_eq(try_open(&s), -EADDRINUSE);
	cr_expect(is_there(s.path));
	close(other);
	end(&s);
}

Test(listener_path, a_file_is_never_replaced)
{
	static const char text[] = "precious";
	struct server s;
	char found[sizeof text] = "";
	int fd;

	begin(&s);
	fd = open(s.path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	cr_assert_eq(write(fd, text, sizeof text), sizeof text);
	cr_expect_eq(try_open(&s), -EADDRINUSE);
	cr_expect(is_there(s.path));
	cr_expect_eq(pread(fd, found, sizeof found, 0), sizeof found);
	cr_expect_str_eq(found, text);
	close(fd);
	end(&s);
}

Test(listener_path, a_folder_is_never_replaced)
{
	struct server s;

	begin(&s);
	cr_assert_eq(mkdir(s.path, 0700), 0);
	cr_expect_eq(try_open(&s), -EADDRINUSE);
	cr_expect(is_there(s.path));
	end(&s);
}

Test(listener_path, a_link_to_a_stale_socket_is_not_followed)
{
	struct weir_address target = harness_unix_path("target");
	struct server s;

	begin(&s);
	close(harness_listen(&target, 5));
	cr_assert_eq(symlink(target.sa.un.sun_path, s.path), 0);
	cr_expect_eq(try_open(&s), -EADDRINUSE);
	cr_expect(is_there(s.path));
	cr_expect(is_there(target.sa.un.sun_path));
	end(&s);
}

Test(listener_path, somebody_elses_file_is_not_removed)
{
	struct server s;
	int other;

	begin(&s);
	cr_assert_eq(try_open(&s), 0);
	cr_assert_eq(unlink(s.path), 0);
	other = harness_listen(&s.address, 5);
	weir_listener_close(&s.listener);
	cr_expect(is_there(s.path));
	close(other);
	end(&s);
}

Test(listener_path, a_file_that_is_gone_is_not_missed)
{
	struct server s;

	begin(&s);
	cr_assert_eq(try_open(&s), 0);
	cr_assert_eq(unlink(s.path), 0);
	weir_listener_close(&s.listener);
	cr_expect_eq(fault_count(FAULT_UNLINK), 0);
	end(&s);
}

Test(listener_path, without_its_folder_it_says_so)
{
	struct server s;

	begin(&s);
	s.address = harness_unix_path("no-folder/socket");
	cr_expect_eq(try_open(&s), -ENOENT);
	end(&s);
}

/* A file that vanished between bind and the look at it is no reason to give
 * up: the second bind decides. */
Test(listener_path, a_file_that_vanishes_meanwhile_is_no_obstacle)
{
	struct server s;

	begin(&s);
	fault_next(FAULT_BIND, -EADDRINUSE);
	cr_expect_eq(try_open(&s), 0);
	expect_service(&s);
	end(&s);
}

/* Open with each call failing in turn. What is left behind refuses: it is the
 * stale file, or nothing. Returns how many opens succeeded nevertheless. */
static unsigned fail_every_call(struct server *s, bool with_stale_file)
{
	int n_fds = harness_count_fds();
	unsigned n_survived = 0;
	uint64_t k;

	for (k = 1;; k++) {
		enum fault_call hit;
		int error;

		if (with_stale_file && !is_there(s->path))
			leave_stale(s);
		fault_reset();
		fault_fail_call(k);
		error = try_open(s);
		hit = fault_hit();
		fault_reset();
		weir_listener_close(&s->listener);
		if (hit == FAULT_NONE)
			return n_survived;
		if (error == 0) {
			n_survived++;
			continue;
		}
		cr_expect_eq(error, fault_natural(hit), "%s: %d",
			     fault_call_name(hit), error);
		cr_expect_eq(harness_connect(&s->address),
			     is_there(s->path) ? -ECONNREFUSED : -ENOENT);
		cr_expect(with_stale_file || !is_there(s->path), "%s",
			  fault_call_name(hit));
		cr_expect_eq(harness_count_fds(), n_fds, "%s",
			     fault_call_name(hit));
	}
}

/* Survived is the first bind: a second one is tried, since whatever was in
 * the way is not there any more. */
Test(listener_path, a_failed_open_leaves_no_file)
{
	struct server s;

	begin(&s);
	cr_expect_eq(fail_every_call(&s, false), 1);
	end(&s);
}

/* Survived are the first bind and both connects, which fail so by themselves,
 * the closes of their probes and of the lock, and the lock's unlink. */
Test(listener_path, a_failed_take_over_leaves_no_file_of_its_own)
{
	struct server s;

	begin(&s);
	cr_expect_eq(fail_every_call(&s, true), 7);
	end(&s);
}
