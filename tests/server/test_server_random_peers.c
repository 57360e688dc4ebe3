/* weir-server among peers that do whatever comes to mind: a bounded number of
 * them, and of what they do. Whatever that is, it goes on serving clients that
 * behave, says how it is, and stops when it is told to. */
#include <criterion/criterion.h>

#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "harness.h"
#include "harness_net.h"
#include "harness_program.h"
#include "harness_server.h"
#include "test_server_random_peers.h"

enum {
	/* what takes so long hangs */
	PATIENCE_MS = 10000,
	TRY_MS = 10,
	N_TRIES = PATIENCE_MS / TRY_MS,
	N_ROUNDS = 30,
	N_ACTS = 400, /* in a round */
	N_ROUNDS_A_LINE = 5,
	N_LAST_ACTS = 200,
	N_READ = 65536,
	LINE_SIZE = 64,
	ENDPOINT_SIZE = 3 * SERVED_ADDRESS_SIZE,
	TAIL_SIZE = 4000
};

TestSuite(server_random_peers, .init = harness_begin, .fini = harness_end,
	  .timeout = 120);

/* Where they can go: the same services over TCP and by Unix names. */
enum {
	ECHO,
	RELAY,
	BROADCAST,
	N_SERVICES
};

static const char *const names[N_SERVICES] = {"echo", "relay", "broadcast"};

static struct served s;
static char tcp[N_SERVICES][SERVED_ADDRESS_SIZE];
static char local[N_SERVICES][SERVED_ADDRESS_SIZE];
static char metrics[SERVED_ADDRESS_SIZE];

/* -- the server -- */

/* A broadcast is where they meet. */
static const char *const addresses[] = {
	tcp[ECHO],	  local[ECHO],	   tcp[RELAY],	   local[RELAY],
	tcp[BROADCAST],	  tcp[BROADCAST],  tcp[BROADCAST], local[BROADCAST],
	local[BROADCAST], local[BROADCAST]};

static void write_offer(char *endpoint, int service, const char *address)
{
	const char *comma = service == RELAY ? "," : "";
	const char *target = service == RELAY ? local[ECHO] : "";

	if (snprintf(endpoint, ENDPOINT_SIZE, "%s=%s%s%s", names[service],
		     address, comma, target) >= ENDPOINT_SIZE)
		harness_die("%s is too long", endpoint);
}

static void start(const char *workers, const char *const *options)
{
	const char *arguments[PROGRAM_MAX_ARGUMENTS] = {
		workers, "--metrics=127.0.0.1:0", "--budget=2M",
		"--drain=500ms", "--linger=200ms"};
	char offers[2 * N_SERVICES][ENDPOINT_SIZE];
	size_t n = 5;

	while (*options)
		arguments[n++] = *options++;
	for (int i = 0; i < N_SERVICES; i++) {
		snprintf(local[i], sizeof local[i], "unix:@weir-%s-%d",
			 names[i], (int)getpid());
		write_offer(offers[2 * i], i, "127.0.0.1:0");
		write_offer(offers[2 * i + 1], i, local[i]);
		arguments[n++] = offers[2 * i];
		arguments[n++] = offers[2 * i + 1];
	}
	served_start_prepared(&s, NULL, arguments);
	served_address(&s, "metrics", metrics);
	for (int i = 0; i < N_SERVICES; i++) {
		served_address(&s, names[i], tcp[i]);
		served_address(&s, names[i], local[i]);
	}
}

/* What it has said at last: perhaps why. */
static const char *last_words(void)
{
	return s.text + (s.n > TAIL_SIZE ? s.n - TAIL_SIZE : 0);
}

static _Noreturn void give_up(const char *what)
{
	int status;

	kill(s.pid, SIGKILL);
	status = served_wait(&s);
	harness_die("%s; the server ends with %d and says: %s", what, status,
		    last_words());
}

/* -- clients that behave -- */

static int come_in(const char *text)
{
	struct weir_address address = harness_address(text);
	int fd =
		socket(address.sa.any.sa_family, SOCK_STREAM | SOCK_CLOEXEC, 0);

	must(fd, "socket");
	if (connect(fd, &address.sa.any, address.len) < 0)
		give_up(text);
	return fd;
}

enum hearing {
	HEARD,
	SILENCE,
	END
};

/* Read until text comes, or nothing does for that long. */
static enum hearing hear(int fd, const char *text, int wait_ms)
{
	struct pollfd pollfd = {.fd = fd, .events = POLLIN};
	static char bytes[N_READ + LINE_SIZE];
	size_t n_text = strlen(text);
	size_t n = 0;

