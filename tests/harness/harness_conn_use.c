/* Sending through observed connections, their peers, and looking at them. */
#include "harness_conn.h"

#include <errno.h>
#include <linux/sockios.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "buf.h"
#include "conn_inside.h"

#include "fault.h"

enum {
	MANY_TURNS = 100000,
	MANY_WAITS = 200, /* of 50 ms each */
	NO_FD = -1
};

/* -- sending -- */

static unsigned char *pattern_new(uint64_t seed, uint64_t offset, size_t n)
{
	unsigned char *data = malloc(n > 0 ? n : 1);

	if (!data)
		harness_die("no memory for %zu bytes", n);
	harness_fill(data, n, seed, offset);
	return data;
}

static unsigned char *next_out(const struct conn_probe *p, size_t n)
{
	return pattern_new(p->peer.seed, p->n_accepted, n);
}

ssize_t conn_probe_send(struct conn_probe *p, size_t n)
{
	unsigned char *data = next_out(p, n);
	ssize_t n_sent = weir_conn_send(&p->conn, data, n);

	/* what the library kept of it would now be seen to be wrong */
	memset(data, 0, n);
	free(data);
	if (n_sent > 0)
		p->n_accepted += (uint64_t)n_sent;
	conn_probe_check(p);
	return n_sent;
}

int conn_probe_sendall(struct conn_probe *p, size_t n)
{
	unsigned char *data = next_out(p, n);
	int error = weir_conn_sendall(&p->conn, data, n);

	memset(data, 0, n);
	free(data);
	if (error == 0)
		p->n_accepted += n;
	conn_probe_check(p);
	return error;
}

int conn_probe_sendbuf(struct conn_probe *p, size_t n)
{
	struct weir_buf *buf = weir_buf_new(n);
	int error;

	if (!buf)
		return -ENOMEM;
	harness_fill(weir_buf_data(buf), n, p->peer.seed, p->n_accepted);
	error = weir_conn_sendbuf(&p->conn, buf);
	weir_buf_unref(buf);
	if (error == 0)
		p->n_accepted += n;
	conn_probe_check(p);
	return error;
}

/* -- the peer -- */

void conn_probe_write(struct conn_probe *p, size_t n)
{
	unsigned char *data = pattern_new(p->peer.seed, p->n_written, n);

	harness_write(p->peer.fd, data, n);
	free(data);
	p->n_written += n;
}

void conn_probe_write_end(struct conn_probe *p)
{
	if (shutdown(p->peer.fd, SHUT_WR) < 0)
		harness_die("the peer cannot end: %s", strerror(errno));
}

void conn_probe_hang_up(struct conn_probe *p)
{
	if (p->peer.fd != NO_FD)
		close(p->peer.fd);
	p->peer.fd = NO_FD;
}

void conn_probe_reset(struct conn_probe *p)
{
	const struct linger now = {.l_onoff = 1};

	if (setsockopt(p->peer.fd, SOL_SOCKET, SO_LINGER, &now, sizeof now) < 0)
		harness_die("the peer cannot reset: %s", strerror(errno));
	conn_probe_hang_up(p);
}

/* -- looking -- */

bool conn_probe_is_armed(const struct conn_probe *p)
{
	return p->conn.watch.wanted & EPOLLOUT;
}

struct weir_progress conn_probe_progress(struct conn_probe *p)
{
	struct weir_progress progress;

	weir_conn_progress(&p->conn, &progress);
	return progress;
}

void conn_probe_check(struct conn_probe *p)
{
	struct weir_progress is = conn_probe_progress(p);

	if (is.accepted != p->n_accepted ||
	    is.accepted != is.sent + is.queued + is.dropped ||
	    is.sent < p->peer.n_received)
		harness_die("%llu bytes are accepted, %llu sent, %llu queued, "
			    "%llu dropped; the test counts %llu accepted and "
			    "%llu received by the peer",
			    (unsigned long long)is.accepted,
			    (unsigned long long)is.sent,
			    (unsigned long long)is.queued,
			    (unsigned long long)is.dropped,
			    (unsigned long long)p->n_accepted,
			    (unsigned long long)p->peer.n_received);
	weir_conn_check(&p->conn);
}

/* -- the loop -- */

void conn_turns(unsigned n)
{
	while (n-- > 0)
		if (weir_loop_turn(conn_loop, 0) < 0)
			harness_die("a turn failed");
}

void conn_flow(struct conn_probe *p)
{
	do {
		harness_turn_until_idle(conn_loop, MANY_TURNS);
	} while (p->peer.fd != NO_FD &&
		 harness_peer_read(&p->peer, SIZE_MAX) > 0);
	if (weir_conn_is_open(&p->conn))
		conn_probe_check(p);
}

/* A delayed acknowledgement comes 40 ms later, or more on a busy machine. */
void conn_await_acks(struct conn_probe *p)
{
	int n_there = 0;
	int n_unacked = 0;

	for (int i = 0; i < MANY_WAITS; i++) {
		harness_turn_until_idle(conn_loop, MANY_TURNS);
		must(ioctl(p->peer.fd, FIONREAD, &n_there), "FIONREAD");
		must(ioctl(weir_conn_fd(&p->conn), SIOCOUTQ, &n_unacked),
		     "SIOCOUTQ");
		if (p->conn.out.sent == p->peer.n_received + (uint64_t)n_there +
						(uint64_t)n_unacked)
			return;
	}
	harness_die("of what the peer has, some is never acknowledged");
}

void conn_pass(uint64_t ns)
{
	uint64_t until = fault_time_now() + ns;

	while (fault_time_now() < until)
		if (weir_loop_turn(conn_loop,
				   (int64_t)(until - fault_time_now())) < 0)
			harness_die("a turn failed");
	/* what is due just then */
	harness_turn_until_idle(conn_loop, MANY_TURNS);
}
