/* The audience. */
#include "test_server_broadcast.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "harness.h"

enum {
	PATIENCE_MS = 20000,
	TRY_MS = 10,
	PIECE = 262144
};

/* What a server says that has lost NATS for a while. */
static const char gap[] = "# lines of other servers may be missing\n";

/* -- lines -- */

/* Line k of a speaker: both are in it, and its size. */
static size_t write_line(char *line, size_t speaker, uint64_t k, size_t n)
{
	size_t n_head = (size_t)snprintf(line, 64, "%zu %llu %zu ", speaker,
					 (unsigned long long)k, n);

	for (size_t i = n_head; i + 1 < n; i++)
		line[i] = (char)('a' + (speaker + k + i) % 26);
	if (n <= n_head)
		n = n_head + 1;
	line[n - 1] = '\n';
	return n;
}

static size_t number_of(const struct fellow *f)
{
	return (size_t)(f - f->audience->fellows);
}

static void take_missed(struct fellow *f, uint64_t n)
{
	if (n == 0)
		harness_die("%zu was told that it missed nothing",
			    number_of(f));
	f->n_missed += n;
	f->n_notices++;
	/* then only one may speak */
	for (size_t i = 0; f->audience->has_told_gaps && i < f->audience->n;
	     i++)
		f->next[i] += n;
}

static void take_said(struct fellow *f, const char *line, size_t n)
{
	static char expected[AUDIENCE_LINE + 64];
	unsigned long long k;
	size_t speaker;
	size_t size;

	if (sscanf(line, "%zu %llu %zu ", &speaker, &k, &size) != 3 ||
	    speaker >= f->audience->n)
		harness_die("%zu heard \"%.60s\"", number_of(f), line);
	if (write_line(expected, speaker, k, size) != n ||
	    memcmp(line, expected, n) != 0)
		harness_die("%zu heard line %llu of %zu torn", number_of(f), k,
			    speaker);
	if (speaker == number_of(f))
		harness_die("%zu heard itself", speaker);
	if (k < f->next[speaker] ||
	    (f->audience->has_told_gaps && k > f->next[speaker]))
		harness_die("%zu heard line %llu of %zu instead of %llu",
			    number_of(f), k, speaker,
			    (unsigned long long)f->next[speaker]);
	f->next[speaker] = k + 1;
	f->n_heard[speaker]++;
}

static void take_line(struct fellow *f, const char *line, size_t n)
{
	unsigned long long n_missed;

	if (sscanf(line, "# missed %llu\n", &n_missed) == 1)
		take_missed(f, n_missed);
	else if (strncmp(line, gap, sizeof gap - 1) == 0)
		f->n_gaps++;
	else if (line[0] != '?')
		take_said(f, line, n);
}

static void take_lines(struct fellow *f)
{
	char *from = f->text;
	char *end;

	f->text[f->n_text] = '\0';
	while ((end = memchr(from, '\n', f->n_text))) {
		size_t n = (size_t)(end + 1 - from);

		take_line(f, from, n);
		from += n;
		f->n_text -= n;
	}
	if (f->n_text >= AUDIENCE_LINE)
		harness_die("%zu hears a line without an end", number_of(f));
	memmove(f->text, from, f->n_text);
}

/* -- hearing and speaking -- */

void fellow_hear(struct fellow *f)
{
	ssize_t n = recv(f->fd, f->text + f->n_text, PIECE, MSG_DONTWAIT);

	if (n < 0 && errno == EAGAIN)
		return;
	if (n <= 0) {
		f->has_ended = true;
		f->error = n < 0 ? errno : 0;
		return;
	}
	f->n_text += (size_t)n;
	take_lines(f);
}

static bool has_to_speak(const struct fellow *f)
{
	return f->n_said < f->n_to_say;
}

static void speak(struct fellow *f)
{
	ssize_t n;

	if (f->n_line == 0)
		f->n_line = write_line(f->line, number_of(f), f->n_said,
				       1 + harness_random_below(f->n_longest));
	n = send(f->fd, f->line + f->n_gone, f->n_line - f->n_gone,
		 MSG_DONTWAIT | MSG_NOSIGNAL);
	if (n < 0 && errno == EAGAIN)
		return;
	if (n < 0)
		harness_die("%zu cannot speak: %s", number_of(f),
			    strerror(errno));
	f->n_gone += (size_t)n;
	if (f->n_gone < f->n_line)
		return;
	f->n_line = f->n_gone = 0;
	f->n_said++;
}

