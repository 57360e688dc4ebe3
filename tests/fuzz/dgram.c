/* A datagram socket of Unix or UDP, bound or connected, under peers that send,
 * read, go and come back, faults, time, and calls in and out of callbacks. The
 * account holds at every call; each datagram arrives whole, once at most, and
 * behind those that were sent to the same peer before; on Unix those that were
 * sent are there; none waits for ever. */
#include <weir/dgram.h>

#include <errno.h>
#include <sys/socket.h>
#include <unistd.h>

#include "dgram.h"
#include "fault.h"
#include "fuzz.h"
#include "harness_net.h"

enum {
	/* more than a turn offers to */
	N_PEERS = 10,
	MAX_OPERATIONS = 300,
	MAX_PENDING = 32,
	MAX_SIZE = 4000,
	N_ROUNDS = 20,
	SECOND_NS = 1000000000
};

/* What every datagram begins with; the pattern of its number follows. */
struct head {
	uint64_t number;
	uint64_t n;
};

struct peer {
	struct weir_address address;
	int fd;		       /* -1: gone */
	uint64_t n_sent;       /* by it; its numbers */
	uint64_t last_number;  /* that it has read */
	uint64_t last_of_ours; /* that we have heard of it */
	uint64_t n_read;
};

static struct {
	struct weir_loop *loop;
	struct weir_dgram *d; /* NULL: closed */
	struct weir_address address;
	struct peer peers[N_PEERS];
	uint64_t n_numbers;
	uint64_t n_heard; /* since open */
	uint64_t n_sent;  /* by those that are closed */
	bool is_udp;
	bool is_connected; /* to the first peer */
	bool may_miss;	   /* a peer was gone with what it had not read */
	bool is_turning;
} m;

static struct fuzz script;
static unsigned char bytes[sizeof(struct head) + MAX_SIZE];

static size_t write_datagram(uint64_t number, size_t n)
{
	const struct head head = {number, n};

	memcpy(bytes, &head, sizeof head);
	harness_fill(bytes + sizeof head, n, number, 0);
	return sizeof head + n;
}

static uint64_t read_number(const unsigned char *data, size_t n)
{
	struct head head;

	fuzz_want(n >= sizeof head, "a datagram is cut");
	memcpy(&head, data, sizeof head);
	fuzz_want(n == sizeof head + head.n, "a datagram has another size");
	harness_check(data + sizeof head, head.n, head.number, 0);
	return head.number;
}

/* -- the dgram -- */

static void call(void);

static void call_inside(void)
{
	if (fuzz_byte(&script) % 4 == 1)
		call();
}

static void on_datagram(struct weir_dgram *d,
			const struct weir_dgram_received *in)
{
	uint64_t number = read_number(in->data, in->n);
	struct peer *p = &m.peers[number % N_PEERS];

	fuzz_want(d == m.d && m.is_turning, "a datagram out of place");
	fuzz_want(number > p->last_of_ours, "a datagram is heard twice");
	fuzz_want(in->from.len == p->address.len &&
			  memcmp(&in->from.sa, &p->address.sa, in->from.len) ==
				  0,
		  "it is from another");
	p->last_of_ours = number;
	m.n_heard++;
	if (fuzz_byte(&script) & 1)
		(void)weir_dgram_reply(
			d, in, bytes,
			write_datagram(++m.n_numbers,
				       fuzz_size(&script, MAX_SIZE)));
	call_inside();
}

static void on_drain(struct weir_dgram *d)
{
	struct weir_dgram_stats stats;

	fuzz_want(d == m.d && m.is_turning, "a drain out of place");
	weir_dgram_stats(d, &stats);
	fuzz_want(stats.n_queued == 0, "it drains while some are queued");
	call_inside();
}

static const struct weir_dgram_events events = {.on_datagram = on_datagram,
						.on_drain = on_drain};

static struct weir_address own_address(void)
{
	struct weir_address own = {.type = SOCK_DGRAM, .len = sizeof own.sa};

	must(getsockname(weir_dgram_fd(m.d), &own.sa.any, &own.len),
	     "getsockname");
	return own;
}

