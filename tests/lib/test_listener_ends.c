/* Listeners that end: closed inside, emptied before, adopted, failed. */
#include <criterion/criterion.h>

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <weir/listener.h>
#include "loop.h"

#include "fault.h"
#include "harness.h"
#include "harness_net.h"

enum {
	MAX_TURNS = 30
};

TestSuite(listener_ends, .init = harness_begin, .fini = harness_end);

struct server {
	struct weir_loop *loop;
	struct weir_listener listener;
	unsigned n_accepted;
};

static struct server *server_of(struct weir_listener *listener)
{
	return weir_container_of(listener, struct server, listener);
}

static void just_close(struct weir_listener *listener, int fd,
		       const struct weir_address *peer)
{
	(void)peer;
	server_of(listener)->n_accepted++;
	close(fd);
}

static void close_listener(struct weir_listener *listener, int fd,
			   const struct weir_address *peer)
{
	just_close(listener, fd, peer);
	weir_listener_close(listener);
}

static void begin(struct server *s, weir_accept_fn *on_accept)
{
	struct weir_address address = harness_unix_name();

	memset(s, 0, sizeof *s);
	cr_assert_eq(weir_loop_new(&s->loop), 0);
	cr_assert_eq(weir_listener_open(&s->listener, s->loop, &address, NULL,
					on_accept),
		     0);
}

static void end(struct server *s)
{
	weir_listener_close(&s->listener);
	cr_assert_eq(weir_loop_free(s->loop), 0);
}

static void connect_and_leave(const struct weir_address *address, int n)
{
	int i;

	for (i = 0; i < n; i++) {
		int fd = harness_connect(address);

		cr_assert_geq(fd, 0);
		close(fd);
	}
}

Test(listener_ends, closed_inside_it_accepts_no_more)
{
	struct server s;

	begin(&s, close_listener);
	connect_and_leave(&s.listener.address, 3);
	cr_expect_eq(weir_loop_run(s.loop), 0);
	cr_expect_eq(s.n_accepted, 1);
	end(&s);
}

static void free_listener(struct weir_listener *listener, int fd,
			  const struct weir_address *peer)
{
	(void)peer;
	close(fd);
	weir_listener_close(listener);
	memset(listener, 0xA5, sizeof *listener);
	free(listener);
}

Test(listener_ends, it_may_be_freed_inside)
{
	struct weir_address address = harness_unix_name();
	struct weir_listener *listener = calloc(1, sizeof *listener);
	struct weir_loop *loop;

	cr_assert_eq(weir_loop_new(&loop), 0);
	cr_assert_eq(weir_listener_open(listener, loop, &address, NULL,
					free_listener),
		     0);
	connect_and_leave(&address, 3);
	cr_expect_eq(weir_loop_run(loop), 0);
	cr_assert_eq(weir_loop_free(loop), 0);
}

static void reopen(struct weir_listener *listener, int fd,
		   const struct weir_address *peer)
{
	struct weir_loop *loop = listener->watch.loop;
	struct weir_address address = listener->address;

	just_close(listener, fd, peer);
	weir_listener_close(listener);
	cr_assert_eq(
		weir_listener_open(listener, loop, &address, NULL, just_close),
		0);
	cr_expect_null(listener->closed_inside, "it is the old one's");
}

Test(listener_ends, it_may_be_opened_again_inside)
{
	struct server s;

	begin(&s, reopen);
	connect_and_leave(&s.listener.address, 3);
	weir_loop_turn(s.loop, 0);
	cr_expect_eq(s.n_accepted, 1, "two were reset with the first queue");
	cr_expect_eq(s.listener.stats.n_accepted, 0);
	connect_and_leave(&s.listener.address, 2);
	harness_turn_until_idle(s.loop, MAX_TURNS);
	cr_expect_eq(s.n_accepted, 3);
	end(&s);
}

