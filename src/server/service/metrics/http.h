/* As much of HTTP/1.1 (RFC 9112) as a scraper needs: one request on each
 * connection. This parses bytes; metrics.c has the connections. */
#ifndef HTTP_H
#define HTTP_H

#include <stddef.h>

enum {
	/* request line and fields together */
	HTTP_MAX_REQUEST = 8192
};

enum http_status {
	HTTP_INCOMPLETE = 0, /* the head is not complete */
	HTTP_OK = 200,
	HTTP_BAD_REQUEST = 400,
	HTTP_NOT_FOUND = 404,
	HTTP_NOT_ALLOWED = 405,
	HTTP_TIMEOUT = 408,
	HTTP_TOO_LARGE = 431,
	HTTP_UNAVAILABLE = 503,
	HTTP_VERSION = 505
};

enum http_method {
	HTTP_GET,
	HTTP_HEAD,   /* as GET, without the body */
	HTTP_OPTIONS /* of any path, or of "*" */
};

/* path points into the request and ends before its query. Of an absolute
 * target (http://host/path) it is the path alone. */
struct http_request {
	enum http_method method;
	const char *path;
	size_t n_path;
};

/* Parse the first n bytes of a request. HTTP_OK: *request is set. Otherwise
 * what is wrong with it. */
enum http_status http_parse(const char *data, size_t n,
			    struct http_request *request);

/* "404 Not Found" */
const char *http_status_line(enum http_status status);

#endif
