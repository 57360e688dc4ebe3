/* Peers that behave badly, as plain sockets: what they do to a target must not
 * depend on how well our library would do it.
 *
 * Each repeats to the end: connect, misbehave, and when the target ends it
 * connect again a little later. */
#include "bad.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "clock.h"
#include "load.h"
#include "request.h"

enum {
	SMALL_BUFFER =
		4096, /* so that a peer that does not read is soon full */
	HALF_CLOSE_MESSAGES = 8,
	READ_SIZE = 16384
};

static const uint64_t retry_ns = 100000000;
static const uint64_t reset_ns = 1000000;
static const uint64_t trickle_ns = 100000000;
static const uint64_t half_close_ns = 10000000;

struct bad_peer {
	struct load *load;
	enum bad_kind kind;
	struct weir_connector connector;
	struct weir_watch watch;
	struct weir_timer timer;
	int fd;		/* -1: none */
	size_t n_said;	/* of the message under way, or in all */
	size_t n_heard; /* half-close: of the answers */
	bool was_made;
	bool is_wrong; /* half-close: some answer was */
};

struct bad_crew {
	size_t n;
	const unsigned char *message; /* what they say, again and again */
	size_t size;		      /* of it */
	unsigned char input[READ_SIZE];
	struct bad_peer peers[];
};

static struct result_bad *result_of(const struct bad_peer *bad)
{
	return &bad->load->result->bad[bad->kind];
}

/* Whether the target answers, and what is sent disturbs no other peer. */
static bool is_answered(const struct bad_peer *bad)
{
	enum mode_kind mode = bad->load->settings->mode;

	return mode == MODE_ECHO || mode == MODE_CONNECT;
}

/* Bytes that a publisher would send are lines, and subscribers get them. */
static bool may_talk(const struct bad_peer *bad)
{
	return is_answered(bad) || bad->load->settings->mode == MODE_SINK;
}

static void dial(struct weir_timer *timer);

/* -- the end of a connection -- */

static void hang_up(struct bad_peer *bad)
{
	weir_watch_close(&bad->watch);
	if (bad->fd >= 0)
		close(bad->fd);
	bad->fd = -1;
}

static void redial(struct bad_peer *bad, uint64_t delay_ns)
{
	hang_up(bad);
	weir_timer_arm(&bad->timer, bad->load->loop, clock_now() + delay_ns,
		       dial);
}

static void count_cut(struct bad_peer *bad)
{
	result_of(bad)->n_cut++;
	redial(bad, retry_ns);
}

/* -- asking -- */

/* What the kernel takes of up to n more bytes of messages. False: the
 * connection is gone. */
static bool say(struct bad_peer *bad, size_t n)
{
	const struct bad_crew *crew = bad->load->bad;

	while (n > 0) {
		size_t at = bad->n_said % crew->size;
		size_t piece = crew->size - at < n ? crew->size - at : n;
		ssize_t taken = send(bad->fd, crew->message + at, piece,
				     MSG_DONTWAIT | MSG_NOSIGNAL);

		if (taken < 0)
			return errno == EAGAIN || errno == EINTR;
		bad->n_said += (size_t)taken;
		result_of(bad)->n_bytes_out += (size_t)taken;
		n -= (size_t)taken;
	}
	return true;
}

/* Whether n bytes are what comes next when messages come back. */
static bool is_echo(const struct bad_peer *bad, const unsigned char *data,
		    size_t n)
{
	const struct bad_crew *crew = bad->load->bad;

	for (size_t i = 0; i < n; i++)
		if (data[i] != crew->message[(bad->n_heard + i) % crew->size])
			return false;
	return true;
}

/* Where nothing is answered, what comes is not for us; and what ends with a
 * text may have any length. */
static bool is_answered_in_full(const struct bad_peer *bad)
{
	const struct answer *answer = &bad->load->settings->answer;

	if (!is_answered(bad))
		return true;
	if (answer->kind == ANSWER_UNTIL)
		return bad->n_heard > 0;
	if (answer->kind == ANSWER_BYTES)
		return bad->n_heard == HALF_CLOSE_MESSAGES * answer->n_bytes;
	return bad->n_heard == bad->n_said && !bad->is_wrong;
}

/* Read at most n bytes: how many came, at least 1 if there are just none now;
 * 0 the target's FIN; -1 the connection is gone. */
