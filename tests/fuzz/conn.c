/* Two connections under a script of operations, of their peers' acts and of
 * faults, in and out of callbacks. The probes of harness_conn.h check the
 * bytes and the account at every call, on_close once, and nothing after it;
 * the library, built with -DWEIR_CHECKS, its own state at every settling. Here
 * is what only the world around can see: EPOLLOUT is armed if and only if
 * something is owed, and what was accepted arrives unless somebody may lose
 * it. */
#include <errno.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include <weir/conn.h>
#include <weir/fence.h>
#include <weir/link.h>

#include "conn_inside.h"
#include "fault.h"
#include "fuzz.h"
#include "harness_conn.h"

enum {
	N = 2,
	MAX_OPERATIONS = 400,
	MAX_SIZE = 300000,
	MAX_WRITE = 20000,
	N_FENCES = 3
};

struct end {
	struct conn_probe probe;
	struct weir_fence fences[N_FENCES];
	bool is_finished;
	bool may_lose; /* a peer, a limit, a fault or an abort */
};

static struct end ends[N];
static struct weir_link links[N];
static struct fuzz script;
static unsigned n_operations;

/* -- what the library may be asked for anywhere -- */

static void send_file(struct conn_probe *p, size_t n)
{
	unsigned char *data = malloc(n + 1);
	int fd = memfd_create("fuzz", MFD_CLOEXEC);
	struct weir_file *file;

	if (!data)
		harness_die("no memory");
	must(fd, "memfd_create");
	harness_fill(data, n, p->peer.seed, p->n_accepted);
	must(write(fd, data, n), "write");
	free(data);
	if (weir_file_new(&file, fd) < 0) {
		close(fd);
		return;
	}
	if (weir_conn_sendfile(&p->conn, file, 0, n) == 0)
		p->n_accepted += n;
	weir_file_unref(file);
	conn_probe_check(p);
}

static void on_fence(struct weir_fence *fence, uint64_t n_dropped)
{
	(void)n_dropped;
	fuzz_want(!weir_fence_is_open(fence), "a fence is open as it fires");
}

static void use_fence(struct end *e)
{
	struct weir_fence *fence = &e->fences[fuzz_below(&script, N_FENCES)];

	if (weir_fence_is_open(fence))
		weir_fence_close(fence);
	else
		weir_fence_open(fence, &e->probe.conn, on_fence);
}

static void use_link(void)
{
	size_t i = fuzz_below(&script, N);

	if (weir_link_is_open(&links[i]))
		weir_link_close(&links[i]);
	else if (weir_conn_is_open(&ends[0].probe.conn) &&
		 weir_conn_is_open(&ends[1].probe.conn))
		weir_link_open(&links[i], &ends[i].probe.conn,
			       &ends[1 - i].probe.conn);
}

static void stop(struct end *e)
{
	switch (fuzz_below(&script, 4)) {
	case 0:
		weir_conn_shutdown(&e->probe.conn);
		break;
	case 1:
		e->may_lose = true;
		weir_conn_abort(&e->probe.conn, fuzz_byte(&script) & 1);
		break;
	default:
		e->is_finished = true;
		weir_conn_finish(&e->probe.conn);
		break;
	}
}

static void call(struct end *e)
{
	struct conn_probe *p = &e->probe;

	if (!weir_conn_is_open(&p->conn))
		return;
	/* what an echo sends besides would be out of its pattern */
	switch (fuzz_below(&script, p->is_echo ? 6 : 16)) {
	case 0:
		weir_conn_pause(&p->conn);
		break;
	case 1:
	case 2:
		weir_conn_resume(&p->conn);
		break;
	case 3:
		stop(e);
		break;
	case 4:
		use_fence(e);
		break;
	case 5:
		use_link();
		break;
	case 6:
		send_file(p, fuzz_size(&script, MAX_SIZE));
		break;
	case 7:
	case 8:
	case 9:
		conn_probe_send(p, fuzz_size(&script, MAX_SIZE));
		break;
	case 10:
	case 11:
		conn_probe_sendbuf(p, fuzz_size(&script, MAX_SIZE));
		break;
	default:
		conn_probe_sendall(p, fuzz_size(&script, MAX_SIZE));
		break;
	}
}

/* -- what the peer does, and the kernel -- */

