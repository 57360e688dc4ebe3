/* greet: logs the first data of a client, answers, and finishes. */
#include <stdio.h>
#include <time.h>

#include "client.h"
#include "log.h"

enum {
	MAX_LOGGED = 1000,
	ESCAPED_SIZE = 4 * MAX_LOGGED + 1,
	TIME_SIZE = 32
};

static const char answer[] = "Are you want to talk to Me";

/* How a byte is shown: control characters must not reach the terminal, and
 * different inputs must look different. */
static size_t escape_byte(char *text, unsigned char byte)
{
	static const char digits[] = "0123456789abcdef";
	const char *name = NULL;
	size_t n = 0;

	if (byte == '\n')
		name = "\\n";
	else if (byte == '\r')
		name = "\\r";
	else if (byte == '\t')
		name = "\\t";
	else if (byte == '\\')
		name = "\\\\";
	if (name) {
		text[n++] = name[0];
		text[n++] = name[1];
	} else if (byte >= ' ' && byte <= '~') {
		text[n++] = (char)byte;
	} else {
		text[n++] = '\\';
		text[n++] = 'x';
		text[n++] = digits[byte >> 4];
		text[n++] = digits[byte & 15];
	}
	return n;
}

static const char *escape(const unsigned char *data, size_t n, char *text)
{
	size_t n_text = 0;

	for (size_t i = 0; i < n && i < MAX_LOGGED; i++)
		n_text += escape_byte(text + n_text, data[i]);
	text[n_text] = '\0';
	return text;
}

static const char *format_now(char *text)
{
	time_t now = time(NULL);
	struct tm tm;

	text[0] = '\0';
	if (localtime_r(&now, &tm))
		(void)strftime(text, TIME_SIZE, "%Y-%m-%d %H:%M:%S", &tm);
	return text;
}

static void log_greeting(struct weir_conn *c, const void *data, size_t n)
{
	char now[TIME_SIZE];
	char peer[PEER_TEXT_SIZE];
	char text[ESCAPED_SIZE];

	log_say(client_endpoint(c)->worker, "greet %s %s: %s", format_now(now),
		client_peer(c, peer), escape(data, n, text));
}

static size_t on_data(struct weir_conn *c, const void *data, size_t n)
{
	/* without memory: the data is kept and offered again */
	if (weir_conn_sendall(c, answer, sizeof answer - 1) < 0)
		return 0;
	log_greeting(c, data, n);
	weir_conn_finish(c);
	return n;
}

const struct service greet_service = {
	.name = "greet",
	.address = "127.0.0.1:6789",
	.events = {.on_data = on_data, .on_close = client_on_close},
};
