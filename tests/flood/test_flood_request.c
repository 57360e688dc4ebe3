/* Requests of any protocol, and where their answers end. */
#include <criterion/criterion.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "answer.h"
#include "harness.h"
#include "harness_flood.h"
#include "request.h"

TestSuite(flood_request, .init = harness_begin, .fini = harness_end,
	  .timeout = 60);

static struct known server;
static struct flooded run;

/* 200 requests, each of which comes back; in pieces, and several at once. */
static void ask(size_t size, size_t answer_size, const char *const *options)
{
	const char *arguments[16] = {"-c",  "3",	"-p", "4",	"-n",
				     "200", "--warmup", "0",  "--json", "-"};
	struct flooding flooding;
	size_t n = 10;

	known_start(&server, &(struct known_plan){.size = size,
						  .answer_size = answer_size});
	while (*options)
		arguments[n++] = *options++;
	arguments[n] = server.address;
	flood_start(&flooding, arguments);
	flood_wait(&flooding, &run);
	cr_expect_eq(run.status, 0, "%s", run.err);
	cr_expect_eq(flooded_number(&run, "", "messages"), 200);
	cr_expect_eq(flooded_number(&run, "latency_ns", "count"), 200);
	cr_expect_eq(server.truth->n_samples, 200);
	flooded_end(&run, &server);
}

#define ASK(size, answer_size, ...) \
	ask(size, answer_size, (const char *[]){__VA_ARGS__, NULL})

Test(flood_request, an_answer_is_a_line)
{
	ASK(6, 0, "--send", "hello\\n", "--expect-line");
}

Test(flood_request, an_answer_has_so_many_bytes)
{
	ASK(6, 4, "--send", "\\x00ello\\0", "--expect-bytes", "4");
}

Test(flood_request, an_answer_ends_with_a_text)
{
	ASK(8, 0, "--send", "a\\rb\\r\\n\\tE\\\\", "--expect-until",
	    "\\tE\\\\");
}

Test(flood_request, an_answer_of_http_has_a_body)
{
	ASK(35, 0, "--send",
	    "x\\r\\ncontent-length: 10\\r\\n\\r\\n\\r\\n\\r\\n89ABCD",
	    "--expect-until", "\\r\\n\\r\\n");
}

Test(flood_request, an_answer_has_another_size)
{
	ASK(100, 30, "-s", "100:30");
}

/* What had no answer is sent again; without the option it is the end of it. */
static void end_connections(const char *option, const char *rate, int status)
{
	known_start(&server, &(struct known_plan){.size = 64, .n_answers = 20});
	flood(&run, "-c", "3", "-n", "200", "--warmup", "0", "--json", "-",
	      "--late", "1m", "-r", rate, option, server.address, NULL);
	cr_expect_eq(run.status, status, "%s", run.err);
	known_stop(&server);
}

Test(flood_request, what_the_target_ends_is_made_again)
{
	end_connections("--reconnect", "1000000", 0);
	cr_expect_eq(flooded_number(&run, "", "messages"), 200);
	cr_expect_eq(flooded_number(&run, "", "errors"), 0);
	cr_expect_eq(flooded_number(&run, "", "corrupt"), 0);
	cr_expect_geq(flooded_number(&run, "healthy", "reconnects"),
		      200 / 20 - 3);
	cr_expect_eq((double)server.truth->n_accepted,
		     3 + flooded_number(&run, "healthy", "reconnects"));
	known_forget(&server);
	flooded_forget(&run);
}

Test(flood_request, what_the_target_ends_is_an_error_unless_asked)
{
	end_connections("--poisson", "2000", 3);
	cr_expect_eq(flooded_number(&run, "healthy", "reconnects"), 0);
	cr_expect_gt(flooded_number(&run, "", "errors"), 0);
	known_forget(&server);
	flooded_forget(&run);
}

