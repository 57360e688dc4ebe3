/* A listener on a Unix name, under clients that come and go, accepts that fail
 * and calls from in and out of its callbacks. Each client is accepted once, in
 * its turn, from the loop, and not during a pause; a turn is bounded; after the
 * faults nobody waits for ever; and what is closed inside may be freed there. */
#include <weir/listener.h>

#include <errno.h>
#include <sys/socket.h>
#include <unistd.h>

#include "fault.h"
#include "fuzz.h"
#include "harness_net.h"
#include "loop.h"

enum {
	N_CLIENTS = 64,
	MAX_OPERATIONS = 400,
	MAX_PENDING = 32,
	ACCEPTS_PER_TURN = 64,
	RETRY_NS = 100000000
};

static struct {
	struct weir_loop *loop;
	struct weir_address address;
	struct weir_listener *listener; /* NULL: closed */
	int clients[N_CLIENTS];		/* -1: none */
	size_t n_clients;		/* ever; each sends its number's byte */
	size_t n_served;		/* of them, accepted or turned away */
	uint64_t n_accepted;		/* since open */
	unsigned n_operations;
	bool is_paused;
	bool is_told; /* of a pause, and nothing was accepted since */
	bool is_turning;
} m;

static struct fuzz script;

/* -- the listener -- */

static void take_client(int fd)
{
	uint8_t number;

	fuzz_want(m.n_served < m.n_clients, "nobody waits");
	must(recv(fd, &number, 1, MSG_DONTWAIT), "recv");
	fuzz_want(number == (uint8_t)m.n_served, "a client is overtaken");
	m.n_served++;
	m.n_accepted++;
	m.is_told = false;
	close(fd);
}

static void call(void);

static void call_inside(void)
{
	if (fuzz_byte(&script) % 8 == 1)
		call();
}

static void on_accept(struct weir_listener *l, int fd,
		      const struct weir_address *peer)
{
	fuzz_want(l == m.listener, "a closed listener accepts");
	fuzz_want(m.is_turning, "it accepts outside of the loop");
	fuzz_want(!m.is_paused, "it accepts during a pause");
	fuzz_want(peer->sa.any.sa_family == AF_UNIX, "a wrong peer");
	take_client(fd);
	call_inside();
}

static void on_pause(struct weir_listener *l, int error)
{
	fuzz_want(l == m.listener && m.is_turning, "a pause out of place");
	fuzz_want(error < 0 && !m.is_told, "a pause is told again");
	m.is_told = true;
	call_inside();
}

static int try_to_open(const struct weir_listener_options *options)
{
	int fd;
	int error;

	if (!options->exclusive)
		return weir_listener_open(m.listener, m.loop, &m.address,
					  options, on_accept);
	fd = harness_listen(&m.address, 500);
	error = weir_listener_adopt(m.listener, m.loop, fd, options, on_accept);
	if (error < 0)
		close(fd);
	return error;
}

static void open_one(void)
{
	uint8_t flags = fuzz_byte(&script);
	const struct weir_listener_options options = {
		.sndbuf = flags & 1 ? 5000 : 0,
		.exclusive = flags & 2,
		.on_pause = flags & 4 ? on_pause : NULL};

	m.listener = calloc(1, sizeof *m.listener);
	if (!m.listener)
		harness_die("no memory");
	m.n_accepted = 0;
	m.is_paused = false;
	m.is_told = false;
	if (try_to_open(&options) == 0)
		return;
	fuzz_want(!weir_listener_is_open(m.listener), "it is open for nobody");
	free(m.listener);
	m.listener = NULL;
}

static void close_it(void)
{
	weir_listener_close(m.listener);
	free(m.listener);
	m.listener = NULL;
	m.n_served = m.n_clients;
}

static void take(void)
{
	struct weir_address peer;
	int fd = weir_listener_take(m.listener, &peer);

	if (fd >= 0)
		take_client(fd);
}

static void call(void)
{
	if (!m.listener) {
		open_one();
		return;
	}
	switch (fuzz_below(&script, 8)) {
	case 0:
		close_it();
		break;
	case 1:
	case 2:
		take();
		break;
	case 3:
	case 4:
		weir_listener_pause(m.listener);
		m.is_paused = true;
		break;
	default:
		weir_listener_resume(m.listener);
		m.is_paused = false;
		break;
	}
}

