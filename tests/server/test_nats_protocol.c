/* The protocol of NATS: what a server says is understood, or refused; what is
 * written is what a server understands. */
#include <criterion/criterion.h>

#include <stdlib.h>
#include <string.h>

#include "harness.h"
#include "nats_protocol.h"

TestSuite(nats_protocol, .init = harness_begin, .fini = harness_end);

static struct nats_operation parse(const char *text)
{
	return nats_protocol_parse(text, strlen(text));
}

static void expect_kind(const char *line, enum nats_kind kind)
{
	struct nats_operation op = parse(line);

	cr_assert_eq(op.kind, kind, "%s", line);
	cr_assert_eq(op.size, strlen(line), "%s", line);
}

static void expect_text(const struct nats_operation *op, const char *text)
{
	cr_assert_eq(op->n_text, strlen(text));
	cr_assert_arr_eq(op->text, text, op->n_text);
}

Test(nats_protocol, knows_each_operation_by_its_name_in_any_case)
{
	expect_kind("PING\r\n", NATS_PING);
	expect_kind("pong\r\n", NATS_PONG);
	expect_kind("+OK\r\n", NATS_OK);
	expect_kind("Info {}\r\n", NATS_INFO);
	expect_kind("-ERR 'x'\r\n", NATS_ERR);
	expect_kind("MSG a 1 0\r\n", NATS_MSG);
	expect_kind("PING\n", NATS_PING);
}

Test(nats_protocol, refuses_what_is_no_operation)
{
	expect_kind("\r\n", NATS_WRONG);
	expect_kind("PINGS\r\n", NATS_WRONG);
	expect_kind("HTTP/1.1 400 Bad Request\r\n", NATS_WRONG);
	expect_kind("MSG\r\n", NATS_WRONG);
	expect_kind("MSG 5\r\n", NATS_WRONG);
	expect_kind("MSG a 1\r\n", NATS_MSG);
	expect_kind("MSG a 1 x\r\n", NATS_WRONG);
	expect_kind("MSG a 1 -1\r\n", NATS_WRONG);
	expect_kind("MSG a 1 9999999999\r\n", NATS_WRONG);
}

Test(nats_protocol, waits_for_the_end_of_a_line)
{
	static const char text[] = "MSG hall 1 12\r\nPING\r\n";

	for (size_t n = 0; n < 15; n++)
		cr_assert_eq(nats_protocol_parse(text, n).kind, NATS_MORE);
	cr_assert_eq(parse(text).size, 15);
}

Test(nats_protocol, takes_no_line_without_an_end_for_long)
{
	static char text[NATS_MAX_LINE];

	memset(text, 'a', sizeof text);
	cr_assert_eq(nats_protocol_parse(text, sizeof text - 1).kind,
		     NATS_MORE);
	cr_assert_eq(nats_protocol_parse(text, sizeof text).kind, NATS_WRONG);
}

Test(nats_protocol, reads_the_size_of_a_message)
{
	cr_assert_eq(parse("MSG hall 1 12\r\n").n_payload, 12);
	cr_assert_eq(parse("MSG hall 1 INBOX.7 0 \r\n").n_payload, 0);
	cr_assert_eq(parse("MSG\thall\t1\t999999999\r\n").n_payload, 999999999);
}

Test(nats_protocol, reads_an_error_without_its_quotes)
{
	struct nats_operation op = parse("-ERR 'Slow Consumer'\r\n");

	expect_text(&op, "Slow Consumer");
	op = parse("-ERR it's late \r\n");
	expect_text(&op, "it's late");
	op = parse("-ERR\r\n");
	expect_text(&op, "");
	op = parse("-ERR '\r\n");
	expect_text(&op, "'");
}

/* -- INFO -- */

static bool parse_info(struct nats_info *info, const char *text)
{
	return nats_protocol_parse_info(info, text, strlen(text));
}

Test(nats_protocol, finds_in_info_what_matters_among_the_rest)
{
	struct nats_info info;

	cr_assert(parse_info(
		&info,
		" { \"server_id\":\"N\\\"}\\\\\", \"max_payload\" : 1048576,\n"
		"\"x\":{\"max_payload\":[1,{\"tls_required\":true}],\"y\":-1."
		"5e3},"
		"\"tls_required\":true, \"connect_urls\":[\"10.0.0.1:4222\" ,"
		"\"[::1]:4223\"],\"z\":null} "));
	cr_assert_eq(info.max_payload, 1048576);
	cr_assert(info.is_tls_required);
	cr_assert_eq(info.n_urls, 2);
	cr_assert_str_eq(info.urls[0], "10.0.0.1:4222");
	cr_assert_str_eq(info.urls[1], "[::1]:4223");
}

