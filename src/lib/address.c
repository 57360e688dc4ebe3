/* From text to socket addresses and back. The text is parsed here: the resolver
 * gets names alone, and never guesses at a form. */
#include <weir/address.h>
#include "sys.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netdb.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

enum {
	MAX_PORT = 65535,
	/* a name has at most 253 characters (RFC 1035), an IPv6 address with
	 * its scope far fewer */
	HOST_SIZE = 256,
	PORT_SIZE = 6
};

/* What to resolve, and the addresses found. */
struct query {
	enum weir_address_use use;
	int type;
	uint16_t port;
	struct weir_address *addresses;
	size_t max;
	size_t n;
};

/* The resolver may return an address twice, for example from a hosts file, and
 * a server cannot listen on it twice: only the first is stored. */
static void store(struct query *query, const void *sa, socklen_t len)
{
	struct weir_address *a = &query->addresses[query->n];
	size_t i;

	if (query->n == query->max || len > sizeof a->sa)
		return;
	for (i = 0; i < query->n; i++) {
		const struct weir_address *other = &query->addresses[i];

		if (other->len == len && memcmp(&other->sa, sa, len) == 0)
			return;
	}
	memset(a, 0, sizeof *a);
	a->type = query->type;
	a->len = len;
	memcpy(&a->sa, sa, len);
	query->n++;
}

static int store_both(struct query *query, struct in6_addr v6, in_addr_t v4)
{
	struct sockaddr_in6 in6 = {.sin6_family = AF_INET6,
				   .sin6_port = htons(query->port),
				   .sin6_addr = v6};
	struct sockaddr_in in = {.sin_family = AF_INET,
				 .sin_port = htons(query->port),
				 .sin_addr.s_addr = htonl(v4)};

	store(query, &in6, sizeof in6);
	store(query, &in, sizeof in);
	return 0;
}

static int look_up(struct query *query, const char *host, int flags)
{
	struct addrinfo hints = {.ai_family = AF_UNSPEC,
				 .ai_socktype = query->type,
				 .ai_flags = flags | AI_NUMERICSERV};
	struct addrinfo *list;
	const struct addrinfo *info;
	char port[PORT_SIZE];
	int error;

	(void)snprintf(port, sizeof port, "%hu", query->port);
	error = weir_sys_getaddrinfo(host, port, &hints, &list);
	if (error < 0)
		return error;
	for (info = list; info; info = info->ai_next)
		store(query, info->ai_addr, info->ai_addrlen);
	weir_sys_freeaddrinfo(list);
	return 0;
}

/* No host means every interface, or localhost. RFC 6761 fixes what localhost
 * is, so the resolver need not know it. */
static int resolve_bare_port(struct query *query)
{
	int error;

	if (query->use == WEIR_ADDRESS_LISTEN)
		return store_both(query, in6addr_any, INADDR_ANY);
	error = look_up(query, "localhost", 0);
	if (error == 0 || error == -ENOMEM)
		return error;
	return store_both(query, in6addr_loopback, INADDR_LOOPBACK);
}

/* host is without its brackets. If its form is right, its scope may still be
 * wrong: there may be no such interface. */
static int resolve_v6(struct query *query, const char *host)
{
	char unscoped[HOST_SIZE];
	struct in6_addr v6;
	size_t n = strcspn(host, "%");

	memcpy(unscoped, host, n);
	unscoped[n] = '\0';
	if (inet_pton(AF_INET6, unscoped, &v6) != 1)
		return -EINVAL;
	return look_up(query, host, AI_NUMERICHOST);
}

/* A name or an IPv4 address. getaddrinfo(3) would take "1" for 0.0.0.1 and look
 * up 1.2.3.256: no name is all digits and dots. glibc takes "*" for no host at
 * all (gaih_inet in sysdeps/posix/getaddrinfo.c), musl for a name. */
static int resolve_name(struct query *query, const char *host)
{
	struct in_addr v4;

	if (host[strcspn(host, ":[]/%* \t\r\n")] != '\0')
		return -EINVAL;
	if (host[strspn(host, "0123456789.")] != '\0')
		return look_up(query, host, 0);
	if (inet_pton(AF_INET, host, &v4) != 1)
		return -EINVAL;
	return look_up(query, host, AI_NUMERICHOST);
}

/* Digits alone: strtoul(3) would also take signs and spaces. */
static int parse_port(const char *text)
{
	int port = 0;

	if (*text == '\0')
		return -EINVAL;
	for (; *text >= '0' && *text <= '9'; text++) {
		port = port * 10 + (*text - '0');
		if (port > MAX_PORT)
			return -EINVAL;
	}
	return *text == '\0' ? port : -EINVAL;
}

static int resolve_ip(struct query *query, const char *text)
{
	const char *colon = strrchr(text, ':');
	int port = colon ? parse_port(colon + 1) : -EINVAL;
	char host[HOST_SIZE];
	size_t n;

	if (port < 0)
		return port;
	query->port = (uint16_t)port;
	n = (size_t)(colon - text);
	if (n == 0)
		return resolve_bare_port(query);
	if (n >= sizeof host)
		return -ENOENT;
	memcpy(host, text, n);
	host[n] = '\0';
	if (host[0] != '[')
		return resolve_name(query, host);
	if (host[n - 1] != ']')
		return -EINVAL;
	host[n - 1] = '\0';
	return resolve_v6(query, host + 1);
}

