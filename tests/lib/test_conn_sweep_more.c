/* Files, fences and links, with each call failing in turn. */
#include "test_conn_sweep.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <weir/link.h>
#include <weir/fence.h>

TestSuite(conn_sweep_more, .init = conn_begin, .fini = conn_end);

enum {
	SNDBUF = 4608,
	BEFORE = 1000,
	OF_FILE = 60000,
	BEHIND = 500,
	PIECE = 20000,
	N_PIECES = 8,
	CARGO = 60000,
	N_SOURCES = 2
};

static const struct weir_conn_limits small = {
	.low = 5000, .high = 20000, .max = 20000 + WEIR_READ_SIZE};

static struct conn_probe *const p = &scenario_conns[0];

static bool is_open(const struct conn_probe *probe)
{
	return weir_conn_is_open(&probe->conn);
}

static void read_slowly(struct conn_probe *probe)
{
	if (is_open(probe))
		harness_peer_read(&probe->peer, 15000);
	if (probe->peer.has_ended)
		scenario_write_end(probe);
}

/* -- a file between two messages -- */

static struct {
	int fd;	     /* -1: the file's */
	int n_steps; /* taken */
	struct weir_file *file;
} file;

static void fill_file(void)
{
	unsigned char *bytes = malloc(OF_FILE);

	file.fd = memfd_create("scenario", MFD_CLOEXEC);
	harness_fill(bytes, OF_FILE, p->peer.seed, BEFORE);
	if (file.fd < 0 || write(file.fd, bytes, OF_FILE) != OF_FILE)
		harness_die("no file");
	free(bytes);
}

static int send_file(void)
{
	int error = file.file ? 0 : weir_file_new(&file.file, file.fd);

	if (error < 0)
		return error;
	file.fd = -1;
	error = weir_conn_sendfile(&p->conn, file.file, 0, OF_FILE);
	if (error < 0)
		return error;
	p->n_accepted += OF_FILE;
	return 0;
}

/* Each until it is accepted; for want of memory that is when it is below. */
static int take_step(void)
{
	switch (file.n_steps) {
	case 0:
		return conn_probe_sendall(p, BEFORE);
	case 1:
		return send_file();
	case 2:
		return conn_probe_sendall(p, BEHIND);
	default:
		weir_conn_finish(&p->conn);
		return 0;
	}
}

static void start_file(void)
{
	file.n_steps = 0;
	file.file = NULL;
	scenario_open(0, SNDBUF, NULL);
	fill_file();
}

static void step_file(void)
{
	while (is_open(p) && !p->is_above && file.n_steps < 4 &&
	       take_step() == 0)
		file.n_steps++;
	read_slowly(p);
}

static void stop_file(void)
{
	weir_file_unref(file.file);
	if (file.fd >= 0)
		close(file.fd);
}

const struct scenario scenario_file = {
	.name = "file",
	.start = start_file,
	.step = step_file,
	.stop = stop_file,
	.n_conns = 1,
	.n_sent = {BEFORE + OF_FILE + BEHIND},
	.n_taken = {0},
};

Test(conn_sweep_more, file)
{
	scenario_sweep(&scenario_file);
}

Test(conn_sweep_more, storm_of_files)
{
	scenario_storm(&scenario_file, 400);
}

/* -- a fence behind each piece -- */

static struct {
	struct weir_fence fences[N_PIECES];
	size_t n_pieces;
	size_t n_missing; /* without memory for a fence */
	size_t n_fired;
	uint64_t n_dropped;
} told;

static void note_fence(struct weir_fence *fence, uint64_t n_dropped)
{
	(void)fence;
	if (p->n_of[(int)CONN_CLOSED] > 0)
		harness_die("a fence after on_close");
	told.n_fired++;
	told.n_dropped += n_dropped;
}

static void pour(struct conn_probe *probe, char call)
{
	if (call != CONN_DATA && call != CONN_BELOW)
		return;
	while (told.n_pieces < N_PIECES &&
	       conn_probe_sendall(probe, PIECE) == 0)
		if (weir_fence_open(&told.fences[told.n_pieces++], &probe->conn,
				    note_fence) < 0)
			told.n_missing++;
	if (told.n_pieces == N_PIECES)
		weir_conn_finish(&probe->conn);
}