static void open_it(void)
{
	uint8_t flags = fuzz_byte(&script);
	const struct weir_dgram_options options = {
		.policy = flags & 1 ? WEIR_DGRAM_DROP_OLDEST
				    : WEIR_DGRAM_DROP_NEWEST,
		.receive_max = sizeof bytes,
		.queue_bytes = flags & 2 ? 8000 : 0,
		.queue_messages = flags & 4 ? 5 : 0,
		.sndbuf = flags & 8 ? 4608 : 0};
	int error;

	m.d = calloc(1, sizeof *m.d);
	if (!m.d)
		harness_die("no memory");
	m.n_heard = 0;
	if (m.is_connected)
		error = weir_dgram_connect(m.d, m.loop, &m.peers[0].address,
					   &events, &options);
	else
		error = weir_dgram_bind(m.d, m.loop, &m.address, &events,
					&options);
	if (error == 0) {
		m.address = own_address();
		return;
	}
	fuzz_want(!weir_dgram_is_open(m.d), "it is open for nobody");
	free(m.d);
	m.d = NULL;
}

static void check(void)
{
	struct weir_dgram_stats stats;

	if (!m.d)
		return;
	weir_dgram_stats(m.d, &stats);
	fuzz_want(stats.n_accepted ==
			  stats.n_sent + stats.n_queued + stats.n_dropped,
		  "the account is wrong");
	fuzz_want(stats.n_received == m.n_heard, "not all was told");
	if (weir_dgram_is_open(m.d))
		weir_dgram_queue_check(&m.d->buffers->queue);
}

static void close_it(void)
{
	struct weir_dgram_stats stats;

	weir_dgram_close(m.d);
	check();
	weir_dgram_stats(m.d, &stats);
	fuzz_want(stats.n_queued == 0, "something is queued in no queue");
	m.n_sent += stats.n_sent;
	free(m.d);
	m.d = NULL;
}

static void send_to(const struct peer *p)
{
	size_t n = write_datagram(++m.n_numbers, fuzz_size(&script, MAX_SIZE));

	(void)weir_dgram_send(m.d, m.is_connected ? NULL : &p->address, bytes,
			      n);
}

static void send_one(void)
{
	send_to(&m.peers[fuzz_below(&script, N_PEERS)]);
}

/* One for each, of which the kernel takes none. */
static void send_in_vain(void)
{
	size_t i;

	fault_result(FAULT_SENDMMSG, FAULT_ANY_FD, FAULT_ALWAYS, -EAGAIN);
	for (i = 0; m.d && i < N_PEERS; i++)
		send_to(&m.peers[i]);
	fault_clear();
}

static void call(void)
{
	if (!m.d)
		open_it();
	else if (fuzz_byte(&script) % 16 == 1)
		close_it();
	else
		send_one();
}

/* -- the world -- */