	while (poll(&pollfd, 1, wait_ms) > 0) {
		ssize_t n_read = recv(fd, bytes + n, N_READ, MSG_DONTWAIT);
		size_t n_over;

		if (n_read <= 0)
			return END;
		n += (size_t)n_read;
		if (memmem(bytes, n, text, n_text))
			return HEARD;
		n_over = n < n_text ? 0 : n - n_text + 1;
		n -= n_over;
		memmove(bytes, bytes + n_over, n);
	}
	return SILENCE;
}

static void check_echo(const char *address)
{
	int fd = come_in(address);

	if (send(fd, "Hey~~~", 6, MSG_NOSIGNAL) != 6 ||
	    hear(fd, "Hey~~~", PATIENCE_MS) != HEARD)
		give_up(address);
	close(fd);
}

/* When the budget is spent there is an end instead of an answer: a client that asks
 * comes again. */
static void check_answer(const char *path)
{
	enum hearing hearing = END;
	char request[LINE_SIZE];
	int n = snprintf(request, sizeof request, "GET %s HTTP/1.1\r\n\r\n",
			 path);

	for (int i = 0; i < N_TRIES && hearing == END; i++) {
		int fd = come_in(metrics);

		(void)send(fd, request, (size_t)n, MSG_NOSIGNAL);
		hearing = hear(fd, "HTTP/1.1 200 OK", PATIENCE_MS);
		close(fd);
	}
	if (hearing != HEARD)
		give_up(path);
}

/* Two clients of a broadcast. */
struct pair {
	const char *address;
	int speaker;
	int hearer;
	int n_lines;
};

static void pair_open(struct pair *pair, const char *address)
{
	*pair = (struct pair){.address = address,
			      .speaker = come_in(address),
			      .hearer = come_in(address)};
}

static void pair_close(const struct pair *pair)
{
	close(pair->speaker);
	close(pair->hearer);
}

static void replace(int *fd, const char *address)
{
	close(*fd);
	*fd = come_in(address);
}

/* Now that it reads, the next line comes to the hearer. It may have missed the
 * one before, or have been cut off, while it read nothing. */
static void check_pair(struct pair *pair)
{
	enum hearing hearing = SILENCE;
	char line[LINE_SIZE];
	int n = snprintf(line, sizeof line, "line %d of the pair\n",
			 ++pair->n_lines);

	for (int i = 0; i < N_TRIES && hearing != HEARD; i++) {
		if (hear(pair->speaker, line, 0) == END)
			replace(&pair->speaker, pair->address);
		(void)send(pair->speaker, line, (size_t)n, MSG_NOSIGNAL);
		hearing = hear(pair->hearer, line, TRY_MS);
		if (hearing == END)
			replace(&pair->hearer, pair->address);
	}
	if (hearing != HEARD)
		give_up(pair->address);
}

/* -- all of them -- */

/* Something was lost if and only if that is said. */
static void stop(void)
{
	int expected;
	int status;

	kill(s.pid, SIGTERM);
	random_peers_act(N_LAST_ACTS);
	status = served_wait(&s);
	expected = strstr(s.text, "connections lost something") ? 1 : 0;
	cr_assert_eq(status, expected, "%d: %s", status, last_words());
	served_forget(&s);
}

static void serve_among_peers(const char *workers, const char *const *options)
{
	struct pair pairs[2];

	start(workers, options);
	pair_open(&pairs[0], tcp[BROADCAST]);
	pair_open(&pairs[1], local[BROADCAST]);
	random_peers_open(addresses, sizeof addresses / sizeof *addresses);
	for (int round = 0; round < N_ROUNDS; round++) {
		random_peers_act(N_ACTS);
		check_answer("/metrics");
		check_answer("/healthz");
		check_echo(round % 2 ? tcp[ECHO] : local[ECHO]);
		check_echo(round % 2 ? tcp[RELAY] : local[RELAY]);
		if (round % N_ROUNDS_A_LINE == 0)
			check_pair(&pairs[round / N_ROUNDS_A_LINE % 2]);
	}
	check_pair(&pairs[0]);
	check_pair(&pairs[1]);
	stop();
	random_peers_close();
	pair_close(&pairs[0]);
	pair_close(&pairs[1]);
}

#define SMALL "--high=32K", "--max=96K", "--sndbuf=8K"

Test(server_random_peers, are_borne_by_two_workers)
{
	serve_among_peers("--workers=2", (const char *[]){SMALL, NULL});
}

Test(server_random_peers, are_borne_by_one_worker)
{
	serve_among_peers("--workers=1", (const char *[]){SMALL, NULL});
}

Test(server_random_peers, are_borne_when_new_lines_are_dropped)
{
	serve_among_peers("--workers=2",
			  (const char *[]){SMALL, "--slow=drop-newest", NULL});
}

Test(server_random_peers, are_borne_when_slow_ones_are_disconnected)
{
	serve_among_peers("--workers=2",
			  (const char *[]){SMALL, "--slow=disconnect",
					   "--stall=100ms", NULL});
}
