/* Relays, their ends, and other programs. */
#include "test_server_relay.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "harness_net.h"

enum {
	N_ARGUMENTS = 16,
	/* what takes so long hangs */
	PATIENCE_MS = 20000,
	TICK_MS = 2,
	QUIET_MS = 300,
	BACKLOG = 64,
	FIRST_PORT = 10000, /* below the kernel's, 32768 (ip(7)) */
	N_PORTS = 20000,
	PORTS_A_TEST = 64,
	PIECE = 65536
};

static void tick(void)
{
	(void)poll(NULL, 0, TICK_MS);
}

/* -- a relay -- */

static void listen_at(struct relay *r, const char *target)
{
	struct weir_address address = harness_address(target);

	r->listener = harness_listen(&address, BACKLOG);
	weir_address_format(&address, r->target, sizeof r->target);
}

void relay_start(struct relay *r, const char *listen, const char *target, ...)
{
	const char *arguments[N_ARGUMENTS] = {NULL};
	char endpoint[2 * SERVED_ADDRESS_SIZE];
	const char *argument;
	size_t n = 0;
	va_list list;

	*r = (struct relay){0};
	listen_at(r, target);
	snprintf(endpoint, sizeof endpoint, "relay=%s,%s", listen, r->target);
	va_start(list, target);
	while ((argument = va_arg(list, const char *)) && n < N_ARGUMENTS - 2)
		arguments[n++] = argument;
	va_end(list);
	arguments[n] = endpoint;
	served_start_prepared(&r->s, NULL, arguments);
	served_address(&r->s, "relay", r->address);
	r->n_fds = served_count_fds(&r->s);
}

int relay_wait(struct relay *r)
{
	int status = served_wait(&r->s);

	served_forget(&r->s);
	close(r->listener);
	return status;
}

int relay_stop(struct relay *r)
{
	must(kill(r->s.pid, SIGTERM), "kill");
	return relay_wait(r);
}

int relay_end(struct relay *r)
{
	await_fds(r, 0);
	return relay_stop(r);
}

int accept_at(int listener)
{
	struct pollfd pollfd = {.fd = listener, .events = POLLIN};
	int fd;

	if (poll(&pollfd, 1, PATIENCE_MS) <= 0)
		harness_die("no connection to the target came");
	fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
	must(fd, "accept4");
	return fd;
}

int relay_accept(struct relay *r)
{
	return accept_at(r->listener);
}

void relay_pair(struct relay *r, int *client, int *target)
{
	*client = dial(r->address, 0);
	*target = relay_accept(r);
}

void await_more_fds(struct relay *r, size_t n_more)
{
	for (int i = 0; served_count_fds(&r->s) < r->n_fds + n_more; i++) {
		if (i > PATIENCE_MS / TICK_MS)
			harness_die("the server has not taken its client");
		tick();
	}
}

void await_fds(struct relay *r, size_t n_more)
{
	for (int i = 0; served_count_fds(&r->s) != r->n_fds + n_more; i++) {
		if (i > PATIENCE_MS / TICK_MS)
			harness_die("the server has %zu descriptors, not %zu",
				    served_count_fds(&r->s), r->n_fds + n_more);
		tick();
	}
}

/* -- ends -- */

void set_sndbuf(int fd, int n_bytes)
{
	must(setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &n_bytes, sizeof n_bytes),
	     "setsockopt");
}

void close_by_reset(int fd)
{
	const struct linger now = {.l_onoff = 1, .l_linger = 0};

	must(setsockopt(fd, SOL_SOCKET, SO_LINGER, &now, sizeof now),
	     "setsockopt");
	close(fd);
}

void expect_reset(int fd)
{
	static char data[PIECE];
	struct pollfd pollfd = {.fd = fd, .events = POLLIN};
	ssize_t n;

	do {
		if (poll(&pollfd, 1, PATIENCE_MS) <= 0)
			harness_die("no reset comes");
		n = recv(fd, data, sizeof data, 0);
	} while (n > 0);
	if (n == 0)
		harness_die("a FIN comes instead of a reset");
	if (errno != ECONNRESET)
		harness_die("instead of a reset: %s", strerror(errno));
	close(fd);
}

void expect_reset_at(const char *text)
{
	struct weir_address address = harness_address(text);
	int fd =
		socket(address.sa.any.sa_family, SOCK_STREAM | SOCK_CLOEXEC, 0);

	must(fd, "socket");
	if (connect(fd, &address.sa.any, address.len) == 0) {
		expect_reset(fd);
		return;
	}
	if (errno != ECONNRESET)
		harness_die("%s: %s", text, strerror(errno));
	close(fd);
}

void own_address(int fd, char text[WEIR_ADDRESS_TEXT_SIZE])
{
	struct weir_address own = {.type = SOCK_STREAM, .len = sizeof own.sa};

	must(getsockname(fd, &own.sa.any, &own.len), "getsockname");
	weir_address_format(&own, text, WEIR_ADDRESS_TEXT_SIZE);
}

