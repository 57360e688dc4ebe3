/* Two connectors, towards addresses that accept, refuse, are full or are
 * nobody's, while calls fail, time passes and callbacks open and close. Each
 * tells one outcome, from the loop; a socket is connected to the address that
 * it names; an error comes after the last address, a time-out at the deadline;
 * and nothing is left of the attempts. */
#include <weir/connector.h>

#include <errno.h>
#include <sys/socket.h>
#include <unistd.h>

#include "fault.h"
#include "fuzz.h"
#include "harness_net.h"
#include "loop.h"

enum {
	N = 2,
	MAX_OPERATIONS = 200,
	MAX_PENDING = 32,
	N_TO = 4, /* addresses of one connector, at most */
	N_ROUNDS = 40,
	STAGGER_NS = 250000000
};

enum place {
	UNIX_OPEN,
	UNIX_FULL,
	UNIX_NOBODY,
	TCP_OPEN,
	TCP_FULL,
	TCP_NOBODY,
	N_PLACES
};

struct dial {
	struct weir_connector *connector; /* NULL: closed */
	struct weir_address to[N_TO];
	size_t n_to;
	uint64_t deadline_ns;
};

/* Made once: most of an execution's time would go into them. */
static struct weir_address places[N_PLACES];
static int listeners[N_PLACES];

static struct weir_loop *loop;
static struct dial dials[N];
static bool is_turning;
static struct fuzz script;

/* So that no port is left in TIME_WAIT: thousands of tries would use up all. */
static void drop(int fd)
{
	const struct linger now = {.l_onoff = 1};

	(void)setsockopt(fd, SOL_SOCKET, SO_LINGER, &now, sizeof now);
	close(fd);
}

static void make_room(enum place place)
{
	int fd;

	while ((fd = accept4(listeners[place], NULL, NULL, SOCK_CLOEXEC)) >= 0)
		drop(fd);
}

/* -- connectors -- */

static void call(struct dial *d);

static void forget(struct dial *d)
{
	free(d->connector);
	d->connector = NULL;
}

static void check_connected(const struct dial *d, int fd)
{
	const struct weir_address *address =
		weir_connector_address(d->connector);
	struct weir_address peer = {0};
	socklen_t len = sizeof peer.sa;

	fuzz_want(address >= d->to && address < d->to + d->n_to,
		  "connected to an address that was not given");
	fuzz_want(getpeername(fd, &peer.sa.any, &len) == 0 &&
			  len == address->len &&
			  memcmp(&peer.sa, &address->sa, len) == 0,
		  "connected to another address");
	drop(fd);
}

static void on_connect(struct weir_connector *connector, int fd)
{
	struct dial *d = &dials[connector != dials[0].connector];

	fuzz_want(connector == d->connector, "a closed connector calls");
	fuzz_want(is_turning, "it calls outside of the loop");
	fuzz_want(!weir_connector_is_open(connector), "it is still open");
	if (fd >= 0)
		check_connected(d, fd);
	else if (fd == -ETIMEDOUT)
		fuzz_want(weir_loop_now(loop) >= d->deadline_ns,
			  "it gives up before the deadline");
	else
		fuzz_want(!weir_connector_address(connector),
			  "an attempt is left");
	forget(d);
	if (fuzz_byte(&script) & 1)
		call(&dials[fuzz_below(&script, N)]);
}

static void open_one(struct dial *d)
{
	uint8_t flags = fuzz_byte(&script);
	struct weir_address local = harness_address("127.0.0.1:0");
	struct weir_connector_options options = {
		.local = flags & 1 ? &local : NULL,
		.sndbuf = flags & 2 ? 10000 : 0,
		.rcvbuf = flags & 4 ? 10000 : 0};
	size_t i;

	d->connector = calloc(1, sizeof *d->connector);
	if (!d->connector)
		harness_die("no memory");
	if (flags & 8)
		options.deadline_ns =
			weir_loop_now(loop) + 1 + fuzz_below(&script, 1 << 30);
	d->deadline_ns = flags & 8 ? options.deadline_ns : WEIR_NEVER;
	d->n_to = 1 + fuzz_below(&script, N_TO);
	for (i = 0; i < d->n_to; i++)
		d->to[i] = places[fuzz_below(&script, N_PLACES)];
	must(weir_connector_open(d->connector, loop, d->to, d->n_to, &options,
				 on_connect),
	     "open");
}

static void call(struct dial *d)
{
	if (!d->connector) {
		open_one(d);
	} else if (fuzz_byte(&script) & 1) {
		weir_connector_close(d->connector);
		forget(d);
	}
}

