/* relay: where its targets are, and which of them is connected to. */
#include <criterion/criterion.h>

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <unistd.h>

#include "harness_net.h"
#include "target.h"
#include "test_server_relay.h"

enum {
	/* a test that takes so long hangs */
	PATIENCE_S = 60,
	BACKLOG = 8,
	TEXT_SIZE = 256
};

TestSuite(server_targets, .init = harness_begin, .fini = harness_end,
	  .timeout = PATIENCE_S);

/* -- one target -- */

/* What became of the last attempt to resolve it again. */
static int outcome_of(struct target *target, struct address_list **list)
{
	int error = 0;

	cr_assert_eq(target_resolve(target), 0);
	while (target->resolution) {
		address_list_release(*list);
		*list = target_addresses(target, &error);
	}
	return error;
}

Test(server_targets, a_name_that_is_gone_leaves_the_addresses)
{
	struct target target;
	struct address_list *list;
	struct address_list *old;
	int error;

	cr_assert_eq(target_init(&target, "127.0.0.1:80"), 0);
	old = target_addresses(&target, &error);
	list = target_addresses(&target, &error);
	cr_expect_eq(error, 0);
	cr_expect_eq(list, old);
	target.text = "nowhere";
	cr_expect_eq(outcome_of(&target, &list), -EINVAL);
	cr_expect_eq(list, old);
	target.text = "127.0.0.2:80";
	cr_expect_eq(outcome_of(&target, &list), 0);
	cr_expect_neq(list, old);
	cr_expect_eq(ntohl(list->addresses[0].sa.in.sin_addr.s_addr),
		     0x7f000002);
	/* whoever is connecting to them may still read them */
	cr_expect_eq(ntohl(old->addresses[0].sa.in.sin_addr.s_addr),
		     0x7f000001);
	address_list_release(list);
	address_list_release(old);
	target_deinit(&target);
}

/* The thread and the target may end in either order. */
Test(server_targets, a_target_can_go_while_it_is_resolved)
{
	struct target target;

	for (int i = 0; i < 100; i++) {
		cr_assert_eq(target_init(&target, "127.0.0.1:80"), 0);
		cr_assert_eq(target_resolve(&target), 0);
		cr_assert_eq(target_resolve(&target), 0);
		target_deinit(&target);
	}
}

/* -- names -- */

static char hosts[] = "/tmp/weir-hosts-XXXXXX";

/* In the child: its /etc/hosts is ours. */
static void use_hosts(void)
{
	if (unshare(CLONE_NEWUSER | CLONE_NEWNS) < 0 ||
	    mount(hosts, "/etc/hosts", NULL, MS_BIND, NULL) < 0)
		exit(77);
}

/* Written in place, as the mount is of this file. */
static void set_host(const char *address)
{
	FILE *file = fopen(hosts, "we");

	cr_assert(file);
	fprintf(file, "%s weir-target\n", address);
	fclose(file);
}

static bool can_use_hosts(void)
{
	return system("unshare -U -m true 2>/dev/null") == 0;
}

/* A socket that listens at this address, with the port of another one. */
static int listen_beside(const char *host, struct weir_address *port)
{
	char text[TEXT_SIZE];
	struct weir_address address;

	snprintf(text, sizeof text, "%s:%u", host,
		 (unsigned)ntohs(port->sa.in.sin_port));
	address = harness_address(text);
	return harness_listen(&address, BACKLOG);
}

/* Dial until the target at this listener is the one that is connected to. */
static void await_target(const char *address, int listener)
{
	struct pollfd pollfd = {.fd = listener, .events = POLLIN};
	int n_ready = 0;

	for (int i = 0; n_ready == 0 && i < PATIENCE_S; i++) {
		int fd = dial(address, 0);

		n_ready = poll(&pollfd, 1, 500);
		close(fd);
	}
	cr_assert_eq(n_ready, 1);
	close(accept_at(listener));
}

Test(server_targets, sighup_resolves_a_name_again)
{
	const char *arguments[2] = {NULL};
	struct weir_address first;
	struct served s;
	char address[SERVED_ADDRESS_SIZE];
	char endpoint[TEXT_SIZE];
	int listeners[2];

	if (!can_use_hosts())
		cr_skip_test("there are no user name spaces here");
	close(mkostemp(hosts, O_CLOEXEC));
	set_host("127.0.0.1");
	first = harness_address("127.0.0.1:0");
	listeners[0] = harness_listen(&first, BACKLOG);
	listeners[1] = listen_beside("127.0.0.2", &first);
	snprintf(endpoint, sizeof endpoint, "relay=127.0.0.1:0,weir-target:%u",
		 (unsigned)ntohs(first.sa.in.sin_port));
	arguments[0] = endpoint;
	served_start_prepared(&s, use_hosts, arguments);
	served_address(&s, "relay", address);
	await_target(address, listeners[0]);
	set_host("127.0.0.2");
	kill(s.pid, SIGHUP);
	await_target(address, listeners[1]);
	close(listeners[0]);
	close(listeners[1]);
	cr_assert_eq(served_stop(&s), 0);
	unlink(hosts);
}
