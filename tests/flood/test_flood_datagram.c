/* Datagrams: what a network does to them is counted, ends no loop, and is no
 * corruption. The target is a child that does it to every so many of them. */
#include <criterion/criterion.h>

#include <math.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "harness.h"
#include "harness_flood.h"
#include "harness_net.h"

enum {
	MAX_SIZE = 2048
};

enum fault {
	RIGHT,
	LOSES,
	REPEATS,
	OVERTAKES, /* it and the next come after the one behind them */
	CHANGES,   /* one byte of it */
	CUTS,	   /* its last byte */
	GROWS,	   /* by a byte */
	DELAYS,	   /* it comes 1.5 s later, twice */
	IGNORES,   /* it and what its sender sends from then on */
	LEAVES	   /* the target is gone */
};

struct plan {
	enum fault fault;
	uint64_t fault_at;    /* from 1 on */
	uint64_t fault_every; /* again so many messages later; 0: once */
	bool is_deaf;	      /* nobody is ever answered */
	uint64_t lost_from;   /* it and all that follow are; 0: none */
};

struct datagram {
	struct weir_address from;
	size_t n;
	unsigned char bytes[MAX_SIZE];
};

static struct flooded run;
/* of the target */
static struct datagram held[2];
static size_t n_held;
static char address[KNOWN_ADDRESS_SIZE];
static pid_t target;

/* -- the target -- */

static void answer(int fd, const struct datagram *in)
{
	(void)sendto(fd, in->bytes, in->n, 0, &in->from.sa.any, in->from.len);
}

static void answer_held(int fd)
{
	for (size_t i = 0; i < n_held; i++)
		answer(fd, &held[i]);
	n_held = 0;
}

static bool is_hit(const struct plan *plan, uint64_t n)
{
	if (plan->fault == OVERTAKES && n_held == 1)
		return true;
	if (plan->lost_from > 0 && n >= plan->lost_from)
		return true;
	if (plan->fault_every == 0 || n < plan->fault_at)
		return n == plan->fault_at;
	return (n - plan->fault_at) % plan->fault_every == 0;
}

/* What asks whether there is a target is none of the messages. */
static bool is_hello(const struct datagram *in)
{
	uint64_t sequence;

	memcpy(&sequence, in->bytes, sizeof sequence);
	return sequence == UINT64_MAX;
}

static bool is_same(const struct weir_address *a, const struct weir_address *b)
{
	return a->len == b->len && memcmp(&a->sa, &b->sa, a->len) == 0;
}

/* Whether it is answered now. */
static bool spoil(int fd, const struct plan *plan, struct datagram *in,
		  struct datagram *ignored)
{
	switch (plan->fault) {
	case REPEATS:
		answer(fd, in);
		break;
	case CHANGES:
		in->bytes[in->n / 2] ^= 1;
		break;
	case CUTS:
		in->n--;
		break;
	case GROWS:
		in->bytes[in->n++] = 0;
		break;
	case OVERTAKES:
	case DELAYS:
		held[n_held++] = *in;
		return false;
	case IGNORES:
		*ignored = *in;
		return false;
	case LEAVES:
		_exit(0);
	case LOSES:
		return false;
	case RIGHT:
		break;
	}
	return true;
}

static _Noreturn void serve(int fd, const struct plan *plan)
{
	static struct datagram in;
	static struct datagram ignored;
	struct pollfd ready = {.fd = fd, .events = POLLIN};
	const struct timespec delay = {.tv_sec = 1, .tv_nsec = 500000000};
	uint64_t n = 0;

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	for (;;) {
		if (plan->fault == DELAYS && n_held > 0) {
			nanosleep(&delay, NULL);
			answer(fd, &held[0]);
			answer_held(fd);
		}
		poll(&ready, 1, -1);
		in.from.len = sizeof in.from.sa;
		in.n = (size_t)recvfrom(fd, in.bytes, sizeof in.bytes, 0,
					&in.from.sa.any, &in.from.len);
		if (plan->is_deaf || is_same(&in.from, &ignored.from))
			continue;
		if (!is_hello(&in) && is_hit(plan, ++n) &&
		    !spoil(fd, plan, &in, &ignored))
			continue;
		answer(fd, &in);
		answer_held(fd);
	}
}