void write_pattern(int fd, size_t n, uint64_t seed)
{
	static unsigned char data[PIECE];

	for (size_t at = 0; at < n; at += PIECE) {
		size_t n_piece = n - at < PIECE ? n - at : PIECE;

		harness_fill(data, n_piece, seed, at);
		harness_write(fd, data, n_piece);
	}
}

void read_pattern(int fd, size_t n, uint64_t seed)
{
	static unsigned char data[PIECE];

	for (size_t at = 0; at < n; at += PIECE) {
		size_t n_piece = n - at < PIECE ? n - at : PIECE;

		harness_read(fd, data, n_piece);
		harness_check(data, n_piece, seed, at);
	}
}

size_t write_until_quiet(int fd, uint64_t seed, size_t n_most)
{
	struct pollfd pollfd = {.fd = fd, .events = POLLOUT};
	static unsigned char data[PIECE];
	size_t n = 0;

	while (n < n_most && poll(&pollfd, 1, QUIET_MS) > 0) {
		ssize_t n_sent;

		harness_fill(data, PIECE, seed, n);
		n_sent = send(fd, data, PIECE, MSG_DONTWAIT | MSG_NOSIGNAL);
		if (n_sent < 0 && errno != EAGAIN)
			harness_die("cannot write: %s", strerror(errno));
		n += n_sent > 0 ? (size_t)n_sent : 0;
	}
	return n;
}

/* -- other programs -- */

bool has_tool(const char *name)
{
	char command[128];

	snprintf(command, sizeof command, "command -v %s >/dev/null 2>&1",
		 name);
	if (system(command) == 0)
		return true;
	fprintf(stderr, "skipped: there is no %s here\n", name);
	return false;
}

static _Noreturn void exec_tool(const char *const *argv)
{
	char *copy[2 * N_ARGUMENTS + 1] = {NULL};

	for (size_t i = 0; argv[i] && i < 2 * N_ARGUMENTS; i++)
		copy[i] = strdup(argv[i]);
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	execvp(copy[0], copy);
	_exit(127);
}

void tool_start(struct tool *tool, const char *const *argv)
{
	int out[2];

	must(pipe2(out, O_CLOEXEC), "pipe2");
	tool->pid = fork();
	must(tool->pid, "fork");
	if (tool->pid == 0) {
		int null = open("/dev/null", O_RDONLY | O_CLOEXEC);

		must(dup2(null, STDIN_FILENO), "dup2");
		must(dup2(out[1], STDOUT_FILENO), "dup2");
		must(dup2(out[1], STDERR_FILENO), "dup2");
		exec_tool(argv);
	}
	close(out[1]);
	tool->out = out[0];
}

static int reap(struct tool *tool)
{
	int status;

	must(waitpid(tool->pid, &status, 0), "waitpid");
	close(tool->out);
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

int tool_wait(struct tool *tool, char *text, size_t size)
{
	struct pollfd pollfd = {.fd = tool->out, .events = POLLIN};
	size_t n = 0;
	ssize_t n_read = 1;

	while (n_read > 0 && n < size - 1) {
		if (poll(&pollfd, 1, PATIENCE_MS) <= 0)
			harness_die("a program hangs, having said: %.*s",
				    (int)n, text);
		n_read = read(tool->out, text + n, size - 1 - n);
		must(n_read, "read");
		n += (size_t)n_read;
	}
	text[n] = '\0';
	return reap(tool);
}

void tool_kill(struct tool *tool)
{
	must(kill(tool->pid, SIGKILL), "kill");
	reap(tool);
}

static bool is_free(unsigned port)
{
	const struct sockaddr_in address = {.sin_family = AF_INET,
					    .sin_port = htons((uint16_t)port),
					    .sin_addr.s_addr =
						    htonl(INADDR_LOOPBACK)};
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	int result;

	must(fd, "socket");
	result = bind(fd, (const struct sockaddr *)&address, sizeof address);
	close(fd);
	return result == 0;
}

/* Not one that the kernel would choose for a client of any other test before
 * the program is there; and tests that run at the same time try others. */
unsigned free_port(void)
{
	static unsigned n;
	unsigned port;

	do
		port = FIRST_PORT +
		       ((unsigned)getpid() * PORTS_A_TEST + n++) % N_PORTS;
	while (!is_free(port));
	return port;
}

void await_listener(const char *address)
{
	struct weir_address a = harness_address(address);

	for (int i = 0; i < PATIENCE_MS / TICK_MS; i++) {
		int fd = socket(a.sa.any.sa_family, SOCK_STREAM | SOCK_CLOEXEC,
				0);
		int result;

		must(fd, "socket");
		result = connect(fd, &a.sa.any, a.len);
		close(fd);
		if (result == 0)
			return;
		tick();
	}
	harness_die("no server listens at %s", address);
}
