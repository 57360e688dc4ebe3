/* The live page of weir-server and what feeds it: /, /connections.json and
 * /events. A browser's part is in tests/browser. */
#include <criterion/criterion.h>

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "document.h"
#include "test_server_live.h"

enum {
	SMALL_RCVBUF = 16384,
	N_OWED = 200000, /* less than high */
	N_MANY = 70,
	N_SEEN = 4,
	MAX_VIEWERS = 16
};

TestSuite(server_live, .init = harness_begin, .fini = harness_end,
	  .timeout = LIVE_PATIENCE_S);

static struct live live;

/* -- what is told -- */

Test(server_live, page_comes_whole_and_takes_nothing_from_elsewhere)
{
	const char *body;

	live_start_here(&live, "--workers=1");
	cr_assert_eq(live_status(&live, "/", ""), 200);
	cr_expect(strstr(live.answer, "\r\nContent-Type: text/html"));
	cr_expect(strstr(live.answer,
			 "\r\nContent-Security-Policy: default-src "
			 "'none'; "));
	body = strstr(live.answer, "\r\n\r\n") + 4;
	cr_expect_eq(strncmp(body, "<!DOCTYPE html>", 15), 0);
	cr_expect(strstr(body, "</html>\n"));
	cr_expect_null(strstr(body, "src="));
	cr_assert_eq(served_stop(&live.s), 0);
}

/* A Unix path has whatever bytes it likes. */
Test(server_live, json_is_right_whatever_a_name_has)
{
	struct weir_address path = harness_unix_path("<b>\"\\\xff.sock");
	char argument[SERVED_ADDRESS_SIZE];

	snprintf(argument, sizeof argument, "discard=unix:%s",
		 path.sa.un.sun_path);
	served_start(&live.s, "--metrics=127.0.0.1:0", "--workers=2", argument,
		     "relay=127.0.0.1:0,127.0.0.1:9", NULL);
	served_address(&live.s, "metrics", live.metrics);
	document_check_json(
		live_json(&live),
		"it['phase'] == 'serving'\n"
		"len(it['workers']) == 2\n"
		"'/<b>\"\\\\' in it['endpoints'][1]['address']\n"
		"it['endpoints'][2]['targets'][0]['target'] == '127.0.0.1:9'\n"
		"it['endpoints'][2]['targets'][0]['up']\n"
		"[s['service'] for s in it['services']] == "
		"['metrics', 'discard', 'relay', 'relay-target']\n");
	cr_assert_eq(served_stop(&live.s), 0);
	harness_remove_folder();
}

/* A client of echo that does not read, once it is told as stalled. */
static int be_stalled(void)
{
	static unsigned char data[N_OWED];
	int fd = dial(live.echo, SMALL_RCVBUF);

	harness_write(fd, data, N_OWED);
	while (!strstr(live_json(&live), "\"state\": \"stalled\""))
		;
	return fd;
}

Test(server_live, json_tells_who_is_stalled)
{
	int fd;

	live_start_here(&live, "--workers=2");
	fd = be_stalled();
	while (!strstr(live_json(&live),
		       "\"received\": 200000, \"unread\": 0, "))
		;
	document_check_json(strstr(live.answer, "\r\n\r\n") + 4,
			    "it['connections'][0]['service'] == 'echo'\n"
			    "it['connections'][0]['state'] == 'stalled'\n"
			    "it['connections'][0]['full_ns'] >= 250000000\n"
			    "it['connections'][0]['accepted'] == 200000\n"
			    "it['connections'][0]['accepted'] == "
			    "it['connections'][0]['sent'] + "
			    "it['connections'][0]['queued']\n"
			    "it['connections'][0]['kernel_unacked'] > 0\n"
			    "it['connections'][0]['low'] == 65536\n"
			    "it['connections'][0]['high'] == 262144\n"
			    "it['connections'][0]['max'] == 1048576\n"
			    "sum(s['stalled'] for s in it['sizes']) == 1\n"
			    "sum(s['flowing'] for s in it['sizes']) == 1\n");
	close(fd);
	served_line(&live.s, "bytes unsent");
	cr_assert_eq(served_stop(&live.s), 0);
}

/* Every key, as far as there is a connection and a close. */
Test(server_live, json_is_described)
{
	live_start_here(&live, "--workers=1");
	close(be_stalled());
	served_line(&live.s, "bytes unsent");
	document_check_json(
		live_json(&live),
		"[k for k in __import__('re').findall('\"([a-z_]+)\":', "
		"json.dumps(it)) if not __import__('re').search("
		"'[`.]' + k + '[`[]', open('docs/live-page.md').read())] == "
		"[]\n"
		"len(it['closes']) == 1\n");
	cr_assert_eq(served_stop(&live.s), 0);
}

