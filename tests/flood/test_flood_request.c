/* Requests of any protocol, and where their answers end. */
#include <criterion/criterion.h>

#include <string.h>

#include "answer.h"
#include "harness.h"
#include "harness_flood.h"

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
	flooded_forget(&run);
	known_stop(&server);
	known_forget(&server);
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
	known_start(&server, &(struct known_plan){.size = 64,
						  .fault = KNOWN_CLOSES,
						  .fault_at = 20,
						  .fault_every = 20});
	flood(&run, "-c", "3", "-n", "200", "--warmup", "0", "--json", "-",
	      "--late", "1s", "-r", rate, option, server.address, NULL);
	cr_expect_eq(run.status, status, "%s", run.err);
	known_stop(&server);
}

Test(flood_request, what_the_target_ends_is_made_again)
{
	end_connections("--reconnect", "2000", 0);
	cr_expect_eq(flooded_number(&run, "", "messages"), 200);
	cr_expect_eq(flooded_number(&run, "", "errors"), 0);
	cr_expect_eq(flooded_number(&run, "", "corrupt"), 0);
	cr_expect_geq(flooded_number(&run, "healthy", "reconnects"), 10);
	cr_expect_eq(server.truth->n_accepted,
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
