/* The client of NATS, against a server that is played here. */
#include <criterion/criterion.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "clock.h"
#include "fault.h"
#include "harness.h"
#include "harness_net.h"
#include "nats.h"
#include "worker.h"

enum {
	MAX_TURNS = 1000,
	TEXT_SIZE = 65536,
	SETTLE_MS = 50,
	/* more than any backoff */
	LONG_MS = 10000
};

static const char info[] = "INFO {\"max_payload\":1000} \r\n";

static struct settings settings;
static struct nats_config config;
static struct server server;
static struct worker worker;
static struct nats nats;
static int listener;
static int peer;
static char place[WEIR_ADDRESS_TEXT_SIZE];
static char text[TEXT_SIZE];

/* What is to be published: lines. */
static char waiting[TEXT_SIZE];
/* What was received: lines. */
static char heard[TEXT_SIZE];
static size_t n_room; /* for so many lines */

static size_t on_room(struct nats *n)
{
	const char *at = waiting;
	size_t n_line;

	for (; *at; at += n_line) {
		n_line = strcspn(at, "\n") + 1;
		memcpy(nats_line(n), at, n_line);
		if (!nats_publish(n, n_line))
			break;
	}
	memmove(waiting, at, strlen(at) + 1);
	return strlen(waiting);
}

static bool on_line(struct nats *n, const char *line, size_t n_line)
{
	size_t n_heard = strlen(heard);

	(void)n;
	if (n_room == 0)
		return false;
	n_room--;
	memcpy(heard + n_heard, line, n_line);
	heard[n_heard + n_line] = '\0';
	return true;
}

static const struct nats_events events = {.on_room = on_room,
					  .on_line = on_line};

static void turn(void)
{
	harness_turn_until_idle(worker.loop, MAX_TURNS);
}

static void pass(uint64_t ms)
{
	fault_time_advance(ms * CLOCK_NS_PER_MS);
	turn();
}

/* -- the server -- */