static void peer_writes(struct conn_probe *p)
{
	unsigned char data[MAX_WRITE];
	size_t n = 1 + fuzz_size(&script, sizeof data - 1);
	ssize_t n_taken;

	harness_fill(data, n, p->peer.seed, p->n_written);
	n_taken = send(p->peer.fd, data, n, MSG_DONTWAIT | MSG_NOSIGNAL);
	if (n_taken > 0)
		p->n_written += (uint64_t)n_taken;
}

static void peer_acts(struct end *e)
{
	struct conn_probe *p = &e->probe;

	if (p->peer.fd < 0)
		return;
	switch (fuzz_below(&script, 8)) {
	case 0:
		if (shutdown(p->peer.fd, SHUT_WR) < 0)
			harness_die("the peer cannot end");
		break;
	case 1:
		e->may_lose = true;
		conn_probe_hang_up(p);
		break;
	case 2:
	case 3:
	case 4:
		harness_peer_read(&p->peer, fuzz_size(&script, SIZE_MAX - 1));
		break;
	default:
		peer_writes(p);
		break;
	}
}

/* One call of the connection's, or of anybody, fails or is short. */
static void fail(struct end *e)
{
	static const struct {
		enum fault_call call;
		int result;
	} faults[] = {
		{FAULT_ALLOC, -ENOMEM},	    {FAULT_RECV, -ECONNRESET},
		{FAULT_RECV, -EAGAIN},	    {FAULT_RECV, -ETIMEDOUT},
		{FAULT_ANY_SEND, -EPIPE},   {FAULT_ANY_SEND, -ECONNRESET},
		{FAULT_ANY_SEND, -EAGAIN},  {FAULT_ANY_SEND, -ENOBUFS},
		{FAULT_SENDFILE, -EAGAIN},  {FAULT_SENDFILE, -EIO},
		{FAULT_EPOLL_MOD, -ENOMEM}, {FAULT_EPOLL_ADD, -ENOSPC},
		{FAULT_EPOLL_WAIT, 0},	    {FAULT_TIMERFD_SET, -ENOMEM},
		{FAULT_UNREAD, -EIO},	    {FAULT_SHUTDOWN_WRITE, -ENOTCONN},
		{FAULT_CLOSE, -EINTR},
	};
	size_t i = fuzz_below(&script, sizeof faults / sizeof faults[0]);
	size_t nth = 1 + fuzz_below(&script, 4);

	if (fault_n_pending() > 16)
		return;
	/* an error's connection may lose bytes, and it may be any */
	for (size_t k = 0; k < N && faults[i].result != -EAGAIN; k++)
		ends[k].may_lose = true;
	if (fuzz_byte(&script) & 1 && weir_conn_is_open(&e->probe.conn))
		fault_at_most(FAULT_ANY_SEND, weir_conn_fd(&e->probe.conn), nth,
			      fuzz_size(&script, MAX_SIZE));
	else
		fault_result(faults[i].call, FAULT_ANY_FD, nth,
			     faults[i].result);
}

/* -- the world -- */

/* Between two calls of the library's nothing that is owed is forgotten. */
static void check(void)
{
	const unsigned waits = WEIR_FACT_OWES | WEIR_FACT_WANTS_ROOM;
	size_t i;

	for (i = 0; i < N; i++) {
		struct conn_probe *p = &ends[i].probe;

		if (!weir_conn_is_open(&p->conn))
			continue;
		conn_probe_check(p);
		if (p->conn.watch.due < WEIR_DUE_DEFERRED &&
		    conn_probe_is_armed(p) != weir_conn_has(&p->conn, waits))
			harness_die("EPOLLOUT is not what is owed");
	}
}

static void operate(void)
{
	struct end *e = &ends[fuzz_below(&script, N)];

	switch (fuzz_below(&script, 16)) {
	case 0:
		fail(e);
		break;
	case 1:
		fault_time_advance((uint64_t)fuzz_below(&script, 1 << 24) *
				   (1 + (uint64_t)fuzz_byte(&script)));
		break;
	case 2:
	case 3:
	case 4:
	case 5:
		peer_acts(e);
		break;
	case 6:
	case 7:
	case 8:
	case 9:
		conn_turns(1);
		check();
		break;
	default:
		call(e);
		break;
	}
}

