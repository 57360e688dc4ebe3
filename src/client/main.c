/* weir-client: one connection between standard input and standard output.
 *
 *	standard input  -> input  -> connection -> peer
 *	standard output <- output <- connection <- peer
 *
 * Neither direction waits for the other: a peer that answers as it reads would
 * otherwise wait for us while we wait for it. */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <weir.h>

#include "command_line.h"
#include "complain.h"
#include "process.h"

#include "input.h"
#include "options.h"
#include "output.h"

enum {
	N_ADDRESSES = 16,
	QUEUE_MAX = 262144 /* bytes that wait for the peer */
};

struct client {
	struct weir_loop *loop;
	struct weir_connector connector;
	struct weir_conn conn;
	struct input input;
	struct output output;
	const char *address; /* as it was typed */
	const char *text;    /* NULL: standard input */
	int status;
};

/* One line, and exit status 1. The first failure counts: those after it only
 * follow from it. */
static void fail(struct client *client, const char *what, const char *cause)
{
	if (client->status == 0)
		complain("%s: %s", what, cause);
	client->status = 1;
}

static void fail_by(struct client *client, const char *what, int error)
{
	char text[COMPLAIN_CAUSE_SIZE];

	fail(client, what, complain_cause(error, text));
}

/* Standard input or output failed. The reset tells the peer that what it got
 * is not the whole. */
static void give_up(struct client *client, const char *what, int error)
{
	fail_by(client, what, error);
	input_close(&client->input);
	output_close(&client->output);
	weir_conn_abort(&client->conn, true);
}

static void on_input_error(struct input *input, int error)
{
	give_up(weir_container_of(input, struct client, input),
		"standard input", error);
}

static void on_room(struct output *output)
{
	struct client *client =
		weir_container_of(output, struct client, output);

	weir_conn_resume(&client->conn);
}

static size_t on_data(struct weir_conn *conn, const void *data, size_t n)
{
	struct client *client = weir_container_of(conn, struct client, conn);
	ssize_t n_written = output_write(&client->output, data, n);

	if (n_written < 0) {
		give_up(client, "standard output", (int)n_written);
		return 0;
	}
	if ((size_t)n_written < n)
		weir_conn_pause(conn); /* until on_room */
	return (size_t)n_written;
}

static void on_pressure(struct weir_conn *conn, bool above)
{
	struct client *client = weir_container_of(conn, struct client, conn);

	if (!above)
		input_retry(&client->input);
}

/* All that the peer has sent is printed: reading is held until then. */
static void on_end(struct weir_conn *conn, const void *rest, size_t n)
{
	struct client *client = weir_container_of(conn, struct client, conn);

	(void)rest;
	(void)n;
	if (!input_outlasts_peer(&client->input))
		weir_conn_finish(conn);
}

static void on_close(struct weir_conn *conn, const struct weir_result *result)
{
	struct client *client = weir_container_of(conn, struct client, conn);
	const struct weir_progress *progress = &result->progress;
	uint64_t unsent = progress->dropped + input_n_held(&client->input);
	char cause[COMPLAIN_CAUSE_SIZE];
	char line[256];

	input_close(&client->input);
	output_close(&client->output);
	if (result->reason == WEIR_REASON_FINISHED)
		return;
	if (result->error)
		complain_cause(result->error, cause);
	else
		(void)snprintf(cause, sizeof cause, "%s",
			       weir_reason_name(result->reason));
	(void)snprintf(line, sizeof line,
		       "%s (%" PRIu64 " bytes unsent, %" PRIu64 " unread)",
		       cause, unsent, progress->unread);
	fail(client, client->address,
	     unsent || progress->unread ? line : cause);
}

static const struct weir_conn_events events = {.on_data = on_data,
					       .on_end = on_end,
					       .on_pressure = on_pressure,
					       .on_close = on_close};

/* A peer that takes nothing may only be waiting for the reader of our output,
 * a pager perhaps: no stall limit. And reading must go on while the peer takes
 * nothing, or an echo would wait for us as we wait for it. */
static const struct weir_conn_limits limits = {
	.high = QUEUE_MAX - WEIR_READ_SIZE,
	.max = QUEUE_MAX,
	.stall_ns = WEIR_NEVER,
	.flags = WEIR_CONN_NO_THROTTLE,
};

static void on_connect(struct weir_connector *connector, int fd)
{
	struct client *client =
		weir_container_of(connector, struct client, connector);
	int error = fd;

	if (fd >= 0) {
		error = weir_conn_open(&client->conn, client->loop, fd, &events,
				       &limits);
		if (error)
			close(fd);
	}
	if (error) {
		fail_by(client, client->address, error);
		return;
	}
	output_open(&client->output, client->loop, on_room);
	error = input_open(&client->input, &client->conn, client->text,
			   on_input_error);
	if (error)
		give_up(client, "standard input", error);
}

/* How many addresses there are, or 0 when the reason was told. */
static size_t resolve(struct client *client, struct weir_address *addresses)
{
	int n = weir_address_resolve(client->address, WEIR_ADDRESS_CONNECT,
				     addresses, N_ADDRESSES);

	if (n < 0) {
		fail(client, client->address, weir_address_error(n));
		if (n == -EINVAL || n == -ENAMETOOLONG)
			client->status = 2; /* typed wrong */
		return 0;
	}
	if (addresses[0].type != SOCK_STREAM) {
		fail(client, client->address, "datagrams are not supported");
		client->status = 2;
		return 0;
	}
	return (size_t)n;
}

static void run(struct client *client, uint64_t timeout_ns)
{
	struct weir_connector_options options = {0};
	struct weir_address addresses[N_ADDRESSES];
	size_t n = resolve(client, addresses);
	int error;

	if (n == 0)
		return;
	error = weir_loop_new(&client->loop);
	if (error) {
		fail_by(client, "epoll", error);
		return;
	}
	options.deadline_ns = weir_loop_now(client->loop) + timeout_ns;
	error = weir_connector_open(&client->connector, client->loop, addresses,
				    n, &options, on_connect);
	if (!error)
		error = weir_loop_run(client->loop);
	if (error)
		fail_by(client, client->address, error);
	weir_loop_free(client->loop);
}

int main(int argc, char **argv)
{
	struct options options;
	struct client client = {0};
	int status = options_read(&options, argc, argv);

	if (status != COMMAND_LINE_GO_ON)
		return status;
	process_begin();
	client.address = options.address;
	client.text = options.text;
	run(&client, options.timeout_ns);
	return client.status;
}
