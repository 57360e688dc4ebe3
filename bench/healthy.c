/* What a healthy client waits for while another one is fed and stops reading.
 *
 * One loop serves 20 clients, which have messages of 64 bytes echoed, one after
 * another, and a reader that is owed data without end. In each of five rounds
 * there are 2,048 echoes without the reader, 2,048 while it takes 16 MiB (8 KiB
 * before each request), and 2,048 after it has stopped. Between a request and
 * its answer the loop's turns are counted and the CPU time of its thread is
 * measured; the clients are served by hand in between, so neither the scheduler
 * nor other processes count.
 * Exit status 1: an answer took more than 2 turns, or beside the stopped reader
 * the median CPU time was more than 1.1 times that without it. */
#include <string.h>
#include <time.h>

#include "dial.h"

enum {
	N_CLIENTS = 20,
	N_ROUNDS = 5,
	N_ECHOES = 2048,
	N_ALL = N_ROUNDS * N_ECHOES,
	MESSAGE_SIZE = 64,
	READ_SIZE = 8192,
	PIECE_SIZE = 65536,
	MOST_TURNS = 2,
	MOST_TRIES = 20000 /* of a ms or less each */
};

static const uint64_t patience_ns = UINT64_C(1000000000) * PATIENCE_S;

/* What was found with one kind of reader. */
struct finding {
	const char *name;
	int n;
	int n_turns; /* the most for one answer */
	uint64_t cpu_ns[N_ALL];
};

static unsigned char bytes[PIECE_SIZE];
static struct weir_loop *loop;
static struct weir_listener listener;

static size_t on_data(struct weir_conn *c, const void *data, size_t n)
{
	return weir_conn_sendall(c, data, n) == 0 ? n : 0;
}

static void on_close(struct weir_conn *c, const struct weir_result *result)
{
	(void)result;
	free(c);
}

static void feed(struct weir_conn *c)
{
	while (weir_conn_sendall(c, bytes, sizeof bytes) == 0)
		;
}

/* Of the reader alone: no other client's queue ever reaches its high mark. */
static void on_pressure(struct weir_conn *c, bool above)
{
	if (!above)
		feed(c);
}

static const struct weir_conn_events events = {
	.on_data = on_data, .on_pressure = on_pressure, .on_close = on_close};
static struct weir_conn *accepted;

static void on_accept(struct weir_listener *from, int fd,
		      const struct weir_address *peer)
{
	(void)from;
	(void)peer;
	accepted = calloc(1, sizeof *accepted);
	if (!accepted || weir_conn_open(accepted, loop, fd, &events, NULL) < 0)
		die(2, "a client", "cannot be served");
}

/* A client's socket; accepted is the server's end of it. */
static int open_client(void)
{
	char text[WEIR_ADDRESS_TEXT_SIZE];
	int fd = dial(weir_address_format(weir_listener_address(&listener),
					  text, sizeof text));

	accepted = NULL;
	while (!accepted)
		if (weir_loop_turn(loop, (int64_t)patience_ns) <= 0)
			die(2, "a client", "was not accepted");
	return fd;
}

static uint64_t cpu_now(void)
{
	struct timespec now;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
	return (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
}

static void measure_echo(int client, struct finding *finding)
{
	unsigned char answer[MESSAGE_SIZE];
	uint64_t cpu_ns = 0;
	int n_turns = 0;
	ssize_t n;

	say(client, bytes, MESSAGE_SIZE);
	do {
		uint64_t before = cpu_now();

		weir_loop_turn(loop, (int64_t)patience_ns);
		cpu_ns += cpu_now() - before;
		n_turns++;
		n = recv(client, answer, sizeof answer, MSG_DONTWAIT);
	} while (n < 0 && errno == EAGAIN);
	if (n != MESSAGE_SIZE)
		die(1, "echo", n < 0 ? strerror(errno) : "is not whole");
	if (n_turns > finding->n_turns)
		finding->n_turns = n_turns;
	finding->cpu_ns[finding->n++] = cpu_ns;
}

static void take(int reader)
{
	static unsigned char taken[READ_SIZE];
	size_t n_taken = 0;

	for (int n_tries = 0; n_taken < READ_SIZE; n_tries++) {
		ssize_t n =
			recv(reader, taken, READ_SIZE - n_taken, MSG_DONTWAIT);

		if (n > 0)
			n_taken += (size_t)n;
		else if (n_tries == MOST_TRIES)
			die(1, "the reader", "is not fed");
		else
			weir_loop_turn(loop, 1000000);
	}
}

/* Before each request the reader, if there is one, takes READ_SIZE bytes. */
static void measure(const int *clients, int reader, struct finding *finding)
{
	for (int i = 0; i < N_ECHOES; i++) {
		if (reader >= 0)
			take(reader);
		measure_echo(clients[i % N_CLIENTS], finding);
	}
}

static int compare(const void *a, const void *b)
{
	const uint64_t *x = a;
	const uint64_t *y = b;

	return (*x > *y) - (*x < *y);
}

/* Print it; the median CPU time. */
static uint64_t print(struct finding *finding)
{
	const uint64_t *cpu_ns = finding->cpu_ns;

	qsort(finding->cpu_ns, N_ALL, sizeof *cpu_ns, compare);
	printf("%-26s %7d %11d %9.1f us %6.1f us\n", finding->name, N_ALL,
	       finding->n_turns, (double)cpu_ns[N_ALL / 2] / 1000,
	       (double)cpu_ns[N_ALL - N_ALL / 100] / 1000);
	return cpu_ns[N_ALL / 2];
}

static void run_round(const int *clients, struct finding *alone,
		      struct finding *fed, struct finding *stopped)
{
	struct weir_conn *of_reader;
	int reader;

	measure(clients, -1, alone);
	reader = open_client();
	of_reader = accepted;
	feed(of_reader);
	measure(clients, reader, fed);
	measure(clients, -1, stopped);
	weir_conn_abort(of_reader, true);
	weir_loop_turn(loop, 0);
	close(reader);
}

int main(void)
{
	static struct finding alone = {.name = "no reader"};
	static struct finding fed = {.name = "a reader takes 16 MiB"};
	static struct finding stopped = {.name = "the reader has stopped"};
	struct weir_address address;
	int clients[N_CLIENTS];
	uint64_t calm, beside;

	weir_address_resolve("127.0.0.1:0", WEIR_ADDRESS_LISTEN, &address, 1);
	if (weir_loop_new(&loop) < 0 ||
	    weir_listener_open(&listener, loop, &address, NULL, on_accept) < 0)
		die(2, "the server", "cannot be started");
	for (int i = 0; i < N_CLIENTS; i++)
		clients[i] = open_client();
	for (int i = 0; i < N_ROUNDS; i++)
		run_round(clients, &alone, &fed, &stopped);
	printf("%-26s %7s %11s %12s %9s\n", "", "echoes", "most turns",
	       "CPU, median", "p99");
	calm = print(&alone);
	print(&fed);
	beside = print(&stopped);
	printf("%-26s %32.2f\n", "stopped to none (limit 1.1)",
	       (double)beside / (double)calm);
	return alone.n_turns > MOST_TURNS || fed.n_turns > MOST_TURNS ||
	       stopped.n_turns > MOST_TURNS || beside * 10 > calm * 11;
}