static ssize_t hear(struct bad_peer *bad, size_t n)
{
	unsigned char *input = bad->load->bad->input;
	size_t size = n < READ_SIZE ? n : READ_SIZE;
	ssize_t n_heard = recv(bad->fd, input, size, MSG_DONTWAIT);

	if (n_heard < 0)
		return errno == EAGAIN || errno == EINTR ? 1 : -1;
	if (is_answered(bad) && !is_echo(bad, input, (size_t)n_heard))
		bad->is_wrong = true;
	bad->n_heard += (size_t)n_heard;
	result_of(bad)->n_bytes_in += (uint64_t)n_heard;
	return n_heard;
}

/* -- stalled, and trickling -- */

static void on_flooded(struct weir_watch *watch, uint32_t events)
{
	struct bad_peer *bad = weir_container_of(watch, struct bad_peer, watch);

	if ((events & ~(uint32_t)EPOLLOUT) != 0 || !say(bad, READ_SIZE))
		count_cut(bad);
}

static void on_trickle(struct weir_timer *timer)
{
	struct bad_peer *bad = weir_container_of(timer, struct bad_peer, timer);
	uint64_t rate = bad->load->settings->trickle_rate;
	size_t n = (size_t)(rate / 10);
	uint64_t delay_ns = trickle_ns;
	bool is_there = true;

	/* below ten bytes a second: one, less often */
	if (n == 0) {
		n = 1;
		delay_ns = 1000000000 / rate;
	}
	if (bad->load->settings->mode == MODE_SINK)
		is_there = say(bad, n);
	else
		is_there = hear(bad, n) >= 0;
	if (is_there)
		weir_timer_arm(timer, bad->load->loop, clock_now() + delay_ns,
			       on_trickle);
	else
		count_cut(bad);
}

static int begin_flood(struct bad_peer *bad)
{
	bool is_slow_talker = bad->kind == BAD_TRICKLE &&
			      bad->load->settings->mode == MODE_SINK;
	uint32_t events = EPOLLRDHUP;
	int size = SMALL_BUFFER;

	(void)setsockopt(bad->fd, SOL_SOCKET, SO_RCVBUF, &size, sizeof size);
	if (may_talk(bad) && !is_slow_talker)
		events |= EPOLLOUT;
	if (bad->kind == BAD_TRICKLE)
		weir_timer_arm(&bad->timer, bad->load->loop, clock_now(),
			       on_trickle);
	return weir_watch_open(&bad->watch, bad->load->loop, bad->fd, events,
			       on_flooded);
}

/* -- resets in mid-message -- */

static void on_reset_time(struct weir_timer *timer)
{
	struct bad_peer *bad = weir_container_of(timer, struct bad_peer, timer);
	struct linger none = {.l_onoff = 1};

	(void)setsockopt(bad->fd, SOL_SOCKET, SO_LINGER, &none, sizeof none);
	result_of(bad)->n_rounds++;
	redial(bad, 0);
}

static void on_gone(struct weir_watch *watch, uint32_t events)
{
	(void)events;
	count_cut(weir_container_of(watch, struct bad_peer, watch));
}

static int begin_reset(struct bad_peer *bad)
{
	size_t size = bad->load->bad->size;

	/* the target gets the half of it before the reset */
	if (may_talk(bad) && !say(bad, size > 1 ? size / 2 : 1))
		return -EPIPE;
	weir_timer_arm(&bad->timer, bad->load->loop, clock_now() + reset_ns,
		       on_reset_time);
	return weir_watch_open(&bad->watch, bad->load->loop, bad->fd,
			       EPOLLRDHUP, on_gone);
}

/* -- half-closes -- */

/* The target has ended its side too. */
static void end_round(struct bad_peer *bad)
{
	struct result_bad *result = result_of(bad);

	if (is_answered_in_full(bad))
		result->n_rounds++;
	else
		result->n_short++;
	redial(bad, half_close_ns);
}

static void on_half_closed(struct weir_watch *watch, uint32_t events)
{
	struct bad_peer *bad = weir_container_of(watch, struct bad_peer, watch);
	ssize_t n = hear(bad, READ_SIZE);

	(void)events;
	if (n == 0) {
		end_round(bad);
	} else if (n < 0) {
		result_of(bad)->n_short++;
		count_cut(bad);
	}
}

