/* What is said over one connection to a server of NATS. */
#include "nats_session.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "clock.h"
#include "log.h"

enum {
	HIGH = 65536,
	MAX = 262144, /* room for a line above it */
	INPUT = 2 * NATS_MAX_LINE + NATS_MAX_PAYLOAD,
	/* a server is lost that is silent for so many checks after a PING */
	CHECKS = 4,
	MIN_CHECK_MS = 10
};

static const char gap[] = "# lines of other servers may be missing\n";
static const char no_nats[] = "it does not speak NATS";
static const char no_answer[] = "it does not answer";

static struct nats *nats_of(struct weir_conn *c)
{
	return weir_container_of(c, struct nats, conn);
}

/* Give the connection up; on_close tells why. */
static void give_up(struct nats *nats, const char *why)
{
	if (nats->why[0] == '\0')
		(void)snprintf(nats->why, sizeof nats->why, "%s", why);
	weir_conn_abort(&nats->conn, false);
}

/* -- publishing -- */

/* One PING at a time: it confirms all that was published before it. */
static void ask(struct nats *nats)
{
	if (nats->is_pinging ||
	    weir_conn_sendall(&nats->conn, "PING\r\n", 6) < 0)
		return;
	nats->is_pinging = true;
	nats->n_checks = 0;
	nats->n_asked = nats->counters.n_published;
}

void nats_session_publish(struct nats *nats)
{
	nats->n_waiting = nats->events->on_room(nats);
	if (nats->state == NATS_READY &&
	    nats->n_confirmed < nats->counters.n_published)
		ask(nats);
}

static void refuse_line(struct nats *nats, const char *what, size_t n,
			uint64_t most)
{
	nats->counters.n_too_long++;
	log_limited(nats->worker, &nats->too_long,
		    "nats %s: %s of %zu bytes dropped: at most %llu",
		    nats->subject, what, n, (unsigned long long)most);
}

char *nats_line(struct nats *nats)
{
	return nats->published + NATS_HEAD_SIZE;
}

bool nats_publish(struct nats *nats, size_t n)
{
	char *line = nats_line(nats);
	size_t n_payload = n - 1;
	const char *head;
	int error;

	if (nats->state != NATS_READY || nats->is_full)
		return false;
	if (nats->info.max_payload > 0 && n_payload > nats->info.max_payload) {
		refuse_line(nats, "a line", n_payload, nats->info.max_payload);
		return true;
	}
	memcpy(line + n_payload, "\r\n", NATS_END_SIZE);
	head = nats_protocol_head(line, nats->subject, n_payload);
	error = weir_conn_sendall(&nats->conn, head,
				  (size_t)(line + n_payload - head) +
					  NATS_END_SIZE);
	/* without memory, the next check tries again */
	nats->is_full = error == -ENOBUFS;
	if (error < 0)
		return false;
	nats->counters.n_published++;
	return true;
}

static void answer(struct nats *nats)
{
	nats->owes_pong = weir_conn_sendall(&nats->conn, "PONG\r\n", 6) < 0;
}

static void on_pressure(struct weir_conn *c, bool above)
{
	struct nats *nats = nats_of(c);

	nats->is_full = above;
	if (above)
		return;
	if (nats->owes_pong)
		answer(nats);
	nats_go_on(nats);
}

/* -- receiving -- */

/* Once for what was missed while there was no connection. */
bool nats_session_tell_gap(struct nats *nats)
{
	if (nats->owes_gap && !nats->events->on_line(nats, gap, sizeof gap - 1))
		return false;
	nats->owes_gap = false;
	return true;
}

/* A line without its newline. */
static bool complete_line(struct nats *nats, const char *text, size_t n)
{
	char *line = nats->received;

	memcpy(line, text, n);
	line[n] = '\n';
	return nats->events->on_line(nats, line, n + 1);
}

/* The payload is a line, or several. Those that were handed out before there
 * was no room are not handed out again. */
