#include "keepalive.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stddef.h>
#include <sys/socket.h>

#include "clock.h"

enum {
	N_PROBES = 4
};

static int seconds(uint64_t ns)
{
	return ns < CLOCK_NS_PER_S ? 1 : (int)(ns / CLOCK_NS_PER_S);
}

/* Failure is ignored: the connection works without. */
void keepalive_set(int fd, uint64_t ns)
{
	const struct {
		int level;
		int option;
		int value;
	} table[] = {{IPPROTO_TCP, TCP_KEEPIDLE, seconds(ns)},
		     {IPPROTO_TCP, TCP_KEEPINTVL, seconds(ns / N_PROBES)},
		     {IPPROTO_TCP, TCP_KEEPCNT, N_PROBES},
		     {SOL_SOCKET, SO_KEEPALIVE, 1}};

	if (ns == 0)
		return;
	for (size_t i = 0; i < sizeof table / sizeof *table; i++)
		if (setsockopt(fd, table[i].level, table[i].option,
			       &table[i].value, sizeof table[i].value) < 0)
			return;
}