Test(listener_ends, may_be_closed_while_it_pauses)
{
	struct server s;

	begin(&s, just_close);
	fault_next(FAULT_ACCEPT, -EMFILE);
	connect_and_leave(&s.listener.address, 1);
	weir_loop_turn(s.loop, 0);
	cr_assert_eq(s.listener.stats.n_pauses, 1);
	weir_listener_close(&s.listener);
	weir_listener_close(&s.listener);
	cr_expect_eq(weir_loop_run(s.loop), 0, "its timer is still armed");
	end(&s);
}

Test(listener_ends, take_empties_the_queue)
{
	struct weir_address peer;
	struct server s;
	int i;

	begin(&s, just_close);
	connect_and_leave(&s.listener.address, 3);
	fault_result(FAULT_ACCEPT, FAULT_ANY_FD, 2, -ECONNABORTED);
	for (i = 0; i < 3; i++) {
		int fd = weir_listener_take(&s.listener, &peer);

		cr_assert_geq(fd, 0);
		cr_expect_eq(peer.sa.any.sa_family, AF_UNIX);
		cr_expect_eq(peer.type, SOCK_STREAM);
		cr_expect(fcntl(fd, F_GETFL) & O_NONBLOCK);
		close(fd);
	}
	cr_expect_eq(weir_listener_take(&s.listener, &peer), -EAGAIN);
	cr_expect_eq(s.listener.stats.n_accepted, 3);
	cr_expect_eq(s.listener.stats.n_failures[WEIR_ACCEPT_ABORTED], 1);
	cr_expect_eq(s.n_accepted, 0, "take called back");
	end(&s);
}

Test(listener_ends, take_says_why_it_cannot)
{
	struct weir_address peer;
	struct server s;

	begin(&s, just_close);
	fault_next(FAULT_ACCEPT, -EMFILE);
	cr_expect_eq(weir_listener_take(&s.listener, &peer), -EMFILE);
	fault_result(FAULT_ACCEPT, FAULT_ANY_FD, FAULT_ALWAYS, -ECONNABORTED);
	cr_expect_eq(weir_listener_take(&s.listener, &peer), -ECONNABORTED,
		     "or it never returns");
	cr_expect_eq(s.listener.stats.n_pauses, 0);
	end(&s);
}

Test(listener_ends, an_inherited_socket_is_served_and_closed)
{
	struct weir_address address = harness_unix_path("inherited");
	struct server s = {.n_accepted = 0};
	int fd = harness_listen(&address, 5);

	/* as systemd hands it over */
	cr_assert_eq(fcntl(fd, F_SETFL, 0), 0);
	cr_assert_eq(weir_loop_new(&s.loop), 0);
	cr_assert_eq(
		weir_listener_adopt(&s.listener, s.loop, fd, NULL, just_close),
		0);
	cr_expect(fcntl(fd, F_GETFL) & O_NONBLOCK);
	cr_expect_eq(memcmp(&s.listener.address.sa, &address.sa, address.len),
		     0);
	connect_and_leave(&address, 2);
	harness_turn_until_idle(s.loop, MAX_TURNS);
	cr_expect_eq(s.n_accepted, 2);
	end(&s);
	cr_expect_eq(fcntl(fd, F_GETFD), -1);
	cr_expect_eq(access(address.sa.un.sun_path, F_OK), 0,
		     "the file is its supervisor's");
	harness_remove_folder();
}

Test(listener_ends, what_does_not_listen_is_not_adopted)
{
	struct server s = {.n_accepted = 0};
	int fd[2];
	int bound;

	cr_assert_eq(weir_loop_new(&s.loop), 0);
	harness_unix_pair(fd, 0);
	harness_refusing_address(&bound);
	cr_expect_eq(weir_listener_adopt(&s.listener, s.loop, fd[0], NULL,
					 just_close),
		     -EINVAL);
	cr_expect_eq(weir_listener_adopt(&s.listener, s.loop, bound, NULL,
					 just_close),
		     -EINVAL);
	cr_expect_eq(weir_listener_adopt(&s.listener, s.loop, s.loop->epoll_fd,
					 NULL, just_close),
		     -ENOTSOCK);
	close(fd[0]);
	close(fd[1]);
	close(bound);
	end(&s);
}

/* Adopt a socket at address with each call failing in turn, until it succeeds
 * at the kth. */
