/* Connections under observation. */
#include "harness_conn.h"

#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "conn_inside.h"

#include "fault.h"

enum {
	MANY_TURNS = 100000
};

struct weir_loop *conn_loop;

static struct conn_probe *probes;
static bool is_in_callback;

static struct conn_probe *probe_of(struct weir_conn *c)
{
	return weir_container_of(c, struct conn_probe, conn);
}

/* -- the callbacks -- */

static void enter(struct conn_probe *p, char call)
{
	size_t n = strlen(p->calls);

	if (p->n_of[(int)CONN_CLOSED] > 0)
		harness_die("callback %c after on_close", call);
	if (is_in_callback)
		harness_die("callback %c inside another", call);
	if (!conn_loop->is_in_turn)
		harness_die("callback %c not from the loop", call);
	is_in_callback = true;
	p->n_of[(int)call]++;
	if (n < sizeof p->calls - 1)
		p->calls[n] = call;
}

static void leave(struct conn_probe *p, char call)
{
	if (p->then)
		p->then(p, call);
	is_in_callback = false;
}

static void check_input(struct conn_probe *p, const void *data, size_t n)
{
	if (weir_conn_is_held(&p->conn, WEIR_HOLD_USER))
		harness_die("input comes in spite of a pause");
	if (n < p->n_kept)
		harness_die("of %zu kept bytes, %zu are offered", p->n_kept, n);
	harness_check(data, n, p->peer.seed, p->n_taken);
	p->n_offered = n;
}

static void take(struct conn_probe *p, size_t n)
{
	p->n_taken += n;
	p->n_kept = p->n_offered - n;
}

/* weir_conn_sendall, not the probe's: the bytes of an echo are at hand. */
static size_t echo(struct conn_probe *p, const void *data, size_t n)
{
	if (weir_conn_sendall(&p->conn, data, n) != 0)
		return 0;
	p->n_accepted += n;
	return n;
}

static size_t on_data(struct weir_conn *c, const void *data, size_t n)
{
	struct conn_probe *p = probe_of(c);
	size_t n_taken;

	enter(p, CONN_DATA);
	if (n == 0)
		harness_die("on_data with nothing");
	check_input(p, data, n);
	leave(p, CONN_DATA);
	n_taken = n < p->take ? n : p->take;
	if (p->is_echo)
		n_taken = echo(p, data, n_taken);
	take(p, n_taken);
	return n_taken;
}

static void on_end(struct weir_conn *c, const void *rest, size_t n)
{
	struct conn_probe *p = probe_of(c);

	enter(p, CONN_AT_END);
	if (n != p->n_kept || p->n_of[(int)CONN_AT_END] > 1)
		harness_die("on_end with %zu bytes, not %zu, or twice", n,
			    p->n_kept);
	check_input(p, rest, n);
	take(p, n);
	leave(p, CONN_AT_END);
	if (p->is_echo)
		weir_conn_finish(c);
}

static void on_writable(struct weir_conn *c)
{
	struct conn_probe *p = probe_of(c);

	enter(p, CONN_WRITABLE);
	if (conn_probe_progress(p).queued > 0)
		harness_die("on_writable while bytes are queued");
	leave(p, CONN_WRITABLE);
}

static void on_pressure(struct weir_conn *c, bool above)
{
	struct conn_probe *p = probe_of(c);
	char call = above ? CONN_ABOVE : CONN_BELOW;

	enter(p, call);
	if (above == p->is_above)
		harness_die("on_pressure says %c twice", call);
	p->is_above = above;
	leave(p, call);
}

static void check_result(const struct conn_probe *p,
			 const struct weir_result *result)
{
	const struct weir_progress *is = &result->progress;

	if (is->accepted != p->n_accepted || is->queued != 0 ||
	    is->accepted != is->sent + is->dropped)
		harness_die("at close %llu bytes were accepted, %llu sent, "
			    "%llu queued, %llu dropped; the test counts %llu",
			    (unsigned long long)is->accepted,
			    (unsigned long long)is->sent,
			    (unsigned long long)is->queued,
			    (unsigned long long)is->dropped,
			    (unsigned long long)p->n_accepted);
	if (is->received > p->n_written ||
	    is->unread < is->received - p->n_taken)
		harness_die("at close %llu bytes were received and %llu "
			    "unread; the test counts %llu and %llu",
			    (unsigned long long)is->received,
			    (unsigned long long)is->unread,
			    (unsigned long long)p->n_written,
			    (unsigned long long)(is->received - p->n_taken));
}

