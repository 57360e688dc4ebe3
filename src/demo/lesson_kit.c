/* Sockets, bytes, a peer: what is the same in all lessons, so that a lesson
 * shows nothing but its own idea. */
#include "lesson_kit.h"

#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "clock.h"
#include "complain.h"

enum {
	PATIENCE_MS = 10000, /* longer than anything on loopback takes */
	READ_SIZE = 16384
};

_Noreturn void lesson_die(const char *what, int error)
{
	complain("lesson: %s: %s", what, strerror(error));
	exit(2);
}

static void must(int result, const char *what)
{
	if (result < 0)
		lesson_die(what, errno);
}

static void must_weir(int result, const char *what)
{
	if (result < 0)
		lesson_die(what, -result);
}

/* -- the connection -- */

static int open_socket(int flags, int buffer_option, int n_bytes)
{
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | flags, 0);

	must(fd, "socket");
	must(setsockopt(fd, SOL_SOCKET, buffer_option, &n_bytes,
			sizeof n_bytes),
	     "setsockopt");
	return fd;
}

/* A listening socket hands its receive buffer down to what it accepts. Our
 * end is non-blocking from the start, so connect may say EINPROGRESS; accept
 * does the waiting. */
void lesson_pair_open(struct lesson_pair *pair)
{
	struct sockaddr_in name = {
		.sin_family = AF_INET,
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK),
	};
	struct sockaddr *address = (void *)&name;
	socklen_t len = sizeof name;
	int listener = open_socket(0, SO_RCVBUF, LESSON_RCVBUF);

	*pair = (struct lesson_pair){.peer.first_wrong = UINT64_MAX};
	must(bind(listener, address, len), "bind");
	must(listen(listener, 1), "listen");
	must(getsockname(listener, address, &len), "getsockname");
	pair->fd = open_socket(SOCK_NONBLOCK, SO_SNDBUF, LESSON_SNDBUF);
	if (connect(pair->fd, address, len) < 0 && errno != EINPROGRESS)
		lesson_die("connect", errno);
	pair->peer.fd =
		accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
	must(pair->peer.fd, "accept");
	lesson_await(pair->fd, POLLOUT);
	close(listener);
}

void lesson_pair_close(struct lesson_pair *pair)
{
	weir_watch_close(&pair->peer.watch);
	if (weir_conn_is_open(&pair->conn))
		weir_conn_abort(&pair->conn, true);
	if (pair->fd >= 0)
		close(pair->fd);
	if (pair->peer.fd >= 0)
		close(pair->peer.fd);
}

static void await_any(struct pollfd *fds, nfds_t n)
{
	int n_ready;

	do
		n_ready = poll(fds, n, PATIENCE_MS);
	while (n_ready < 0 && errno == EINTR);
	must(n_ready, "poll");
	if (n_ready == 0)
		lesson_die("a connection over loopback", ETIMEDOUT);
}

void lesson_await(int fd, short events)
{
	struct pollfd pollfd = {.fd = fd, .events = events};

	await_any(&pollfd, 1);
}

/* -- bytes that tell their place -- */

/* Mixed well enough that bytes moved by any distance are not mistaken for
 * the right ones (the finalizer of MurmurHash3). */
static unsigned char byte_at(uint64_t at)
{
	uint32_t x = (uint32_t)at;

	x = (x ^ x >> 16) * 0x85ebca6bU;
	x = (x ^ x >> 13) * 0xc2b2ae35U;
	return (unsigned char)(x ^ x >> 16);
}

void *lesson_alloc(void *old, size_t n)
{
	void *memory = realloc(old, n);

	if (!memory)
		lesson_die("memory", ENOMEM);
	return memory;
}

unsigned char *lesson_data(size_t n)
{
	unsigned char *data = lesson_alloc(NULL, n);

	for (size_t i = 0; i < n; i++)
		data[i] = byte_at(i);
	return data;
}

/* -- the peer -- */

static void check(struct lesson_peer *peer, const unsigned char *data, size_t n)
{
	for (size_t i = 0; i < n && peer->first_wrong == UINT64_MAX; i++)
		if (data[i] != byte_at(peer->n_received + i))
			peer->first_wrong = peer->n_received + i;
}

