/* The options of weir-server that are the kernel's business: how many wait, and
 * how much it buffers. */
#include <criterion/criterion.h>

#include <errno.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "harness.h"
#include "harness_net.h"
#include "harness_server.h"

enum {
	/* a test that takes so long hangs */
	PATIENCE_S = 60,
	TEXT_SIZE = 64,
	SMALL = 4096,
	SWALLOWED_SMALL = 60000 /* what small buffers may add up to */
};

TestSuite(server_sockets, .init = harness_begin, .fini = harness_end,
	  .timeout = PATIENCE_S);

static struct served s;
static char address[SERVED_ADDRESS_SIZE];

/* Linux lets in one more than it was told. */
Test(server_sockets, backlog_is_how_many_wait)
{
	char endpoint[TEXT_SIZE];
	struct weir_address a;
	int fds[3];

	snprintf(endpoint, sizeof endpoint, "echo=unix:@weir-backlog-%d",
		 (int)getpid());
	served_start(&s, "--backlog=2", endpoint, NULL);
	served_address(&s, "echo", address);
	a = harness_address(address);
	served_halt(&s);
	for (size_t i = 0; i < 3; i++) {
		fds[i] = harness_connect(&a);
		cr_assert_geq(fds[i], 0);
	}
	cr_assert_eq(harness_connect(&a), -EAGAIN);
	served_go_on(&s);
	for (size_t i = 0; i < 3; i++) {
		expect_echo(fds[i], "let in");
		close(fds[i]);
	}
	cr_assert_eq(served_stop(&s), 0);
}

/* How much the kernel takes from a client for a server that reads nothing. */
static size_t swallow(const char *option)
{
	int sndbuf = SMALL;
	size_t n;
	int fd;

	served_start(&s, "discard=127.0.0.1:0", option, NULL);
	served_address(&s, "discard", address);
	served_halt(&s);
	fd = dial(address, 0);
	setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &sndbuf, sizeof sndbuf);
	n = harness_stuff(fd);
	served_go_on(&s);
	shutdown(fd, SHUT_WR);
	expect_end(fd);
	close(fd);
	cr_assert_eq(served_stop(&s), 0);
	return n;
}

Test(server_sockets, rcvbuf_bounds_what_the_kernel_receives)
{
	cr_assert_lt(swallow("--rcvbuf=4K"), SWALLOWED_SMALL);
	cr_assert_gt(swallow("--rcvbuf=200K"), SWALLOWED_SMALL);
}

/* How much the kernel takes from the server for a client that reads nothing:
 * what is not queued of a message that is less than high. */
static size_t give(const char *option, const char *endpoint)
{
	static unsigned char data[200000];
	size_t n_taken = 0;
	size_t n_queued = 0;
	size_t n;
	int fd;

	served_start(&s, "--trace", option, endpoint, NULL);
	served_address(&s, "echo", address);
	fd = dial(address, SMALL);
	harness_write(fd, data, sizeof data);
	while (n_taken + n_queued < sizeof data) {
		const char *line = served_line(&s, "trace ");

		if (sscanf(line, "trace %*s sendall %*u: kernel took %zu",
			   &n) == 1)
			n_taken += n;
		else if (sscanf(line, "trace %*s queued %zu", &n) == 1)
			n_queued += n;
	}
	close(fd);
	/* known to be gone: the drain does not lose it */
	served_line(&s, "bytes unsent");
	cr_assert_eq(served_stop(&s), 0);
	return n_taken;
}

Test(server_sockets, sndbuf_bounds_what_the_kernel_takes)
{
	cr_assert_lt(give("--sndbuf=4K", "echo=127.0.0.1:0"), SWALLOWED_SMALL);
}

Test(server_sockets, sndbuf_bounds_it_on_unix_sockets_too)
{
	char endpoint[TEXT_SIZE];

	snprintf(endpoint, sizeof endpoint, "echo=unix:@weir-sndbuf-%d",
		 (int)getpid());
	cr_assert_lt(give("--sndbuf=4K", endpoint), SWALLOWED_SMALL);
}

Test(server_sockets, notsent_lowat_bounds_it)
{
	static const char endpoint[] = "echo=127.0.0.1:0";

	cr_assert_lt(give("--notsent-lowat=1K", endpoint),
		     give("--notsent-lowat=1G", endpoint));
}

/* From here on this process lives on a kernel without IPv6. */
static void lose_ipv6(void)
{
	enum {
		NUMBER = offsetof(struct seccomp_data, nr),
		FAMILY = offsetof(struct seccomp_data, args)
	};
	struct sock_filter code[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, NUMBER),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, __NR_socket, 0, 3),
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, FAMILY),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, AF_INET6, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EAFNOSUPPORT),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW)};
	struct sock_fprog program = {.len = sizeof code / sizeof *code,
				     .filter = code};

	prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
	prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program);
}

Test(server_sockets, a_port_is_listened_on_without_ipv6)
{
	static const char *const arguments[] = {"echo=:0", NULL};
	int fd;

	served_start_prepared(&s, lose_ipv6, arguments);
	served_address(&s, "echo", address);
	cr_assert_eq(strncmp(address, "0.0.0.0:", 8), 0, "%s", address);
	fd = dial(address, 0);
	expect_echo(fd, "over IPv4");
	close(fd);
	cr_assert_eq(served_stop(&s), 0);
}

Test(server_sockets, an_ipv6_address_is_refused_without_ipv6)
{
	static const char *const arguments[] = {"echo=[::1]:0", NULL};

	served_start_prepared(&s, lose_ipv6, arguments);
	cr_assert_eq(served_wait(&s), 2);
	cr_assert_str_eq(s.text, "weir-server: echo: cannot listen on "
				 "[::1]:0: Address family not supported by "
				 "protocol\n");
	served_forget(&s);
}