static void target_start(const struct plan *plan, const char *where)
{
	struct weir_address a = harness_address(where);
	int fd = socket(a.sa.any.sa_family, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	must(fd, "socket");
	must(bind(fd, &a.sa.any, a.len), "bind");
	must(getsockname(fd, &a.sa.any, &a.len), "getsockname");
	weir_address_format(&a, address, sizeof address);
	target = fork();
	must(target, "fork");
	if (target == 0)
		serve(fd, plan);
	close(fd);
}

static void target_end(void)
{
	int status;

	kill(target, SIGKILL);
	waitpid(target, &status, 0);
	flooded_forget(&run);
}

static double number(const char *within, const char *key)
{
	return flooded_number(&run, within, key);
}

TestSuite(flood_datagram, .init = harness_begin, .fini = harness_end,
	  .timeout = 60);

/* -- nothing wrong -- */

static void expect_echo(const char *where)
{
	target_start(&(struct plan){.fault = RIGHT}, where);
	flood(&run, "-c", "3", "-p", "2", "-n", "1000", "--warmup", "0",
	      "--timeout", "30s", "--json", "-", address, NULL);
	cr_expect_eq(run.status, 0, "%s", run.err);
	cr_expect_eq(number("", "messages"), 1000);
	cr_expect_eq(number("", "corrupt"), 0);
	cr_expect_eq(number("latency_ns", "count"), 1000);
	cr_expect_eq(number("datagrams", "lost"), 0);
	cr_expect_eq(number("datagrams", "loss"), 0);
	cr_expect_eq(number("datagrams", "repeated"), 0);
	cr_expect_eq(number("datagrams", "reordered"), 0);
	cr_expect_eq(number("datagrams", "overdue"), 0);
	cr_expect_eq(number("datagrams", "unsent"), 0);
	cr_expect_eq(number("datagrams", "dropped"), 0);
	cr_expect_eq(number("healthy", "connected"), 3);
	cr_expect_eq(number("healthy", "bytes_sent"), 64 * 1000);
	cr_expect_eq(number("healthy", "bytes_received"), 64 * 1000);
	cr_expect(isnan(number("healthy", "bytes_acknowledged")));
	cr_expect(isnan(number("socket", "tcp")));
	target_end();
}

Test(flood_datagram, udp_and_unix_echo)
{
	char name[KNOWN_ADDRESS_SIZE];

	expect_echo("udp:127.0.0.1:0");
	expect_echo("udp:[::1]:0");
	(void)snprintf(name, sizeof name, "unixgram:@weir-flood-datagram-%d",
		       (int)getpid());
	expect_echo(name);
}

/* No more messages than the target's socket has room for. */
Test(flood_datagram, an_open_loop_has_its_three_times)
{
	target_start(&(struct plan){.fault = RIGHT}, "udp:127.0.0.1:0");
	flood(&run, "-t", "2", "-c", "4", "-r", "1000", "-n", "100", "--warmup",
	      "0", "--late", "1m", "--timeout", "30s", "--json", "-", address,
	      NULL);
	cr_expect_eq(run.status, 0, "%s", run.err);
	cr_expect_eq(number("", "messages_sent"), 100);
	cr_expect_eq(number("lateness_ns", "count"), 100);
	cr_expect_eq(number("service_ns", "count"), 100);
	target_end();
}

/* A name has several addresses, and nobody may be at the first. */
Test(flood_datagram, each_address_of_a_name_is_tried)
{
	char named[KNOWN_ADDRESS_SIZE];

	target_start(&(struct plan){.fault = RIGHT}, "udp:127.0.0.1:0");
	snprintf(named, sizeof named, "udp:localhost%s", strrchr(address, ':'));
	flood(&run, "-c", "2", "-n", "10", "--warmup", "0", "--timeout", "30s",
	      named, NULL);
	cr_expect_eq(run.status, 0, "%s", run.err);
	target_end();
}

/* -- the network -- */

/* Of 100 messages, each fiftieth; not the last. An answer has the time that a
 * busy machine may take, which only those that are lost wait for. */
static void spoil_each_fiftieth(enum fault fault, const char *pipeline,
				const char *expected)
{
	target_start(&(struct plan){.fault = fault,
				    .fault_at = 10,
				    .fault_every = 50},
		     "udp:127.0.0.1:0");
	flood(&run, "-c", "1", "-n", "100", "-p", pipeline, "--warmup", "0",
	      "--timeout", fault == LOSES ? "700ms" : "30s", "--expect",
	      expected, "--json", "-", address, NULL);
}

Test(flood_datagram, what_is_lost_is_given_up_and_counted)
{
	spoil_each_fiftieth(LOSES, "1", "loss<=2%");
	cr_expect_eq(run.status, 0, "%s", run.err);
	cr_expect_eq(number("", "messages"), 98);
	cr_expect_eq(number("", "messages_timed_out"), 2);
	cr_expect_eq(number("", "corrupt"), 0);
	cr_expect_eq(number("", "errors"), 0);
	cr_expect_eq(number("datagrams", "lost"), 2);
	cr_expect_eq(number("datagrams", "loss"), 0.02);
	cr_expect_eq(number("datagrams", "reordered"), 0);
	cr_expect_eq(number("latency_ns", "count"), 100);
	cr_expect_geq(number("latency_ns", "max"), 700e6);
	cr_expect(flooded_says(&run, "no answer within 700 ms, 2.0 %"));
	target_end();
}

/* Without a time-out a closed loop would wait for ever. */
Test(flood_datagram, a_second_is_long_enough)
{
	target_start(&(struct plan){.fault = LOSES, .fault_at = 5},
		     "udp:127.0.0.1:0");
	flood(&run, "-c", "1", "-n", "20", "-d", "20s", "--warmup", "0",
	      "--expect", "loss<10%", "--json", "-", address, NULL);
	cr_expect_eq(run.status, 0, "%s", run.err);
	cr_expect_eq(number("settings", "timeout_ns"), 1e9);
	cr_expect_eq(number("", "messages"), 19);
	target_end();
}

/* Though it times out after that. */
Test(flood_datagram, what_the_warm_up_lost_is_not_the_measurements)
{
	target_start(
		&(struct plan){.fault = LOSES, .fault_at = 1, .fault_every = 2},
		"udp:127.0.0.1:0");
	flood(&run, "-c", "1", "-r", "200", "-d", "1s", "--warmup", "1s",
	      "--timeout", "900ms", "--late", "1m", "--expect", "loss<=100%",
	      "--json", "-", address, NULL);
	cr_expect_eq(number("latency_ns", "count"),
		     number("", "messages_sent"));
	cr_expect_leq(number("", "messages_timed_out"),
		      number("", "messages_sent"));
	target_end();
}

/* Those behind it are answered long before. */
Test(flood_datagram, what_is_lost_is_no_other_message)
{
	spoil_each_fiftieth(LOSES, "7", "loss<=2%");
	cr_expect_eq(run.status, 0, "%s", run.err);
	cr_expect_eq(number("", "messages"), 98);
	cr_expect_eq(number("datagrams", "lost"), 2);
	cr_expect_eq(number("datagrams", "repeated"), 0);
	cr_expect_eq(number("datagrams", "overdue"), 0);
	target_end();
}

/* Two are, and three more at the end: not five after each other. */
Test(flood_datagram, what_is_lost_now_and_then_is_no_silence)
{
	target_start(&(struct plan){.fault = LOSES,
				    .fault_at = 20,
				    .fault_every = 20,
				    .lost_from = 61},
		     "udp:127.0.0.1:0");
	flood(&run, "-c", "1", "-n", "62", "--warmup", "0", "--timeout",
	      "500ms", "--expect", "loss<10%", "--json", "-", address, NULL);
	cr_expect_eq(run.status, 0, "%s", run.err);
	cr_expect_eq(number("datagrams", "lost"), 5);
	cr_expect_eq(number("healthy", "silent"), 0);
	target_end();
}

Test(flood_datagram, loss_is_a_reason_or_a_breach)
{
	spoil_each_fiftieth(LOSES, "1", "errors=0");
	cr_expect_eq(run.status, 3);
	cr_expect(flooded_says(&run, "2 messages were lost (2.0 %)"));
	target_end();
	spoil_each_fiftieth(LOSES, "1", "loss<1%");
	cr_expect_eq(run.status, 4);
	cr_expect(flooded_says(&run, "loss<1%: 2.0 %, breached by 1.0 %"));
	target_end();
}

Test(flood_datagram, what_comes_twice_is_counted)
{
	spoil_each_fiftieth(REPEATS, "1", "repeated=2,reordered=0,loss=0");
	cr_expect_eq(run.status, 0, "%s", run.err);
	cr_expect_eq(number("", "messages"), 100);
	cr_expect_eq(number("", "corrupt"), 0);
	cr_expect_eq(number("datagrams", "repeated"), 2);
	cr_expect_eq(number("datagrams", "overdue"), 0);
	cr_expect(flooded_says(&run, "2 came twice"));
	target_end();
}

/* What comes behind a thread's last answer may be too late to count. */
Test(flood_datagram, threads_count_together)
{
	target_start(&(struct plan){.fault = REPEATS,
				    .fault_at = 1,
				    .fault_every = 1},
		     "udp:127.0.0.1:0");
	flood(&run, "-t", "2", "-c", "2", "-n", "200", "--warmup", "0",
	      "--timeout", "30s", "--json", "-", address, NULL);
	cr_expect_eq(number("", "messages"), 200);
	cr_expect_geq(number("datagrams", "repeated"), 198);
	target_end();
}

Test(flood_datagram, what_is_overtaken_is_counted_and_answered)
{
	spoil_each_fiftieth(OVERTAKES, "7", "repeated=0,reordered=4,loss=0");
	cr_expect_eq(run.status, 0, "%s", run.err);
	cr_expect_eq(number("datagrams", "reordered"), 4);
	cr_expect_eq(number("", "messages"), 100);
	cr_expect_eq(number("", "corrupt"), 0);
	target_end();
}

Test(flood_datagram, what_comes_after_its_time_is_lost_and_overdue)
{
	target_start(&(struct plan){.fault = DELAYS, .fault_at = 50},
		     "udp:127.0.0.1:0");
	flood(&run, "-c", "1", "-n", "100", "--warmup", "0", "--timeout",
	      "600ms", "--expect", "loss<20%", "--json", "-", address, NULL);
	cr_expect_eq(run.status, 0, "%s", run.err);
	cr_expect_geq(number("datagrams", "lost"), 1);
	cr_expect_eq(number("datagrams", "overdue"),
		     number("datagrams", "lost"));
	cr_expect_eq(number("datagrams", "repeated"), 1);
	target_end();
}

static void expect_changed(enum fault fault)
{
	target_start(&(struct plan){.fault = fault, .fault_at = 50},
		     "udp:127.0.0.1:0");
	flood(&run, "-c", "1", "-n", "100", "--warmup", "0", "--timeout",
	      "600ms", "--json", "-", address, NULL);
	cr_expect_eq(run.status, 1);
	cr_expect_eq(number("corrupt_by_kind", "changed"), 1);
	cr_expect_eq(number("", "corrupt"), 1);
	cr_expect_eq(number("", "messages"), 99);
	target_end();
}

Test(flood_datagram, what_is_changed_is_corrupt)
{
	expect_changed(CHANGES);
	expect_changed(CUTS);
	expect_changed(GROWS);
}

Test(flood_datagram, the_lines_of_each_second_add_up)
{
	target_start(&(struct plan){.fault = LOSES,
				    .fault_at = 50,
				    .fault_every = 50},
		     "udp:127.0.0.1:0");
	flood(&run, "-t", "2", "-c", "2", "-n", "50", "--warmup", "0",
	      "--timeout", "700ms", "--json-lines", "-", address, NULL);
	cr_expect(flooded_says(&run, "\"lost\": 1, \"repeated\": 0, "
				     "\"reordered\": 0"),
		  "%s", run.out);
	target_end();
}

/* A socket that holds one answer, while the target sends 32. It loses none. */
Test(flood_datagram, what_we_have_no_room_for_is_told_apart)
{
	target_start(&(struct plan){.fault = RIGHT}, "udp:127.0.0.1:0");
	flood(&run, "-c", "1", "-p", "32", "-s", "1500", "-n", "640",
	      "--warmup", "0", "--rcvbuf", "1", "--timeout", "700ms", "--json",
	      "-", address, NULL);
	cr_expect_geq(number("datagrams", "lost"), 1);
	cr_expect_geq(number("datagrams", "dropped") +
			      number("datagrams", "overdue"),
		      number("datagrams", "lost"));
	target_end();
}

/* -- the target -- */

/* The others are answered, and none of them is silent. */
Test(flood_datagram, a_peer_that_is_ignored_is_a_reason)
{
	target_start(&(struct plan){.fault = IGNORES, .fault_at = 100},
		     "udp:127.0.0.1:0");
	flood(&run, "-c", "4", "-r", "400", "-d", "1700ms", "--warmup", "0",
	      "--late", "1m", "--timeout", "700ms", "--expect", "loss<90%",
	      "--json", "-", address, NULL);
	cr_expect_eq(run.status, 3, "%s", run.err);
	cr_expect_eq(number("healthy", "silent"), 1);
	cr_expect_geq(number("healthy", "most_silent_ns"), 500e6);
	cr_expect(flooded_says(&run, "was silent for"));
	target_end();
}

/* A closed loop loses few messages by it, and none of them to a refusal. */
Test(flood_datagram, a_target_that_falls_silent_is_a_reason)
{
	target_start(&(struct plan){.fault = LOSES, .lost_from = 2001},
		     "udp:127.0.0.1:0");
	flood(&run, "-c", "4", "-d", "2s", "--warmup", "0", "--cpu-wait",
	      "100%", "--json", "-", address, NULL);
	cr_expect_eq(run.status, 3, "%s", run.err);
	cr_expect_leq(number("datagrams", "loss"), 0.01);
	cr_expect_geq(number("healthy", "silent"), 1);
	cr_expect(flooded_says(&run, "was silent for"));
	target_end();
}

Test(flood_datagram, a_target_that_goes_is_an_error)
{
	target_start(&(struct plan){.fault = LEAVES, .fault_at = 50},
		     "udp:127.0.0.1:0");
	flood(&run, "-c", "1", "-d", "1s", "--warmup", "0", "--timeout", "50ms",
	      "--json", "-", address, NULL);
	cr_expect_eq(run.status, 3);
	cr_expect_eq(number("errors_by_cause", "closed"), 1);
	cr_expect_eq(number("", "errors"), 1);
	cr_expect(flooded_says(&run, "connection refused"));
	target_end();
}

Test(flood_datagram, a_target_that_is_not_there_is_one_line)
{
	flood(&run, "udp:127.0.0.1:1", NULL);
	cr_expect_eq(run.status, 2);
	cr_expect_str_eq(run.err, "weir-flood: udp:127.0.0.1:1: connection "
				  "refused\n");
	flooded_forget(&run);
	flood(&run, "unixgram:@weir-nobody", NULL);
	cr_expect_eq(run.status, 2);
	cr_expect_str_eq(run.err, "weir-flood: unixgram:@weir-nobody: "
				  "connection refused\n");
	flooded_forget(&run);
}

Test(flood_datagram, a_target_that_never_answers_is_none)
{
	target_start(&(struct plan){.is_deaf = true}, "udp:127.0.0.1:0");
	flood(&run, "-c", "200", "-t", "2", "--connect-timeout", "200ms",
	      address, NULL);
	cr_expect_eq(run.status, 2);
	cr_expect(flooded_says(&run, "timed out"), "%s", run.err);
	target_end();
}
