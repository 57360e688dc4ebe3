/* Lines as Server-Sent Events, and ids: what is written is what a browser
 * reads. */
#include <criterion/criterion.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "harness.h"
#include "sse.h"

enum {
	MAX_LINE = 200,
	EVENT_SIZE = 4096
};

TestSuite(sse, .init = harness_begin, .fini = harness_end);

/* In memory of just the size that was asked for. */
static void expect_event(const char *line, size_t n, const char *expected)
{
	const struct sse_id id = {.epoch = 0xabc, .n = 7};
	char *event = malloc(sse_size(line, n));
	size_t n_event = sse_write(event, &id, line, n);

	cr_assert_leq(n_event, sse_size(line, n));
	cr_assert_eq(n_event, strlen(expected), "%.*s", (int)n_event, event);
	cr_assert_arr_eq(event, expected, n_event);
	free(event);
}

Test(sse, a_line_is_an_event)
{
	expect_event("hello\n", 6, "id: abc-7\ndata: hello\n\n");
	expect_event("\n", 1, "id: abc-7\ndata: \n\n");
	expect_event(" a: b\n", 6, "id: abc-7\ndata:  a: b\n\n");
}

Test(sse, a_carriage_return_injects_nothing)
{
	expect_event("a\r\n", 3, "id: abc-7\ndata: a\n\n");
	expect_event("\r\n", 2, "id: abc-7\ndata: \n\n");
	expect_event("a\rdata: b\r\r\n", 12,
		     "id: abc-7\ndata: a\ndata: data: b\ndata: \n\n");
	expect_event("\revent: x\n", 10,
		     "id: abc-7\ndata: \ndata: event: x\n\n");
}

/* -- as a browser reads it -- */

struct event {
	char data[EVENT_SIZE];
	size_t n_data;
	char id[EVENT_SIZE];
	size_t n_other; /* fields */
};

static void take_field(struct event *event, const char *line, size_t n)
{
	if (n >= 6 && memcmp(line, "data: ", 6) == 0) {
		memcpy(event->data + event->n_data, line + 6, n - 6);
		event->n_data += n - 6;
		event->data[event->n_data++] = '\n';
	} else if (n >= 4 && memcmp(line, "id: ", 4) == 0) {
		memcpy(event->id, line + 4, n - 4);
		event->id[n - 4] = '\0';
	} else {
		event->n_other++;
	}
}

/* Lines end by CR, LF or both; an empty one ends the event, which must be all
 * of the text. */
static void read_event(const char *text, size_t n, struct event *event)
{
	size_t begin = 0;
	bool is_over = false;

	for (size_t i = 0; i < n; i++) {
		if (text[i] != '\n' && text[i] != '\r')
			continue;
		cr_assert_not(is_over);
		is_over = i == begin;
		if (!is_over)
			take_field(event, text + begin, i - begin);
		if (text[i] == '\r' && i + 1 < n && text[i + 1] == '\n')
			i++;
		begin = i + 1;
	}
	cr_assert(is_over && begin == n);
}

/* A browser's data of a line: what separates its parts is a newline, and there
 * is none at the end. */
static size_t expected_data(const char *line, size_t n, char *data)
{
	n--;
	if (n > 0 && line[n - 1] == '\r')
		n--;
	for (size_t i = 0; i < n; i++)
		data[i] = line[i];
	for (size_t i = 0; i < n; i++)
		if (data[i] == '\r')
			data[i] = '\n';
	return n;
}

Test(sse, any_line_is_one_event_for_a_browser)
{
	static const char some[] = "ab :\r\r\0\xff\xc3";

	for (int round = 0; round < 20000; round++) {
		const struct sse_id id = {.epoch = UINT64_MAX, .n = UINT64_MAX};
		struct event event = {.n_data = 0};
		char line[MAX_LINE];
		char text[EVENT_SIZE];
		char data[MAX_LINE];
		size_t n = 1 + harness_random_below(MAX_LINE);
		size_t n_data;

		for (size_t i = 0; i + 1 < n; i++)
			line[i] = some[harness_random_below(sizeof some - 1)];
		line[n - 1] = '\n';
		read_event(text, sse_write(text, &id, line, n), &event);
		n_data = expected_data(line, n, data);
		cr_assert_eq(event.n_other, 0);
		cr_assert_eq(event.n_data, n_data + 1);
		cr_assert_eq(memcmp(event.data, data, n_data), 0);
		cr_assert_str_eq(event.id,
				 "ffffffffffffffff-18446744073709551615");
	}
}

/* -- ids -- */

static bool is_id(const char *text)
{
	struct sse_id id;

	return sse_parse_id(text, strlen(text), &id);
}

Test(sse, an_id_is_read_as_it_was_written)
{
	struct sse_id id;

	cr_assert(sse_parse_id("abc-7", 5, &id));
	cr_assert_eq(id.epoch, 0xabc);
	cr_assert_eq(id.n, 7);
	cr_assert(sse_parse_id("0-0", 3, &id));
	cr_assert(is_id("ffffffffffffffff-18446744073709551615"));
}

Test(sse, nothing_else_is_an_id)
{
	const char *const others[] = {
		"",
		"-",
		"7",
		"abc",
		"abc-",
		"-7",
		"abc-7x",
		"abc-07",
		" abc-7",
		"abc- 7",
		"abc-+7",
		"ABC-7",
		"0xabc-7",
		"abc-7-",
		"abc--7",
		"1-18446744073709551616",
		"fffffffffffffffff-1",
		"1111111111111111111111111111111111111111111111111-1"};

	for (size_t i = 0; i < sizeof others / sizeof *others; i++)
		cr_assert_not(is_id(others[i]), "%s", others[i]);
	cr_assert_not(sse_parse_id("ab\0-7", 5, &(struct sse_id){0}));
	cr_assert_not(sse_parse_id("abc-7\0", 6, &(struct sse_id){0}));
}
