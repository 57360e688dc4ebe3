/* relay with each call of the library failing in turn: whatever fails, the pair
 * ends, nothing is left behind, and neither end takes a part for the whole. */
#include <criterion/criterion.h>

#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "fault.h"
#include "harness.h"
#include "harness_net.h"
#include "endpoint.h"
#include "options.h"

enum {
	/* a test that takes so long hangs */
	PATIENCE_S = 60,
	N_REQUEST = 150000,
	N_ANSWER = 60000,
	N_PIECE = 20000,
	N_HEADER = 28, /* that relay writes for an IPv4 client */
	MAX_TURNS = 20000,
	TURN_NS = 500000000,
	/* A window never closes: to open it again takes real time. */
	RCVBUF = 200000,
	SETTLE_MS = 5
};

TestSuite(server_relay_sweep, .init = harness_begin, .fini = harness_end,
	  .timeout = PATIENCE_S);

/* One end of the relay, which is this test's. */
struct end {
	struct harness_peer peer; /* fd -1: not there yet */
	uint64_t n_expected;
	uint64_t n_written;
	uint64_t n_all; /* to write, with seed */
	uint64_t seed;
	size_t n_header; /* to read before all else */
	bool has_said_all;
};

struct scene {
	struct settings settings;
	struct server server;
	struct worker worker;
	int listener; /* the target's */
	struct end client;
	struct end target;
};

/* -- the relay, in this process -- */

static void open_relay(struct scene *s)
{
	struct weir_address address = harness_address("127.0.0.1:0");
	char target[WEIR_ADDRESS_TEXT_SIZE];
	char text[2 * WEIR_ADDRESS_TEXT_SIZE];
	char *argv[] = {(char[]){"weir-server"},
			(char[]){"--quiet"},
			(char[]){"--low=5K"},
			(char[]){"--high=10K"},
			(char[]){"--sndbuf=8K"},
			(char[]){"--accept-proxy"},
			(char[]){"--proxy-protocol"},
			text,
			NULL};

	s->listener = harness_listen(&address, 8);
	cr_assert_eq(setsockopt(s->listener, SOL_SOCKET, SO_RCVBUF,
				&(int){RCVBUF}, sizeof(int)),
		     0);
	weir_address_format(&address, target, sizeof target);
	snprintf(text, sizeof text, "relay=127.0.0.1:0,%s", target);
	optind = 0;
	cr_assert_eq(options_read(&s->settings, 8, argv), OPTIONS_RUN);
	s->server = (struct server){.settings = &s->settings,
				    .workers = &s->worker,
				    .n_workers = 1};
	cr_assert_eq(worker_open(&s->worker, &s->server, 0), 0);
	cr_assert_eq(endpoint_open_all(&s->worker), 0);
}

static void close_relay(struct scene *s)
{
	for (size_t i = 0; i < s->worker.n_endpoints; i++)
		weir_listener_close(&s->worker.endpoints[i].listener);
	worker_close(&s->worker);
	endpoint_config_free_all(&s->settings);
	close(s->listener);
}

/* -- the two ends -- */

static bool is_over(const struct end *end)
{
	return end->peer.fd < 0 || end->peer.has_ended || end->peer.error < 0;
}

static void say(struct end *end)
{
	unsigned char data[N_PIECE];
	uint64_t left = end->n_all - end->n_written;
	size_t n = left < N_PIECE ? (size_t)left : N_PIECE;
	ssize_t n_sent;

	if (end->peer.fd < 0 || end->peer.error < 0 || end->has_said_all)
		return;
	harness_fill(data, n, end->seed, end->n_written);
	n_sent = send(end->peer.fd, data, n, MSG_DONTWAIT | MSG_NOSIGNAL);
	end->n_written += n_sent > 0 ? (uint64_t)n_sent : 0;
	/* it has eaten the reset: what is read then looks like a FIN */
	if (n_sent < 0 && errno != EAGAIN)
		end->peer.error = -errno;
	if (end->n_written < end->n_all)
		return;
	(void)shutdown(end->peer.fd, SHUT_WR);
	end->has_said_all = true;
}