/* After any backoff; what is due at once is due at the next look at the time. */
static void accept_client(void)
{
	turn();
	pass(LONG_MS);
	pass(1);
	peer = accept4(listener, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
	must(peer, "accept4");
	turn();
}

static void say(const char *line)
{
	harness_write(peer, line, strlen(line));
	turn();
}

/* All that it has been told since the last time. */
static const char *told(void)
{
	text[harness_drain(peer, text, sizeof text - 1)] = '\0';
	return text;
}

static void greet(void)
{
	accept_client();
	say(info);
	cr_assert_str_eq(strchr(told(), '\n') + 1, "SUB hall 1\r\nPING\r\n");
	say("PONG\r\n");
	cr_assert_eq(nats.state, NATS_READY);
}

static void publish(const char *lines)
{
	strcat(waiting, lines);
	nats_go_on(&nats);
	turn();
}

/* -- around each test -- */

static void begin_at(struct weir_address address)
{
	harness_begin();
	listener = harness_listen(&address, 16);
	weir_address_format(&address, place, sizeof place);
	settings = (struct settings){.is_quiet = true, .nats = &config};
	settings.defaults.limits.stall_ns = CLOCK_NS_PER_MIN;
	settings.defaults.connect_timeout_ns = 60 * CLOCK_NS_PER_S;
	cr_assert_eq(target_init(&config.target, place), 0);
	server = (struct server){.settings = &settings, .workers = &worker};
	worker = (struct worker){.settings = &settings, .server = &server};
	weir_list_init(&server.nats);
	cr_assert_eq(weir_loop_new(&worker.loop), 0);
	cr_assert_eq(nats_open(&nats, &worker, "hall", &events), 0);
	peer = -1;
	waiting[0] = heard[0] = '\0';
	n_room = SIZE_MAX;
}

static void begin(void)
{
	begin_at(harness_unix_name());
}

static void end(void)
{
	if (nats.state != NATS_ENDED) {
		nats_finish_all(&server);
		nats_abort_all(&server);
		turn();
	}
	cr_assert_eq(nats.state, NATS_ENDED);
	cr_assert_eq(worker.n_owing, 0);
	nats_close(&nats);
	cr_assert_eq(weir_loop_free(worker.loop), 0);
	target_deinit(&config.target);
	if (peer >= 0)
		close(peer);
	close(listener);
	harness_end();
}

TestSuite(nats, .init = begin, .fini = end);

/* -- publishing -- */

Test(nats, says_nothing_before_the_server_has)
{
	accept_client();
	cr_assert_str_eq(told(), "");
	publish("early\n");
	cr_assert_str_eq(told(), "");
	say(info);
	cr_assert_null(strstr(told(), "early"));
	say("PONG\r\n");
	cr_assert_str_eq(told(), "PUB hall 5\r\nearly\r\nPING\r\n");
}

Test(nats, publishes_lines_and_asks_whether_they_were_taken)
{
	greet();
	publish("one\ntwo\n");
	cr_assert_str_eq(told(), "PUB hall 3\r\none\r\nPUB hall 3\r\ntwo\r\n"
				 "PING\r\n");
	publish("\n");
	cr_assert_str_eq(told(), "PUB hall 0\r\n\r\n");
	cr_assert_eq(nats.n_confirmed, 0);
	say("PONG\r\n");
	cr_assert_eq(nats.n_confirmed, 2);
	cr_assert_str_eq(told(), "PING\r\n");
	say("+OK\r\nPONG\r\n");
	cr_assert_eq(nats.n_confirmed, 3);
	cr_assert_str_eq(told(), "");
}

Test(nats, drops_and_counts_a_line_that_the_server_would_not_take)
{
	static char line[1003];

	greet();
	memset(line, 'a', 1001);
	line[1001] = '\n';
	publish(line);
	cr_assert_str_eq(told(), "");
	cr_assert_eq(nats.counters.n_too_long, 1);
	publish(line + 1);
	cr_assert_eq(strncmp(told(), "PUB hall 1000\r\n", 15), 0);
	cr_assert_eq(nats.counters.n_published, 1);
}

/* -- receiving -- */

Test(nats, hands_out_each_line_however_it_is_cut)
{
	static const char all[] = "MSG hall 1 3\r\none\r\n"
				  "MSG hall 1 inbox 8\r\ntwo\nmore\r\n"
				  "PING\r\nMSG hall 1 0\r\n\r\n"
				  "MSG hall 1 5\r\nlast\n\r\n";

	greet();
	for (size_t i = 0; i < sizeof all - 1; i++) {
		harness_write(peer, &all[i], 1);
		turn();
	}
	cr_assert_str_eq(heard, "one\ntwo\nmore\n\nlast\n");
	cr_assert_eq(nats.counters.n_received, 5);
	cr_assert_str_eq(told(), "PONG\r\n");
	heard[0] = '\0';
	say(all);
	cr_assert_str_eq(heard, "one\ntwo\nmore\n\nlast\n");
}

Test(nats, hands_out_the_rest_once_when_there_is_room)
{
	greet();
	n_room = 1;
	say("MSG hall 1 11\r\na\nbb\nccc\ndd\r\nMSG hall 1 1\r\ne\r\n");
	cr_assert_str_eq(heard, "a\n");
	n_room = 2;
	nats_go_on(&nats);
	turn();
	cr_assert_str_eq(heard, "a\nbb\nccc\n");
	n_room = SIZE_MAX;
	nats_go_on(&nats);
	turn();
	cr_assert_str_eq(heard, "a\nbb\nccc\ndd\ne\n");
}

Test(nats, drops_and_counts_a_message_that_is_no_line_here)
{
	static char message[70000];

	greet();
	memset(message, 'a', sizeof message - 1);
	say("MSG hall 1 69999\r\n");
	say(message);
	say("\r\nMSG hall 1 2\r\nok\r\n");
	cr_assert_str_eq(heard, "ok\n");
	cr_assert_eq(nats.counters.n_too_long, 1);
	cr_assert_eq(nats.counters.n_received, 1);
}

/* Without the PONG behind it nothing would be published, and so there might never
 * be room for it. */
Test(nats, lets_no_line_that_comes_before_the_pong_hold_the_pong)
{
	accept_client();
	n_room = 0;
	say(info);
	say("MSG hall 1 3\r\none\r\nPONG\r\n");
	cr_assert_eq(nats.state, NATS_READY);
	n_room = SIZE_MAX;
	say("MSG hall 1 3\r\ntwo\r\n");
	cr_assert_str_eq(heard, "two\n");
}

/* -- losing the server -- */

Test(nats, counts_what_a_lost_server_had_not_confirmed)
{
	greet();
	publish("one\ntwo\n");
	told();
	say("PONG\r\n");
	publish("three\n");
	close(peer);
	turn();
	cr_assert_eq(nats.counters.n_unconfirmed, 1);
	publish("four\n");
	cr_assert_str_eq(waiting, "four\n");
	greet();
	cr_assert_str_eq(told(), "PUB hall 4\r\nfour\r\nPING\r\n");
	cr_assert_eq(nats.counters.n_unconfirmed, 1);
	cr_assert_eq(nats.counters.n_connects, 2);
}

Test(nats, tells_the_receivers_once_where_lines_may_be_missing)
{
	greet();
	say("MSG hall 1 1\r\na\r\n");
	close(peer);
	turn();
	cr_assert_str_eq(heard, "a\n");
	n_room = 0;
	accept_client();
	say(info);
	say("MSG hall 1 6\r\nmissed\r\nPONG\r\nMSG hall 1 1\r\nb\r\n");
	n_room = SIZE_MAX;
	nats_go_on(&nats);
	turn();
	cr_assert_str_eq(heard,
			 "a\n# lines of other servers may be missing\nb\n");
}

Test(nats, waits_longer_from_attempt_to_attempt)
{
	uint64_t before = 0;

	turn();
	for (int i = 0; i < 5; i++) {
		uint64_t ns;

		pass(1);
		close(accept4(listener, NULL, NULL, SOCK_CLOEXEC));
		turn();
		cr_assert_eq(nats.state, NATS_AWAY);
		ns = weir_timer_deadline(&nats.timer) - fault_time_now();
		/* by half of twice as much, at least */
		cr_assert_geq(ns, before / 2);
		cr_assert_geq(ns, (25 * CLOCK_NS_PER_MS) << i);
		before = ns;
		pass(LONG_MS);
	}
}

/* Not even its greeting makes a server one that stays. */
Test(nats, waits_longer_for_a_server_that_closes_what_it_has_greeted)
{
	uint64_t before = 0;

	for (int i = 0; i < 5; i++) {
		uint64_t ns;

		greet();
		close(peer);
		turn();
		cr_assert_eq(nats.state, NATS_AWAY);
		ns = weir_timer_deadline(&nats.timer) - fault_time_now();
		cr_assert_geq(ns, before / 2);
		cr_assert_geq(ns, (25 * CLOCK_NS_PER_MS) << i);
		before = ns;
	}
	peer = -1;
}

Test(nats, comes_back_soon_to_a_server_that_had_stayed)
{
	for (int i = 0; i < 5; i++) {
		greet();
		close(peer);
		turn();
	}
	greet();
	pass(15000);
	close(peer);
	turn();
	cr_assert_leq(weir_timer_deadline(&nats.timer) - fault_time_now(),
		      50 * CLOCK_NS_PER_MS);
	peer = -1;
}

Test(nats, gives_up_a_server_that_does_not_answer)
{
	greet();
	pass(15000);
	cr_assert_str_eq(told(), "PING\r\n");
	say("PONG\r\n");
	pass(15000);
	cr_assert_str_eq(told(), "PING\r\n");
	for (int i = 0; i < 4; i++) {
		pass(15000);
		cr_assert_eq(nats.state, NATS_READY);
	}
	pass(15000);
	cr_assert_eq(nats.state, NATS_AWAY);
}

/* Time in which our loop was away is no answer's time. */
Test(nats, does_not_blame_a_server_for_our_own_absence)
{
	greet();
	publish("one\n");
	pass(3600000);
	cr_assert_eq(nats.state, NATS_READY);
	say("PONG\r\n");
	cr_assert_eq(nats.n_confirmed, 1);
}

Test(nats, gives_up_a_server_that_does_not_greet)
{
	accept_client();
	pass(59000);
	cr_assert_eq(nats.state, NATS_GREETING);
	pass(1000);
	cr_assert_eq(nats.state, NATS_AWAY);
}

static void expect_given_up(const char *words, const char *why)
{
	accept_client();
	say(words);
	cr_assert_eq(nats.state, NATS_AWAY, "%s", words);
	cr_assert_str_eq(nats.why, why);
	close(peer);
	peer = -1;
}

Test(nats, gives_up_what_is_no_server_of_nats)
{
	expect_given_up("HTTP/1.1 400 Bad Request\r\n",
			"it does not speak NATS");
	expect_given_up("PONG\r\n", "it does not speak NATS");
	expect_given_up("MSG hall 1 1\r\na\r\n", "it does not speak NATS");
	expect_given_up("INFO []\r\n", "it does not speak NATS");
	expect_given_up("INFO {}\r\nPONG\r\nMSG hall 1 1\r\nabc",
			"it does not speak NATS");
	cr_assert_str_eq(heard, "");
}

Test(nats, says_what_to_do_where_tls_is_required)
{
	expect_given_up("INFO {\"tls_required\":true}\r\n",
			"it requires TLS: connect to it by a program that adds "
			"TLS, such as stunnel");
}

/* -- errors -- */

Test(nats, says_why_it_was_not_let_in)
{
	expect_given_up("INFO {}\r\n-ERR 'Authorization Violation'\r\n",
			"Authorization Violation");
}

Test(nats, counts_that_it_reads_too_slowly)
{
	greet();
	say("-ERR 'Slow Consumer'\r\n");
	cr_assert_eq(nats.counters.n_slow, 1);
	cr_assert_eq(nats.state, NATS_AWAY);
}

Test(nats, counts_lines_that_it_may_not_publish_and_stays)
{
	greet();
	publish("a\n");
	say("-ERR 'Permissions Violation for Publish to \"hall\"'\r\n"
	    "PONG\r\n");
	say("-ERR 'Permissions Violation for Subscription to \"hall\"'\r\n");
	cr_assert_eq(nats.counters.n_refused, 1);
	cr_assert_eq(nats.state, NATS_READY);
}

Test(nats, says_little_however_many_errors_there_are)
{
	char line[128];

	greet();
	for (int i = 0; i < 100; i++) {
		snprintf(line, sizeof line,
			 "-ERR 'Permissions Violation for Publish to "
			 "\"%d\"'\r\n",
			 i);
		say(line);
	}
	cr_assert_eq(nats.counters.n_refused, 100);
	cr_assert_gt(nats.refused.n_left_out, 50);
}

/* -- back-pressure -- */

Test(nats, publishes_no_more_than_the_server_reads)
{
	uint64_t n;

	greet();
	for (int i = 0; waiting[0] == '\0' && i < 100000; i++) {
		memset(waiting, 'a', 900);
		strcpy(waiting + 900, "\n");
		nats_go_on(&nats);
		turn();
	}
	cr_assert_eq(strlen(waiting), 901);
	n = nats.counters.n_published;
	while (waiting[0] != '\0') {
		cr_assert_neq(told()[0], '\0');
		turn();
	}
	cr_assert_eq(nats.counters.n_published, n + 1);
}

Test(nats, publishes_again_when_there_is_memory)
{
	greet();
	fault_result(FAULT_ALLOC, FAULT_ANY_FD, FAULT_ALWAYS, -ENOMEM);
	publish("one\n");
	cr_assert_str_eq(waiting, "one\n");
	fault_clear();
	pass(15000);
	cr_assert_not_null(strstr(told(), "PUB hall 3\r\none\r\n"));
	cr_assert_str_eq(waiting, "");
}

/* -- the end -- */

Test(nats, ends_when_all_is_confirmed)
{
	greet();
	publish("one\n");
	nats_finish_all(&server);
	turn();
	cr_assert_eq(worker.n_owing, 1);
	strcpy(waiting, "two\n");
	say("PONG\r\n");
	cr_assert_eq(worker.n_owing, 1);
	say("PONG\r\n");
	cr_assert_eq(worker.n_owing, 0);
	cr_assert_eq(worker.n_lost, 0);
}

Test(nats, ends_at_once_when_nothing_waits)
{
	nats_finish_all(&server);
	cr_assert_eq(worker.n_owing, 0);
	cr_assert_eq(worker.n_lost, 0);
}

Test(nats, waits_with_its_end_for_a_server)
{
	strcpy(waiting, "one\n");
	nats_finish_all(&server);
	cr_assert_eq(worker.n_owing, 1);
	greet();
	cr_assert_not_null(strstr(told(), "PUB hall 3\r\none\r\n"));
	say("PONG\r\n");
	cr_assert_eq(worker.n_owing, 0);
	cr_assert_eq(worker.n_lost, 0);
}

Test(nats, counts_what_is_lost_when_it_is_told_to_end_at_once)
{
	strcpy(waiting, "one\ntwo\n");
	nats_finish_all(&server);
	nats_abort_all(&server);
	cr_assert_eq(worker.n_owing, 0);
	cr_assert_eq(worker.n_lost, 1);
	cr_assert_eq(worker.lost, 8);
}

Test(nats, counts_what_was_not_confirmed_at_the_end)
{
	greet();
	publish("one\n");
	nats_finish_all(&server);
	nats_abort_all(&server);
	turn();
	cr_assert_eq(nats.state, NATS_ENDED);
	cr_assert_eq(worker.n_lost, 1);
	cr_assert_eq(nats.counters.n_unconfirmed, 1);
}

/* -- a cluster -- */

static void begin_tcp(void)
{
	begin_at(harness_address("127.0.0.1:0"));
	fault_time_settle(SETTLE_MS);
}

TestSuite(nats_cluster, .init = begin_tcp, .fini = end);

Test(nats_cluster, goes_on_at_another_server_that_was_named)
{
	struct weir_address other = harness_address("127.0.0.1:0");
	int second = harness_listen(&other, 16);
	int first = listener;
	char name[WEIR_ADDRESS_TEXT_SIZE];
	char words[1024];

	weir_address_format(&other, name, sizeof name);
	accept_client();
	snprintf(words, sizeof words,
		 "INFO {\"connect_urls\":[\"%s\",\"nowhere.invalid:1\","
		 "\"%s\"]}\r\nPONG\r\n",
		 place, name);
	say(words);
	cr_assert_eq(nats.state, NATS_READY);
	close(peer);
	listener = second;
	greet();
	close(peer);
	listener = first;
	greet();
	close(second);
}
