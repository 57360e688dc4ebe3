/* Whole lives of one connection, with each call failing in turn. */
#include "test_conn_sweep.h"

#include <criterion/criterion.h>
#include <errno.h>

TestSuite(conn_sweep, .init = conn_begin, .fini = conn_end);

enum {
	SNDBUF = 4608,
	LINE = 10,
	N_LINES = 150,
	PIECE = 20000,
	ALL_POURED = 200000,
	QUEUED = 150000,
	UNWANTED = 20000,
	ANSWER = 60000,
	QUESTION = 1000,
	LAST_WORDS = 8000,
	CHUNK = 7000,
	ALL_STREAMED = 150000
};

static struct conn_probe *const p = &scenario_conns[0];

/* How far the scenario is. */
static size_t n_done;

static bool is_open(void)
{
	return weir_conn_is_open(&p->conn);
}

static void read_some(size_t max)
{
	if (is_open())
		harness_peer_read(&p->peer, max);
	if (p->peer.has_ended)
		scenario_write_end(p);
}

/* -- echo -- */

static const size_t messages[] = {1,	26,   300,  64,	 5000, 1,   700,
				  4096, 4097, 9000, 500, 3,    6000};

enum {
	N_MESSAGES = sizeof messages / sizeof *messages,
	ALL_MESSAGES = 1 + 26 + 300 + 64 + 5000 + 1 + 700 + 4096 + 4097 + 9000 +
		       500 + 3 + 6000
};

static void start_echo(void)
{
	n_done = 0;
	p->is_echo = true;
	scenario_open(0, SNDBUF, NULL);
}

/* Two at a time: the second waits while the first is answered. */
static void step_echo(void)
{
	int i;

	for (i = 0; i < 2 && n_done < N_MESSAGES; i++)
		scenario_write(p, messages[n_done++]);
	if (n_done == N_MESSAGES)
		scenario_write_end(p);
	read_some(SIZE_MAX);
}

const struct scenario scenario_echo = {
	.name = "echo",
	.start = start_echo,
	.step = step_echo,
	.n_conns = 1,
	.n_sent = {ALL_MESSAGES},
	.n_taken = {ALL_MESSAGES},
};

Test(conn_sweep, echo)
{
	scenario_sweep(&scenario_echo);
}

const struct scenario scenario_echo_tcp = {
	.name = "echo over TCP",
	.start = start_echo,
	.step = step_echo,
	.n_conns = 1,
	.n_sent = {ALL_MESSAGES},
	.n_taken = {ALL_MESSAGES},
	.traits = SCENARIO_IS_TCP,
};

Test(conn_sweep, echo_over_tcp)
{
	scenario_sweep(&scenario_echo_tcp);
}

/* -- lines -- */

static void answer_lines(struct conn_probe *probe, char call)
{
	size_t n = 0;

	if (call == CONN_AT_END)
		weir_conn_finish(&probe->conn);
	if (call != CONN_DATA)
		return;
	while (probe->n_offered - n >= LINE &&
	       conn_probe_sendall(probe, LINE) == 0)
		n += LINE;
	probe->take = n;
}

static void start_lines(void)
{
	n_done = 0;
	p->then = answer_lines;
	scenario_open(0, 0, NULL);
}

static void step_lines(void)
{
	static const size_t cuts[] = {7, 64, 23, 1, 155};
	size_t left = LINE * N_LINES - p->n_written;
	size_t n = cuts[n_done++ % (sizeof cuts / sizeof *cuts)];

	scenario_write(p, n < left ? n : left);
	if (left == 0)
		scenario_write_end(p);
	read_some(SIZE_MAX);
}

const struct scenario scenario_lines = {
	.name = "lines",
	.start = start_lines,
	.step = step_lines,
	.n_conns = 1,
	.n_sent = {LINE * N_LINES},
	.n_taken = {LINE * N_LINES},
	.traits = SCENARIO_KEEPS_INPUT,
};

Test(conn_sweep, lines)
{
	scenario_sweep(&scenario_lines);
}

/* -- pour -- */

static void pour(struct conn_probe *probe, char call)
{
	if (call != CONN_DATA && call != CONN_BELOW)
		return;
	while (n_done < ALL_POURED && conn_probe_sendall(probe, PIECE) == 0)
		n_done += PIECE;
	if (n_done == ALL_POURED)
		weir_conn_finish(&probe->conn);
}