Test(nats_protocol, takes_an_info_that_says_nothing)
{
	struct nats_info info;

	cr_assert(parse_info(&info, "{}"));
	cr_assert_eq(info.max_payload, 0);
	cr_assert_not(info.is_tls_required);
	cr_assert_eq(info.n_urls, 0);
	cr_assert(parse_info(&info, "{\"connect_urls\":null,"
				    "\"max_payload\":\"much\","
				    "\"tls_required\":false}"));
	cr_assert_eq(info.max_payload, 0);
	cr_assert_not(info.is_tls_required);
	cr_assert_eq(info.n_urls, 0);
}

Test(nats_protocol, takes_as_many_urls_as_there_is_room_for)
{
	char text[4096] = "{\"connect_urls\":[\"a:1\"";
	struct nats_info info;

	for (int i = 0; i < 2 * NATS_MAX_URLS; i++)
		strcat(text, ",\"127.0.0.1:4222\"");
	strcat(text, "],\"max_payload\":7}");
	cr_assert(parse_info(&info, text));
	cr_assert_eq(info.n_urls, NATS_MAX_URLS);
	cr_assert_eq(info.max_payload, 7);
}

Test(nats_protocol, refuses_an_info_that_is_cut_off_anywhere)
{
	static const char text[] =
		"{\"a\":[{\"b\":1},\"\\u00e9\"],"
		"\"max_payload\":9,\"connect_urls\":[\"h:1\"]}";
	struct nats_info info;

	cr_assert(parse_info(&info, text));
	for (size_t n = 0; n < sizeof text - 1; n++)
		cr_assert_not(nats_protocol_parse_info(&info, text, n), "%zu",
			      n);
}

/* -- writing -- */

Test(nats_protocol, accepts_subjects_that_can_be_published_to)
{
	char longest[NATS_MAX_SUBJECT + 2];

	cr_assert(nats_protocol_is_subject("hall"));
	cr_assert(nats_protocol_is_subject("weir.hall.7"));
	cr_assert(nats_protocol_is_subject("$x.h\xc3\xa9"));
	cr_assert_not(nats_protocol_is_subject(""));
	cr_assert_not(nats_protocol_is_subject("a b"));
	cr_assert_not(nats_protocol_is_subject("a\r\nPING"));
	cr_assert_not(nats_protocol_is_subject("a.*"));
	cr_assert_not(nats_protocol_is_subject("a.>"));
	cr_assert_not(nats_protocol_is_subject(".a"));
	cr_assert_not(nats_protocol_is_subject("a."));
	cr_assert_not(nats_protocol_is_subject("a..b"));
	memset(longest, 'a', sizeof longest);
	longest[NATS_MAX_SUBJECT] = '\0';
	cr_assert(nats_protocol_is_subject(longest));
	longest[NATS_MAX_SUBJECT] = 'a';
	longest[NATS_MAX_SUBJECT + 1] = '\0';
	cr_assert_not(nats_protocol_is_subject(longest));
}

Test(nats_protocol, greets_with_a_login_that_json_can_hold)
{
	struct nats_login login = {.user = "a", .password = "p\"\r\n\\"};
	size_t n;
	char *text = nats_protocol_hello(&login, "hall", &n);

	cr_assert_not_null(text);
	cr_assert_eq(strncmp(text, "CONNECT {", 9), 0);
	cr_assert_not_null(strstr(text, "\"verbose\": false"));
	cr_assert_not_null(strstr(text, "\"echo\": false"));
	cr_assert_not_null(strstr(text, "\"no_responders\": false"));
	cr_assert_not_null(strstr(text, "\"user\": \"a\""));
	cr_assert_not_null(strstr(text, "\"pass\": \"p\\\""));
	cr_assert_null(strstr(text, "auth_token"));
	cr_assert_str_eq(strchr(text, '\n') - 2, "}\r\nSUB hall 1\r\nPING\r\n");
	cr_assert_eq(n, strlen(text));
	free(text);
}

Test(nats_protocol, writes_the_head_of_a_line_before_it)
{
	char room[NATS_HEAD_SIZE];
	char subject[NATS_MAX_SUBJECT + 1];
	char *end = room + sizeof room;
	char *head = nats_protocol_head(end, "hall", 12);

	cr_assert_eq(end - head, 13);
	cr_assert_arr_eq(head, "PUB hall 12\r\n", 13);
	memset(subject, 'a', sizeof subject);
	subject[NATS_MAX_SUBJECT] = '\0';
	cr_assert_geq(nats_protocol_head(end, subject, SIZE_MAX), room);
}