static void hear(struct end *end)
{
	char header[N_HEADER];

	if (end->peer.fd < 0)
		return;
	while (end->n_header > 0) {
		ssize_t n =
			recv(end->peer.fd, header, end->n_header, MSG_DONTWAIT);

		if (n < 0 && errno != EAGAIN)
			end->peer.error = -errno;
		if (n == 0)
			end->peer.has_ended = true;
		if (n <= 0)
			return;
		end->n_header -= (size_t)n;
	}
	harness_peer_read(&end->peer, 7000);
}

static void drive(struct scene *s)
{
	static const char header[] =
		"PROXY TCP4 192.0.2.1 192.0.2.2 56324 443\r\n";
	struct weir_address endpoint = s->worker.endpoints[0].listener.address;
	int n_turns = 0;

	s->client.peer.fd = harness_connect(&endpoint);
	harness_write(s->client.peer.fd, header, strlen(header));
	do {
		cr_assert_lt(n_turns++, MAX_TURNS, "it hangs");
		say(&s->client);
		say(&s->target);
		cr_assert_geq(weir_loop_turn(s->worker.loop, TURN_NS), 0);
		if (s->target.peer.fd < 0)
			s->target.peer.fd =
				accept4(s->listener, NULL, NULL, SOCK_CLOEXEC);
		hear(&s->client);
		hear(&s->target);
	} while (s->worker.n_clients > 0 || !is_over(&s->client) ||
		 !is_over(&s->target));
}

/* -- what came of it -- */

/* The relay's side of this end failed by itself: what its kernel makes of the
 * socket then is not the relay's. */
static bool has_failed(const struct endpoint *endpoint)
{
	const uint64_t *n_closed = endpoint->counters.n_closed;

	return n_closed[WEIR_REASON_ERROR] + n_closed[WEIR_REASON_RESET] +
		       n_closed[WEIR_REASON_PEER_CLOSED] >
	       0;
}

static void check_end(const struct end *end, const struct endpoint *endpoint,
		      uint64_t k)
{
	const char *what = fault_call_name(fault_hit());

	if (endpoint->counters.n_closed[WEIR_REASON_FINISHED] > 0)
		cr_expect(end->peer.has_ended &&
				  end->peer.n_received == end->n_expected,
			  "call %llu, a %s", (unsigned long long)k, what);
	if (endpoint->counters.n_accepted == 0 || has_failed(endpoint) ||
	    fault_hit() == FAULT_RESET_ON_CLOSE)
		return;
	if (end->peer.has_ended && end->peer.error == 0)
		cr_expect_eq(end->peer.n_received, end->n_expected,
			     "call %llu, a %s: %llu bytes and a FIN",
			     (unsigned long long)k, what,
			     (unsigned long long)end->peer.n_received);
}

static void check(const struct scene *s, uint64_t k)
{
	const struct endpoint *endpoint = &s->worker.endpoints[0];
	bool is_refused = false;

	for (size_t i = 0; i < N_REFUSALS; i++)
		is_refused |= endpoint->counters.n_refused[i] > 0;
	cr_expect_eq(s->server.n_conns, 0, "call %llu, a %s",
		     (unsigned long long)k, fault_call_name(fault_hit()));
	if (!is_refused)
		check_end(&s->client, endpoint, k);
	check_end(&s->target, endpoint->target, k);
	if (fault_hit() == FAULT_NONE)
		cr_expect_eq(endpoint->counters.n_closed[WEIR_REASON_FINISHED],
			     1);
}

static bool run(uint64_t k)
{
	struct scene s = {
		.client = {.peer = {.fd = -1, .seed = 2},
			   .seed = 1,
			   .n_all = N_REQUEST,
			   .n_expected = N_ANSWER},
		.target = {.peer = {.fd = -1, .seed = 1},
			   .seed = 2,
			   .n_all = N_ANSWER,
			   .n_expected = N_REQUEST,
			   .n_header = N_HEADER},
	};
	bool was_hit;

	open_relay(&s);
	fault_time_settle(SETTLE_MS);
	fault_reset();
	fault_fail_call(k);
	drive(&s);
	was_hit = fault_hit() != FAULT_NONE;
	check(&s, k);
	fault_reset();
	close(s.client.peer.fd);
	if (s.target.peer.fd >= 0)
		close(s.target.peer.fd);
	close_relay(&s);
	harness_end();
	harness_begin();
	return was_hit;
}

Test(server_relay_sweep, ends_well_whatever_fails)
{
	uint64_t k = 1;

	while (run(k))
		k++;
	cr_expect_gt(k, 50);
}