static void on_close(struct weir_conn *c, const struct weir_result *result)
{
	struct conn_probe *p = probe_of(c);

	enter(p, CONN_CLOSED);
	if (weir_conn_is_open(c) || fcntl(weir_conn_fd(c), F_GETFD) >= 0)
		harness_die("on_close of a connection that is open");
	check_result(p, result);
	p->result = *result;
	leave(p, CONN_CLOSED);
}

const struct weir_conn_events conn_probe_events = {
	.on_data = on_data,
	.on_end = on_end,
	.on_writable = on_writable,
	.on_pressure = on_pressure,
	.on_close = on_close,
};

/* -- opening and closing -- */

void conn_begin(void)
{
	harness_begin();
	if (weir_loop_new(&conn_loop) < 0)
		harness_die("no loop");
	fault_reset();
}

static void close_probe(struct conn_probe *p)
{
	fault_reset();
	p->then = NULL;
	if (weir_conn_is_open(&p->conn)) {
		conn_probe_check(p);
		weir_conn_abort(&p->conn, false);
		/* what an error leaves to be offered takes turns */
		harness_turn_until_idle(conn_loop, MANY_TURNS);
	}
	if (p->n_of[(int)CONN_CLOSED] != 1)
		harness_die("on_close came %u times",
			    p->n_of[(int)CONN_CLOSED]);
	conn_probe_hang_up(p);
}

void conn_close_all(void)
{
	while (probes) {
		struct conn_probe *p = probes;

		probes = p->next;
		close_probe(p);
	}
}

void conn_end(void)
{
	conn_close_all();
	if (weir_loop_free(conn_loop) != 0)
		harness_die("something is still open");
	harness_end();
}

/* Forget p if it is from an earlier life that has ended. */
static void unlink_probe(const struct conn_probe *p)
{
	struct conn_probe **link = &probes;

	while (*link && *link != p)
		link = &(*link)->next;
	if (*link)
		*link = p->next;
}

static void reset_probe(struct conn_probe *p, int fd,
			const struct weir_conn_limits *limits)
{
	static const struct weir_conn_limits defaults;
	static uint64_t n_seeds;

	unlink_probe(p);
	*p = (struct conn_probe){.limits = limits ? *limits : defaults,
				 .peer.fd = fd,
				 .peer.seed = ++n_seeds,
				 .events = p->events,
				 .other = p->other,
				 .then = p->then,
				 .is_echo = p->is_echo,
				 .take = SIZE_MAX};
}

int conn_probe_open_pair(struct conn_probe *p, const int fd[2],
			 const struct weir_conn_limits *limits)
{
	int error;

	reset_probe(p, fd[1], limits);
	error = weir_conn_open(&p->conn, conn_loop, fd[0],
			       p->events ? p->events : &conn_probe_events,
			       limits ? &p->limits : NULL);
	if (error < 0) {
		if (weir_conn_is_open(&p->conn) || close(fd[0]) < 0)
			harness_die("a failed open left its mark");
		conn_probe_hang_up(p);
		return error;
	}
	p->next = probes;
	probes = p;
	return 0;
}

int conn_probe_open(struct conn_probe *p, int sndbuf,
		    const struct weir_conn_limits *limits)
{
	int fd[2];

	harness_unix_pair(fd, sndbuf);
	return conn_probe_open_pair(p, fd, limits);
}

int conn_probe_open_tcp(struct conn_probe *p, int sndbuf,
			const struct weir_conn_limits *limits)
{
	int fd[2];

	harness_tcp_pair(fd, sndbuf);
	return conn_probe_open_pair(p, fd, limits);
}
