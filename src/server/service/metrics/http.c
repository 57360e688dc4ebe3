/* Parsing the head of a request. */
#include "http.h"

#include <stdbool.h>
#include <string.h>

static bool is_token(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
	       (c >= '0' && c <= '9') ||
	       (c != '\0' && strchr("!#$%&'*+-.^_`|~", c));
}

/* Lines end with CRLF; a lone LF is accepted too (RFC 9112, 2.2). */
static const char *find_line_end(const char *at, const char *end)
{
	return memchr(at, '\n', (size_t)(end - at));
}

/* The length of the line without LF or CRLF. */
static size_t line_length(const char *line, const char *line_end)
{
	size_t n = (size_t)(line_end - line);

	return n > 0 && line[n - 1] == '\r' ? n - 1 : n;
}

/* Find the empty line after the fields; NULL: it has not come. *is_right is
 * cleared if a field has no name. */
static const char *skip_fields(const char *at, const char *end, bool *is_right)
{
	const char *line_end;

	while ((line_end = find_line_end(at, end))) {
		size_t n = line_length(at, line_end);
		size_t n_name = 0;

		if (n == 0)
			return at;
		while (n_name < n && is_token(at[n_name]))
			n_name++;
		if (n_name == 0 || n_name == n || at[n_name] != ':')
			*is_right = false;
		at = line_end + 1;
	}
	return NULL;
}

/* Cut off the next word of the line, up to one space or the end. */
static size_t cut_word(const char **at, const char *end)
{
	const char *word = *at;
	const char *space = memchr(word, ' ', (size_t)(end - word));
	size_t n = (size_t)((space ? space : end) - word);

	*at = space ? space + 1 : end;
	return n;
}

static bool is_printable(const char *text, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (text[i] <= ' ' || text[i] > '~')
			return false;
	return true;
}

static enum http_status parse_line(const char *line, size_t n,
				   struct http_target *target)
{
	const char *end = line + n;
	const char *at = line;
	size_t n_method = cut_word(&at, end);
	const char *path = at;
	size_t n_path = cut_word(&at, end);
	size_t n_version = (size_t)(end - at);
	const char *query;

	for (size_t i = 0; i < n_method; i++)
		if (!is_token(line[i]))
			return HTTP_BAD_REQUEST;
	if (n_method == 0 || n_path == 0 || path[0] != '/' ||
	    !is_printable(path, n_path) || n_version != 8 ||
	    memcmp(at, "HTTP/", 5) != 0)
		return HTTP_BAD_REQUEST;
	if (memcmp(at, "HTTP/1.", 7) != 0)
		return HTTP_VERSION;
	if (n_method != 3 || memcmp(line, "GET", 3) != 0)
		return HTTP_NOT_ALLOWED;
	query = memchr(path, '?', n_path);
	target->path = path;
	target->n = query ? (size_t)(query - path) : n_path;
	return HTTP_OK;
}

enum http_status http_parse(const char *data, size_t n,
			    struct http_target *target)
{
	const size_t n_seen = n < HTTP_MAX_REQUEST ? n : HTTP_MAX_REQUEST;
	const char *end = data + n_seen;
	const char *line_end = find_line_end(data, end);
	enum http_status status;
	bool is_right = true;

	if (line_end) {
		size_t n_line = line_length(data, line_end);

		status = parse_line(data, n_line, target);
		if (status != HTTP_OK)
			return status;
		if (skip_fields(line_end + 1, end, &is_right) || !is_right)
			return is_right ? HTTP_OK : HTTP_BAD_REQUEST;
	}
	return n >= HTTP_MAX_REQUEST ? HTTP_TOO_LARGE : HTTP_INCOMPLETE;
}

const char *http_status_line(enum http_status status)
{
	switch (status) {
	case HTTP_OK:
		return "200 OK";
	case HTTP_NOT_FOUND:
		return "404 Not Found";
	case HTTP_NOT_ALLOWED:
		return "405 Method Not Allowed";
	case HTTP_TIMEOUT:
		return "408 Request Timeout";
	case HTTP_TOO_LARGE:
		return "431 Request Header Fields Too Large";
	case HTTP_UNAVAILABLE:
		return "503 Service Unavailable";
	case HTTP_VERSION:
		return "505 HTTP Version Not Supported";
	case HTTP_INCOMPLETE:
	case HTTP_BAD_REQUEST:
		break;
	}
	return "400 Bad Request";
}
