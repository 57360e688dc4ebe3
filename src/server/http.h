/* As much of HTTP/1.1 (RFC 9112) as the services need: one request on each
 * connection. This parses bytes; the services have the connections. */
#ifndef HTTP_H
#define HTTP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
	/* request line and fields together */
	HTTP_MAX_REQUEST = 8192
};

enum http_status {
	HTTP_INCOMPLETE = 0, /* the head is not complete */
	HTTP_OK = 200,
	HTTP_NO_CONTENT = 204,
	HTTP_BAD_REQUEST = 400,
	HTTP_UNAUTHORIZED = 401,
	HTTP_FORBIDDEN = 403,
	HTTP_NOT_FOUND = 404,
	HTTP_NOT_ALLOWED = 405,
	HTTP_TIMEOUT = 408,
	HTTP_LENGTH_REQUIRED = 411,
	HTTP_CONTENT_TOO_LARGE = 413,
	HTTP_TOO_LARGE = 431, /* the head */
	HTTP_NOT_IMPLEMENTED = 501,
	HTTP_UNAVAILABLE = 503,
	HTTP_VERSION = 505
};

enum http_method {
	HTTP_GET,
	HTTP_HEAD,    /* as GET, without the body */
	HTTP_OPTIONS, /* of any path, or of "*" */
	HTTP_POST
};

/* What the pointers point to lies within the request, but for the "/" that an
 * absolute target (http://host) without a path means. */
struct http_request {
	enum http_method method;
	const char *path; /* without the host of an absolute target */
	size_t n_path;
	const char *query; /* what follows the '?' */
	size_t n_query;
	const char *fields; /* for http_field */
	size_t n_fields;
	size_t n_head; /* with the empty line; the content follows it */
	uint64_t content_length;
};

/* Parse the first n bytes of a request. HTTP_OK: its head is complete, and
 * *request is set. Otherwise what is wrong with it. A POST must tell its
 * Content-Length; transfer codings are not implemented. */
enum http_status http_parse(const char *data, size_t n,
			    struct http_request *request);

/* The value of the first field of that name, whatever its case, without the
 * blanks around it. NULL: it has no such field. */
const char *http_field(const struct http_request *request, const char *name,
		       size_t *n);

/* Whether the n bytes of text are that word. */
bool http_is_word(const char *text, size_t n, const char *word);
/* Whether it asks for that path, whatever its query. */
bool http_is_path(const struct http_request *request, const char *path);

/* "404 Not Found" */
const char *http_status_line(enum http_status status);

#endif
