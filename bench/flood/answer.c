#include "answer.h"

#include <stdint.h>
#include <string.h>
#include <strings.h>

static size_t read_number(const char *at, const char *end)
{
	size_t n = 0;

	while (at < end && *at == ' ')
		at++;
	for (; at < end && *at >= '0' && *at <= '9' && n < SIZE_MAX / 16; at++)
		n = 10 * n + (size_t)(*at - '0');
	return n;
}

/* What a header of that name says, in whatever case; 0: there is none. */
static size_t find_content_length(const char *head, size_t n)
{
	static const char name[] = "\nContent-Length:";
	const size_t n_name = sizeof name - 1;
	const char *end = head + n;
	const char *line = head;

	while ((line = memchr(line, '\n', (size_t)(end - line)))) {
		if ((size_t)(end - line) < n_name)
			return 0;
		if (strncasecmp(line, name, n_name) == 0)
			return read_number(line + n_name, end);
		line++;
	}
	return 0;
}

bool answer_is_http(const struct answer *answer)
{
	return answer->kind == ANSWER_UNTIL && answer->n_bytes == 4 &&
	       memcmp(answer->text, "\r\n\r\n", 4) == 0;
}

size_t answer_find_head(const struct answer *answer, const void *data, size_t n,
			size_t *n_body)
{
	const char *head = data;
	const char *end;
	size_t n_head;

	end = memmem(head, n, answer->text, answer->n_bytes);
	if (!end)
		return 0;
	n_head = (size_t)(end - head) + answer->n_bytes;
	*n_body = 0;
	if (answer_is_http(answer))
		*n_body = find_content_length(head, n_head);
	return n_head;
}