/* A path ends with its NUL. An abstract name starts with a NUL in the place of
 * the @, and ends where the length says. */
static int resolve_unix(struct query *query, const char *name)
{
	bool is_abstract = name[0] == '@';
	size_t n = strlen(name) + !is_abstract;
	struct sockaddr_un un = {.sun_family = AF_UNIX};

	if (n <= 1)
		return -EINVAL;
	if (n > sizeof un.sun_path)
		return -ENAMETOOLONG;
	memcpy(un.sun_path, name, n);
	if (is_abstract)
		un.sun_path[0] = '\0';
	n += offsetof(struct sockaddr_un, sun_path);
	store(query, &un, (socklen_t)n);
	return 0;
}

static bool skip_prefix(const char **text, const char *prefix)
{
	size_t n = strlen(prefix);

	if (strncmp(*text, prefix, n) != 0)
		return false;
	*text += n;
	return true;
}

int weir_address_resolve(const char *text, enum weir_address_use use,
			 struct weir_address *addresses, size_t max)
{
	struct query query = {.use = use,
			      .type = SOCK_STREAM,
			      .addresses = addresses,
			      .max = max};
	int error;

	if (skip_prefix(&text, "unix:")) {
		error = resolve_unix(&query, text);
	} else if (skip_prefix(&text, "unixgram:")) {
		query.type = SOCK_DGRAM;
		error = resolve_unix(&query, text);
	} else {
		if (skip_prefix(&text, "udp:"))
			query.type = SOCK_DGRAM;
		error = resolve_ip(&query, text);
	}
	return error < 0 ? error : (int)query.n;
}

static void format_v4(const struct in_addr *v4, in_port_t port,
		      const char *prefix, char *text, size_t size)
{
	char host[INET_ADDRSTRLEN];

	inet_ntop(AF_INET, v4, host, sizeof host);
	(void)snprintf(text, size, "%s%s:%u", prefix, host,
		       (unsigned)ntohs(port));
}

/* The scope is written as its number: only the kernel knows its name. */
static void format_v6(const struct sockaddr_in6 *in6, const char *prefix,
		      char *text, size_t size)
{
	char host[INET6_ADDRSTRLEN];
	char scope[sizeof("%4294967295")] = "";

	if (IN6_IS_ADDR_V4MAPPED(&in6->sin6_addr)) {
		struct in_addr v4;

		memcpy(&v4, &in6->sin6_addr.s6_addr[12], sizeof v4);
		format_v4(&v4, in6->sin6_port, prefix, text, size);
		return;
	}
	inet_ntop(AF_INET6, &in6->sin6_addr, host, sizeof host);
	if (in6->sin6_scope_id)
		(void)snprintf(scope, sizeof scope, "%%%u",
			       (unsigned)in6->sin6_scope_id);
	(void)snprintf(text, size, "%s[%s%s]:%u", prefix, host, scope,
		       (unsigned)ntohs(in6->sin6_port));
}

/* len, and not a NUL, ends an abstract name; the kernel may count one byte
 * beyond sun_path for a path that fills it (unix(7)). */
static void format_unix(const struct sockaddr_un *un, socklen_t len,
			const char *prefix, char *text, size_t size)
{
	char name[sizeof un->sun_path + 1];
	size_t n = 0;
	size_t i;

	if (len > offsetof(struct sockaddr_un, sun_path))
		n = len - offsetof(struct sockaddr_un, sun_path);
	if (n > sizeof un->sun_path)
		n = sizeof un->sun_path;
	if (n > 0 && un->sun_path[0] != '\0')
		n = strnlen(un->sun_path, n);
	for (i = 0; i < n; i++) {
		bool prints = un->sun_path[i] >= ' ' && un->sun_path[i] <= '~';

		name[i] = '?';
		if (prints)
			name[i] = un->sun_path[i];
	}
	if (n > 0 && un->sun_path[0] == '\0')
		name[0] = '@';
	name[n] = '\0';
	(void)snprintf(text, size, "%s%s", prefix, name);
}

const char *weir_address_format(const struct weir_address *address, char *text,
				size_t size)
{
	bool is_dgram = address->type == SOCK_DGRAM;
	const char *ip_prefix = is_dgram ? "udp:" : "";

	switch (address->sa.any.sa_family) {
	case AF_INET:
		format_v4(&address->sa.in.sin_addr, address->sa.in.sin_port,
			  ip_prefix, text, size);
		break;
	case AF_INET6:
		format_v6(&address->sa.in6, ip_prefix, text, size);
		break;
	case AF_UNIX:
		format_unix(&address->sa.un, address->len,
			    is_dgram ? "unixgram:" : "unix:", text, size);
		break;
	default:
		(void)snprintf(text, size, "%s", "");
	}
	return text;
}

const char *weir_address_error(int error)
{
	switch (error) {
	case -EINVAL:
		return "not an address";
	case -ENAMETOOLONG:
		return "path too long for a Unix socket";
	case -ENOENT:
		return "no such host";
	case -EAGAIN:
		return "the name cannot be looked up at the moment";
	default:
		return strerror(-error);
	}
}
