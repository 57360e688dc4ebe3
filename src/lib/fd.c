/* sendall on a plain descriptor: send, wait for room, go on behind what was
 * taken.
 *
 * Three things are easy to get wrong. The offset must be kept, since a second
 * try from the start would send the beginning twice. A short send means that
 * the kernel is full, so a wait follows and no second try. And poll(2) may
 * report room that the next send does not find, when the kernel is short of
 * memory: trying again at once would spin. */
#include <weir/fd.h>
#include "sys.h"

#include <errno.h>
#include <stdbool.h>

enum {
	NO_FD = -1,
	NAP_NS = 10000000
};

static int check_type(int fd)
{
	int type;
	int error = weir_sys_getsockopt(fd, SOL_SOCKET, SO_TYPE, &type);

	if (error < 0)
		return error;
	return type == SOCK_STREAM ? 0 : -EPROTOTYPE;
}

/* 0: the deadline has come; -1: no deadline, as for poll(2). */
static int64_t time_left(uint64_t deadline_ns)
{
	uint64_t now_ns;

	if (deadline_ns == WEIR_NEVER)
		return -1;
	now_ns = weir_sys_now();
	if (now_ns >= deadline_ns)
		return 0;
	if (deadline_ns - now_ns > INT64_MAX)
		return INT64_MAX;
	return (int64_t)(deadline_ns - now_ns);
}

/* 1: poll reports room; 0: it does not, but it is time for another try. */
static int wait_for_room(int fd, uint64_t deadline_ns, bool is_to_nap)
{
	int64_t left_ns = time_left(deadline_ns);

	if (left_ns == 0)
		return -ETIMEDOUT;
	if (!is_to_nap)
		return weir_sys_wait_writable(fd, left_ns);
	if (left_ns < 0 || left_ns > NAP_NS)
		left_ns = NAP_NS;
	return weir_sys_wait_writable(NO_FD, left_ns);
}

static bool is_full(ssize_t result)
{
	return result == -EAGAIN || result == -ENOBUFS || result == -ENOMEM;
}

static int send_all(int fd, const unsigned char *data, size_t n,
		    uint64_t deadline_ns, size_t *sent)
{
	int is_promised = 0;

	while (*sent < n) {
		ssize_t result = weir_sys_send(fd, data + *sent, n - *sent);
		bool is_broken = is_promised == 1 && result < 0;

		if (result < 0 && !is_full(result))
			return (int)result;
		if (result > 0)
			*sent += (size_t)result;
		if (*sent == n)
			break;
		is_promised = wait_for_room(fd, deadline_ns, is_broken);
		if (is_promised < 0)
			return is_promised;
	}
	return 0;
}

int weir_fd_sendall(int fd, const void *data, size_t n, uint64_t deadline_ns,
		    size_t *sent)
{
	size_t n_sent = 0;
	int error = check_type(fd);

	if (error == 0)
		error = send_all(fd, data, n, deadline_ns, &n_sent);
	if (sent)
		*sent = n_sent;
	return error;
}