static bool deliver(struct nats *nats, const char *payload, size_t n)
{
	if (!nats_session_tell_gap(nats))
		return false;
	do {
		const char *line = payload + nats->n_done;
		size_t n_left = n - nats->n_done;
		const char *newline = memchr(line, '\n', n_left);
		size_t n_line = newline ? (size_t)(newline - line) : n_left;

		if (!(newline ? nats->events->on_line(nats, line, n_line + 1)
			      : complete_line(nats, line, n_line)))
			return false;
		nats->counters.n_received++;
		nats->n_done += n_line + (newline != NULL);
	} while (nats->n_done < n);
	nats->n_done = 0;
	return true;
}

/* The line of op is used, and its payload will be skipped. */
static size_t pass_message(struct nats *nats, const struct nats_operation *op)
{
	nats->n_skip = op->n_payload + NATS_END_SIZE;
	return op->size;
}

/* What comes before the first PONG is missed, as what came before it was
 * subscribed: it could have to wait for room that there is only when lines are
 * published, and the PONG would wait behind it. */
static size_t take_message(struct nats *nats, const struct nats_operation *op,
			   const char *data, size_t n)
{
	size_t size = op->size + op->n_payload + NATS_END_SIZE;

	if (nats->state == NATS_GREETING)
		return pass_message(nats, op);
	if (op->n_payload >= NATS_MAX_PAYLOAD) {
		refuse_line(nats, "a message", op->n_payload,
			    NATS_MAX_PAYLOAD - 1);
		return pass_message(nats, op);
	}
	if (n < size)
		return 0;
	if (memcmp(data + size - NATS_END_SIZE, "\r\n", NATS_END_SIZE) != 0) {
		give_up(nats, no_nats);
		return 0;
	}
	if (deliver(nats, data + op->size, op->n_payload))
		return size;
	nats->is_paused = true;
	weir_conn_pause(&nats->conn);
	return 0;
}

/* -- greeting -- */

static void send_hello(struct nats *nats)
{
	size_t n;
	char *hello =
		nats_protocol_hello(&nats->config->login, nats->subject, &n);

	if (!hello || weir_conn_sendall(&nats->conn, hello, n) < 0)
		give_up(nats, strerror(ENOMEM));
	nats->is_pinging = true;
	nats->n_asked = nats->counters.n_published;
	free(hello);
}

/* The first comes before everything else, the others when the cluster has
 * changed. */
static void take_info(struct nats *nats, const struct nats_operation *op)
{
	bool is_first = nats->state == NATS_GREETING && !nats->is_pinging;
	struct nats_info info;

	if (!nats_protocol_parse_info(&info, op->text, op->n_text)) {
		give_up(nats, no_nats);
		return;
	}
	/* a server that stands alone names no others */
	if (info.n_urls == 0) {
		memcpy(info.urls, nats->info.urls, sizeof info.urls);
		info.n_urls = nats->info.n_urls;
	}
	nats->info = info;
	if (is_first && info.is_tls_required)
		give_up(nats, "it requires TLS: connect to it by a program "
			      "that adds TLS, such as stunnel");
	else if (is_first)
		send_hello(nats);
}

static void arm(struct nats *nats, uint64_t ns)
{
	struct weir_loop *loop = nats->worker->loop;

	weir_timer_arm(&nats->timer, loop, weir_loop_now(loop) + ns,
		       nats_on_timer);
}

static void arm_check(struct nats *nats)
{
	uint64_t ns = nats->limits.stall_ns / CHECKS;
	uint64_t min_ns = MIN_CHECK_MS * CLOCK_NS_PER_MS;

	arm(nats, ns > min_ns ? ns : min_ns);
}

static void be_ready(struct nats *nats)
{
	char text[WEIR_ADDRESS_TEXT_SIZE];

	nats->state = NATS_READY;
	nats->told[0] = '\0';
	log_say(nats->worker, "nats %s: connected to %s", nats->subject,
		weir_address_format(&nats->last, text, sizeof text));
	nats->owes_gap |= nats->counters.n_connects++ > 0;
	arm_check(nats);
}

static void take_pong(struct nats *nats)
{
	nats->is_pinging = false;
	nats->n_confirmed = nats->n_asked;
	if (nats->state == NATS_GREETING)
		be_ready(nats);
	nats_go_on(nats);
}

