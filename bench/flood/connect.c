/* Mode connect: one visit after another, each of which connects, sends one
 * message, gets it back, and closes.
 *
 * A closed loop makes as many visits at a time as there are connections; an
 * open loop begins one whenever it is due. Latency ends with the last byte of
 * the echo. We close first, so the state TIME_WAIT is ours, as it is the users'
 * of a real server; ports may run out (tcp(7), tcp_tw_reuse). */
#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#include "clock.h"
#include "failure.h"
#include "load.h"
#include "peer.h"
#include "record.h"

/* After a failure a closed loop waits so long: a target that refuses is not to
 * be asked a hundred thousand times a second. */
static const uint64_t pause_ns = 10000000;

struct visit {
	struct weir_connector connector;
	struct weir_conn conn;
	struct weir_timer timer;
	struct weir_list link; /* in idle or busy of the visits */
	struct load *load;
	struct stamp stamp;
	struct peer *probe;
	uint64_t number;
	bool is_owed; /* the answer */
	bool has_failed;
};

struct visits {
	struct weir_list idle;
	struct weir_list busy;
	uint64_t n_begun;
};

static int open_visits(struct load *load)
{
	struct visits *visits = calloc(1, sizeof *visits);

	if (!visits)
		return -ENOMEM;
	weir_list_init(&visits->idle);
	weir_list_init(&visits->busy);
	load->own = visits;
	return 0;
}

static void free_list(struct weir_list *list)
{
	struct weir_list *link;

	while ((link = weir_list_pop(list)))
		free(weir_container_of(link, struct visit, link));
}

static void close_visits(struct load *load)
{
	struct visits *visits = load->own;

	if (!visits)
		return;
	free_list(&visits->idle);
	free_list(&visits->busy);
	free(visits);
}

static void begin(struct visit *visit, uint64_t intended_ns);

static void rest(struct visit *visit)
{
	struct visits *visits = visit->load->own;

	weir_list_remove(&visit->link);
	weir_list_append(&visits->idle, &visit->link);
}

static void on_pause_end(struct weir_timer *timer)
{
	struct visit *visit = weir_container_of(timer, struct visit, timer);

	rest(visit);
	if (visit->load->is_sending)
		begin(visit, clock_now());
	else
		load_check_end(visit->load);
}

/* It is over; delay_ns until a closed loop begins another. */
static void leave(struct visit *visit, uint64_t delay_ns)
{
	struct load *load = visit->load;

	if (visit->is_owed && load->phase < LOAD_ENDING)
		record_failed(load, &visit->stamp);
	else if (visit->is_owed)
		record_unanswered(load, &visit->stamp, clock_now());
	visit->is_owed = false;
	if (load->is_open_loop || !load->is_sending) {
		rest(visit);
		load_check_end(load);
		return;
	}
	weir_timer_arm(&visit->timer, load->loop, clock_now() + delay_ns,
		       on_pause_end);
}

/* -- one connection -- */

/* Whether these bytes are the echo; what is wrong with them is counted. */
static bool is_echo(const struct visit *visit, const void *data, size_t n)
{
	struct load *load = visit->load;
	struct checker checker = {.counts = &load->checked,
				  .connection = (uint32_t)visit->number};

	if (n > load->kit.size)
		checker_count(&checker, CHECKER_REPEATED, 1, visit->number);
	else if (load->settings->is_verified &&
		 !message_is(&load->kit, data, 0, visit->number))
		checker_count(&checker, CHECKER_CHANGED, 1, visit->number);
	else
		return true;
	return false;
}

static size_t on_data(struct weir_conn *c, const void *data, size_t n)
{
	struct visit *visit = weir_container_of(c, struct visit, conn);
	struct load *load = visit->load;
	uint64_t now_ns = clock_now();

	if (n < load->kit.size)
		return 0;
	record_received(load, n, now_ns);
	if (!is_echo(visit, data, n))
		load->counters.n_owed -= visit->is_owed;
	else if (visit->is_owed)
		record_answer(visit->probe, &visit->stamp, now_ns);
	visit->is_owed = false;
	weir_conn_finish(c);
	timers_check(&load->timers, now_ns);
	return n;
}

static void on_end(struct weir_conn *c, const void *data, size_t n)
{
	struct visit *visit = weir_container_of(c, struct visit, conn);

	(void)data;
	(void)n;
	if (visit->load->phase < LOAD_ENDING)
		failure_count(visit->load, &visit->has_failed, FAILURE_CLOSED,
			      0);
	weir_conn_finish(c);
}

static void on_close(struct weir_conn *c, const struct weir_result *result)
{
	struct visit *visit = weir_container_of(c, struct visit, conn);

	if (visit->load->phase < LOAD_ENDING)
		failure_count_close(visit->load, &visit->has_failed, result);
	visit->load->counters.n_taken += result->progress.sent;
	leave(visit, visit->is_owed ? pause_ns : 0);
}

static const struct weir_conn_events events = {
	.on_data = on_data, .on_end = on_end, .on_close = on_close};