/* In a callback anything may happen but a turn. */
static void then(struct conn_probe *p, char letter)
{
	struct end *e = weir_container_of(p, struct end, probe);
	uint8_t dice = fuzz_byte(&script);

	/* of a limit too, which may drop bytes */
	if (letter == CONN_CLOSED && p->result.reason != WEIR_REASON_FINISHED)
		e->may_lose = true;
	p->take = dice & 3 ? SIZE_MAX : fuzz_below(&script, p->n_offered + 1);
	for (dice >>= 2; dice > 0 && n_operations < MAX_OPERATIONS;
	     dice >>= 2) {
		n_operations++;
		if (dice & 1)
			call(dice & 2 ? e : &ends[e == ends]);
		else if (dice & 2)
			peer_acts(e);
	}
}

static void take_limits(struct weir_conn_limits *limits)
{
	static const uint64_t times[] = {WEIR_NEVER, 0, 1000000, 1000000000};
	uint8_t flags = fuzz_byte(&script);

	*limits = (struct weir_conn_limits){
		.stall_ns = times[flags & 3],
		.linger_ns = times[flags >> 2 & 3],
		.idle_ns = flags & 0x10 ? 50000000 : 0,
		.min_rate = flags & 0x20 ? 1000 : 0,
		.flags = flags & 0x40 ? WEIR_CONN_NO_THROTTLE : 0,
		.input = flags & 0x80 ? 1 + fuzz_size(&script, 100000) : 0};
	limits->high = 1 + fuzz_size(&script, 100000);
	limits->low = 1 + fuzz_below(&script, limits->high);
	limits->max =
		limits->high + WEIR_READ_SIZE + fuzz_size(&script, 100000);
}

static void begin(void)
{
	size_t i;

	conn_begin();
	memset(links, 0, sizeof links);
	n_operations = 0;
	if (fuzz_byte(&script) & 1)
		weir_loop_budget(conn_loop, 200000, 100000);
	for (i = 0; i < N; i++) {
		struct weir_conn_limits limits;
		uint8_t flags = fuzz_byte(&script);

		ends[i] = (struct end){.probe.then = then};
		ends[i].probe.is_echo = flags & 1;
		take_limits(&limits);
		fuzz_want(conn_probe_open(&ends[i].probe, flags & 2 ? 4608 : 0,
					  &limits) == 0,
			  "it does not open");
		ends[i].probe.is_echo = flags & 1;
	}
}

/* Without faults, with readers that read and nobody pausing, all that was
 * accepted arrives. */
static void settle(struct end *e)
{
	struct conn_probe *p = &e->probe;

	p->take = SIZE_MAX;
	if (weir_conn_is_open(&p->conn)) {
		weir_conn_pause(&p->conn);
		weir_conn_resume(&p->conn);
		conn_flow(p);
	}
	if (p->peer.fd >= 0)
		harness_peer_read(&p->peer, SIZE_MAX);
	if (e->may_lose)
		return;
	fuzz_want(p->peer.n_received == p->n_accepted,
		  "accepted bytes are missing");
	fuzz_want(!weir_conn_is_open(&p->conn) || !conn_probe_is_armed(p),
		  "EPOLLOUT is armed for nothing");
}

static void end(void)
{
	size_t i;
	size_t k;

	fault_clear();
	script.n = 0;
	for (i = 0; i < N; i++)
		weir_link_close(&links[i]);
	for (i = 0; i < N; i++)
		settle(&ends[i]);
	conn_close_all();
	for (i = 0; i < N; i++)
		for (k = 0; k < N_FENCES; k++)
			fuzz_want(!weir_fence_is_open(&ends[i].fences[k]),
				  "a fence outlives its connection");
	fuzz_want(conn_loop->pool.n_used_bytes == 0,
		  "a queue still holds memory");
	conn_end();
}

int LLVMFuzzerInitialize(int *argc, char ***argv);

/* sendfile takes no MSG_NOSIGNAL. */
int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	(void)argc;
	(void)argv;
	signal(SIGPIPE, SIG_IGN);
	return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	script = (struct fuzz){data, n};
	begin();
	while (script.n > 0 && n_operations++ < MAX_OPERATIONS)
		operate();
	end();
	return 0;
}
