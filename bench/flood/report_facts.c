#include "report_facts.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "result.h"

__attribute__((format(printf, 2, 3))) static void add(struct report_fact *fact,
						      const char *format, ...)
{
	size_t n = strlen(fact->note);
	va_list arguments;

	va_start(arguments, format);
	(void)vsnprintf(fact->note + n, sizeof fact->note - n, format,
			arguments);
	va_end(arguments);
}

/* "12 cut off", behind a comma if something stands there; nothing if 0. */
static void add_count(struct report_fact *fact, uint64_t count,
		      const char *what)
{
	char text[QUANTITY_TEXT_SIZE];

	if (count > 0)
		add(fact, "%s%s %s", fact->note[0] != '\0' ? ", " : "",
		    quantity_format_count(text, count), what);
}

static void add_size(struct report_fact *fact, uint64_t n_bytes,
		     const char *what)
{
	char text[QUANTITY_TEXT_SIZE];

	add(fact, "%s%s %s", fact->note[0] != '\0' ? ", " : "",
	    quantity_format_size(text, (double)n_bytes), what);
}

/* -- each figure -- */

static bool tell_throughput(const struct result *result,
			    struct report_fact *fact)
{
	char out[QUANTITY_TEXT_SIZE];
	char in[QUANTITY_TEXT_SIZE];

	fact->name = "throughput";
	quantity_format_rate(fact->value, result->messages_per_s);
	if (isnan(result->messages_per_s))
		return true;
	add(fact, "%s out, %s in",
	    quantity_format_byte_rate(out, result->bytes_out_per_s),
	    quantity_format_byte_rate(in, result->bytes_in_per_s));
	return true;
}

static bool tell_messages(const struct result *result, struct report_fact *fact)
{
	bool has_answers = mode_has_answers(result->settings->mode);
	char text[QUANTITY_TEXT_SIZE];

	fact->name = "messages";
	quantity_format_count(fact->value, result->n_messages);
	add(fact, "%sin %s", has_answers ? "answered " : "",
	    quantity_format_time(text, result->seconds * 1e9));
	add_count(fact, result->n_warmup, "more of the warm-up");
	if (has_answers)
		return true;
	add_count(fact, result->n_drained, "more taken after the end");
	add_count(fact, result->n_unanswered, "never taken");
	return true;
}

/* The value is the sum of what follows. */
static bool tell_sent(const struct result *result, struct report_fact *fact)
{
	char text[QUANTITY_TEXT_SIZE];

	if (!mode_has_answers(result->settings->mode))
		return false;
	fact->name = result->settings->mode == MODE_BROADCAST ? "due" : "sent";
	quantity_format_count(fact->value, result->n_asked);
	add(fact, "%s answered in time",
	    quantity_format_count(text, result->n_messages));
	add_count(fact, result->n_drained, "after the end");
	add_count(fact, result->n_unanswered - result->n_warmup_unanswered,
		  "never");
	add_count(fact, result->n_failed, "failed");
	add_count(fact, result_count_spoilt(result), "lost or changed");
	if (result->n_warmup_unanswered > 0)
		add(fact, "; of the warm-up %s never",
		    quantity_format_count(text, result->n_warmup_unanswered));
	return true;
}

static bool tell_errors(const struct result *result, struct report_fact *fact)
{
	char text[REPORT_TEXT_SIZE];

	fact->name = "errors";
	quantity_format_count(fact->value, result->n_errors);
	add(fact, "%.300s", report_errors(result, text));
	if (result->first_error[0] != '\0')
		add(fact, "%sthe first: %s", fact->note[0] != '\0' ? "; " : "",
		    result->first_error);
	return true;
}

static bool tell_corrupt(const struct result *result, struct report_fact *fact)
{
	char text[REPORT_TEXT_SIZE];

	fact->name = "corrupt";
	quantity_format_count(fact->value, result->n_corrupt);
	add(fact, "%.500s", report_corruptions(result, text));
	return result->settings->is_verified || result->n_corrupt > 0;
}

static bool tell_bytes_out(const struct result *result,
			   struct report_fact *fact)
{
	const struct result_bytes *bytes = &result->bytes;

	fact->name = "bytes out";
	quantity_format_size(fact->value, (double)bytes->sent);
	add(fact, "taken by the kernel");
	if (bytes->acknowledged >= 0)
		add_size(fact, (uint64_t)bytes->acknowledged, "acknowledged");
	return true;
}

static bool tell_bytes_in(const struct result *result, struct report_fact *fact)
{
	fact->name = "bytes in";
	quantity_format_size(fact->value, (double)result->bytes.received);
	add(fact, "received");
	return true;
}

static bool tell_fairness(const struct result *result, struct report_fact *fact)
{
	const struct result_fairness *fairness = &result->fairness;
	char least[QUANTITY_TEXT_SIZE];
	char most[QUANTITY_TEXT_SIZE];

	if (fairness->n < 2 || isnan(fairness->jain))
		return false;
	fact->name = "fairness";
	(void)snprintf(fact->value, sizeof fact->value, "%.4f", fairness->jain);
	add(fact, "of 1; from %s to %s messages a connection",
	    quantity_format_count(least, fairness->least),
	    quantity_format_count(most, fairness->most));
	return true;
}

static bool tell_broadcast(const struct result *result,
			   struct report_fact *fact)
{
	char text[QUANTITY_TEXT_SIZE];

	if (result->settings->mode != MODE_BROADCAST)
		return false;
	fact->name = "published";
	quantity_format_count(fact->value, result->n_sent);
	add(fact, "to %s subscribers",
	    quantity_format_count(text, result->n_subscribers));
	add_count(fact, result->n_missed, "dropped by the target");
	return true;
}