/* As far as it goes without waiting, then wait for more. */
static void go_on(struct audience *audience)
{
	struct pollfd fds[AUDIENCE_MAX];

	for (size_t i = 0; i < audience->n; i++) {
		struct fellow *f = &audience->fellows[i];

		fds[i] = (struct pollfd){.fd = f->has_ended ? -1 : f->fd};
		if (!f->is_deaf)
			fds[i].events |= POLLIN;
		if (has_to_speak(f))
			fds[i].events |= POLLOUT;
		if (fds[i].events == 0)
			fds[i].fd = -1;
	}
	if (poll(fds, audience->n, PATIENCE_MS) <= 0)
		harness_die("the audience is silent");
	for (size_t i = 0; i < audience->n; i++) {
		if (fds[i].revents & POLLOUT)
			speak(&audience->fellows[i]);
		if ((fds[i].revents & (POLLIN | POLLHUP | POLLERR)) &&
		    !audience->fellows[i].is_deaf)
			fellow_hear(&audience->fellows[i]);
	}
}

static uint64_t n_of_others(const struct fellow *f)
{
	uint64_t n = 0;

	for (size_t i = 0; i < f->audience->n; i++)
		if (i != number_of(f))
			n += f->audience->fellows[i].n_said;
	return n;
}

static uint64_t n_heard(const struct fellow *f)
{
	uint64_t n = 0;

	for (size_t i = 0; i < f->audience->n; i++)
		n += f->n_heard[i];
	return n;
}

static bool is_anyone_speaking(const struct audience *audience)
{
	for (size_t i = 0; i < audience->n; i++)
		if (has_to_speak(&audience->fellows[i]))
			return true;
	return false;
}

static bool is_anyone_waiting(const struct audience *audience)
{
	for (size_t i = 0; i < audience->n; i++) {
		const struct fellow *f = &audience->fellows[i];

		if (!f->is_deaf && !f->has_ended &&
		    n_heard(f) + f->n_missed < n_of_others(f))
			return true;
	}
	return false;
}

static bool is_anyone_left(const struct audience *audience)
{
	for (size_t i = 0; i < audience->n; i++)
		if (!audience->fellows[i].is_deaf &&
		    !audience->fellows[i].has_ended)
			return true;
	return false;
}

void audience_speak(struct audience *audience)
{
	while (is_anyone_speaking(audience))
		go_on(audience);
}

void audience_hear(struct audience *audience)
{
	while (is_anyone_speaking(audience) || is_anyone_waiting(audience))
		go_on(audience);
	for (size_t i = 0; i < audience->n; i++) {
		const struct fellow *f = &audience->fellows[i];

		if (!f->is_deaf && !f->has_ended &&
		    n_heard(f) + f->n_missed > n_of_others(f))
			harness_die("%zu heard too much", i);
	}
}

void audience_hear_to_the_end(struct audience *audience)
{
	while (is_anyone_left(audience))
		go_on(audience);
}

bool fellow_has_heard_all(const struct fellow *f)
{
	for (size_t i = 0; i < f->audience->n; i++)
		if (i != number_of(f) &&
		    f->n_heard[i] != f->audience->fellows[i].n_said)
			return false;
	return true;
}

void fellow_say(struct fellow *f, uint64_t n, size_t longest)
{
	f->n_to_say += n;
	f->n_longest = longest;
}

/* -- coming and going -- */

void audience_start(struct audience *audience, const char *const *arguments)
{
	*audience = (struct audience){.has_told_gaps = audience->has_told_gaps};
	served_start_prepared(&audience->served, NULL, arguments);
}

/* Ask until f hears it: then the server has let it in. */
static void await_hearing(struct fellow *asker, struct fellow *f)
{
	struct pollfd pollfd = {.fd = f->fd, .events = POLLIN};
	int n_left = PATIENCE_MS / TRY_MS;

	do
		harness_write(asker->fd, "?\n", 2);
	while (poll(&pollfd, 1, TRY_MS) == 0 && n_left-- > 0);
	if (n_left < 0)
		harness_die("%zu is not heard by %zu", number_of(asker),
			    number_of(f));
}

struct fellow *audience_join(struct audience *audience, const char *address,
			     int rcvbuf)
{
	struct fellow *f = &audience->fellows[audience->n];
	const int yes = 1;

	*f = (struct fellow){.audience = audience, .fd = dial(address, rcvbuf)};
	/* No line waits for an acknowledgement of the one before; a Unix
	 * socket knows no such thing. */
	(void)setsockopt(f->fd, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes);
	f->line = malloc(AUDIENCE_LINE + 64);
	f->text = malloc(PIECE + AUDIENCE_LINE + 1);
	if (!f->line || !f->text)
		harness_die("no memory for a fellow");
	audience->n++;
	if (audience->n > 1)
		await_hearing(&audience->fellows[0], f);
	if (audience->n == 2)
		await_hearing(f, &audience->fellows[0]);
	return f;
}

static void leave(struct fellow *f)
{
	if (f->fd >= 0)
		close(f->fd);
	free(f->line);
	free(f->text);
	f->fd = -1;
	f->line = f->text = NULL;
	f->is_deaf = true;
}

void audience_close(struct audience *audience)
{
	for (size_t i = 0; i < audience->n; i++)
		leave(&audience->fellows[i]);
}

int audience_stop(struct audience *audience)
{
	audience_close(audience);
	return served_stop(&audience->served);
}
