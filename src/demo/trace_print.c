/* The trace in words, in two columns. A round begins with what lets bytes
 * move: the first call, on_writable on the left, EPOLLOUT on the right. Rounds
 * stand beside each other, so both columns tell the same time. */
#include "trace.h"

#include "quantity.h"

enum {
	COLUMN = 38
};

static const char rule[] = "--------------------------------------";

/* What stands before n, between it and the whole of which it is a part, and
 * behind: where there is NULL the number is left out too. */
struct phrase {
	const char *before;
	const char *between;
	const char *behind;
};

static struct phrase phrase_for(const struct trace *trace,
				const struct trace_event *event)
{
	switch (event->kind) {
	case TRACE_CALL:
		if (trace->is_sendall)
			return (struct phrase){"caller calls sendall(", ")",
					       NULL};
		return (struct phrase){"caller calls send(", ")", NULL};
	case TRACE_TAKEN:
		if (event->left > 0)
			return (struct phrase){"  kernel took ", ": short",
					       NULL};
		return (struct phrase){"  kernel took ", ": all", NULL};
	case TRACE_KEPT:
		return (struct phrase){"  caller keeps ", "", NULL};
	case TRACE_QUEUED:
		return (struct phrase){"  Weir queued ", "", NULL};
	case TRACE_RETURNED:
		return (struct phrase){"  returned ", ": all is accepted",
				       NULL};
	case TRACE_ARMED:
		return (struct phrase){"Weir arms EPOLLOUT", NULL, NULL};
	case TRACE_WRITABLE:
		return (struct phrase){"EPOLLOUT: Weir calls on_writable", NULL,
				       NULL};
	case TRACE_MOVED:
		return (struct phrase){"EPOLLOUT: Weir sent ", " of ", ""};
	case TRACE_DRAINED:
		return (struct phrase){"drained: nothing is queued", NULL,
				       NULL};
	case TRACE_DISARMED:
		return (struct phrase){"Weir disarms EPOLLOUT", NULL, NULL};
	}
	return (struct phrase){"", NULL, NULL};
}

const char *trace_words(const struct trace *trace, size_t i,
			char text[TRACE_WORDS_SIZE])
{
	const struct trace_event *event = &trace->events[i];
	struct phrase phrase = phrase_for(trace, event);
	char n[QUANTITY_TEXT_SIZE] = "";
	char whole[QUANTITY_TEXT_SIZE] = "";

	if (phrase.between)
		quantity_format_count(n, event->n);
	if (phrase.behind)
		quantity_format_count(whole, event->n + event->left);
	(void)snprintf(text, TRACE_WORDS_SIZE, "%s%s%s%s%s", phrase.before, n,
		       phrase.between ? phrase.between : "", whole,
		       phrase.behind ? phrase.behind : "");
	return text;
}

static bool begins_round(const struct trace *trace, size_t i)
{
	enum trace_kind kind = trace->events[i].kind;

	return kind == TRACE_WRITABLE || kind == TRACE_MOVED;
}

/* Where the round that begins at event i ends. */
static size_t end_of_round(const struct trace *trace, size_t i)
{
	if (i < trace->n_events)
		i++;
	while (i < trace->n_events && !begins_round(trace, i))
		i++;
	return i;
}

static void print_row(FILE *out, const char *left, const char *right)
{
	if (right[0])
		(void)fprintf(out, "  %-*s  %s\n", COLUMN, left, right);
	else
		(void)fprintf(out, "  %s\n", left);
}

static void print_end(FILE *out, const char *name, const struct trace *trace)
{
	char n_received[QUANTITY_TEXT_SIZE];
	size_t n_calls = 0;

	for (size_t i = 0; i < trace->n_events; i++)
		n_calls += trace->events[i].kind == TRACE_CALL;
	(void)fprintf(out, "  %-7s  called %zu time%s; the reader got %s, %s\n",
		      name, n_calls, n_calls == 1 ? "" : "s",
		      quantity_format_count(n_received, trace->n_received),
		      trace->is_intact ? "all of them right" : "not all right");
}

void trace_print(FILE *out, const struct trace *send,
		 const struct trace *sendall)
{
	size_t i = 0;
	size_t j = 0;

	print_row(out, "send: takes 0..n; the rest stays with",
		  "sendall: takes n or nothing; the rest");
	print_row(out, "the caller, which comes back for it",
		  "is queued, and follows by itself");
	print_row(out, rule, rule);
	while (i < send->n_events || j < sendall->n_events) {
		size_t i_end = end_of_round(send, i);
		size_t j_end = end_of_round(sendall, j);

		while (i < i_end || j < j_end) {
			char left[TRACE_WORDS_SIZE] = "";
			char right[TRACE_WORDS_SIZE] = "";

			if (i < i_end)
				trace_words(send, i++, left);
			if (j < j_end)
				trace_words(sendall, j++, right);
			print_row(out, left, right);
		}
	}
	(void)fputc('\n', out);
	print_end(out, "send", send);
	print_end(out, "sendall", sendall);
	(void)fputs(
		"\n  EPOLLOUT: epoll says that there is room again. Armed: it "
		"was asked to.\n",
		out);
}
