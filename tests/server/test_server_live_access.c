/* Who is let see the live page, and what feeds it. */
#include <criterion/criterion.h>

#include <stdio.h>
#include <string.h>

#include "test_server_live.h"

enum {
	PATH_SIZE = 64,
	ARGUMENTS_SIZE = 512
};

#define TOKEN "a-token-of-20-bytes."

TestSuite(server_live_access, .init = harness_begin, .fini = harness_end,
	  .timeout = LIVE_PATIENCE_S);

static struct live live;

static const char *const pages[] = {"/", "/connections.json", "/events",
				    "/other"};

static void expect_all(const char *query, const char *fields, int status)
{
	char path[PATH_SIZE];

	for (size_t i = 0; i < sizeof pages / sizeof *pages; i++) {
		snprintf(path, sizeof path, "%s%s", pages[i], query);
		cr_expect_eq(live_status(&live, path, fields), status, "%s: %s",
			     path, live.answer);
	}
}

Test(server_live_access, is_not_open_to_the_world)
{
	live_start(&live, "--metrics=0.0.0.0:0", "--workers=1");
	expect_all("", "", 403);
	cr_expect(strstr(live.answer,
			 "\r\n\r\nthis address is not of this machine "
			 "alone: start the server with "
			 "--metrics-token\n"));
	cr_expect_eq(live_status(&live, "/metrics", ""), 200);
	cr_expect_eq(live_status(&live, "/healthz", ""), 200);
	cr_assert_eq(served_stop(&live.s), 0);
}

Test(server_live_access, is_open_to_those_with_the_token)
{
	live_start(&live, "--metrics=0.0.0.0:0", "--metrics-token=" TOKEN);
	expect_all("", "", 401);
	cr_expect(strstr(live.answer, "\r\nWWW-Authenticate: Bearer\r\n"));
	expect_all("?token=a-token-of-20-bytes,", "", 401);
	expect_all("?token=a-token-of-20-bytes", "", 401);
	expect_all("?token=" TOKEN ".", "", 401);
	expect_all("?token=", "", 401);
	expect_all("?nottoken=" TOKEN, "", 401);
	expect_all("", "Authorization: Basic " TOKEN "\r\n", 401);
	expect_all("", "Authorization: Bearer \r\n", 401);
	cr_expect_eq(
		live_status(&live, "/", "Authorization: Bearer " TOKEN "\r\n"),
		200);
	cr_expect_eq(
		live_status(&live, "/", "authorization: bearer " TOKEN "\r\n"),
		200);
	cr_expect_eq(live_status(&live, "/?token=" TOKEN, ""), 200);
	cr_expect_eq(live_status(&live,
				 "/connections.json?a=b&token=" TOKEN "&c", ""),
		     200);
	cr_expect_eq(live_status(&live, "/metrics", ""), 401);
	cr_expect_eq(live_status(&live, "/metrics?token=" TOKEN, ""), 200);
	cr_expect_eq(live_status(&live, "/healthz", ""), 200);
	cr_assert_eq(served_stop(&live.s), 0);
}

Test(server_live_access, token_of_a_file_is_not_among_the_arguments)
{
	struct weir_address path = harness_unix_path("arguments");
	const char *name = path.sa.un.sun_path;
	char argument[SERVED_ADDRESS_SIZE];
	char text[ARGUMENTS_SIZE] = "";
	FILE *file = fopen(name, "w");

	cr_assert(file);
	fputs("--metrics-token=" TOKEN "\n", file);
	fclose(file);
	snprintf(argument, sizeof argument, "@%s", name);
	live_start_here(&live, argument);
	cr_expect_eq(live_status(&live, "/", ""), 401);
	cr_expect_eq(live_status(&live, "/?token=" TOKEN, ""), 200);
	snprintf(argument, sizeof argument, "/proc/%d/cmdline",
		 (int)live.s.pid);
	file = fopen(argument, "r");
	cr_assert(file);
	cr_assert_gt(fread(text, 1, sizeof text, file), 0U);
	fclose(file);
	cr_expect_null(memmem(text, sizeof text, TOKEN, strlen(TOKEN)));
	cr_assert_eq(served_stop(&live.s), 0);
	harness_remove_folder();
}

/* The name of another page's server, which has it resolved to this machine. */
Test(server_live_access, is_not_open_to_pages_from_elsewhere)
{
	live_start_here(&live, "--workers=1");
	cr_expect_eq(live_status(&live, "/", "Host: evil.example:7070\r\n"),
		     403);
	cr_expect_eq(
		live_status(&live, "/", "Host: localhost.evil.example\r\n"),
		403);
	cr_expect_eq(live_status(&live, "/", "Host: localhost:7070\r\n"), 200);
	cr_expect_eq(live_status(&live, "/", "Host: LOCALHOST\r\n"), 200);
	cr_expect_eq(live_status(&live, "/", "Host: 127.0.0.1:7070\r\n"), 200);
	cr_expect_eq(live_status(&live, "/", "Host: [::1]:7070\r\n"), 200);
	cr_expect_eq(live_status(&live, "/metrics", "Host: evil.example\r\n"),
		     200);
	cr_assert_eq(served_stop(&live.s), 0);
}

Test(server_live_access, token_has_to_be_one)
{
	expect_refusal_of("--metrics-token=short",
			  "--metrics-token short: expected 16 to "
			  "256 letters, digits or -._~");
	expect_refusal_of("--metrics-token=sixteen and more",
			  "--metrics-token sixteen and more: "
			  "expected 16 to 256 letters, digits or -._~");
}