static void start_pour(void)
{
	static const struct weir_conn_limits limits = {
		.low = 10000, .high = 30000, .max = 30000 + WEIR_READ_SIZE};

	n_done = 0;
	p->then = pour;
	scenario_open(0, SNDBUF, &limits);
	scenario_write(p, 1);
}

static void step_slowly(void)
{
	read_some(15000);
}

const struct scenario scenario_pour = {
	.name = "pour",
	.start = start_pour,
	.step = step_slowly,
	.n_conns = 1,
	.n_sent = {ALL_POURED},
	.n_taken = {1},
};

Test(conn_sweep, pour)
{
	scenario_sweep(&scenario_pour);
}

/* -- finish -- */

static void queue_and_finish(void)
{
	if (n_done == 0 && is_open() && !p->is_above &&
	    conn_probe_sendall(p, QUEUED) == 0) {
		n_done = QUEUED;
		weir_conn_finish(&p->conn);
	}
}

static void start_finish(void)
{
	n_done = 0;
	scenario_open(0, SNDBUF, NULL);
	if (is_open())
		weir_conn_pause(&p->conn);
	scenario_write(p, UNWANTED);
}

static void step_finish(void)
{
	queue_and_finish();
	step_slowly();
}

const struct scenario scenario_finish = {
	.name = "finish",
	.start = start_finish,
	.step = step_finish,
	.n_conns = 1,
	.n_sent = {QUEUED},
	.n_taken = {0},
};

Test(conn_sweep, finish)
{
	scenario_sweep(&scenario_finish);
}

/* -- half-close -- */

static void answer_at_end(struct conn_probe *probe, char call)
{
	if (call != CONN_AT_END && call != CONN_BELOW)
		return;
	if (conn_probe_sendall(probe, ANSWER) == 0)
		weir_conn_finish(&probe->conn);
}

static void start_half_close(void)
{
	p->then = answer_at_end;
	scenario_open(0, SNDBUF, NULL);
	scenario_write(p, QUESTION);
	scenario_write_end(p);
}

const struct scenario scenario_half_close = {
	.name = "half-close",
	.start = start_half_close,
	.step = step_slowly,
	.n_conns = 1,
	.n_sent = {ANSWER},
	.n_taken = {QUESTION},
};

Test(conn_sweep, half_close)
{
	scenario_sweep(&scenario_half_close);
}

/* -- end -- */

static void finish_at_end(struct conn_probe *probe, char call)
{
	if (call == CONN_AT_END)
		weir_conn_finish(&probe->conn);
}

static void start_end(void)
{
	n_done = 0;
	p->then = finish_at_end;
	scenario_open(0, SNDBUF, NULL);
}

static void step_end(void)
{
	if (n_done == 0 && is_open() && !p->is_above &&
	    conn_probe_sendall(p, QUESTION) == 0) {
		n_done = QUESTION;
		weir_conn_shutdown(&p->conn);
	}
	if (is_open())
		harness_peer_read(&p->peer, SIZE_MAX);
	if (!p->peer.has_ended)
		return;
	scenario_write(p, LAST_WORDS - p->n_written);
	scenario_write_end(p);
}

const struct scenario scenario_end = {
	.name = "end",
	.start = start_end,
	.step = step_end,
	.n_conns = 1,
	.n_sent = {QUESTION},
	.n_taken = {LAST_WORDS},
};

Test(conn_sweep, end)
{
	scenario_sweep(&scenario_end);
}

/* -- stream -- */

static void stream(struct conn_probe *probe, char call)
{
	ssize_t n = CHUNK;

	if (call != CONN_DATA && call != CONN_WRITABLE)
		return;
	while (n == CHUNK && n_done < ALL_STREAMED) {
		size_t left = ALL_STREAMED - n_done;

		n = conn_probe_send(probe, left < CHUNK ? left : CHUNK);
		if (n > 0)
			n_done += (size_t)n;
	}
	if (n_done == ALL_STREAMED)
		weir_conn_finish(&probe->conn);
}

static void start_stream(void)
{
	n_done = 0;
	p->then = stream;
	scenario_open(0, SNDBUF, NULL);
	scenario_write(p, 1);
}

const struct scenario scenario_stream = {
	.name = "stream",
	.start = start_stream,
	.step = step_slowly,
	.n_conns = 1,
	.n_sent = {ALL_STREAMED},
	.n_taken = {1},
};

Test(conn_sweep, stream)
{
	scenario_sweep(&scenario_stream);
}