static const char *composed(const struct request *request, uint64_t i,
			    uint32_t connection)
{
	static char text[256];
	const struct request_number number = {i, connection, 1};
	size_t n = request_compose(request, (unsigned char *)text, &number);

	cr_assert_leq(n, request->max_size);
	text[n] = '\0';
	return text;
}

static struct request parse(const char *text, bool has_escapes)
{
	static char kept[256];
	struct request request;

	strcpy(kept, text);
	cr_assert(request_parse(&request, kept, strlen(kept), has_escapes));
	return request;
}

Test(flood_request, a_message_has_its_numbers)
{
	struct request request = parse("{i} {conn} {i:4}\\n{conn:2}", true);

	cr_expect_not(request.is_constant);
	cr_expect_str_eq(composed(&request, 17, 3), "17 3 0017\n03");
	cr_expect_str_eq(composed(&request, 12345, 0), "12345 0 12345\n00");
}

/* In JSON there are other braces, and an escape makes none. */
Test(flood_request, other_braces_are_themselves)
{
	static const char text[] =
		"{\"i\": {}, {x}{i:}{i:0}{i:21}{random}{bytes:}{i";
	struct request request = parse(text, false);

	cr_expect(request.is_constant);
	cr_expect_eq(request.n_parts, 1);
	cr_expect_str_eq(composed(&request, 1, 1), text);
	request = parse("\\x7bi}", true);
	cr_expect_str_eq(composed(&request, 1, 1), "{i}");
	request = parse("\\r", false);
	cr_expect_str_eq(composed(&request, 1, 1), "\\r");
}

Test(flood_request, random_bytes_differ_and_are_the_same_again)
{
	struct request request = parse("{random:20}", true);
	char first[32];

	strcpy(first, composed(&request, 1, 0));
	cr_expect_eq(strlen(first), 20);
	cr_expect_eq(strspn(first, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnop"
				   "qrstuvwxyz0123456789"),
		     20);
	cr_expect_str_neq(composed(&request, 2, 0), first);
	cr_expect_str_eq(composed(&request, 1, 0), first);
	request = parse("{bytes:7}", true);
	cr_expect_eq(request.max_size, 7);
}

Test(flood_request, what_cannot_be_sent_is_refused)
{
	static const char *const texts[] = {"", "\\", "\\q", "{i}\\x1",
					    "{random:16777216}x"};

	for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
		struct request request;
		char text[32];

		strcpy(text, texts[i]);
		cr_expect_not(request_parse(&request, text, strlen(text), true),
			      "%s", text);
	}
}

/* Each message is the echo of a line that no other has. */
Test(flood_request, messages_differ)
{
	ASK(14, 0, "--send", "{i:5} {conn:2} {random:4}\\n", "--expect-line");
}

Test(flood_request, a_message_is_in_a_file)
{
	char path[] = "/tmp/weir-test-XXXXXX";
	char argument[64];
	int fd = mkstemp(path);

	cr_assert_geq(fd, 0);
	cr_assert_eq(write(fd, "a\\r{i:4}\n", 9), 9);
	close(fd);
	snprintf(argument, sizeof argument, "@%s", path);
	ASK(8, 0, "--send", argument, "--expect-line");
	unlink(path);
}

/* Whole, or not at all. */
Test(flood_request, a_head_is_found_when_it_is_whole)
{
	static const char text[] = "HTTP/1.1 200 OK\r\nContent-Length: 123\r\n"
				   "X: y\r\n\r\nbody\r\n\r\n";
	const struct answer answer = {ANSWER_UNTIL, 4, "\r\n\r\n"};
	size_t n_head = (size_t)(strstr(text, "body") - text);
	size_t n_body = 0;

	for (size_t n = 0; n < n_head; n++)
		cr_assert_eq(answer_find_head(&answer, text, n, &n_body), 0);
	cr_expect_eq(answer_find_head(&answer, text, sizeof text, &n_body),
		     n_head);
	cr_expect_eq(n_body, 123);
}