static bool tell_connections(const struct result *result,
			     struct report_fact *fact)
{
	char text[QUANTITY_TEXT_SIZE];

	fact->name = "connected";
	quantity_format_count(fact->value, result->n_connected);
	add(fact, "of %s",
	    quantity_format_count(text, result->settings->n_connections));
	if (result->settings->connect_rate > 0 && result->connecting_s > 0) {
		add(fact, ", made in %s",
		    quantity_format_time(text, result->connecting_s * 1e9));
		add(fact, ", %s",
		    quantity_format_rate(text, (double)result->n_connected /
						       result->connecting_s));
	}
	return result->settings->connect_rate > 0 ||
	       result->n_connected != result->settings->n_connections;
}

static bool tell_reconnects(const struct result *result,
			    struct report_fact *fact)
{
	fact->name = "reconnected";
	quantity_format_count(fact->value, result->n_reconnects);
	add(fact, "ended by the target, and made again");
	return result->n_reconnects > 0;
}

static bool tell_renewals(const struct result *result, struct report_fact *fact)
{
	char text[QUANTITY_TEXT_SIZE];

	fact->name = "renewed";
	quantity_format_count(fact->value, result->n_renewals);
	add(fact, "connections, after %s messages each",
	    quantity_format_count(text, result->settings->n_renew));
	return result->settings->n_renew > 0;
}

static bool tell_timeouts(const struct result *result, struct report_fact *fact)
{
	char text[QUANTITY_TEXT_SIZE];

	fact->name = "timed out";
	quantity_format_count(fact->value, result->n_timed_out);
	add(fact, "after %s",
	    quantity_format_time(text, (double)result->settings->timeout_ns));
	return result->settings->timeout_ns > 0 &&
	       !result->settings->is_datagram;
}

static bool tell_datagrams(const struct result *result,
			   struct report_fact *fact)
{
	const struct result_datagrams *datagrams = &result->datagrams;
	char text[QUANTITY_TEXT_SIZE];

	fact->name = "lost";
	quantity_format_count(fact->value, result_count_lost(result));
	add(fact, "no answer within %s",
	    quantity_format_time(text, (double)result->settings->timeout_ns));
	if (result->n_asked > 0)
		add(fact, ", %s",
		    quantity_format_share(text, result_loss(result)));
	add_count(fact, datagrams->n_overdue, "came later");
	add_count(fact, datagrams->n_repeated, "came twice");
	add_count(fact, datagrams->n_reordered, "out of order");
	add_count(fact, datagrams->n_unsent, "found our socket full");
	add_count(fact, datagrams->n_dropped,
		  "dropped here for want of --rcvbuf");
	return result->settings->is_datagram;
}

static bool tell_generator(const struct result *result,
			   struct report_fact *fact)
{
	char text[QUANTITY_TEXT_SIZE];

	fact->name = "generator";
	quantity_format_share(fact->value, result->cpu_share);
	add(fact, "of a CPU");
	if (!isnan(result->cpu_wait_s) && result->seconds > 0)
		add(fact, ", waited %s of the time for one",
		    quantity_format_share(
			    text,
			    fmin(result->cpu_wait_s / result->seconds, 1)));
	if (result->settings->rate > 0) {
		add_count(fact, result->n_late, "messages sent late");
		add(fact, ", at most %s without an answer",
		    quantity_format_count(text, result->peak_owed));
	}
	return true;
}

/* -- bad peers -- */

static bool tell_bad(const struct result *result, enum bad_kind i,
		     struct report_fact *fact)
{
	const struct result_bad *bad = &result->bad[i];

	fact->name = bad_name(i);
	quantity_format_count(fact->value, bad->n_peers);
	add(fact, "%speer%s", i == BAD_IDLE ? "" : "bad ",
	    bad->n_peers == 1 ? "" : "s");
	if (bad->n_made < bad->n_peers)
		add_count(fact, bad->n_peers - bad->n_made, "never made");
	add_count(fact, bad->n_connects, "connected");
	add_count(fact, bad->n_connect_errors, "could not connect");
	add_count(fact, bad->n_rounds,
		  i == BAD_RESET ? "resets" : "answered in full");
	add_count(fact, bad->n_short, "cut short");
	add_count(fact, bad->n_cut, "ended by the target");
	return bad->n_peers > 0;
}

static bool tell_stalled(const struct result *result, struct report_fact *fact)
{
	return tell_bad(result, BAD_STALLED, fact);
}

static bool tell_trickle(const struct result *result, struct report_fact *fact)
{
	return tell_bad(result, BAD_TRICKLE, fact);
}

static bool tell_reset(const struct result *result, struct report_fact *fact)
{
	return tell_bad(result, BAD_RESET, fact);
}

static bool tell_half_close(const struct result *result,
			    struct report_fact *fact)
{
	return tell_bad(result, BAD_HALF_CLOSE, fact);
}

static bool tell_idle(const struct result *result, struct report_fact *fact)
{
	return tell_bad(result, BAD_IDLE, fact);
}

/* -- all of them -- */

static bool (*const tells[])(const struct result *, struct report_fact *) = {
	tell_throughput, tell_messages,	 tell_sent,	  tell_errors,
	tell_corrupt,	 tell_timeouts,	 tell_datagrams,  tell_connections,
	tell_reconnects, tell_renewals,	 tell_fairness,	  tell_bytes_out,
	tell_bytes_in,	 tell_broadcast, tell_generator,  tell_stalled,
	tell_trickle,	 tell_reset,	 tell_half_close, tell_idle,
};

const size_t report_n_facts = sizeof tells / sizeof *tells;

bool report_fact(const struct result *result, size_t i,
		 struct report_fact *fact)
{
	*fact = (struct report_fact){0};
	return tells[i](result, fact);
}
