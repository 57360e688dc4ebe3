/* Standard input goes into the connection piece by piece. A piece that its
 * queue has no room for is held, and nothing more read, until the queue is
 * back at low: a stream of any length needs no more memory than that.
 *
 * The descriptor is shared with the program that started us, so it stays as it
 * is, which may be blocking: one read for each time that epoll calls it
 * readable.
 * A file or /dev/null is always readable, and epoll refuses it (-EPERM); there
 * a timer that is due at once stands for "readable", so that between two
 * pieces the other direction has its turn. */
#include "input.h"

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <unistd.h>

static void on_due(struct weir_timer *timer);

static void fail(struct input *input, int error)
{
	input_close(input);
	input->on_error(input, error);
}

/* Have the next piece read, if nothing is held. */
static void ask(struct input *input)
{
	struct weir_loop *loop = weir_conn_loop(input->conn);
	bool wanted = input->n_held == 0;
	int error = 0;

	if (input->is_over)
		return;
	if (!input->is_file)
		error = weir_watch_set(&input->watch, wanted ? EPOLLIN : 0);
	else if (wanted)
		weir_timer_arm(&input->timer, loop, weir_loop_now(loop),
			       on_due);
	if (error)
		fail(input, error);
}

/* Hand over what is held, and after the last of it our FIN. */
static void pass_on(struct input *input)
{
	int error = 0;

	if (input->n_held > 0)
		error = weir_conn_sendall(input->conn, input->held,
					  input->n_held);
	if (error == -ENOBUFS || error == -ENOMEM) {
		ask(input); /* on_pressure follows */
		return;
	}
	if (!error)
		input->n_held = 0;
	if (!error && !input->is_over) {
		ask(input);
		return;
	}
	if (!error && input->is_last)
		weir_conn_finish(input->conn);
	else if (!error)
		weir_conn_shutdown(input->conn);
	/* Any other error is the connection's, and its on_close reports it. */
	input_close(input);
}

static void read_piece(struct input *input)
{
	ssize_t n = read(STDIN_FILENO, input->buffer, sizeof input->buffer);

	if (n < 0 && errno != EINTR && errno != EAGAIN) {
		fail(input, -errno);
		return;
	}
	if (n < 0) {
		ask(input);
		return;
	}
	input->held = input->buffer;
	input->n_held = (size_t)n;
	input->is_over = n == 0;
	pass_on(input);
}

static void on_due(struct weir_timer *timer)
{
	read_piece(weir_container_of(timer, struct input, timer));
}

static void on_ready(struct weir_watch *watch, uint32_t events)
{
	struct input *input = weir_container_of(watch, struct input, watch);

	if (events & WEIR_REFUSED)
		fail(input, -ENOMEM);
	else
		read_piece(input);
}

int input_open(struct input *input, struct weir_conn *conn, const char *text,
	       input_error_fn *on_error)
{
	int error = 0;

	input->conn = conn;
	input->on_error = on_error;
	if (text) {
		input->held = text;
		input->n_held = strlen(text);
		input->is_over = true;
		pass_on(input);
		return 0;
	}
	error = weir_watch_open(&input->watch, weir_conn_loop(conn),
				STDIN_FILENO, EPOLLIN, on_ready);
	input->is_file = error == -EPERM;
	if (input->is_file)
		ask(input);
	else if (error)
		input->conn = NULL;
	return input->is_file ? 0 : error;
}

void input_retry(struct input *input)
{
	if (input->conn && input->n_held > 0)
		pass_on(input);
}

/* Whether standard input can be read at once. */
static bool is_readable(void)
{
	struct pollfd in = {.fd = STDIN_FILENO, .events = POLLIN};

	return poll(&in, 1, 0) > 0 && (in.revents & POLLIN);
}

bool input_outlasts_peer(struct input *input)
{
	bool has_more = input->n_held > 0 || input->is_file;

	if (!input->conn || input->is_over)
		has_more = input->conn && input->n_held > 0;
	else if (!has_more)
		has_more = is_readable();
	input->is_last = has_more;
	return has_more;
}

size_t input_n_held(const struct input *input)
{
	return input->n_held;
}

void input_close(struct input *input)
{
	weir_watch_close(&input->watch);
	weir_timer_cancel(&input->timer);
	input->conn = NULL;
}
