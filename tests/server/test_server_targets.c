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
#include <sys/stat.h>
#include <unistd.h>

#include "clock.h"
#include "fault.h"
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

Test(server_targets, a_name_is_resolved_once_a_second_at_most)
{
	const uint64_t start = 5 * CLOCK_NS_PER_S;
	struct target target;

	cr_assert_eq(target_init(&target, "127.0.0.1:80"), 0);
	target_resolve_lately(&target, start);
	cr_expect_eq(target.resolved_ns, start);
	target_resolve_lately(&target, start + CLOCK_NS_PER_S - 1);
	cr_expect_eq(target.resolved_ns, start, "too soon");
	target_resolve_lately(&target, start + CLOCK_NS_PER_S);
	cr_expect_eq(target.resolved_ns, start + CLOCK_NS_PER_S);
	target_deinit(&target);
}

/* Each is told once: that it fails, and that it is back. */
Test(server_targets, one_that_fails_is_left_out_for_a_time)
{
	const uint64_t start = 5 * CLOCK_NS_PER_S;
	struct target target;

	cr_assert_eq(target_init(&target, "127.0.0.1:80"), 0);
	cr_expect_not(target_is_left_out(&target, start));
	cr_expect_not(target_succeed(&target));
	cr_expect(target_fail(&target, start, 100));
	cr_expect(target_is_left_out(&target, start + 99));
	cr_expect_not(target_is_left_out(&target, start + 100));
	cr_expect_not(target_fail(&target, start + 100, 100), "told before");
	cr_expect(target_is_left_out(&target, start + 199));
	cr_expect(target_succeed(&target));
	cr_expect_not(target_is_left_out(&target, start + 199));
	cr_expect_not(target_succeed(&target));
	cr_expect_eq(target.n_failures, 2);
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
	/* a thread may still be at it */
	while (fault_n_live() > 0)
		sched_yield();
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

static void make_hosts(void)
{
	int fd = mkostemp(hosts, O_CLOEXEC);

	cr_assert_geq(fd, 0);
	/* the server may have no rights but those of everybody */
	cr_assert_eq(fchmod(fd, 0644), 0);
	close(fd);
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
	make_hosts();
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

/* No SIGHUP is needed. */
Test(server_targets, a_name_is_resolved_again_when_all_its_addresses_fail)
{
	const char *arguments[2] = {NULL};
	struct weir_address first;
	struct served s;
	char address[SERVED_ADDRESS_SIZE];
	char endpoint[TEXT_SIZE];
	int listener;

	if (!can_use_hosts())
		cr_skip_test("there are no user name spaces here");
	make_hosts();
	set_host("127.0.0.3");
	first = harness_address("127.0.0.1:0");
	listener = harness_listen(&first, BACKLOG);
	snprintf(endpoint, sizeof endpoint, "relay=127.0.0.1:0,weir-target:%u",
		 (unsigned)ntohs(first.sa.in.sin_port));
	arguments[0] = endpoint;
	served_start_prepared(&s, use_hosts, arguments);
	served_address(&s, "relay", address);
	expect_reset_at(address);
	set_host("127.0.0.1");
	await_target(address, listener);
	close(listener);
	cr_assert_lt(served_stop(&s), 2);
	unlink(hosts);
}

/* -- several targets -- */

struct pool {
	struct served s;
	char address[SERVED_ADDRESS_SIZE];
	char metrics[SERVED_ADDRESS_SIZE];
	char names[2][WEIR_ADDRESS_TEXT_SIZE];
	int first; /* is bound, and refuses */
	int second;
};

static void pool_start(struct pool *p, const char *option)
{
	struct weir_address refusing = harness_refusing_address(&p->first);
	struct weir_address address = harness_address("127.0.0.1:0");
	char endpoint[3 * WEIR_ADDRESS_TEXT_SIZE];

	p->second = harness_listen(&address, BACKLOG);
	weir_address_format(&refusing, p->names[0], sizeof p->names[0]);
	weir_address_format(&address, p->names[1], sizeof p->names[1]);
	snprintf(endpoint, sizeof endpoint, "relay=127.0.0.1:0,%s,%s,%s",
		 p->names[0], p->names[1], option);
	served_start(&p->s, endpoint, "--metrics=127.0.0.1:0", NULL);
	served_address(&p->s, "metrics", p->metrics);
	served_address(&p->s, "relay", p->address);
}

static const char *scrape(const struct pool *p)
{
	static const char request[] = "GET /metrics HTTP/1.0\r\n\r\n";
	static char text[1 << 20];
	int fd = dial(p->metrics, 0);
	size_t n = 0;
	ssize_t n_read;

	harness_write(fd, request, sizeof request - 1);
	while ((n_read = recv(fd, text + n, sizeof text - 1 - n, 0)) > 0)
		n += (size_t)n_read;
	text[n] = '\0';
	close(fd);
	return text;
}

static void expect_metric(const struct pool *p, const char *name, int target,
			  int value)
{
	char expected[TEXT_SIZE];

	snprintf(expected, sizeof expected, "\n%s{target=\"%s\"} %d\n", name,
		 p->names[target], value);
	cr_expect(strstr(scrape(p), expected), "%s", expected);
}

static void expect_unconnected(const struct pool *p, unsigned long n)
{
	const char *line =
		strstr(scrape(p), "\nweir_unconnected_total{service=\"relay\"");

	cr_assert(line);
	cr_expect_eq(strtoul(strchr(line, '}') + 1, NULL, 10), n);
}

/* A client that the target at this listener gets. */
static void expect_served_by(const struct pool *p, int listener)
{
	int client = dial(p->address, 0);
	int target = accept_at(listener);

	write_pattern(client, 100, 1);
	read_pattern(target, 100, 1);
	close(client);
	close(target);
}

Test(server_targets, the_next_one_serves_when_one_refuses)
{
	struct pool p;

	pool_start(&p, "leave-out=60m");
	for (int i = 0; i < 3; i++)
		expect_served_by(&p, p.second);
	served_line(&p.s, " is left out for now: Connection refused");
	cr_expect(strstr(p.s.line, p.names[0]), "%s", p.s.line);
	/* the other clients did not try it */
	expect_metric(&p, "weir_target_failures_total", 0, 1);
	expect_metric(&p, "weir_target_failures_total", 1, 0);
	expect_metric(&p, "weir_target_up", 0, 0);
	expect_metric(&p, "weir_target_up", 1, 1);
	close(p.first);
	close(p.second);
	cr_assert_eq(served_stop(&p.s), 0);
}

/* Some of the clients come later than that. */
Test(server_targets, one_is_left_out_no_longer_than_it_should)
{
	struct pool p;

	pool_start(&p, "leave-out=1us");
	for (int i = 0; i < 20; i++)
		expect_served_by(&p, p.second);
	expect_metric(&p, "weir_target_failures_total", 0, 20);
	close(p.first);
	close(p.second);
	cr_assert_eq(served_stop(&p.s), 0);
}

Test(server_targets, one_that_is_left_out_is_better_than_none)
{
	struct pool p;

	pool_start(&p, "leave-out=60m");
	expect_served_by(&p, p.second);
	close(p.second);
	expect_reset_at(p.address);
	served_line(&p.s, ": cannot connect to ");
	expect_unconnected(&p, 1);
	cr_assert_eq(listen(p.first, BACKLOG), 0);
	expect_served_by(&p, p.first);
	served_line(&p.s, " is back");
	expect_metric(&p, "weir_target_up", 0, 1);
	close(p.first);
	cr_assert_eq(served_stop(&p.s), 0);
}

Test(server_targets, one_that_was_left_out_is_tried_again_in_time)
{
	struct pool p;

	pool_start(&p, "leave-out=1ms");
	expect_served_by(&p, p.second);
	cr_assert_eq(listen(p.first, BACKLOG), 0);
	await_target(p.address, p.first);
	served_line(&p.s, " is back");
	close(p.first);
	close(p.second);
	cr_assert_eq(served_stop(&p.s), 0);
}

Test(server_targets, there_are_not_too_many)
{
	expect_refusal_of("relay=:1,:2,:2,:2,:2,:2,:2,:2,:2,:2",
			  "relay=...,:2: expected at most 8 targets");
}
