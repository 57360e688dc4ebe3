/* What a peer, or the user's own options, bring beside the stream: bytes out
 * of band, descriptors, an error queue. */
#include <weir/conn.h>

#include <criterion/criterion.h>
#include <errno.h>
#include <linux/net_tstamp.h>
#include <string.h>
#include <sys/socket.h>

#include "fault.h"
#include "harness_conn.h"

TestSuite(conn_odd, .init = conn_begin, .fini = conn_end);

static struct conn_probe p;
static char got[16];
static size_t n_got;

static size_t keep(struct weir_conn *c, const void *data, size_t n)
{
	(void)c;
	memcpy(got + n_got, data, n);
	n_got += n;
	return n;
}

static void note_close(struct weir_conn *c, const struct weir_result *result)
{
	(void)c;
	(void)result;
	p.n_of[CONN_CLOSED]++;
}

static const struct weir_conn_events keeping = {.on_data = keep,
						.on_close = note_close};

static void say(const char *text, int flags)
{
	cr_assert_eq(send(p.peer.fd, text, strlen(text), flags),
		     (ssize_t)strlen(text));
	harness_turn_until_idle(conn_loop, 5);
}

Test(conn_odd, a_byte_out_of_band_is_left_out)
{
	p.events = &keeping;
	conn_probe_open_tcp(&p, 0, NULL);
	say("ab", 0);
	say("!", MSG_OOB);
	say("cd", 0);
	cr_assert_str_eq(got, "abcd");
}

Test(conn_odd, a_byte_out_of_band_is_in_line_if_that_is_asked_for)
{
	const int on = 1;

	p.events = &keeping;
	conn_probe_open_tcp(&p, 0, NULL);
	setsockopt(weir_conn_fd(&p.conn), SOL_SOCKET, SO_OOBINLINE, &on,
		   sizeof on);
	say("ab", 0);
	say("!", MSG_OOB);
	say("cd", 0);
	cr_assert_str_eq(got, "ab!cd");
}

Test(conn_odd, descriptors_that_come_along_are_closed)
{
	union {
		char bytes[CMSG_SPACE(sizeof(int))];
		struct cmsghdr header;
	} control = {.header = {.cmsg_len = CMSG_LEN(sizeof(int)),
				.cmsg_level = SOL_SOCKET,
				.cmsg_type = SCM_RIGHTS}};
	char text[] = "ab";
	struct iovec iov = {.iov_base = text, .iov_len = 2};
	struct msghdr message = {.msg_iov = &iov,
				 .msg_iovlen = 1,
				 .msg_control = &control,
				 .msg_controllen = sizeof control.bytes};
	int n_fds;

	p.events = &keeping;
	conn_probe_open(&p, 0, NULL);
	memcpy(CMSG_DATA(&control.header), &p.peer.fd, sizeof(int));
	n_fds = harness_count_fds();
	cr_assert_eq(sendmsg(p.peer.fd, &message, 0), 2);
	say("cd", 0);
	cr_assert_str_eq(got, "abcd");
	cr_assert_eq(harness_count_fds(), n_fds);
}

/* -- the error queue -- */

static unsigned n_told;

static void note_errors(struct weir_conn *c)
{
	cr_assert_eq(c, &p.conn);
	n_told++;
}

/* Each send leaves an entry in the error queue. */
static void ask_for_timestamps(void)
{
	const unsigned wanted = SOF_TIMESTAMPING_TX_SCHED |
				SOF_TIMESTAMPING_SOFTWARE |
				SOF_TIMESTAMPING_OPT_TSONLY;

	must(setsockopt(weir_conn_fd(&p.conn), SOL_SOCKET, SO_TIMESTAMPING,
			&wanted, sizeof wanted),
	     "setsockopt SO_TIMESTAMPING");
}

Test(conn_odd, an_error_queue_is_told_and_does_not_spin)
{
	static struct weir_conn_events events;

	events = conn_probe_events;
	events.on_error_queue = note_errors;
	p.events = &events;
	conn_probe_open_tcp(&p, 0, NULL);
	ask_for_timestamps();
	conn_probe_sendall(&p, 10);
	harness_turn_until_idle(conn_loop, 10);
	cr_assert_geq(n_told, 1);
	cr_assert(weir_conn_is_open(&p.conn));
	cr_assert_eq(harness_peer_read(&p.peer, SIZE_MAX), 10);
}

Test(conn_odd, an_error_queue_that_nobody_hears_of_does_not_spin_either)
{
	p.is_echo = true;
	conn_probe_open_tcp(&p, 0, NULL);
	ask_for_timestamps();
	conn_probe_write(&p, 10);
	harness_turn_until_idle(conn_loop, 10);
	cr_assert_gt(fault_count(FAULT_TAKE_ERROR), 0);
	conn_probe_write(&p, 10);
	harness_turn_until_idle(conn_loop, 10);
	cr_assert_eq(harness_peer_read(&p.peer, SIZE_MAX), 20);
}

/* It would give input: MSG_ERRQUEUE is ignored there. */
Test(conn_odd, a_unix_socket_is_not_asked_for_errors)
{
	conn_probe_open(&p, 0, NULL);
	conn_probe_sendall(&p, 10);
	conn_turns(1);
	conn_probe_hang_up(&p);
	fault_next(FAULT_RECV, -EAGAIN);
	fault_next(FAULT_SOCKET_ERROR, 0);
	conn_turns(1);
	cr_assert_eq(fault_n_pending(), 0);
	cr_assert(weir_conn_is_open(&p.conn));
	cr_assert_eq(fault_count(FAULT_TAKE_ERROR), 0);
}