size_t lesson_peer_read(struct lesson_peer *peer, size_t max)
{
	size_t n_read = 0;

	while (n_read < max && !peer->has_ended && !peer->error) {
		unsigned char data[READ_SIZE];
		size_t n_left = max - n_read;
		ssize_t n =
			recv(peer->fd, data,
			     n_left < sizeof data ? n_left : sizeof data, 0);

		if (n < 0 && errno == EAGAIN)
			break;
		if (n < 0)
			peer->error = errno;
		else if (n == 0)
			peer->has_ended = true;
		else
			check(peer, data, (size_t)n);
		if (n > 0) {
			peer->n_received += (size_t)n;
			n_read += (size_t)n;
		}
	}
	return n_read;
}

void lesson_peer_finish(struct lesson_peer *peer)
{
	while (!peer->has_ended && !peer->error) {
		lesson_await(peer->fd, POLLIN);
		lesson_peer_read(peer, SIZE_MAX);
	}
}

void lesson_pair_finish(struct lesson_pair *pair)
{
	must(shutdown(pair->fd, SHUT_WR), "shutdown");
	lesson_peer_finish(&pair->peer);
}

/* Answering the FIN with one is what lets a weir_conn_finish end. */
static void on_readable(struct weir_watch *watch, uint32_t events)
{
	struct lesson_peer *peer =
		weir_container_of(watch, struct lesson_peer, watch);

	(void)events;
	lesson_peer_read(peer, peer->per_turn);
	if (peer->has_ended || peer->error) {
		weir_watch_close(watch);
		shutdown(peer->fd, SHUT_WR);
	}
}

void lesson_peer_join(struct lesson_peer *peer, struct weir_loop *loop,
		      size_t per_turn)
{
	peer->per_turn = per_turn;
	must_weir(weir_watch_open(&peer->watch, loop, peer->fd, EPOLLIN,
				  on_readable),
		  "epoll_ctl");
}

void lesson_make_room(struct lesson_pair *pair)
{
	struct pollfd fds[2] = {{.fd = pair->fd, .events = POLLOUT},
				{.fd = pair->peer.fd, .events = POLLIN}};

	do {
		lesson_peer_read(&pair->peer, SIZE_MAX);
		await_any(fds, 2);
	} while (!(fds[0].revents & POLLOUT));
}

size_t lesson_send(struct lesson_pair *pair, const void *data, size_t n)
{
	ssize_t n_sent;

	lesson_make_room(pair);
	n_sent = send(pair->fd, data, n, MSG_NOSIGNAL);
	if (n_sent < 0)
		lesson_die("send", errno);
	return (size_t)n_sent;
}

/* -- weir's side -- */

struct weir_loop *lesson_loop_open(void)
{
	struct weir_loop *loop = NULL;

	must_weir(weir_loop_new(&loop), "epoll");
	return loop;
}

void lesson_loop_close(struct weir_loop *loop)
{
	must_weir(weir_loop_run(loop), "epoll");
	must_weir(weir_loop_free(loop), "epoll");
}

void lesson_loop_until(struct weir_loop *loop, const struct lesson_peer *peer,
		       uint64_t n)
{
	const uint64_t patience_ns = PATIENCE_MS * CLOCK_NS_PER_MS;
	const uint64_t deadline_ns = weir_loop_now(loop) + patience_ns;

	while (peer->n_received < n) {
		must_weir(weir_loop_turn(loop, (int64_t)patience_ns), "epoll");
		if (weir_loop_now(loop) >= deadline_ns)
			lesson_die("a connection over loopback", ETIMEDOUT);
	}
}

static size_t on_data(struct weir_conn *c, const void *data, size_t n)
{
	(void)c;
	(void)data;
	return n;
}

static void on_close(struct weir_conn *c, const struct weir_result *result)
{
	weir_container_of(c, struct lesson_pair, conn)->reason = result->reason;
}

void lesson_conn_open(struct lesson_pair *pair, struct weir_loop *loop,
		      const struct weir_conn_limits *limits)
{
	static const struct weir_conn_events events = {.on_data = on_data,
						       .on_close = on_close};

	must_weir(weir_conn_open(&pair->conn, loop, pair->fd, &events, limits),
		  "weir_conn_open");
	pair->fd = -1;
}

void lesson_conn_sendall(struct lesson_pair *pair, const void *data, size_t n)
{
	must_weir(weir_conn_sendall(&pair->conn, data, n), "weir_conn_sendall");
}
