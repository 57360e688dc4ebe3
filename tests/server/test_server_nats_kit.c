/* Brokers, and lines that tell their number. */
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "harness.h"
#include "harness_net.h"
#include "test_server_nats.h"

enum {
	QUIET_MS = 1000,
	TRY_MS = 10,
	PATIENCE_MS = 20000,
	TEXT_SIZE = 256
};

struct broker brokers[N_BROKERS];

/* -- brokers -- */

void choose_ports(void)
{
	for (int i = 0; i < N_BROKERS; i++) {
		struct broker *b = &brokers[i];

		b->port = free_port();
		b->route = free_port();
		snprintf(b->address, sizeof b->address, "127.0.0.1:%u",
			 b->port);
	}
}

void start_broker(struct broker *b, const char *const *more)
{
	const char *argv[20] = {"nats-server", "-a", "127.0.0.1", "-p",
				NULL,	       "-l", "/dev/null"};
	char port[TEXT_SIZE];
	size_t n = 7;

	snprintf(port, sizeof port, "%u", b->port);
	argv[4] = port;
	while (more && *more)
		argv[n++] = *more++;
	tool_start(&b->tool, argv);
	await_listener(b->address);
}

/* What the broker says to a client first. */
static void read_info(const struct broker *b, char *text, size_t size)
{
	int fd = dial(b->address, 0);
	size_t n = 0;

	do
		harness_read(fd, text + n, 1);
	while (text[n++] != '\n' && n < size - 1);
	text[n] = '\0';
	close(fd);
}

/* Until it names the others to its clients. */
static void await_cluster(const struct broker *b)
{
	char text[4096];
	const char *urls;
	int n_left = PATIENCE_MS / TRY_MS;

	do {
		(void)poll(NULL, 0, TRY_MS);
		read_info(b, text, sizeof text);
		urls = strstr(text, "connect_urls");
	} while (n_left-- > 0 && (!urls || !strstr(urls, brokers[0].address) ||
				  !strstr(urls, brokers[1].address) ||
				  !strstr(urls, brokers[2].address)));
	if (n_left < 0)
		harness_die("no cluster: %s", text);
}

void start_cluster(void)
{
	char cluster[TEXT_SIZE];
	char routes[TEXT_SIZE];

	choose_ports();
	snprintf(routes, sizeof routes,
		 "nats://127.0.0.1:%u,nats://127.0.0.1:%u,nats://127.0.0.1:%u",
		 brokers[0].route, brokers[1].route, brokers[2].route);
	for (int i = 0; i < N_BROKERS; i++) {
		snprintf(cluster, sizeof cluster, "nats://127.0.0.1:%u",
			 brokers[i].route);
		start_broker(&brokers[i],
			     (const char *[]){"--cluster_name", "weir",
					      "--cluster", cluster, "--routes",
					      routes, NULL});
	}
	for (int i = 0; i < N_BROKERS; i++)
		await_cluster(&brokers[i]);
}

bool has_broker(void)
{
	return has_tool("nats-server");
}

/* -- lines -- */

/* Publish lines, each of which tells its number, until nothing moves. */
size_t publish_until_held(int fd, size_t *n_sent)
{
	struct pollfd pollfd = {.fd = fd, .events = POLLOUT};
	char line[LINE + 1];
	size_t n_lines = 0;

	*n_sent = 0;
	while (n_lines < MAX_HELD && poll(&pollfd, 1, QUIET_MS) > 0) {
		ssize_t n;

		snprintf(line, sizeof line, "%*zu\n", LINE - 1, n_lines);
		n = send(fd, line + *n_sent, LINE - *n_sent,
			 MSG_DONTWAIT | MSG_NOSIGNAL);
		if (n < 0)
			continue;
		*n_sent = (*n_sent + (size_t)n) % LINE;
		n_lines += *n_sent == 0;
	}
	return n_lines;
}

void publish_lines(int fd, size_t n_lines)
{
	char line[LINE + 1];

	for (size_t i = 0; i < n_lines; i++) {
		snprintf(line, sizeof line, "%*zu\n", LINE - 1, i);
		harness_write(fd, line, LINE);
	}
}

void expect_lines(int fd, size_t n_lines)
{
	char expected[LINE + 1];
	char line[LINE];

	for (size_t i = 0; i < n_lines; i++) {
		snprintf(expected, sizeof expected, "%*zu\n", LINE - 1, i);
		harness_read(fd, line, LINE);
		if (memcmp(line, expected, LINE) != 0)
			harness_die("line %zu is another", i);
	}
}

void skip_questions(int fd)
{
	char line[2];

	do
		harness_read(fd, line, 2);
	while (line[0] != '!');
}

/* Until the server has let fd in: it is told a line of another. */
void await_subscription(int fd, const char *address)
{
	struct pollfd pollfd = {.fd = fd, .events = POLLIN};
	int asker = dial(address, 0);

	do
		harness_write(asker, "?\n", 2);
	while (poll(&pollfd, 1, TRY_MS) == 0);
	harness_write(asker, "!\n", 2);
	skip_questions(fd);
	close(asker);
}
