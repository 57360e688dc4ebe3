/* The trace tells what happened, in the order in which it did. */
#include <criterion/criterion.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "trace.h"
#include "fault.h"
#include "harness.h"

static void set_up(void)
{
	harness_begin();
	fault_time_real();
}

TestSuite(demo_trace, .init = set_up, .fini = harness_end, .timeout = 60);

static size_t find(const struct trace *trace, enum trace_kind kind)
{
	size_t i = 0;

	while (i < trace->n_events && trace->events[i].kind != kind)
		i++;
	return i;
}

static size_t count(const struct trace *trace, enum trace_kind kind)
{
	size_t n = 0;

	for (size_t i = 0; i < trace->n_events; i++)
		n += trace->events[i].kind == kind;
	return n;
}

static size_t sum(const struct trace *trace, enum trace_kind kind)
{
	size_t n = 0;

	for (size_t i = 0; i < trace->n_events; i++)
		if (trace->events[i].kind == kind)
			n += trace->events[i].n;
	return n;
}

Test(demo_trace, send_leaves_the_rest_to_the_caller)
{
	struct trace trace;

	cr_assert_eq(trace_send(&trace), 0);
	cr_assert(trace.is_intact);
	cr_assert_eq(trace.events[0].kind, TRACE_CALL);
	cr_assert_eq(trace.events[0].n, TRACE_SIZE);
	cr_assert_eq(trace.events[1].kind, TRACE_TAKEN);
	cr_assert_gt(trace.events[1].left, 0, "the first send is short");
	cr_assert_eq(trace.events[2].kind, TRACE_KEPT);
	cr_assert_eq(trace.events[2].n, trace.events[1].left);
	cr_assert_eq(sum(&trace, TRACE_TAKEN), TRACE_SIZE);
	cr_assert_lt(find(&trace, TRACE_ARMED), find(&trace, TRACE_WRITABLE));
	cr_assert_eq(count(&trace, TRACE_WRITABLE) + 1,
		     count(&trace, TRACE_CALL), "each is for one send");
	cr_assert_eq(count(&trace, TRACE_QUEUED), 0);
	cr_assert_eq(count(&trace, TRACE_MOVED), 0);
	cr_assert_eq(trace.events[trace.n_events - 1].kind, TRACE_DISARMED);
}

Test(demo_trace, sendall_is_called_once_and_the_rest_follows)
{
	struct trace trace;

	cr_assert_eq(trace_sendall(&trace), 0);
	cr_assert(trace.is_intact);
	cr_assert_eq(count(&trace, TRACE_CALL), 1);
	cr_assert_eq(trace.events[0].kind, TRACE_CALL);
	cr_assert_eq(trace.events[1].kind, TRACE_TAKEN);
	cr_assert_gt(trace.events[1].left, 0);
	cr_assert_eq(trace.events[2].kind, TRACE_QUEUED);
	cr_assert_eq(trace.events[2].n, trace.events[1].left);
	cr_assert_eq(count(&trace, TRACE_RETURNED), 1);
	cr_assert_lt(find(&trace, TRACE_ARMED), find(&trace, TRACE_MOVED));
	cr_assert_eq(sum(&trace, TRACE_MOVED), trace.events[2].n);
	cr_assert_lt(find(&trace, TRACE_MOVED), find(&trace, TRACE_DRAINED));
	cr_assert_eq(count(&trace, TRACE_WRITABLE), 0);
	cr_assert_eq(trace.events[trace.n_events - 1].kind, TRACE_DISARMED);
}

/* As on the terminal for which it is made. */
Test(demo_trace, fits_eighty_columns)
{
	struct trace send;
	struct trace sendall;
	char *text = NULL;
	size_t size = 0;
	FILE *out = open_memstream(&text, &size);
	char *rest;
	char *line;

	cr_assert_eq(trace_send(&send), 0);
	cr_assert_eq(trace_sendall(&sendall), 0);
	trace_print(out, &send, &sendall);
	fclose(out);
	cr_assert(strstr(text, "caller calls sendall(1,048,576)"));
	cr_assert(strstr(text, "  sendall  called 1 time; the reader got "
			       "1,048,576, all of them right\n"));
	rest = text;
	while ((line = strsep(&rest, "\n")))
		cr_assert_leq(strlen(line), 80, "%s", line);
	free(text);
}
