/* Whether the peer is still there: what TCP finds out by itself, by keepalive
 * and TCP_USER_TIMEOUT, and where the loop hears of it. */
#include "conn_inside.h"
#include "sys.h"

#include <errno.h>
#include <limits.h>
#include <netinet/in.h>
#include <netinet/tcp.h>

enum {
	/* of the kernel: MAX_TCP_KEEPIDLE and so on, include/net/tcp.h */
	MAX_KEEPALIVE_S = 32767,
	MAX_KEEPALIVE_COUNT = 127
};

/* WEIR_NEVER is not asked for, as 0 is; else rounded up. */
static uint64_t in_units(uint64_t ns, uint64_t unit_ns)
{
	return ns == WEIR_NEVER ? 0 : ns / unit_ns + (ns % unit_ns > 0);
}

static bool is_asked(uint64_t ns)
{
	return ns != 0 && ns != WEIR_NEVER;
}

int weir_conn_check_keepalive(const struct weir_conn_limits *limits)
{
	if (in_units(limits->keepalive_idle_ns, WEIR_NS_PER_S) >
		    MAX_KEEPALIVE_S ||
	    in_units(limits->keepalive_interval_ns, WEIR_NS_PER_S) >
		    MAX_KEEPALIVE_S ||
	    limits->keepalive_count > MAX_KEEPALIVE_COUNT ||
	    in_units(limits->user_timeout_ns, WEIR_NS_PER_MS) > INT_MAX)
		return -EINVAL;
	return 0;
}

static int set_unless_0(int fd, int option, uint64_t value)
{
	return value == 0 ? 0
			  : weir_sys_setsockopt(fd, IPPROTO_TCP, option,
						(int)value);
}

static int set_keepalive(int fd, const struct weir_conn_limits *limits)
{
	uint64_t idle_s = in_units(limits->keepalive_idle_ns, WEIR_NS_PER_S);
	uint64_t interval_s =
		in_units(limits->keepalive_interval_ns, WEIR_NS_PER_S);
	int error;

	if (idle_s == 0)
		return 0;
	error = set_unless_0(fd, TCP_KEEPIDLE, idle_s);
	if (error == 0)
		error = set_unless_0(fd, TCP_KEEPINTVL, interval_s);
	if (error == 0)
		error = set_unless_0(fd, TCP_KEEPCNT, limits->keepalive_count);
	if (error == 0)
		error = weir_sys_setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, 1);
	return error;
}

int weir_conn_set_keepalive(int fd, const struct weir_conn_limits *limits)
{
	int error = set_keepalive(fd, limits);

	if (error < 0)
		return error;
	return set_unless_0(fd, TCP_USER_TIMEOUT,
			    in_units(limits->user_timeout_ns, WEIR_NS_PER_MS));
}

int weir_conn_change_keepalive(const struct weir_conn *c,
			       const struct weir_conn_limits *limits)
{
	const struct weir_conn_limits *old = c->limits;
	int fd = c->watch.fd;
	int error;

	if (!c->is_tcp)
		return 0;
	error = weir_conn_set_keepalive(fd, limits);
	if (error == 0 && is_asked(old->keepalive_idle_ns) &&
	    !is_asked(limits->keepalive_idle_ns))
		error = weir_sys_setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, 0);
	if (error == 0 && is_asked(old->user_timeout_ns) &&
	    !is_asked(limits->user_timeout_ns))
		error = weir_sys_setsockopt(fd, IPPROTO_TCP, TCP_USER_TIMEOUT,
					    0);
	return error;
}

/* Edge-triggered: both sides' FINs would be a hang-up that stays. */
uint32_t weir_conn_keepalive_events(const struct weir_conn *c)
{
	const struct weir_conn_limits *limits = c->limits;

	if (c->is_tcp && (is_asked(limits->keepalive_idle_ns) ||
			  is_asked(limits->user_timeout_ns)))
		return EPOLLERR | EPOLLET;
	return 0;
}

void weir_conn_take_silent_error(struct weir_conn *c)
{
	bool waits = weir_conn_has(c, WEIR_FACT_OWES | WEIR_FACT_WANTS_ROOM);
	bool comes_again = !(c->watch.committed & EPOLLET);
	int error;

	/* What waits to be sent may be dropped before a call meets it. */
	if (weir_conn_is_reading(c) || (waits && comes_again))
		return;
	error = weir_sys_socket_error(c->watch.fd);
	if (error < 0)
		weir_conn_fail(c, error);
}