/* The server closes the connection behind most of them. */
static void take_error(struct nats *nats, const struct nats_operation *op)
{
	char text[128];

	(void)snprintf(text, sizeof text, "%.*s", (int)op->n_text, op->text);
	for (char *at = text; *at; at++)
		if ((unsigned char)*at < ' ' || *at == '\x7f')
			*at = '?';
	nats->counters.n_slow += strcasestr(text, "slow consumer") != NULL;
	if (strncasecmp(text, "permissions violation", 21) != 0) {
		give_up(nats, text);
		return;
	}
	nats->counters.n_refused += strcasestr(text, "publish") != NULL;
	if (strcmp(nats->told, text) != 0)
		log_limited(nats->worker, &nats->refused, "nats %s: %s",
			    nats->subject, text);
	memcpy(nats->told, text, sizeof text);
}

/* -- what the server says -- */

static size_t take_operation(struct nats *nats, const char *data, size_t n)
{
	struct nats_operation op = nats_protocol_parse(data, n);
	bool is_early = nats->state == NATS_GREETING && !nats->is_pinging;

	if (op.kind == NATS_MORE)
		return 0;
	if (op.kind == NATS_MSG && !is_early)
		return take_message(nats, &op, data, n);
	if (op.kind == NATS_INFO)
		take_info(nats, &op);
	else if (op.kind == NATS_ERR)
		take_error(nats, &op);
	else if (op.kind == NATS_WRONG || is_early)
		give_up(nats, no_nats);
	else if (op.kind == NATS_PONG)
		take_pong(nats);
	else if (op.kind == NATS_PING)
		answer(nats);
	return op.size;
}

static size_t skip(struct nats *nats, size_t n)
{
	size_t n_skipped = n < nats->n_skip ? n : nats->n_skip;

	nats->n_skip -= n_skipped;
	return n_skipped;
}

static size_t on_data(struct weir_conn *c, const void *data, size_t n)
{
	struct nats *nats = nats_of(c);
	const char *text = data;
	size_t n_used = 0;
	size_t n_more;

	do {
		n_more = skip(nats, n - n_used);
		if (nats->why[0] == '\0' && n_used + n_more < n)
			n_more += take_operation(nats, text + n_used + n_more,
						 n - n_used - n_more);
		n_used += n_more;
	} while (n_more > 0 && n_used < n);
	return n_used;
}

static void on_end(struct weir_conn *c, const void *rest, size_t n)
{
	(void)rest;
	(void)n;
	give_up(nats_of(c), "it closed the connection");
}

static const struct weir_conn_events events = {.on_data = on_data,
					       .on_end = on_end,
					       .on_pressure = on_pressure,
					       .on_close = nats_on_close};

/* Time for which this loop was away does not count: the checks do. A server that
 * is still there has not only greeted. */
void nats_session_check(struct nats *nats)
{
	if (nats->state == NATS_GREETING ||
	    (nats->is_pinging && !nats->is_paused &&
	     ++nats->n_checks > CHECKS)) {
		give_up(nats, no_answer);
		return;
	}
	nats->n_failures = 0;
	arm_check(nats);
	if (nats->owes_pong)
		answer(nats);
	ask(nats);
	nats_go_on(nats);
}

static void begin(struct nats *nats)
{
	nats->state = NATS_GREETING;
	nats->why[0] = '\0';
	nats->is_full = nats->is_paused = nats->is_pinging = false;
	nats->owes_pong = false;
	nats->n_skip = nats->n_done = 0;
}

int nats_session_open(struct nats *nats, int fd)
{
	const struct endpoint_settings *defaults =
		&nats->worker->settings->defaults;
	int error;

	nats->limits =
		(struct weir_conn_limits){.low = HIGH / 4,
					  .high = HIGH,
					  .max = MAX,
					  .input = INPUT,
					  .stall_ns = defaults->limits.stall_ns,
					  .flags = WEIR_CONN_NO_THROTTLE};
	error = weir_conn_open(&nats->conn, nats->worker->loop, fd, &events,
			       &nats->limits);
	if (error < 0)
		return error;
	begin(nats);
	arm(nats, defaults->connect_timeout_ns);
	return 0;
}