/* -- the world -- */

static void fail(void)
{
	static const struct {
		enum fault_call call;
		int result;
	} faults[] = {
		{FAULT_CONNECT, -ECONNREFUSED},
		{FAULT_CONNECT, -ENETUNREACH},
		{FAULT_CONNECT, -EAGAIN},
		{FAULT_SOCKET_ERROR, -ECONNRESET},
		{FAULT_SOCKET_ERROR, -EHOSTUNREACH},
		{FAULT_SOCKET, -EMFILE},
		{FAULT_SETSOCKOPT, -ENOBUFS},
		{FAULT_BIND, -EADDRNOTAVAIL},
		{FAULT_ALLOC, -ENOMEM},
		{FAULT_EPOLL_ADD, -ENOSPC},
		{FAULT_EPOLL_WAIT, 0},
		{FAULT_TIMERFD_SET, -ENOMEM},
		{FAULT_GETSOCKNAME, -ENOBUFS},
		{FAULT_GETPEERNAME, -ENOTCONN},
		{FAULT_CLOSE, -EINTR},
	};
	size_t i = fuzz_below(&script, sizeof faults / sizeof faults[0]);

	if (fault_n_pending() < MAX_PENDING)
		fault_result(faults[i].call, FAULT_ANY_FD,
			     1 + fuzz_below(&script, 4), faults[i].result);
}

static void turn(void)
{
	is_turning = true;
	weir_loop_turn(loop, 0);
	is_turning = false;
}

static void operate(void)
{
	switch (fuzz_below(&script, 16)) {
	case 0:
	case 1:
	case 2:
		fail();
		break;
	case 3:
		make_room((enum place)fuzz_below(&script, 2) ? UNIX_FULL
							     : TCP_FULL);
		break;
	case 4:
	case 5:
		fault_time_advance(fuzz_below(&script, 1 << 24) * 32);
		break;
	case 6:
	case 7:
	case 8:
	case 9:
		call(&dials[fuzz_below(&script, N)]);
		break;
	default:
		turn();
		break;
	}
}

static void fill(enum place place)
{
	int fd;

	make_room(place);
	fd = harness_connect(&places[place]);
	must(fd, "the first in the backlog");
	drop(fd);
}

static bool can_end(const struct dial *d)
{
	size_t i;

	for (i = 0; i < d->n_to; i++)
		if (d->to[i].len == places[TCP_FULL].len &&
		    memcmp(&d->to[i].sa, &places[TCP_FULL].sa, d->to[i].len) ==
			    0)
			return false;
	return true;
}

/* Where there is room each attempt has an end, but that of a SYN which the
 * kernel has dropped: it is sent again in real time. */
static void end(void)
{
	size_t i;

	fault_clear();
	script.n = 0;
	for (i = 0; i < N_ROUNDS; i++) {
		make_room(UNIX_OPEN);
		make_room(UNIX_FULL);
		make_room(TCP_OPEN);
		fault_time_advance(STAGGER_NS);
		turn();
	}
	for (i = 0; i < N; i++) {
		struct dial *d = &dials[i];

		if (!d->connector)
			continue;
		fuzz_want(d->deadline_ns == WEIR_NEVER && !can_end(d),
			  "an outcome does not come");
		weir_connector_close(d->connector);
		forget(d);
	}
}

int LLVMFuzzerInitialize(int *argc, char ***argv);

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	enum place i;
	int fd; /* holds its port to the end */

	(void)argc;
	(void)argv;
	for (i = UNIX_OPEN; i < N_PLACES; i++) {
		places[i] = harness_address("127.0.0.1:0");
		if (i <= UNIX_NOBODY) {
			places[i] = harness_unix_name();
			places[i].sa.un.sun_path[1] = (char)('a' + i);
		}
		if (i == UNIX_OPEN || i == TCP_OPEN)
			listeners[i] = harness_listen(&places[i], 500);
		else if (i == UNIX_FULL || i == TCP_FULL)
			listeners[i] = harness_listen(&places[i], 0);
	}
	places[TCP_NOBODY] = harness_refusing_address(&fd);
	return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	unsigned n_operations = 0;

	script = (struct fuzz){data, n};
	harness_begin();
	memset(dials, 0, sizeof dials);
	fill(UNIX_FULL);
	fill(TCP_FULL);
	must(weir_loop_new(&loop), "loop");
	while (script.n > 0 && n_operations++ < MAX_OPERATIONS)
		operate();
	end();
	must(weir_loop_free(loop), "loop");
	harness_end();
	return 0;
}
