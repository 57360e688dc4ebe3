/* Parsing the head of a request. */
#include "http.h"

#include <stdbool.h>
#include <string.h>
#include <strings.h>

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

static bool is_token(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
	       is_digit(c) || (c != '\0' && strchr("!#$%&'*+-.^_`|~", c));
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

static bool is_word(const char *text, size_t n, const char *word)
{
	return n == strlen(word) && memcmp(text, word, n) == 0;
}

/* HTTP_VERSION is for what looks like one; "HTTP/1.x" does not. */
static enum http_status check_version(const char *text, size_t n)
{
	if (n != 8 || memcmp(text, "HTTP/", 5) != 0 || !is_digit(text[5]) ||
	    text[6] != '.' || !is_digit(text[7]))
		return HTTP_BAD_REQUEST;
	return text[5] == '1' ? HTTP_OK : HTTP_VERSION;
}

static enum http_status find_method(const char *text, size_t n,
				    enum http_method *method)
{
	static const char *const names[] = {[HTTP_GET] = "GET",
					    [HTTP_HEAD] = "HEAD",
					    [HTTP_OPTIONS] = "OPTIONS"};

	for (size_t i = 0; i < sizeof names / sizeof *names; i++)
		if (is_word(text, n, names[i])) {
			*method = (enum http_method)i;
			return HTTP_OK;
		}
	return HTTP_NOT_ALLOWED;
}

/* Skip "http://host" of an absolute target (RFC 9112, 3.2.2), which a proxy
 * sends. The path may be missing there, which means "/". */
static void skip_authority(const char **target, size_t *n)
{
	static const char scheme[] = "http://";
	const size_t n_scheme = sizeof scheme - 1;
	const char *end = *target + *n;
	const char *slash;

	if (*n < n_scheme || strncasecmp(*target, scheme, n_scheme) != 0)
		return;
	slash = memchr(*target + n_scheme, '/', *n - n_scheme);
	*n = slash ? (size_t)(end - slash) : 1;
	*target = slash ? slash : "/";
}

static enum http_status find_path(const char *target, size_t n,
				  struct http_request *request)
{
	const char *query;

	if (!is_printable(target, n))
		return HTTP_BAD_REQUEST;
	skip_authority(&target, &n);
	if (n == 0 || (target[0] != '/' && !is_word(target, n, "*")))
		return HTTP_BAD_REQUEST;
	query = memchr(target, '?', n);
	request->path = target;
	request->n_path = query ? (size_t)(query - target) : n;
	return HTTP_OK;
}

static enum http_status parse_line(const char *line, size_t n,
				   struct http_request *request)
{
	const char *at = line;
	size_t n_method = cut_word(&at, line + n);
	const char *target = at;
	size_t n_target = cut_word(&at, line + n);
	enum http_status status;

	for (size_t i = 0; i < n_method; i++)
		if (!is_token(line[i]))
			return HTTP_BAD_REQUEST;
	status = find_path(target, n_target, request);
	if (n_method == 0 || status != HTTP_OK)
		return HTTP_BAD_REQUEST;
	status = check_version(at, (size_t)(line + n - at));
	if (status == HTTP_OK)
		status = find_method(line, n_method, &request->method);
	return status;
}

enum http_status http_parse(const char *data, size_t n,
			    struct http_request *request)
{
	const size_t n_seen = n < HTTP_MAX_REQUEST ? n : HTTP_MAX_REQUEST;
	const char *end = data + n_seen;
	const char *line_end = find_line_end(data, end);
	enum http_status status;
	bool is_right = true;

	if (line_end) {
		size_t n_line = line_length(data, line_end);

		status = parse_line(data, n_line, request);
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