/* -- the world -- */

static void come_or_go(void)
{
	int *fd = &m.clients[fuzz_below(&script, N_CLIENTS)];
	uint8_t number = (uint8_t)m.n_clients;

	if (*fd >= 0) {
		close(*fd);
		*fd = -1;
	} else if (m.listener) {
		*fd = harness_connect(&m.address);
		if (*fd < 0)
			*fd = -1; /* the backlog is full */
		else if (send(*fd, &number, 1, MSG_NOSIGNAL) == 1)
			m.n_clients++;
		else
			harness_die("a client cannot send");
	}
}

static void fail(void)
{
	static const struct {
		enum fault_call call;
		int result;
	} faults[] = {
		{FAULT_ACCEPT, -EMFILE},       {FAULT_ACCEPT, -ENOBUFS},
		{FAULT_ACCEPT, -ECONNABORTED}, {FAULT_ACCEPT, -EPERM},
		{FAULT_ACCEPT, -ENETDOWN},     {FAULT_ACCEPT, -EAGAIN},
		{FAULT_EPOLL_ADD, -ENOSPC},    {FAULT_EPOLL_WAIT, 0},
		{FAULT_TIMERFD_SET, -ENOMEM},  {FAULT_SETSOCKOPT, -ENOBUFS},
		{FAULT_SOCKET, -EMFILE},       {FAULT_GETSOCKNAME, -ENOBUFS},
		{FAULT_LISTEN, -EADDRINUSE},   {FAULT_CLOSE, -EINTR},
	};
	size_t i = fuzz_below(&script, sizeof faults / sizeof faults[0]);
	uint8_t nth = fuzz_byte(&script) % 8;

	if (fault_n_pending() < MAX_PENDING)
		/* 0: until it is taken back */
		fault_result(faults[i].call, FAULT_ANY_FD, nth,
			     faults[i].result);
}

static void turn(void)
{
	uint64_t n = fault_count(FAULT_ACCEPT);

	m.is_turning = true;
	weir_loop_turn(m.loop, 0);
	m.is_turning = false;
	/* besides those that are taken inside, in as many calls each */
	fuzz_want(fault_count(FAULT_ACCEPT) - n <=
			  ACCEPTS_PER_TURN * (ACCEPTS_PER_TURN + 1),
		  "a turn accepts without bound");
}

static void operate(void)
{
	switch (fuzz_below(&script, 16)) {
	case 0:
	case 1:
		fail();
		break;
	case 2:
		fault_clear();
		break;
	case 3:
		fault_time_advance(fuzz_below(&script, 1 << 24) * 16);
		break;
	case 4:
	case 5:
	case 6:
		turn();
		break;
	case 7:
	case 8:
		call();
		break;
	default:
		come_or_go();
		break;
	}
}

static void check(void)
{
	struct weir_listener_stats stats;

	if (!m.listener)
		return;
	weir_listener_stats(m.listener, &stats);
	fuzz_want(stats.n_accepted == m.n_accepted, "the count is wrong");
}

/* A pause of its own ends by itself. */
static void end(void)
{
	size_t i;

	fault_clear();
	script.n = 0;
	if (m.listener && m.is_paused) {
		weir_listener_resume(m.listener);
		m.is_paused = false;
	}
	for (i = 0; m.listener && i < 20; i++) {
		fault_time_advance(RETRY_NS);
		turn();
	}
	fuzz_want(m.n_served == m.n_clients, "a client waits for ever");
	check();
	if (m.listener)
		close_it();
	for (i = 0; i < N_CLIENTS; i++)
		if (m.clients[i] >= 0)
			close(m.clients[i]);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	script = (struct fuzz){data, n};
	harness_begin();
	memset(&m, 0, sizeof m);
	memset(m.clients, -1, sizeof m.clients);
	m.address = harness_unix_name();
	must(weir_loop_new(&m.loop), "loop");
	open_one();
	while (script.n > 0 && m.n_operations++ < MAX_OPERATIONS) {
		operate();
		check();
	}
	end();
	must(weir_loop_free(m.loop), "loop");
	harness_end();
	return 0;
}
