/* What is sent, and where its answer ends. */
#include <string.h>

#include "complain.h"
#include "options_inside.h"

enum {
	MAX_REQUEST = 65536,
	MAX_END = 256
};

static int digit_of(char c)
{
	static const char digits[] = "0123456789abcdef";
	const char *at = c ? strchr(digits, c | 32) : NULL;

	return at ? (int)(at - digits) : -1;
}

/* One byte of text from *text on, "\\r" say; -1: there is no such escape. */
static int read_byte(const char **text)
{
	static const char letters[] = "rn0t\\";
	static const char bytes[] = "\r\n\0\t\\";
	const char *letter;
	char c = *(*text)++;

	if (c != '\\')
		return (unsigned char)c;
	c = *(*text)++;
	if (c == 'x' && digit_of((*text)[0]) >= 0 &&
	    digit_of((*text)[1]) >= 0) {
		*text += 2;
		return digit_of((*text)[-2]) * 16 + digit_of((*text)[-1]);
	}
	letter = c ? strchr(letters, c) : NULL;
	return letter ? (unsigned char)bytes[letter - letters] : -1;
}

/* Into bytes, which has room for so many; 0: it is none, which was said. */
static size_t read_text(const struct options *options,
			enum option_number number, char *bytes, size_t size)
{
	const char *text = options_text(options, number);
	size_t n = 0;
	int byte = 0;

	while (*text && byte >= 0 && n < size) {
		byte = read_byte(&text);
		bytes[n++] = (char)byte;
	}
	if (n > 0 && byte >= 0 && *text == '\0')
		return n;
	complain("--%s %s: expected a text of 1 to %zu bytes, such as "
		 "'PING\\r\\n'",
		 options_name(number), options_text(options, number), size);
	return 0;
}

static bool set_answer(struct settings *settings, const struct options *options)
{
	static char end[MAX_END];
	struct answer *answer = &settings->answer;

	if (options_has(options, OPTION_EXPECT_BYTES))
		*answer = (struct answer){
			ANSWER_BYTES,
			(size_t)options_number(options, OPTION_EXPECT_BYTES),
			NULL};
	else if (options_has(options, OPTION_EXPECT_LINE))
		*answer = (struct answer){ANSWER_UNTIL, 1, "\n"};
	else
		*answer =
			(struct answer){ANSWER_UNTIL,
					read_text(options, OPTION_EXPECT_UNTIL,
						  end, sizeof end),
					end};
	settings->reconnects |= answer_is_http(answer);
	return answer->n_bytes > 0;
}

/* What is sent and how its answer ends belong together. */
bool options_set_request(struct settings *settings,
			 const struct options *options)
{
	static char request[MAX_REQUEST];
	int n_ends = options_has(options, OPTION_EXPECT_BYTES) +
		     options_has(options, OPTION_EXPECT_UNTIL) +
		     options_has(options, OPTION_EXPECT_LINE);
	bool is_asked = options_has(options, OPTION_SEND);

	if (options->sizes[1] > 0)
		settings->answer = (struct answer){
			ANSWER_BYTES, (size_t)options->sizes[1], NULL};
	if (!is_asked && n_ends == 0)
		return true;
	if (n_ends != 1 || !is_asked || options_has(options, OPTION_SIZE)) {
		complain("--send: expected, without --size, and with one of "
			 "--expect-bytes, --expect-until and --expect-line");
		return false;
	}
	settings->request = request;
	settings->message_size =
		read_text(options, OPTION_SEND, request, sizeof request);
	return settings->message_size > 0 && set_answer(settings, options);
}
