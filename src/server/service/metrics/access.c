#include "access.h"

#include <arpa/inet.h>
#include <string.h>
#include <strings.h>

/* -- the token -- */

/* In a time that says nothing of where they differ. */
static bool is_token(const char *text, size_t n, const char *token)
{
	volatile unsigned char difference = n != strlen(token);

	for (size_t i = 0; i < n && token[i] != '\0'; i++)
		difference = (unsigned char)(difference | (text[i] ^ token[i]));
	return difference == 0;
}

static bool is_in_query(const struct http_request *asked, const char *token)
{
	static const char name[] = "token=";
	const size_t n_name = sizeof name - 1;
	const char *at = asked->query;
	const char *end = at + asked->n_query;

	while (at < end) {
		const char *next = memchr(at, '&', (size_t)(end - at));
		size_t n = (size_t)((next ? next : end) - at);

		if (n > n_name && memcmp(at, name, n_name) == 0)
			return is_token(at + n_name, n - n_name, token);
		at += n + 1;
	}
	return false;
}

static bool is_in_field(const struct http_request *asked, const char *token)
{
	static const char scheme[] = "Bearer ";
	const size_t n_scheme = sizeof scheme - 1;
	size_t n;
	const char *value = http_field(asked, "Authorization", &n);

	return value && n > n_scheme &&
	       strncasecmp(value, scheme, n_scheme) == 0 &&
	       is_token(value + n_scheme, n - n_scheme, token);
}

/* -- without one -- */

static bool is_of_this_machine(const struct weir_address *address)
{
	switch (address->sa.any.sa_family) {
	case AF_UNIX:
		return true;
	case AF_INET:
		return ntohl(address->sa.in.sin_addr.s_addr) >> 24 ==
		       IN_LOOPBACKNET;
	case AF_INET6:
		return IN6_IS_ADDR_LOOPBACK(&address->sa.in6.sin6_addr);
	default:
		return false;
	}
}

/* A page from elsewhere can have its own name resolved to this machine, and
 * would then be let read what it asks for. A browser tells the name. */
static bool is_named_locally(const struct http_request *asked)
{
	static const char name[] = "localhost";
	const size_t n_name = sizeof name - 1;
	size_t n;
	const char *host = http_field(asked, "Host", &n);

	if (!host || n == 0 || host[0] == '[')
		return true;
	if (n >= n_name && strncasecmp(host, name, n_name) == 0)
		return n == n_name || host[n_name] == ':';
	for (size_t i = 0; i < n; i++)
		if (!strchr("0123456789.:", host[i]))
			return false;
	return true;
}

enum http_status access_check(const struct endpoint *endpoint,
			      const struct http_request *asked, bool is_page,
			      const char **why)
{
	const char *token = endpoint->worker->settings->metrics_token;
	const struct weir_address *address =
		weir_listener_address(&endpoint->listener);

	if (token && (is_in_field(asked, token) || is_in_query(asked, token)))
		return HTTP_OK;
	if (token) {
		*why = "expected the token of --metrics-token, as "
		       "Authorization: Bearer TOKEN or ?token=TOKEN\n";
		return HTTP_UNAUTHORIZED;
	}
	if (!is_page)
		return HTTP_OK;
	if (!is_of_this_machine(address)) {
		*why = "this address is not of this machine alone: start the "
		       "server with --metrics-token\n";
		return HTTP_FORBIDDEN;
	}
	if (address->sa.any.sa_family != AF_UNIX && !is_named_locally(asked)) {
		*why = "ask for localhost or an address, or start the server "
		       "with --metrics-token\n";
		return HTTP_FORBIDDEN;
	}
	return HTTP_OK;
}