static void say(struct visit *visit)
{
	struct load *load = visit->load;
	const unsigned char *message = load->kit.text;

	if (load->settings->is_verified)
		message = message_compose(&load->kit, 0, visit->number);
	if (weir_conn_sendall(&visit->conn, message, load->kit.size) < 0)
		weir_conn_abort(&visit->conn, true);
}

static void on_connect(struct weir_connector *connector, int fd)
{
	struct visit *visit =
		weir_container_of(connector, struct visit, connector);
	struct load *load = visit->load;
	int error = fd;

	if (fd >= 0) {
		error = weir_conn_open(&visit->conn, load->loop, fd, &events,
				       &load->crew.limits);
		if (error < 0)
			close(fd);
	}
	if (error >= 0) {
		/* of those that are made at a time */
		if (load->result->n_connected < load->settings->n_connections)
			load->result->n_connected++;
		say(visit);
		return;
	}
	failure_count_connect(load, &visit->has_failed, error);
	leave(visit, pause_ns);
}

/* -- visits -- */

/* visit is idle. */
static void begin(struct visit *visit, uint64_t intended_ns)
{
	struct load *load = visit->load;
	struct visits *visits = load->own;
	uint64_t now_ns = clock_now();
	const struct weir_connector_options options =
		crew_dialing(load, now_ns + load->settings->connect_ns);

	weir_list_remove(&visit->link);
	weir_list_append(&visits->busy, &visit->link);
	visit->number = visits->n_begun++;
	visit->is_owed = true;
	visit->has_failed = false;
	record_stamp(load, &visit->stamp,
		     load->is_open_loop ? intended_ns : now_ns, now_ns);
	record_sent(load, &visit->stamp, load->kit.size);
	/* it fails only without an address */
	(void)weir_connector_open(
		&visit->connector, load->loop, load->target->addresses,
		load->target->n_addresses, &options, on_connect);
}

static struct visit *idle_visit(struct load *load, struct peer *probe)
{
	struct visits *visits = load->own;
	struct visit *visit;

	if (weir_list_is_empty(&visits->idle)) {
		visit = calloc(1, sizeof *visit);
		if (!visit)
			return NULL;
		visit->load = load;
		visit->probe = probe;
		weir_list_append(&visits->idle, &visit->link);
	}
	return weir_container_of(visits->idle.next, struct visit, link);
}

static void send_one(struct peer *probe, uint64_t intended_ns)
{
	struct visit *visit = idle_visit(probe->load, probe);

	if (visit)
		begin(visit, intended_ns);
	else
		load_give_up(probe->load);
}

static void start(struct peer *probe)
{
	struct load *load = probe->load;

	for (size_t i = 0; i < load->settings->n_connections; i++)
		if (load->is_sending)
			send_one(probe, 0);
}

/* Of the visits under way none is answered any more. */
static void give_up(struct peer *probe)
{
	const struct visits *visits = probe->load->own;
	struct weir_list *link = visits->busy.next;

	for (; link != &visits->busy; link = link->next) {
		struct visit *visit =
			weir_container_of(link, struct visit, link);

		if (visit->is_owed)
			record_unanswered(probe->load, &visit->stamp,
					  clock_now());
		visit->is_owed = false;
	}
}

static void stop(struct load *load)
{
	const struct visits *visits = load->own;
	struct weir_list *link = visits ? visits->busy.next : NULL;

	for (; visits && link != &visits->busy; link = link->next) {
		struct visit *visit =
			weir_container_of(link, struct visit, link);

		weir_connector_close(&visit->connector);
		weir_timer_cancel(&visit->timer);
		if (weir_conn_is_open(&visit->conn))
			weir_conn_abort(&visit->conn, true);
	}
}

/* Its answer does not count any more: the connection ends, made or not. */
static void hang_up(struct visit *visit)
{
	visit->is_owed = false;
	if (weir_conn_is_open(&visit->conn)) {
		weir_conn_abort(&visit->conn, true);
		return;
	}
	weir_connector_close(&visit->connector);
	leave(visit, 0);
}

static void time_out(struct peer *probe, uint64_t now_ns)
{
	struct load *load = probe->load;
	const struct visits *visits = load->own;
	struct weir_list *link = visits->busy.next;

	while (link != &visits->busy) {
		struct visit *visit =
			weir_container_of(link, struct visit, link);

		/* which may leave the list */
		link = link->next;
		if (!visit->is_owed ||
		    record_age(visit->stamp.intended_ns, now_ns) <
			    load->settings->timeout_ns)
			continue;
		record_timed_out(load, &visit->stamp, now_ns);
		hang_up(visit);
	}
}

static size_t ignore(struct weir_conn *c, const void *data, size_t n)
{
	(void)c;
	(void)data;
	return n;
}

/* The probe found a server, and stays until the end. */
static const struct weir_conn_events probe_events = {
	.on_data = ignore, .on_end = peer_on_end, .on_close = peer_on_close};

const struct mode connect_mode = {.events = &probe_events,
				  .start = start,
				  .send = send_one,
				  .give_up = give_up,
				  .time_out = time_out,
				  .open = open_visits,
				  .close = close_visits,
				  .stop = stop,
				  .is_ended_by_fin = true};
