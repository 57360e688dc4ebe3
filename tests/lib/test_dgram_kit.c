/* A loop with one datagram socket on it. */
#include "test_dgram.h"

#include <criterion/criterion.h>

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "fault.h"
#include "harness.h"
#include "harness_net.h"

enum {
	PATIENCE_MS = 10000,
	SETTLE_MS = 50,
	MAX_TURNS = 1000
};

static struct {
	unsigned n_names;
	unsigned char data[65536];
} state;

struct talk *talk_of(struct weir_dgram *d)
{
	return weir_container_of(d, struct talk, d);
}

static void on_datagram(struct weir_dgram *d,
			const struct weir_dgram_received *in)
{
	struct talk *t = talk_of(d);

	t->n_heard++;
	t->n = in->n;
	t->true_size = in->true_size;
	t->from = in->from;
	t->in = *in;
	memcpy(t->data, in->data, in->n);
	if (t->then)
		t->then(t, in->data, in->n);
}

static void on_drain(struct weir_dgram *d)
{
	struct talk *t = talk_of(d);

	t->n_drains++;
	if (t->on_drain)
		t->on_drain(t);
}

static void on_error_queue(struct weir_dgram *d)
{
	struct talk *t = talk_of(d);

	t->n_error_queues++;
	if (t->on_error_queue)
		t->on_error_queue(t);
}

static const struct weir_dgram_events events = {.on_datagram = on_datagram,
						.on_error_queue =
							on_error_queue,
						.on_drain = on_drain};

static struct weir_address address_of(const char *text)
{
	char name[64];

	if (*text)
		return harness_address(text);
	snprintf(name, sizeof name, "unixgram:@weir-test-%d-%u", (int)getpid(),
		 ++state.n_names);
	return harness_address(name);
}

static void begin(struct talk *t, int family)
{
	*t = (struct talk){.then = t->then,
			   .on_drain = t->on_drain,
			   .on_error_queue = t->on_error_queue};
	cr_assert_eq(weir_loop_new(&t->loop), 0);
	/* over loopback it may come by way of a kernel thread */
	fault_time_settle(family == AF_UNIX ? 0 : SETTLE_MS);
}

void talk_bind(struct talk *t, const char *text,
	       const struct weir_dgram_options *options)
{
	struct weir_address address = address_of(text);
	int error;

	begin(t, address.sa.any.sa_family);
	error = weir_dgram_bind(&t->d, t->loop, &address, &events, options);
	cr_assert_eq(error, 0, "%s: %s", text, strerror(-error));
}

void talk_connect(struct talk *t, const struct weir_address *to,
		  const struct weir_dgram_options *options)
{
	int error;

	begin(t, to->sa.any.sa_family);
	error = weir_dgram_connect(&t->d, t->loop, to, &events, options);
	cr_assert_eq(error, 0, "%s", strerror(-error));
}

int talk_adopt(struct talk *t, int fd)
{
	begin(t, AF_UNIX);
	return weir_dgram_adopt(&t->d, t->loop, fd, &events, NULL);
}

static void check_account(const struct talk *t)
{
	struct weir_dgram_stats stats;

	weir_dgram_stats(&t->d, &stats);
	cr_assert_eq(stats.n_accepted,
		     stats.n_sent + stats.n_queued + stats.n_dropped);
	cr_assert_eq(stats.n_received, t->n_heard);
}

void talk_end(struct talk *t)
{
	if (t->d.watch.loop)
		weir_dgram_queue_check(&t->d.buffers->queue);
	check_account(t);
	weir_dgram_close(&t->d);
	weir_dgram_close(&t->d);
	check_account(t);
	cr_assert_eq(weir_loop_free(t->loop), 0);
}

void talk_hear(struct talk *t, unsigned n)
{
	for (int i = 0; i < MAX_TURNS && t->n_heard < n; i++)
		weir_loop_turn(t->loop, 1);
	cr_assert_eq(t->n_heard, n);
}

void talk_expect_account(struct talk *t, uint64_t n_sent, uint64_t n_queued,
			 uint64_t n_dropped)
{
	struct weir_dgram_stats stats;

	check_account(t);
	weir_dgram_stats(&t->d, &stats);
	cr_expect_eq(stats.n_sent, n_sent, "%u sent", (unsigned)stats.n_sent);
	cr_expect_eq(stats.n_queued, n_queued, "%u queued",
		     (unsigned)stats.n_queued);
	cr_expect_eq(stats.n_dropped, n_dropped, "%u dropped",
		     (unsigned)stats.n_dropped);
}

bool talk_is_armed(const struct talk *t)
{
	return t->d.watch.wanted & EPOLLOUT;
}

int talk_send(struct talk *t, const struct weir_address *to, uint64_t seed,
	      size_t n)
{
	cr_assert_leq(n, sizeof state.data);
	harness_fill(state.data, n, seed, 0);
	return weir_dgram_send(&t->d, to, state.data, n);
}

/* -- peers -- */

int peer_open(struct weir_address *address, const char *text)
{
	socklen_t len = sizeof address->sa;
	int fd;

	*address = address_of(text);
	fd = socket(address->sa.any.sa_family,
		    SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	cr_assert_geq(fd, 0);
	cr_assert_eq(bind(fd, &address->sa.any, address->len), 0);
	cr_assert_eq(getsockname(fd, &address->sa.any, &len), 0);
	return fd;
}

void peer_send(int fd, const struct talk *t, uint64_t seed, size_t n)
{
	ssize_t n_sent;

	harness_fill(state.data, n, seed, 0);
	n_sent = sendto(fd, state.data, n, 0, &t->d.address.sa.any,
			t->d.address.len);
	if (n_sent != (ssize_t)n)
		harness_die("a peer cannot send: %s", strerror(errno));
}

void peer_expect(int fd, uint64_t seed, size_t n)
{
	struct pollfd pollfd = {.fd = fd, .events = POLLIN};
	ssize_t n_read;

	if (poll(&pollfd, 1, PATIENCE_MS) <= 0)
		harness_die("no datagram comes");
	n_read = recv(fd, state.data, sizeof state.data, MSG_TRUNC);
	if (n_read != (ssize_t)n)
		harness_die("a datagram of %zd bytes instead of %zu", n_read,
			    n);
	harness_check(state.data, n, seed, 0);
}

unsigned peer_drain(int fd)
{
	unsigned n = 0;

	while (recv(fd, state.data, sizeof state.data, MSG_DONTWAIT) >= 0)
		n++;
	return n;
}

void peer_expect_nothing(int fd)
{
	unsigned n = peer_drain(fd);

	if (n > 0)
		harness_die("%u datagrams came and were not expected", n);
}
