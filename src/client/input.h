/* What the client sends: standard input, or the text of its command line. */
#ifndef INPUT_H
#define INPUT_H

#include <stdbool.h>
#include <stddef.h>

#include <weir.h>

enum {
	INPUT_READ_SIZE = 65536
};

struct input;

/* Standard input failed; the input is closed by then. */
typedef void input_error_fn(struct input *input, int error);

/* Zeroed is closed.
 *
 * 1. open: conn is set
 * 2. the next piece is asked for, of the watch or the timer, if and only if
 *    the input is open and not over, and nothing is held */
struct input {
	struct weir_conn *conn;
	input_error_fn *on_error;
	struct weir_watch watch; /* of a pipe, a socket, a terminal */
	struct weir_timer timer; /* for what epoll does not take */
	bool is_file;		 /* then it is the timer that counts */
	bool is_over;		 /* all there is was read */
	bool is_last;		 /* the peer has ended its side */
	const void *held;	 /* read, and not yet accepted by conn */
	size_t n_held;
	unsigned char buffer[INPUT_READ_SIZE];
};

/* Send text, or standard input when text is NULL, over conn, and then end
 * conn's sending side. 0, or what is wrong with standard input. */
int input_open(struct input *input, struct weir_conn *conn, const char *text,
	       input_error_fn *on_error);

/* For the connection's on_pressure, when it is over: send what was refused. */
void input_retry(struct input *input);

/* The peer has ended its side. Returns whether there is more to send: then the
 * connection is finished behind it, and the caller must not. What a terminal,
 * or another program, may write later does not count: it would be waited for
 * without end. */
bool input_outlasts_peer(struct input *input);

/* The bytes that were read and that the connection has not accepted. */
size_t input_n_held(const struct input *input);

/* Read and send no more. Standard input itself stays open; a closed input
 * stays so. */
void input_close(struct input *input);

#endif