static void start_fences(void)
{
	memset(&told, 0, sizeof told);
	p->then = pour;
	scenario_open(0, SNDBUF, &small);
	scenario_write(p, 1);
}

static void step_fences(void)
{
	read_slowly(p);
}

/* Each has fired, once, and all that was dropped is told by one of them. */
static void stop_fences(void)
{
	uint64_t n_dropped = p->result.progress.dropped;

	if (told.n_fired + told.n_missing != told.n_pieces)
		harness_die("%zu of %zu fences have fired", told.n_fired,
			    told.n_pieces - told.n_missing);
	if (told.n_dropped > n_dropped ||
	    (told.n_dropped < n_dropped && told.n_missing == 0))
		harness_die("%llu bytes are dropped, the fences say %llu",
			    (unsigned long long)n_dropped,
			    (unsigned long long)told.n_dropped);
}

const struct scenario scenario_fences = {
	.name = "fences",
	.start = start_fences,
	.step = step_fences,
	.stop = stop_fences,
	.n_conns = 1,
	.n_sent = {PIECE * N_PIECES},
	.n_taken = {1},
};

Test(conn_sweep_more, fences)
{
	scenario_sweep(&scenario_fences);
}

Test(conn_sweep_more, storm_of_fences)
{
	scenario_storm(&scenario_fences, 400);
}

/* -- two sources linked to one sink -- */

static struct conn_probe *const sink = &scenario_conns[N_SOURCES];
static struct weir_link links[N_SOURCES];
static size_t n_sources; /* that are open */

/* What the sink refuses for now is left: the link holds, and it is offered
 * again. */
static void pass_on(struct conn_probe *probe, char call)
{
	if (call == CONN_DATA) {
		int error = conn_probe_sendall(sink, probe->n_offered);
		bool is_refused = error == -ENOMEM || error == -ENOBUFS;

		probe->take = is_refused ? 0 : SIZE_MAX;
	} else if (call == CONN_AT_END) {
		weir_conn_finish(&probe->conn);
	} else if (call == CONN_CLOSED && --n_sources == 0 && is_open(sink)) {
		weir_conn_finish(&sink->conn);
	}
}

static void abort_sources(struct conn_probe *probe, char call)
{
	size_t i;

	(void)probe;
	for (i = 0; call == CONN_CLOSED && i < N_SOURCES; i++)
		if (is_open(&scenario_conns[i]))
			weir_conn_abort(&scenario_conns[i].conn, false);
}

static void start_links(void)
{
	/* one receive fills it: a refusal must not be taken for greed */
	static const struct weir_conn_limits narrow = {.input = PIECE};
	size_t i;

	n_sources = 0;
	sink->then = abort_sources;
	scenario_open(N_SOURCES, SNDBUF, &small);
	for (i = 0; i < N_SOURCES; i++) {
		struct conn_probe *source = &scenario_conns[i];

		source->then = pass_on;
		scenario_open(i, 0, &narrow);
		links[i] = (struct weir_link){0};
		n_sources += is_open(source);
		if (is_open(source) && is_open(sink))
			weir_link_open(&links[i], &source->conn, &sink->conn);
		else if (is_open(source))
			weir_conn_abort(&source->conn, false);
	}
	if (n_sources == 0 && is_open(sink))
		weir_conn_finish(&sink->conn);
}

static void step_links(void)
{
	size_t i;

	for (i = 0; i < N_SOURCES; i++) {
		struct conn_probe *source = &scenario_conns[i];

		scenario_write(source, CARGO - source->n_written);
		if (source->n_written == CARGO)
			scenario_write_end(source);
	}
	read_slowly(sink);
}

const struct scenario scenario_links = {
	.name = "links",
	.start = start_links,
	.step = step_links,
	.n_conns = N_SOURCES + 1,
	.n_sent = {0, 0, N_SOURCES *CARGO},
	.n_taken = {CARGO, CARGO, 0},
	.traits = SCENARIO_KEEPS_INPUT | SCENARIO_IS_CHAIN,
};

Test(conn_sweep_more, links)
{
	scenario_sweep(&scenario_links);
}

Test(conn_sweep_more, storm_of_links)
{
	scenario_storm(&scenario_links, 400);
}
