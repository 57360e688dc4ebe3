/* Streams and datagrams: lessons about what a recv(2) returns. */
#include "lesson_kit.h"

#include <errno.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

enum {
	RECV_MAX = 1000, /* as in the article */
	N_SENT = 3000,
	PIECE = 4
};

static void send_bytes(int fd, const void *data, size_t n)
{
	if (send(fd, data, n, MSG_NOSIGNAL) < 0)
		lesson_die("send", errno);
}

/* Until n bytes can be received: SO_RCVLOWAT makes poll(2) wait for as many. */
static void await_bytes(int fd, size_t n)
{
	const int low = (int)n;

	if (setsockopt(fd, SOL_SOCKET, SO_RCVLOWAT, &low, sizeof low) < 0)
		lesson_die("setsockopt", errno);
	lesson_await(fd, POLLIN);
}

/* How many recvs of at most max bytes it takes to get n of them. */
static size_t count_recvs(int fd, size_t max, size_t n)
{
	char text[RECV_MAX];
	size_t n_recvs = 0;

	await_bytes(fd, n);
	for (; n > 0; n_recvs++) {
		ssize_t n_read = recv(fd, text, max, 0);

		if (n_read <= 0)
			lesson_die("recv", n_read < 0 ? errno : ECONNRESET);
		n -= (size_t)n_read;
	}
	return n_recvs;
}

static void run_boundaries(struct lesson_result *r)
{
	static const char text[] = "onetwothree";
	const size_t n = sizeof text - 1;
	struct lesson_pair pair;
	size_t n_joined;
	size_t n_split;

	lesson_pair_open(&pair);
	send_bytes(pair.fd, "one", 3);
	send_bytes(pair.fd, "two", 3);
	send_bytes(pair.fd, "three", 5);
	n_joined = count_recvs(pair.peer.fd, RECV_MAX, n);
	send_bytes(pair.fd, text, n);
	n_split = count_recvs(pair.peer.fd, PIECE, n);

	r->holds = n_joined == 3 && n_split == 1;
	lesson_note(r, "joined_sends", 3);
	lesson_note(r, "joined_recvs", n_joined);
	lesson_note(r, "split_sends", 1);
	lesson_note(r, "split_recvs", n_split);
	lesson_say(r,
		   "3 sends (\"one\", \"two\", \"three\") were received by "
		   "%zu recv; 1 send of the same %zu bytes by %zu recvs of at "
		   "most %d.",
		   n_joined, n, n_split, PIECE);
	lesson_pair_close(&pair);
}

const struct lesson lesson_message_boundaries = {
	.name = "message-boundaries",
	.belief = "One send is one recv.",
	.right = "A stream has bytes and no messages: send a length first, or "
		 "end each message with a mark, and take only whole ones. In "
		 "Weir on_data returns how much it took; the rest comes again.",
	.run = run_boundaries,
};

/* N_SENT bytes sent at once, received by recv(fd, data, RECV_MAX, 0) until
 * nothing comes. Returns how many were received. */
static size_t receive(int from, int to)
{
	char data[N_SENT] = {0};
	size_t n_received = 0;
	ssize_t n;

	send_bytes(from, data, sizeof data);
	await_bytes(to, sizeof data);
	while ((n = recv(to, data, RECV_MAX, MSG_DONTWAIT)) > 0)
		n_received += (size_t)n;
	return n_received;
}

static void run_truncates(struct lesson_result *r)
{
	struct lesson_pair stream;
	size_t from_datagram;
	size_t from_stream;
	int datagram[2];

	if (socketpair(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0, datagram) < 0)
		lesson_die("socketpair", errno);
	from_datagram = receive(datagram[0], datagram[1]);
	close(datagram[0]);
	close(datagram[1]);
	lesson_pair_open(&stream);
	from_stream = receive(stream.fd, stream.peer.fd);
	lesson_pair_close(&stream);

	r->holds = from_datagram < N_SENT && from_stream < N_SENT;
	lesson_note(r, "sent", N_SENT);
	lesson_note(r, "datagram_received", from_datagram);
	lesson_note(r, "stream_received", from_stream);
	lesson_say(r,
		   "%d bytes were received by recv(%d). From a datagram came "
		   "%zu and %zu were lost; from a stream came %zu, lost %zu.",
		   N_SENT, RECV_MAX, from_datagram, N_SENT - from_datagram,
		   from_stream, N_SENT - from_stream);
}

const struct lesson lesson_recv_truncates = {
	.name = "recv-truncates",
	.belief = "Whatever the socket, recv(1000) throws the rest away.",
	.right = "Of a datagram it does: give the largest one room (weir_dgram "
		 "reports one that was cut, with its true length). Of a "
		 "stream it does not: the rest comes with the next recv.",
	.run = run_truncates,
};
