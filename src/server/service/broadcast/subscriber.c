/* A notice and the line after it are one buffer, copied for this subscriber:
 * both are queued or neither, and one line is always one buffer, so trimming
 * returns a count of lines. A notice may be trimmed with its line; its count
 * must then be told again, so queued notices are remembered. One that left the
 * queue without being trimmed was sent. */
#include "subscriber.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
	NOTICE_SIZE = 32 /* with a count of 20 digits */
};

struct notice {
	struct notice *next;
	struct weir_buf *buf; /* the notice and its line */
	uint64_t n;	      /* the count in it */
};

static size_t write_notice(char *text, uint64_t n)
{
	return (size_t)snprintf(text, NOTICE_SIZE, "# missed %" PRIu64 "\n", n);
}

/* -- remembering notices -- */

static void forget(struct notice **link)
{
	struct notice *notice = *link;

	*link = notice->next;
	weir_buf_unref(notice->buf);
	free(notice);
}

static void forget_sent(struct subscriber *s)
{
	while (s->notices && !weir_buf_is_queued(s->notices->buf))
		forget(&s->notices);
}

/* After a trim: the sum of the notices that it dropped. */
static uint64_t reclaim_trimmed(struct subscriber *s)
{
	struct notice **link = &s->notices;
	uint64_t n = 0;

	while (*link) {
		if (weir_buf_is_queued((*link)->buf)) {
			link = &(*link)->next;
			continue;
		}
		n += (*link)->n;
		forget(link);
	}
	return n;
}

static void remember(struct subscriber *s, struct notice *notice)
{
	struct notice **link = &s->notices;

	while (*link)
		link = &(*link)->next;
	*link = notice;
}

/* -- queueing -- */

static struct weir_buf *behind_notice(uint64_t n, struct weir_buf *line)
{
	char text[NOTICE_SIZE];
	size_t n_text = write_notice(text, n);
	struct weir_buf *buf = weir_buf_new(n_text + weir_buf_size(line));
	char *data;

	if (!buf)
		return NULL;
	data = weir_buf_data(buf);
	memcpy(data, text, n_text);
	memcpy(data + n_text, weir_buf_data(line), weir_buf_size(line));
	return buf;
}

static int queue_behind_notice(struct subscriber *s, struct weir_buf *line,
			       bool may_be_trimmed)
{
	struct weir_buf *buf = behind_notice(s->n_untold, line);
	struct notice *notice = malloc(sizeof *notice);
	int error = -ENOMEM;

	if (buf && notice)
		error = weir_conn_sendbuf(s->conn, buf);
	if (error < 0 || !may_be_trimmed) {
		weir_buf_unref(buf);
		free(notice);
	} else {
		*notice = (struct notice){.buf = buf, .n = s->n_untold};
		remember(s, notice);
	}
	if (error == 0)
		s->n_untold = 0;
	return error;
}

static int queue(struct subscriber *s, struct weir_buf *line,
		 enum slow_policy policy)
{
	if (!line)
		return -ENOMEM;
	if (s->n_untold == 0)
		return weir_conn_sendbuf(s->conn, line);
	return queue_behind_notice(s, line, policy == SLOW_DROP_OLDEST);
}

static uint64_t dropped_bytes(const struct weir_conn *c)
{
	struct weir_progress progress;

	weir_conn_counters(c, &progress);
	return progress.dropped;
}

/* An eighth of max more than necessary: otherwise, in a full queue, each line
 * would need a notice. */
static size_t drop_oldest(struct subscriber *s, size_t n_line, size_t max)
{
	size_t room = NOTICE_SIZE + n_line + max / 8;
	uint64_t n_dropped = dropped_bytes(s->conn);
	size_t n;

	forget_sent(s);
	n = weir_conn_trim(s->conn, room < max ? max - room : 0);
	s->n_trimmed += dropped_bytes(s->conn) - n_dropped;
	s->n_untold += n + reclaim_trimmed(s);
	return n;
}

/* -- sending -- */

/* The connection stays open, without this line. */
static bool is_refusal(int error)
{
	return error == -ENOBUFS || error == -ENOMEM || error == -EMSGSIZE;
}

struct subscriber_loss subscriber_send(struct subscriber *s,
				       struct weir_buf *line,
				       const struct endpoint_settings *settings)
{
	struct subscriber_loss loss = {0};
	int error;

	forget_sent(s);
	error = queue(s, line, settings->slow);
	if (error == -ENOBUFS && settings->slow == SLOW_DROP_OLDEST) {
		loss.n_lines = drop_oldest(s, weir_buf_size(line),
					   settings->limits.max);
		if (loss.n_lines > 0)
			error = queue(s, line, settings->slow);
	}
	if (error == -ENOBUFS && settings->slow == SLOW_DISCONNECT)
		weir_conn_abort(s->conn, true);
	if (is_refusal(error)) {
		loss.is_refused = true;
		loss.n_lines++;
		s->n_untold++;
	}
	return loss;
}

/* By sendall, which makes a copy that trimming does not drop. */
void subscriber_tell(struct subscriber *s)
{
	char text[NOTICE_SIZE];
	size_t n;

	forget_sent(s);
	if (s->n_untold == 0)
		return;
	n = write_notice(text, s->n_untold);
	if (weir_conn_sendall(s->conn, text, n) == 0)
		s->n_untold = 0;
}

void subscriber_deinit(struct subscriber *s)
{
	while (s->notices)
		forget(&s->notices);
}
