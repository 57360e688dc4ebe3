/* One loop with its doors, from opening to draining: a signal ends the
 * serving, but nobody who was let in by then is sent away unserved. */
#include "server.h"

#include <assert.h>
#include <limits.h>
#include <signal.h>
#include <string.h>

enum {
	/* Turns for what had come when the signal came. One serves hundreds of
	 * clients; those who go on sending must not keep the server up. */
	MAX_LAST_TURNS = 100
};

/* One who goes away in the midst of a stream without end has lost nothing. */
static bool is_worth_a_line(const struct service *service,
			    enum weir_reason reason)
{
	if (reason == WEIR_REASON_FINISHED)
		return false;
	return !service->is_endless || (reason != WEIR_REASON_RESET &&
					reason != WEIR_REASON_PEER_CLOSED);
}

void server_on_close(struct weir_conn *c, const struct weir_result *result)
{
	const struct service *service = client_door(c)->service;
	struct server *server = client_door(c)->server;
	char peer[PEER_TEXT_SIZE];

	if (is_worth_a_line(service, result->reason))
		log_say(server, "%s %s: %s, %llu bytes unsent, %llu unread",
			service->name, client_peer(c, peer),
			weir_reason_name(result->reason),
			(unsigned long long)result->progress.dropped,
			(unsigned long long)result->progress.unread);
	clients_remove(c);
	if (server->n_signals > 0 && server->n_clients == 0)
		weir_loop_stop(&server->loop);
}

/* The first ends the serving, the second the patience. */
static void on_signal(struct weir_signal *signal)
{
	struct weir_loop *loop = signal->watch.loop;

	weir_container_of(loop, struct server, loop)->n_signals++;
	weir_loop_stop(loop);
}

static int open_signals(struct server *server)
{
	int error = weir_signal_open(&server->interrupt, &server->loop, SIGINT,
				     on_signal);

	if (error == 0)
		error = weir_signal_open(&server->terminate, &server->loop,
					 SIGTERM, on_signal);
	if (error < 0)
		complain("no signals: %s", strerror(-error));
	return error;
}

int server_open(struct server *server, const struct settings *settings)
{
	int error;

	*server = (struct server){.settings = settings};
	error = weir_loop_init(&server->loop);
	if (error < 0) {
		complain("no loop: %s", strerror(-error));
		return error;
	}
	/* Signals first: from the first bind on, stopping means cleaning up. */
	error = open_signals(server);
	if (error == 0)
		error = doors_open(server);
	if (error < 0) {
		server_close(server);
		return error;
	}
	if (settings->is_traced)
		trace_start(server);
	doors_announce(server);
	return 0;
}

void server_close(struct server *server)
{
	int error;

	doors_close(server);
	weir_signal_close(&server->interrupt);
	weir_signal_close(&server->terminate);
	error = weir_loop_deinit(&server->loop);
	assert(error == 0);
	(void)error;
}

/* -- draining -- */

static void abort_client(struct weir_conn *c)
{
	weir_conn_abort(c, true);
}

static void for_each_client(struct server *server,
			    void (*visit)(struct weir_conn *c))
{
	for (size_t i = 0; i < server->n_doors; i++)
		clients_each(&server->doors[i], visit);
}

static int run_until_empty(struct server *server, unsigned n_signals)
{
	int error = 0;

	while (error == 0 && server->n_clients > 0 &&
	       server->n_signals <= n_signals)
		error = weir_loop_run(&server->loop);
	return error;
}

/* Let no one in any more, serve what has been sent already, and end every
 * connection once all it is owed has been sent. */
static int drain(struct server *server)
{
	int n = 1;

	doors_shut(server);
	for (int i = 0; i < MAX_LAST_TURNS && n > 0; i++)
		n = weir_loop_turn(&server->loop, 0);
	if (n < 0)
		return n;
	doors_hush(server);
	if (server->n_clients > 0)
		log_say(server,
			"finishing %zu connections; a second signal aborts",
			server->n_clients);
	for_each_client(server, weir_conn_finish);
	return run_until_empty(server, 1);
}

int server_run(struct server *server)
{
	int error = 0;

	while (error == 0 && server->n_signals == 0)
		error = weir_loop_run(&server->loop);
	if (error == 0)
		error = drain(server);
	if (error < 0 || server->n_clients == 0)
		return error < 0 ? error : SERVER_DRAINED;
	for_each_client(server, abort_client);
	error = run_until_empty(server, UINT_MAX);
	return error < 0 ? error : SERVER_ABORTED;
}