static void on_asking(struct weir_watch *watch, uint32_t events)
{
	struct bad_peer *bad = weir_container_of(watch, struct bad_peer, watch);
	size_t n =
		may_talk(bad) ? HALF_CLOSE_MESSAGES * bad->load->bad->size : 0;

	if ((events & ~(uint32_t)EPOLLOUT) != 0 || !say(bad, n - bad->n_said)) {
		count_cut(bad);
		return;
	}
	if (bad->n_said < n)
		return;
	(void)shutdown(bad->fd, SHUT_WR);
	weir_watch_close(watch);
	if (weir_watch_open(watch, bad->load->loop, bad->fd, EPOLLIN,
			    on_half_closed) < 0)
		count_cut(bad);
}

static int begin_half_close(struct bad_peer *bad)
{
	return weir_watch_open(&bad->watch, bad->load->loop, bad->fd, EPOLLOUT,
			       on_asking);
}

/* -- idle -- */

static int begin_idle(struct bad_peer *bad)
{
	return weir_watch_open(&bad->watch, bad->load->loop, bad->fd,
			       EPOLLRDHUP, on_gone);
}

/* -- connecting -- */

static int begin(struct bad_peer *bad)
{
	switch (bad->kind) {
	case BAD_RESET:
		return begin_reset(bad);
	case BAD_HALF_CLOSE:
		return begin_half_close(bad);
	case BAD_IDLE:
		return begin_idle(bad);
	case BAD_STALLED:
	case BAD_TRICKLE:
	case BAD_N_KINDS:
		break;
	}
	return begin_flood(bad);
}

static void on_connect(struct weir_connector *connector, int fd)
{
	struct bad_peer *bad =
		weir_container_of(connector, struct bad_peer, connector);

	if (fd < 0) {
		result_of(bad)->n_connect_errors++;
		redial(bad, retry_ns);
		return;
	}
	result_of(bad)->n_connects++;
	result_of(bad)->n_made += !bad->was_made;
	bad->was_made = true;
	bad->fd = fd;
	bad->n_said = 0;
	bad->n_heard = 0;
	bad->is_wrong = false;
	if (begin(bad) < 0)
		count_cut(bad);
}

static void dial(struct weir_timer *timer)
{
	struct bad_peer *bad = weir_container_of(timer, struct bad_peer, timer);
	struct load *load = bad->load;
	const struct weir_connector_options options =
		crew_dialing(load, clock_now() + load->settings->connect_ns);

	(void)weir_connector_open(
		&bad->connector, load->loop, load->target->addresses,
		load->target->n_addresses, &options, on_connect);
}

/* -- all of them -- */

const char *bad_name(enum bad_kind kind)
{
	static const char *const names[BAD_N_KINDS] = {
		[BAD_STALLED] = "stalled",
		[BAD_TRICKLE] = "trickle",
		[BAD_RESET] = "reset",
		[BAD_HALF_CLOSE] = "half_close",
		[BAD_IDLE] = "idle"};

	return names[kind];
}

/* The block is for messages that can be verified, of which there are none if
 * there is a request. */
static void choose_message(struct load *load)
{
	const struct request *request = load->settings->request;
	const struct request_number none = {0};

	load->bad->message = load->kit.block;
	load->bad->size = load->kit.size;
	if (request)
		load->bad->size =
			request_compose(request, load->kit.block, &none);
}

int bad_open(struct load *load)
{
	const size_t *n_bad = load->settings->n_bad;
	size_t n = 0;
	size_t i = 0;

	for (int kind = 0; kind < BAD_N_KINDS; kind++)
		n += n_bad[kind];
	load->bad = calloc(1, sizeof *load->bad + n * sizeof(struct bad_peer));
	if (!load->bad)
		return -ENOMEM;
	load->bad->n = n;
	choose_message(load);
	for (int kind = 0; kind < BAD_N_KINDS; kind++) {
		load->result->bad[kind].n_peers = n_bad[kind];
		for (size_t k = 0; k < n_bad[kind]; k++, i++) {
			load->bad->peers[i].load = load;
			load->bad->peers[i].kind = (enum bad_kind)kind;
			load->bad->peers[i].fd = -1;
		}
	}
	return 0;
}

void bad_start(struct load *load)
{
	for (size_t i = 0; i < load->bad->n; i++)
		weir_timer_arm(&load->bad->peers[i].timer, load->loop,
			       clock_now(), dial);
}

void bad_close(struct load *load)
{
	for (size_t i = 0; load->bad && i < load->bad->n; i++) {
		struct bad_peer *bad = &load->bad->peers[i];

		weir_timer_cancel(&bad->timer);
		weir_connector_close(&bad->connector);
		hang_up(bad);
	}
}

void bad_free(struct load *load)
{
	free(load->bad);
}
