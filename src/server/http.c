/* Parsing the head of a request. */
#include "http.h"

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

struct field {
	const char *name;
	size_t n_name;
	const char *value;
	size_t n_value;
};

static bool is_blank(char c)
{
	return c == ' ' || c == '\t';
}

/* Cut off the next line. false: the line is empty, or has not come whole. A
 * field whose n_name is 0 is none. */
static bool cut_field(const char **at, const char *end, struct field *field)
{
	const char *line = *at;
	const char *line_end = find_line_end(line, end);
	size_t n = line_end ? line_length(line, line_end) : 0;
	size_t n_name = 0;
	size_t begin;

	if (n == 0)
		return false;
	*at = line_end + 1;
	while (n_name < n && is_token(line[n_name]))
		n_name++;
	begin = n_name + 1;
	if (n_name == n || line[n_name] != ':')
		n_name = 0;
	while (begin < n && is_blank(line[begin]))
		begin++;
	while (n > begin && is_blank(line[n - 1]))
		n--;
	*field = (struct field){
		.name = line,
		.n_name = n_name,
		.value = line + begin,
		.n_value = n > begin ? n - begin : 0,
	};
	return true;
}

static bool is_value_char(unsigned char c)
{
	return c == '\t' || (c >= ' ' && c != 0x7f);
}

/* A field has a name, and no control character in its value. */
static bool is_field(const struct field *field)
{
	for (size_t i = 0; i < field->n_value; i++)
		if (!is_value_char((unsigned char)field->value[i]))
			return false;
	return field->n_name > 0;
}

/* Find the empty line after the fields; NULL: it has not come. *is_right is
 * cleared if a line is no field. */
static const char *skip_fields(const char *at, const char *end, bool *is_right)
{
	struct field field;

	while (cut_field(&at, end, &field))
		if (!is_field(&field))
			*is_right = false;
	return find_line_end(at, end) ? at : NULL;
}

/* The next field of that name, from *at on. */
static bool find_field(const char **at, const char *end, const char *name,
		       struct field *field)
{
	const size_t n_name = strlen(name);

	while (cut_field(at, end, field))
		if (field->n_name == n_name &&
		    strncasecmp(field->name, name, n_name) == 0)
			return true;
	return false;
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

bool http_is_word(const char *text, size_t n, const char *word)
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
					    [HTTP_OPTIONS] = "OPTIONS",
					    [HTTP_POST] = "POST"};

	for (size_t i = 0; i < sizeof names / sizeof *names; i++)
		if (http_is_word(text, n, names[i])) {
			*method = (enum http_method)i;
			return HTTP_OK;
		}
	return HTTP_NOT_ALLOWED;
}

/* The length of "http://host" in front of an absolute target's path (RFC 9112,
 * 3.2.2), which a proxy sends. */
static size_t authority_length(const char *target, size_t n)
{
	static const char scheme[] = "http://";
	size_t i = sizeof scheme - 1;

	if (n < i || strncasecmp(target, scheme, i) != 0)
		return 0;
	while (i < n && target[i] != '/' && target[i] != '?')
		i++;
	return i;
}

/* The path may be missing behind an authority, which means "/". */
static enum http_status parse_target(const char *target, size_t n,
				     struct http_request *request)
{
	const size_t n_authority = authority_length(target, n);
	const char *path = target + n_authority;
	const char *end = target + n;
	const char *query = memchr(path, '?', (size_t)(end - path));

	request->path = path;
	request->n_path = (size_t)((query ? query : end) - path);
	request->query = query ? query + 1 : end;
	request->n_query = (size_t)(end - request->query);
	if (n_authority > 0 && request->n_path == 0) {
		request->path = "/";
		request->n_path = 1;
	}
	if (!is_printable(target, n) || request->n_path == 0 ||
	    (request->path[0] != '/' && !http_is_word(target, n, "*")))
		return HTTP_BAD_REQUEST;
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
	status = parse_target(target, n_target, request);
	if (n_method == 0 || status != HTTP_OK)
		return HTTP_BAD_REQUEST;
	status = check_version(at, (size_t)(line + n - at));
	if (status == HTTP_OK)
		status = find_method(line, n_method, &request->method);
	return status;
}

