/* The end of a connection: lessons about what send and close do not say. */
#include "lesson_kit.h"

#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

enum {
	SIZE = 1 << 20,
	MESSAGE = 100
};

/* -- success is not delivery -- */

/* The first send finds the peer's kernel with no program behind it, and gets a
 * reset for an answer: when that has come (POLLHUP), send knows. */
static void run_delivery(struct lesson_result *r)
{
	unsigned char *data = lesson_data(MESSAGE);
	struct lesson_pair pair;
	ssize_t first;
	ssize_t second;
	int error;

	lesson_pair_open(&pair);
	close(pair.peer.fd);
	pair.peer.fd = -1;
	lesson_await(pair.fd, POLLIN); /* its FIN is here */
	first = send(pair.fd, data, MESSAGE, MSG_NOSIGNAL);
	lesson_await(pair.fd, 0);
	second = send(pair.fd, data, MESSAGE, MSG_NOSIGNAL);
	error = second < 0 ? errno : 0;

	r->holds = first < 0;
	lesson_note(r, "asked", MESSAGE);
	lesson_note(r, "first_send", first < 0 ? 0 : (uint64_t)first);
	lesson_note(r, "second_error", (uint64_t)error);
	lesson_say(r,
		   "the peer had closed. The first send of %d bytes returned "
		   "%zd, though nobody was there to get them; the second said "
		   "%s.",
		   MESSAGE, first, lesson_error_name(error));
	lesson_pair_close(&pair);
	free(data);
}

const struct lesson lesson_success_is_delivery = {
	.name = "success-is-delivery",
	.belief = "send succeeded, so the peer has it.",
	.right = "send hands bytes to your own kernel, no more. Whether the "
		 "peer has them only the peer can say: let it answer. "
		 "weir_conn_progress shows what is not even acknowledged.",
	.run = run_delivery,
};

/* -- close does not flush -- */

/* The peer asks for something, and then reads nothing for a while. */
static void ask(const struct lesson_pair *pair)
{
	static const char request[] = "request";

	if (send(pair->peer.fd, request, sizeof request, MSG_NOSIGNAL) < 0)
		lesson_die("send", errno);
	lesson_await(pair->fd, POLLIN);
}

/* What the kernel takes, then close, the request being unread. */
static size_t send_and_close(struct lesson_pair *pair,
			     const unsigned char *data)
{
	size_t sent;

	lesson_pair_open(pair);
	ask(pair);
	(void)weir_fd_sendall(pair->fd, data, SIZE, 0, &sent);
	close(pair->fd);
	pair->fd = -1;
	lesson_peer_finish(&pair->peer);
	return sent;
}

/* As many bytes, the request unread as well. */
static void send_and_finish(struct lesson_pair *pair, const unsigned char *data,
			    size_t n)
{
	struct weir_loop *loop;

	lesson_pair_open(pair);
	ask(pair);
	loop = lesson_loop_open();
	lesson_conn_open(pair, loop, NULL);
	lesson_conn_sendall(pair, data, n);
	weir_conn_finish(&pair->conn);
	lesson_peer_join(&pair->peer, loop, SIZE_MAX);
	lesson_loop_close(loop); /* runs until both have ended */
}

static void run_close(struct lesson_result *r)
{
	unsigned char *data = lesson_data(SIZE);
	struct lesson_pair plain;
	struct lesson_pair weir;
	size_t sent = send_and_close(&plain, data);

	send_and_finish(&weir, data, sent);
	r->holds = plain.peer.n_received == sent && !plain.peer.error;
	lesson_note(r, "sent", sent);
	lesson_note(r, "delivered", plain.peer.n_received);
	lesson_note(r, "error", (uint64_t)plain.peer.error);
	lesson_note(r, "weir_delivered", weir.peer.n_received);
	lesson_note(r, "weir_first_wrong", weir.peer.first_wrong);
	lesson_note(r, "weir_reason", weir.reason);
	lesson_say(r,
		   "the kernel had taken %zu bytes, and a request lay unread. "
		   "After close the peer received %" PRIu64
		   " and then %s. After weir_conn_finish: %" PRIu64
		   ", ended as %s.",
		   sent, plain.peer.n_received,
		   lesson_error_name(plain.peer.error), weir.peer.n_received,
		   weir_reason_name(weir.reason));
	lesson_pair_close(&plain);
	lesson_pair_close(&weir);
	free(data);
}

const struct lesson lesson_close_flushes = {
	.name = "close-flushes",
	.belief = "close() sends what is left.",
	.right = "It does unless input is unread, or comes later: then it "
		 "resets. So shutdown(fd, SHUT_WR), read until the peer's FIN, "
		 "and only then close: weir_conn_finish.",
	.run = run_close,
};

/* -- SIGPIPE -- */

/* A child sends to a peer that has closed. Returns the signal that killed it;
 * 0: none did. */
static int send_in_a_child(int fd)
{
	pid_t child = fork();
	int status = 0;

	if (child == 0) {
		(void)signal(SIGPIPE, SIG_DFL);
		(void)send(fd, "x", 1, 0);
		_exit(0);
	}
	if (child < 0 || waitpid(child, &status, 0) < 0)
		lesson_die("fork", errno);
	return WIFSIGNALED(status) ? WTERMSIG(status) : 0;
}

static void run_sigpipe(struct lesson_result *r)
{
	int fd[2];
	int killer;
	int error;

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fd) < 0)
		lesson_die("socketpair", errno);
	close(fd[1]);
	killer = send_in_a_child(fd[0]);
	error = send(fd[0], "x", 1, MSG_NOSIGNAL) < 0 ? errno : 0;
	close(fd[0]);

	r->holds = killer == 0;
	lesson_note(r, "signal", (uint64_t)killer);
	lesson_note(r, "error", (uint64_t)error);
	lesson_say(r,
		   "a child sent to a peer that had gone, and %s. With "
		   "MSG_NOSIGNAL send says %s.",
		   killer == SIGPIPE ? "was killed by SIGPIPE"
		   : killer	     ? "was killed by another signal"
				     : "lived",
		   lesson_error_name(error));
}

const struct lesson lesson_sigpipe = {
	.name = "sigpipe",
	.belief = "A send that fails returns an error.",
	.right = "Pass MSG_NOSIGNAL to every send, or ignore the signal: "
		 "signal(SIGPIPE, SIG_IGN). Weir's sends pass it; sendfile "
		 "cannot, so Weir blocks the signal while it runs.",
	.run = run_sigpipe,
};