static unsigned fail_to_adopt(struct weir_address address,
			      const struct weir_listener_options *options)
{
	struct server s = {.n_accepted = 0};
	struct weir_listener before;
	int fd = harness_listen(&address, 5);
	unsigned k;

	cr_assert_eq(weir_loop_new(&s.loop), 0);
	memset(&before, 0, sizeof before);
	for (k = 1;; k++) {
		int error;

		fault_reset();
		fault_fail_call(k);
		error = weir_listener_adopt(&s.listener, s.loop, fd, options,
					    just_close);
		if (fault_hit() == FAULT_NONE)
			break;
		cr_expect_eq(error, fault_natural(fault_hit()));
		cr_expect_eq(memcmp(&s.listener, &before, sizeof before), 0);
		connect_and_leave(&address, 1);
		cr_expect(harness_accept(fd), "it does not listen any more");
	}
	cr_expect_not_null(s.listener.watch.loop, "it failed by itself");
	end(&s);
	return k;
}

Test(listener_ends, a_failed_adoption_leaves_the_descriptor_alone)
{
	static const struct weir_listener_options all = {
		.notsent_lowat = 8192, .sndbuf = 8192, .exclusive = true};

	cr_expect_eq(fail_to_adopt(harness_unix_name(), NULL), 5,
		     "getsockopt, getsockname, epoll_add, set_nonblocking");
	cr_expect_eq(fail_to_adopt(harness_unix_name(), &all), 5);
	cr_expect_eq(fail_to_adopt(harness_address("127.0.0.1:0"), &all), 6,
		     "and setsockopt");
}

/* Open at address with each call failing in turn, which must leave nothing
 * behind, until it succeeds. */
static void fail_every_call(const struct weir_address *address,
			    const struct weir_listener_options *options)
{
	struct weir_listener before;
	struct server s;
	int n_fds;
	unsigned k;

	memset(&s, 0, sizeof s);
	memset(&before, 0, sizeof before);
	cr_assert_eq(weir_loop_new(&s.loop), 0);
	n_fds = harness_count_fds();
	for (k = 1;; k++) {
		int error;

		fault_reset();
		fault_fail_call(k);
		error = weir_listener_open(&s.listener, s.loop, address,
					   options, just_close);
		if (fault_hit() == FAULT_NONE)
			break;
		cr_expect_eq(error, fault_natural(fault_hit()), "%s: %d",
			     fault_call_name(fault_hit()), error);
		cr_expect_eq(harness_count_fds(), n_fds, "%s",
			     fault_call_name(fault_hit()));
		cr_expect_eq(memcmp(&s.listener, &before, sizeof before), 0);
	}
	cr_expect_gt(k, 5);
	end(&s);
}

Test(listener_ends, a_failed_open_leaves_nothing_on_tcp)
{
	static const struct weir_listener_options all = {.backlog = 5,
							 .notsent_lowat = 8192,
							 .sndbuf = 8192,
							 .rcvbuf = 8192,
							 .reuseport = true,
							 .exclusive = true};
	struct weir_address v6 = harness_address("[::1]:0");
	struct weir_address v4 = harness_address("127.0.0.1:0");

	fail_every_call(&v6, &all);
	fail_every_call(&v4, NULL);
}

Test(listener_ends, a_failed_open_leaves_nothing_on_a_unix_name)
{
	struct weir_address address = harness_unix_name();

	fail_every_call(&address, NULL);
}

Test(listener_ends, what_is_no_stream_address_is_refused)
{
	struct weir_address udp = harness_address("udp:127.0.0.1:0");
	struct weir_address none = {.type = SOCK_STREAM};
	struct server s = {.n_accepted = 0};

	cr_assert_eq(weir_loop_new(&s.loop), 0);
	cr_expect_eq(
		weir_listener_open(&s.listener, s.loop, &udp, NULL, just_close),
		-EINVAL);
	cr_expect_eq(weir_listener_open(&s.listener, s.loop, &none, NULL,
					just_close),
		     -EAFNOSUPPORT);
	end(&s);
}