static enum http_status parse_length(const char *text, size_t n,
				     uint64_t *length)
{
	uint64_t value = 0;

	if (n == 0)
		return HTTP_BAD_REQUEST;
	for (size_t i = 0; i < n; i++) {
		if (!is_digit(text[i]))
			return HTTP_BAD_REQUEST;
		if (value > (UINT64_MAX - 9) / 10)
			return HTTP_CONTENT_TOO_LARGE;
		value = value * 10 + (uint64_t)(text[i] - '0');
	}
	*length = value;
	return HTTP_OK;
}

/* How much follows the head (RFC 9112, 6.3). Whoever reads a length differently
 * would take a part of the content for a request: one of two is refused. */
static enum http_status find_length(struct http_request *request)
{
	const char *at = request->fields;
	const char *end = at + request->n_fields;
	struct field field;
	enum http_status status;

	request->content_length = 0;
	if (find_field(&at, end, "Transfer-Encoding", &field))
		return HTTP_NOT_IMPLEMENTED;
	at = request->fields;
	if (!find_field(&at, end, "Content-Length", &field))
		return request->method == HTTP_POST ? HTTP_LENGTH_REQUIRED
						    : HTTP_OK;
	status = parse_length(field.value, field.n_value,
			      &request->content_length);
	if (find_field(&at, end, "Content-Length", &field))
		return HTTP_BAD_REQUEST;
	return status;
}

static enum http_status parse_head(const char *data, const char *end,
				   struct http_request *request)
{
	const char *line_end = find_line_end(data, end);
	const char *empty_line;
	enum http_status status;
	bool is_right = true;

	if (!line_end)
		return HTTP_INCOMPLETE;
	status = parse_line(data, line_length(data, line_end), request);
	if (status != HTTP_OK)
		return status;
	request->fields = line_end + 1;
	empty_line = skip_fields(request->fields, end, &is_right);
	if (!is_right)
		return HTTP_BAD_REQUEST;
	if (!empty_line)
		return HTTP_INCOMPLETE;
	request->n_fields = (size_t)(empty_line - request->fields);
	request->n_head = (size_t)(find_line_end(empty_line, end) + 1 - data);
	return find_length(request);
}

enum http_status http_parse(const char *data, size_t n,
			    struct http_request *request)
{
	const size_t n_seen = n < HTTP_MAX_REQUEST ? n : HTTP_MAX_REQUEST;
	enum http_status status = parse_head(data, data + n_seen, request);

	if (status == HTTP_INCOMPLETE && n >= HTTP_MAX_REQUEST)
		return HTTP_TOO_LARGE;
	return status;
}

const char *http_field(const struct http_request *request, const char *name,
		       size_t *n)
{
	const char *at = request->fields;
	struct field field;

	if (!find_field(&at, at + request->n_fields, name, &field))
		return NULL;
	*n = field.n_value;
	return field.value;
}

bool http_is_path(const struct http_request *request, const char *path)
{
	return http_is_word(request->path, request->n_path, path);
}

const char *http_status_line(enum http_status status)
{
	switch (status) {
	case HTTP_OK:
		return "200 OK";
	case HTTP_NO_CONTENT:
		return "204 No Content";
	case HTTP_UNAUTHORIZED:
		return "401 Unauthorized";
	case HTTP_FORBIDDEN:
		return "403 Forbidden";
	case HTTP_NOT_FOUND:
		return "404 Not Found";
	case HTTP_NOT_ALLOWED:
		return "405 Method Not Allowed";
	case HTTP_TIMEOUT:
		return "408 Request Timeout";
	case HTTP_LENGTH_REQUIRED:
		return "411 Length Required";
	case HTTP_CONTENT_TOO_LARGE:
		return "413 Content Too Large";
	case HTTP_TOO_LARGE:
		return "431 Request Header Fields Too Large";
	case HTTP_NOT_IMPLEMENTED:
		return "501 Not Implemented";
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
