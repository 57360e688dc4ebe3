/* What is sent, and where its answer ends. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "complain.h"
#include "options_inside.h"
#include "request.h"

enum {
	MAX_END = 256
};

/* The text of --expect-until; 0: it is none, which was said. */
static size_t read_end(const struct options *options, char end[MAX_END])
{
	const char *text = options_text(options, OPTION_EXPECT_UNTIL);
	size_t n = strnlen(text, MAX_END + 1);

	if (n <= MAX_END) {
		memcpy(end, text, n);
		n = request_unescape(end, n);
	}
	if (n > 0 && n <= MAX_END)
		return n;
	complain("--expect-until %s: expected a text of 1 to %d bytes, such as "
		 "'\\r\\n'",
		 text, MAX_END);
	return 0;
}

/* All of it, to be kept; NULL, and errno says why. */
static char *read_file(const char *path, size_t *n)
{
	FILE *file = fopen(path, "re");
	char *text = file ? malloc(REQUEST_MAX_SIZE + 1) : NULL;

	if (text)
		*n = fread(text, 1, REQUEST_MAX_SIZE + 1, file);
	if (text && ferror(file)) {
		free(text);
		text = NULL;
	}
	if (file)
		(void)fclose(file);
	return text;
}

/* --send, or what is in its file. */
static bool read_request(struct request *request, const struct options *options)
{
	static char *text; /* the parts point into it */
	const char *given = options_text(options, OPTION_SEND);
	bool is_file = given[0] == '@';
	char cause[COMPLAIN_CAUSE_SIZE];
	size_t n = strlen(given);

	free(text);
	text = is_file ? read_file(given + 1, &n) : strdup(given);
	if (!text) {
		complain("--send %s: %s", given, complain_cause(-errno, cause));
		return false;
	}
	if ((is_file || n <= REQUEST_MAX_TEXT) &&
	    request_parse(request, text, n, !is_file))
		return true;
	complain("--send %.80s: expected @FILE of 1 byte to 16M, or a text of "
		 "1 to %d bytes, such as 'PING\\r\\n', with at most %d pieces",
		 given, REQUEST_MAX_TEXT, REQUEST_MAX_PARTS);
	return false;
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
		*answer = (struct answer){ANSWER_UNTIL, read_end(options, end),
					  end};
	settings->reconnects |= answer_is_http(answer);
	return answer->n_bytes > 0;
}

/* What is sent and how its answer ends belong together. */
bool options_set_request(struct settings *settings,
			 const struct options *options)
{
	static struct request request;
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
	if (!read_request(&request, options))
		return false;
	settings->request = &request;
	settings->message_size = request.max_size;
	return set_answer(settings, options);
}