/* It reads now and then: its kernel is never full for long. */
Test(server_live, json_tells_who_is_throttled)
{
	static unsigned char data[N_OWED];
	int fd;

	live_start_here(&live, "--high=64K");
	fd = dial(live.echo, SMALL_RCVBUF);
	harness_write(fd, data, N_OWED);
	while (!strstr(live_json(&live), "\"state\": \"throttled\""))
		harness_read(fd, data, SMALL_RCVBUF / 4);
	document_check_json(strstr(live.answer, "\r\n\r\n") + 4,
			    "it['connections'][0]['high'] == 65536\n"
			    "it['connections'][0]['queued'] >= 65536\n");
	close(fd);
	served_line(&live.s, "bytes unsent");
	cr_assert_eq(served_stop(&live.s), 0);
}

/* It has been answered, and its FIN has not come. */
Test(server_live, json_tells_who_is_draining)
{
	char address[SERVED_ADDRESS_SIZE];
	int fd;

	served_start(&live.s, "--metrics=127.0.0.1:0", "greet=127.0.0.1:0",
		     NULL);
	served_address(&live.s, "metrics", live.metrics);
	served_address(&live.s, "greet", address);
	fd = dial(address, 0);
	expect_greeting(fd, "Hey~~~");
	document_check_json(live_json(&live),
			    "[c['state'] for c in it['connections'] "
			    "if c['service'] == 'greet'] == ['draining']\n");
	close(fd);
	cr_assert_eq(served_stop(&live.s), 0);
}

Test(server_live, json_has_the_largest_and_counts_all)
{
	int fds[N_MANY];
	int fd;

	live_start_here(&live, "--workers=3");
	for (int i = 0; i < N_MANY; i++) {
		fds[i] = dial(live.echo, 0);
		expect_echo(fds[i], "here");
	}
	fd = be_stalled();
	/* until those that have asked before have gone */
	while (!strstr(live_json(&live),
		       "\"service\": \"metrics\", \"connections\": 1, "))
		;
	document_check_json(
		strstr(live.answer, "\r\n\r\n") + 4,
		"len(it['connections']) == 64\n"
		"it['connections'][0]['queued'] > 0\n"
		"sum(c['queued'] for c in it['connections'][1:]) == 0\n"
		/* the stalled one, and the one that asks */
		"sum(sum(s.values()) - s.get('below', 0) for s in it['sizes'])"
		" == 70 + 2\n");
	for (int i = 0; i < N_MANY; i++)
		close(fds[i]);
	close(fd);
	served_line(&live.s, "bytes unsent");
	cr_assert_eq(served_stop(&live.s), 0);
}

/* Those that end well do not push out one that does not. */
Test(server_live, json_has_the_last_closes)
{
	int fd;

	live_start_here(&live, "--workers=2");
	fd = be_stalled();
	close(fd);
	served_line(&live.s, "bytes unsent");
	for (int i = 0; i < N_MANY; i++) {
		fd = dial(live.echo, 0);
		expect_echo(fd, "12345");
		shutdown(fd, SHUT_WR);
		expect_end(fd);
		close(fd);
	}
	while (!strstr(live_json(&live), "\"accepted\": 71, "))
		;
	document_check_json(strstr(live.answer, "\r\n\r\n") + 4,
			    "8 <= len(it['closes']) <= 24\n"
			    "it['closes'][0]['reason'] == 'finished'\n"
			    "it['closes'][0]['sent'] == 5\n"
			    "it['closes'] == sorted(it['closes'], "
			    "key = lambda c: -c['when_ns'])\n");
	cr_assert_eq(served_stop(&live.s), 0);
}

/* -- events -- */

/* Read to the end of the next event; its data. */
static const char *read_event(int fd)
{
	size_t n = 0;

	do {
		n = 0;
		do {
			cr_assert_lt(n, sizeof live.answer - 1);
			harness_read(fd, live.answer + n++, 1);
			live.answer[n] = '\0';
		} while (n < 2 || strcmp(live.answer + n - 2, "\n\n") != 0);
	} while (strncmp(live.answer, "data: ", 6) != 0);
	return live.answer + 6;
}

static unsigned long long now_of(const char *event)
{
	const char *at = strstr(event, "\"now_ns\": ");

	cr_assert(at);
	return strtoull(at + strlen("\"now_ns\": "), NULL, 10);
}