static void peer_opens(struct peer *p)
{
	socklen_t len = sizeof p->address.sa;

	p->fd = socket(p->address.sa.any.sa_family,
		       SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	must(p->fd, "socket");
	must(bind(p->fd, &p->address.sa.any, p->address.len), "bind");
	must(getsockname(p->fd, &p->address.sa.any, &len), "getsockname");
}

static void peer_reads(struct peer *p, size_t n_most)
{
	ssize_t n;

	while (n_most-- > 0 &&
	       (n = recv(p->fd, bytes, sizeof bytes, MSG_DONTWAIT)) >= 0) {
		uint64_t number = read_number(bytes, (size_t)n);

		fuzz_want(number > p->last_number,
			  "a datagram is overtaken, or comes twice");
		p->last_number = number;
		p->n_read++;
	}
}

static void peer_sends(struct peer *p)
{
	uint64_t number = (uint64_t)(p - m.peers) + N_PEERS * ++p->n_sent;
	size_t n = write_datagram(number, fuzz_size(&script, MAX_SIZE));

	if (m.d)
		(void)sendto(p->fd, bytes, n, MSG_DONTWAIT | MSG_NOSIGNAL,
			     &m.address.sa.any, m.address.len);
}

static void peer_acts(void)
{
	struct peer *p = &m.peers[fuzz_below(&script, N_PEERS)];
	uint8_t act = fuzz_byte(&script) % 16;

	if (p->fd < 0) {
		peer_opens(p);
	} else if (act == 1) {
		close(p->fd);
		p->fd = -1;
		m.may_miss = true;
	} else if (act < 6) {
		peer_reads(p, fuzz_below(&script, 20));
	} else {
		peer_sends(p);
	}
}

static void fail(void)
{
	static const struct {
		enum fault_call call;
		int result;
	} faults[] = {
		{FAULT_ALLOC, -ENOMEM},	      {FAULT_RECVMMSG, -ECONNREFUSED},
		{FAULT_RECVMMSG, -EAGAIN},    {FAULT_RECVMMSG, -ENOMEM},
		{FAULT_SENDMMSG, -EAGAIN},    {FAULT_SENDMMSG, -ENOBUFS},
		{FAULT_SENDMMSG, -EPERM},     {FAULT_SENDMMSG, -EMSGSIZE},
		{FAULT_EPOLL_MOD, -ENOMEM},   {FAULT_EPOLL_ADD, -ENOSPC},
		{FAULT_EPOLL_WAIT, 0},	      {FAULT_TIMERFD_SET, -ENOMEM},
		{FAULT_SETSOCKOPT, -ENOBUFS}, {FAULT_BIND, -EADDRINUSE},
	};
	const size_t n_faults = sizeof faults / sizeof faults[0];
	size_t i = fuzz_below(&script, n_faults + 4);
	/* 0: until it is taken back */
	size_t nth = fuzz_below(&script, 8);

	if (fault_n_pending() >= MAX_PENDING)
		return;
	if (i >= n_faults)
		fault_at_most(FAULT_SENDMMSG, FAULT_ANY_FD, 1 + nth,
			      fuzz_below(&script, 16));
	else
		fault_result(faults[i].call, FAULT_ANY_FD, nth,
			     faults[i].result);
}

static void turn(void)
{
	m.is_turning = true;
	weir_loop_turn(m.loop, 0);
	m.is_turning = false;
	check();
}

static void operate(void)
{
	switch (fuzz_below(&script, 17)) {
	case 0:
		fail();
		break;
	case 1:
		fault_clear();
		break;
	case 16:
		send_in_vain();
		break;
	case 2:
		fault_time_advance(fuzz_below(&script, 1 << 24) * 16);
		break;
	case 3:
	case 4:
	case 5:
		turn();
		break;
	case 6:
	case 7:
	case 8:
	case 9:
		peer_acts();
		break;
	default:
		call();
		break;
	}
	check();
}

static void begin(void)
{
	uint8_t flags = fuzz_byte(&script);
	struct weir_address names[N_PEERS + 1];
	size_t i;

	harness_begin();
	memset(&m, 0, sizeof m);
	must(weir_loop_new(&m.loop), "loop");
	m.is_udp = flags & 1;
	m.is_connected = flags & 2;
	for (i = 0; i <= N_PEERS; i++) {
		names[i] = m.is_udp ? harness_address("udp:127.0.0.1:0")
				    : harness_unix_name();
		names[i].type = SOCK_DGRAM;
		if (!m.is_udp)
			names[i].sa.un.sun_path[1] = (char)('a' + i);
	}
	m.address = names[N_PEERS];
	for (i = 0; i < N_PEERS; i++) {
		m.peers[i].address = names[i];
		peer_opens(&m.peers[i]);
	}
	open_it();
}

static void read_all(void)
{
	size_t i;

	for (i = 0; i < N_PEERS; i++)
		if (m.peers[i].fd >= 0)
			peer_reads(&m.peers[i], SIZE_MAX);
}

static void end(void)
{
	struct weir_dgram_stats stats;
	uint64_t n_read = 0;
	size_t i;

	fault_clear();
	script.n = 0;
	for (i = 0; m.d && i < N_ROUNDS; i++) {
		fault_time_advance(SECOND_NS);
		turn();
		read_all();
	}
	if (m.d) {
		weir_dgram_stats(m.d, &stats);
		fuzz_want(stats.n_queued == 0, "a datagram waits for ever");
		close_it();
	}
	read_all();
	for (i = 0; i < N_PEERS; i++) {
		n_read += m.peers[i].n_read;
		if (m.peers[i].fd >= 0)
			close(m.peers[i].fd);
	}
	fuzz_want(n_read <= m.n_sent, "more is read than was sent");
	if (!m.is_udp && !m.may_miss)
		fuzz_want(n_read == m.n_sent, "what was sent is missing");
	must(weir_loop_free(m.loop), "loop");
	harness_end();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	unsigned n_operations = 0;

	script = (struct fuzz){data, n};
	begin();
	while (script.n > 0 && n_operations++ < MAX_OPERATIONS)
		operate();
	end();
	return 0;
}
