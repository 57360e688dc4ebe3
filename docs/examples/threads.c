/* A service whose answers take long to compute. One thread talks to the
 * clients, the other computes; each has a loop of its own, and they exchange
 * jobs by two mailboxes with a wakeup each.
 *
 *	threads ADDRESS
 *
 * A client sends numbers, one a line, and gets how many primes are below each.
 */
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <weir.h>

/* It lasts until it is closed and its job is back. */
struct client {
	struct weir_conn conn;
	struct weir_list link; /* in a mailbox: it has a job */
	unsigned long number;
	unsigned long n_primes;
	bool is_busy;
	bool is_closed;
};

struct mailbox {
	pthread_mutex_t lock; /* of all but wakeup */
	struct weir_list jobs;
	bool is_over;
	struct weir_wakeup wakeup;
};

static struct mailbox to_worker = {.lock = PTHREAD_MUTEX_INITIALIZER};
static struct mailbox to_clients = {.lock = PTHREAD_MUTEX_INITIALIZER};

static void check(int error, const char *what)
{
	if (error >= 0)
		return;
	fprintf(stderr, "threads: %s: %s\n", what, weir_address_error(error));
	exit(1);
}

/* -- mailboxes -- */

static void post(struct mailbox *box, struct client *job)
{
	pthread_mutex_lock(&box->lock);
	weir_list_append(&box->jobs, &job->link);
	pthread_mutex_unlock(&box->lock);
	weir_wakeup_send(&box->wakeup);
}

/* Move all jobs out, so that the lock is held for a moment only. Many sends may
 * have become one wakeup, and a wakeup may find nothing. */
static bool collect(struct mailbox *box, struct weir_list *jobs)
{
	bool is_over;

	weir_list_init(jobs);
	pthread_mutex_lock(&box->lock);
	weir_list_move_all(jobs, &box->jobs);
	is_over = box->is_over;
	pthread_mutex_unlock(&box->lock);
	return is_over;
}

/* -- the thread that computes -- */

static unsigned long count_primes(unsigned long below)
{
	unsigned long n_primes = 0;

	for (unsigned long n = 2; n < below; n++) {
		unsigned long d = 2;

		while (d * d <= n && n % d != 0)
			d++;
		n_primes += d * d > n;
	}
	return n_primes;
}

static void on_jobs(struct weir_wakeup *wakeup)
{
	struct weir_list jobs;
	struct weir_list *link;

	if (collect(&to_worker, &jobs))
		weir_loop_stop(weir_wakeup_loop(wakeup));
	while ((link = weir_list_pop(&jobs))) {
		struct client *job =
			weir_container_of(link, struct client, link);

		job->n_primes = count_primes(job->number);
		post(&to_clients, job);
	}
}

static void *work(void *loop)
{
	check(weir_loop_run(loop), "worker");
	return NULL;
}

/* -- the thread that talks -- */

/* One job a client at a time: while it is away the client is paused, so that a
 * flood of numbers waits in the client and not here. */
static size_t on_data(struct weir_conn *c, const void *data, size_t n)
{
	struct client *client = weir_container_of(c, struct client, conn);
	const char *end = memchr(data, '\n', n);
	char text[16] = "";
	size_t length;

	if (!end)
		return 0;
	length = (size_t)(end - (const char *)data);
	memcpy(text, data, length < sizeof text ? length : sizeof text - 1);
	client->number = strtoul(text, NULL, 10);
	if (client->number > 1000000)
		client->number = 1000000;
	client->is_busy = true;
	weir_conn_pause(c);
	post(&to_worker, client);
	return length + 1;
}

static void on_answers(struct weir_wakeup *wakeup)
{
	struct weir_list answers;
	struct weir_list *link;

	collect(&to_clients, &answers);
	while ((link = weir_list_pop(&answers))) {
		struct client *client =
			weir_container_of(link, struct client, link);
		char text[64];
		int n;

		client->is_busy = false;
		if (client->is_closed) {
			free(client);
			continue;
		}
		n = snprintf(text, sizeof text, "%lu primes below %lu\n",
			     client->n_primes, client->number);
		if (weir_conn_sendall(&client->conn, text, (size_t)n) < 0)
			weir_conn_abort(&client->conn, true);
		weir_conn_resume(&client->conn);
	}
}

static void on_close(struct weir_conn *c, const struct weir_result *result)
{
	struct client *client = weir_container_of(c, struct client, conn);

	client->is_closed = true;
	if (!client->is_busy)
		free(client);
}

static const struct weir_conn_events events = {.on_data = on_data,
					       .on_close = on_close};
static const struct weir_conn_limits limits = {.input = 1024};

static void on_accept(struct weir_listener *l, int fd,
		      const struct weir_address *peer)
{
	struct client *client = calloc(1, sizeof *client);

	if (!client || weir_conn_open(&client->conn, weir_listener_loop(l), fd,
				      &events, &limits) < 0) {
		free(client);
		close(fd);
	}
}

static void on_term(struct weir_signal *signal)
{
	weir_loop_stop(weir_signal_loop(signal));
}

int main(int argc, char **argv)
{
	struct weir_listener listener = {0};
	struct weir_signal term = {0};
	struct weir_address address;
	struct weir_loop *talking;
	struct weir_loop *computing;
	pthread_t worker;

	if (argc != 2) {
		fprintf(stderr, "usage: threads ADDRESS\n");
		return 2;
	}
	weir_list_init(&to_worker.jobs);
	weir_list_init(&to_clients.jobs);
	check(weir_loop_new(&talking), "loop");
	check(weir_loop_new(&computing), "loop");
	check(weir_wakeup_open(&to_worker.wakeup, computing, on_jobs), "loop");
	check(weir_wakeup_open(&to_clients.wakeup, talking, on_answers),
	      "loop");
	/* before the thread, which inherits that the signal is blocked */
	check(weir_signal_open(&term, talking, SIGTERM, on_term), "SIGTERM");
	check(weir_address_resolve(argv[1], WEIR_ADDRESS_LISTEN, &address, 1),
	      argv[1]);
	check(weir_listener_open(&listener, talking, &address, NULL, on_accept),
	      argv[1]);
	check(-pthread_create(&worker, NULL, work, computing), "thread");
	puts("listening");
	fflush(stdout);
	check(weir_loop_run(talking), "loop");

	pthread_mutex_lock(&to_worker.lock);
	to_worker.is_over = true;
	pthread_mutex_unlock(&to_worker.lock);
	weir_wakeup_send(&to_worker.wakeup);
	pthread_join(worker, NULL);
	return 0;
}