Test(server_live, events_follow_each_other)
{
	unsigned long long before;
	int fd;

	live_start_here(&live, "--workers=2");
	fd = live_ask(&live, "GET /events", "Accept: text/event-stream\r\n", 0);
	before = now_of(read_event(fd));
	cr_expect_gt(now_of(read_event(fd)), before);
	document_check_json(live.answer + 6,
			    "it['connections'][0]['service'] == 'metrics'\n"
			    "it['workers'][0]['recent_turn_ns'] > 0\n"
			    "it['workers'][0]['longest_turn_ns'] >= "
			    "it['workers'][0]['recent_turn_ns']\n");
	close(fd);
	cr_expect_eq(live_status(&live, "/healthz", ""), 200);
	cr_assert_eq(served_stop(&live.s), 0);
}

static unsigned long largest_queue(const char *json)
{
	const char *connections = strstr(json, "\"connections\": [");
	const char *queued;

	cr_assert(connections);
	queued = strstr(connections, "\"queued\": ");
	cr_assert(queued);
	return strtoul(queued + strlen("\"queued\": "), NULL, 10);
}

/* While it does not read, the events that others get are not kept for it. What
 * is in the buffers comes whole, and behind it the newest. */
Test(server_live, events_for_a_slow_browser_are_the_newest)
{
	unsigned long long last = 0;
	unsigned long long at = 0;
	unsigned long long before = 0;
	int fds[N_MANY];
	int slow;
	int fast;

	live_start_here(&live, "--workers=1");
	for (int i = 0; i < N_MANY; i++) {
		fds[i] = dial(live.echo, 0);
		expect_echo(fds[i], "for long events");
	}
	slow = live_ask(&live, "GET /events", "", SMALL_RCVBUF);
	fast = live_ask(&live, "GET /events", "", 0);
	while (largest_queue(live_json(&live)) == 0)
		;
	for (int i = 0; i < N_SEEN; i++)
		last = now_of(read_event(fast));
	document_check_json(live_json(&live),
			    "it['connections'][0]['service'] == 'metrics'\n"
			    "it['connections'][0]['queued'] < 32768\n");
	for (int i = 0; at <= last; i++) {
		before = at;
		at = now_of(read_event(slow));
		document_check_json(live.answer + 6, "it['closes'] == []\n");
		cr_assert_lt(i, N_SEEN, "nothing was left out");
	}
	cr_expect_gt(at - before, 900000000ULL);
	close(slow);
	close(fast);
	for (int i = 0; i < N_MANY; i++)
		close(fds[i]);
	cr_assert_eq(served_stop(&live.s), 0);
}

Test(server_live, viewers_leave_room_for_scrapers)
{
	int fds[MAX_VIEWERS];
	int fd;

	live_start_here(&live, "--workers=2");
	for (int i = 0; i < MAX_VIEWERS; i++) {
		fds[i] = live_ask(&live, "GET /events", "", 0);
		read_event(fds[i]);
	}
	fd = live_ask(&live, "GET /events", "", 0);
	harness_read(fd, live.answer, strlen("HTTP/1.1 503"));
	cr_expect_eq(memcmp(live.answer, "HTTP/1.1 503", 12), 0);
	close(fd);
	cr_expect_eq(live_status(&live, "/healthz", ""), 200);
	cr_expect_eq(live_status(&live, "/metrics", ""), 200);
	for (int i = 0; i < MAX_VIEWERS; i++)
		close(fds[i]);
	cr_assert_eq(served_stop(&live.s), 0);
}

Test(server_live, events_end_with_the_server)
{
	int fd;

	live_start_here(&live, "--workers=2");
	fd = live_ask(&live, "GET /events", "", 0);
	read_event(fd);
	kill(live.s.pid, SIGTERM);
	while (recv(fd, live.answer, sizeof live.answer, 0) > 0)
		;
	close(fd);
	cr_assert_eq(served_end(&live.s), 0);
}

Test(server_live, events_have_a_head_like_others)
{
	size_t n = 0;
	int fd;

	live_start_here(&live, "--workers=1");
	fd = live_ask(&live, "HEAD /events", "", 0);
	while (recv(fd, live.answer + n, 1, 0) == 1)
		n++;
	live.answer[n] = '\0';
	close(fd);
	cr_expect(
		strstr(live.answer, "\r\nContent-Type: text/event-stream\r\n"));
	cr_expect_str_eq(live.answer + n - 4, "\r\n\r\n");
	cr_assert_eq(served_stop(&live.s), 0);
}
