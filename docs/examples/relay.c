/* A relay: what comes from a client goes to TARGET, and what TARGET answers
 * goes back, each way only as fast as the receiving end reads.
 *
 *	relay ADDRESS TARGET [PAIRS]
 *
 * While there are PAIRS (500) the next clients wait to be accepted.
 */
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>
#include <weir.h>

struct side {
	struct weir_conn conn;
	struct weir_link link; /* holds our reading while other is slow */
	struct side *other;
	struct pair *pair;
	bool has_ended;
};

struct pair {
	struct weir_connector connector;
	struct side client;
	struct side target;
	int fd; /* of the client, until the target is connected */
	int n_open;
};

/* The links hold what one side sends while the other is slow. A side's own
 * output must not hold its input as well: a target that answers all it gets
 * would wait for us to read, and we for it. */
static const struct weir_conn_limits limits = {.flags = WEIR_CONN_NO_THROTTLE};

static struct weir_loop *loop;
static struct weir_listener listener;
static struct weir_address target;
static long n_pairs;
static long max_pairs = 500;

static void check(int error, const char *what)
{
	if (error >= 0)
		return;
	fprintf(stderr, "relay: %s: %s\n", what, weir_address_error(error));
	exit(1);
}

static void end_pair(struct pair *p)
{
	free(p);
	n_pairs--;
	weir_listener_resume(&listener);
}

static size_t on_data(struct weir_conn *c, const void *data, size_t n)
{
	struct side *side = weir_container_of(c, struct side, conn);

	return weir_link_pass(&side->link, data, n);
}

/* One direction has ended: pass the end on. The other direction goes on until
 * it ends, too. */
static void on_end(struct weir_conn *c, const void *rest, size_t n)
{
	struct side *side = weir_container_of(c, struct side, conn);

	side->has_ended = true;
	weir_conn_shutdown(&side->other->conn);
	if (side->other->has_ended) {
		weir_conn_finish(&side->conn);
		weir_conn_finish(&side->other->conn);
	}
}

/* A side that broke takes the other with it by reset: a FIN would make the part
 * that arrived look like the whole. */
static void on_close(struct weir_conn *c, const struct weir_result *result)
{
	struct side *side = weir_container_of(c, struct side, conn);

	if (--side->pair->n_open == 0)
		end_pair(side->pair);
	else if (result->reason != WEIR_REASON_FINISHED)
		weir_conn_abort(&side->other->conn, true);
}

static const struct weir_conn_events events = {
	.on_data = on_data, .on_end = on_end, .on_close = on_close};

static void on_connect(struct weir_connector *connector, int fd)
{
	struct pair *p = weir_container_of(connector, struct pair, connector);

	if (fd < 0 || weir_conn_open(&p->client.conn, loop, p->fd, &events,
				     &limits) < 0) {
		if (fd >= 0)
			close(fd);
		close(p->fd);
		end_pair(p);
		return;
	}
	p->n_open = 1;
	if (weir_conn_open(&p->target.conn, loop, fd, &events, &limits) < 0) {
		close(fd);
		weir_conn_abort(&p->client.conn, true);
		return;
	}
	p->n_open = 2;
	weir_link_open(&p->client.link, &p->client.conn, &p->target.conn);
	weir_link_open(&p->target.link, &p->target.conn, &p->client.conn);
}

/* Until the target is connected the client's bytes wait in the kernel. */
static void on_accept(struct weir_listener *l, int fd,
		      const struct weir_address *peer)
{
	struct weir_connector_options options = {
		.deadline_ns = weir_loop_now(loop) + 10000000000};
	struct pair *p = calloc(1, sizeof *p);

	if (!p) {
		close(fd);
		return;
	}
	if (++n_pairs == max_pairs)
		weir_listener_pause(l);
	p->fd = fd;
	p->client = (struct side){.other = &p->target, .pair = p};
	p->target = (struct side){.other = &p->client, .pair = p};
	check(weir_connector_open(&p->connector, loop, &target, 1, &options,
				  on_connect),
	      "target");
}

int main(int argc, char **argv)
{
	struct weir_address address;

	if (argc == 4)
		max_pairs = strtol(argv[3], NULL, 10);
	if (argc < 3 || argc > 4 || max_pairs < 1) {
		fprintf(stderr, "usage: relay ADDRESS TARGET [PAIRS]\n");
		return 2;
	}
	check(weir_address_resolve(argv[1], WEIR_ADDRESS_LISTEN, &address, 1),
	      argv[1]);
	check(weir_address_resolve(argv[2], WEIR_ADDRESS_CONNECT, &target, 1),
	      argv[2]);
	check(weir_loop_new(&loop), "loop");
	check(weir_listener_open(&listener, loop, &address, NULL, on_accept),
	      argv[1]);
	puts("listening");
	fflush(stdout);
	check(weir_loop_run(loop), "loop");
	return 0;
}
