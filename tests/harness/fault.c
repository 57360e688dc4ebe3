/* sys.o with a script in front: each call asks fault_take first.
 *
 * The shipped functions are compiled here under the names real_*, so that
 * what runs below the scripts is what users get. */
#define weir_sys_alloc		 real_alloc
#define weir_sys_free		 real_free
#define weir_sys_release_memory	 real_release_memory
#define weir_sys_now		 real_now
#define weir_sys_thread_cpu	 real_thread_cpu
#define weir_sys_epoll_open	 real_epoll_open
#define weir_sys_epoll_add	 real_epoll_add
#define weir_sys_epoll_mod	 real_epoll_mod
#define weir_sys_epoll_del	 real_epoll_del
#define weir_sys_epoll_wait	 real_epoll_wait
#define weir_sys_timerfd_open	 real_timerfd_open
#define weir_sys_timerfd_set	 real_timerfd_set
#define weir_sys_signalfd_open	 real_signalfd_open
#define weir_sys_signalfd_take	 real_signalfd_take
#define weir_sys_signal_unblock	 real_signal_unblock
#define weir_sys_eventfd_open	 real_eventfd_open
#define weir_sys_eventfd_raise	 real_eventfd_raise
#define weir_sys_eventfd_take	 real_eventfd_take
#define weir_sys_wait_writable	 real_wait_writable
#define weir_sys_socket		 real_socket
#define weir_sys_bind		 real_bind
#define weir_sys_listen		 real_listen
#define weir_sys_accept		 real_accept
#define weir_sys_connect	 real_connect
#define weir_sys_socket_error	 real_socket_error
#define weir_sys_set_nonblocking real_set_nonblocking
#define weir_sys_getsockname	 real_getsockname
#define weir_sys_getpeername	 real_getpeername
#define weir_sys_setsockopt	 real_setsockopt
#define weir_sys_getsockopt	 real_getsockopt
#define weir_sys_reset_on_close	 real_reset_on_close
#define weir_sys_recv		 real_recv
#define weir_sys_send		 real_send
#define weir_sys_sendv		 real_sendv
#define weir_sys_recvmmsg	 real_recvmmsg
#define weir_sys_sendmmsg	 real_sendmmsg
#define weir_sys_take_error	 real_take_error
#define weir_sys_pread		 real_pread
#define weir_sys_sendfile	 real_sendfile
#define weir_sys_pipe		 real_pipe
#define weir_sys_splice		 real_splice
#define weir_sys_read		 real_read
#define weir_sys_send_room	 real_send_room
#define weir_sys_shutdown_write	 real_shutdown_write
#define weir_sys_close		 real_close
#define weir_sys_unread		 real_unread
#define weir_sys_unacked	 real_unacked
#define weir_sys_unsent		 real_unsent
#define weir_sys_lstat		 real_lstat
#define weir_sys_fstat		 real_fstat
#define weir_sys_unlink		 real_unlink
#define weir_sys_open_lock	 real_open_lock
#define weir_sys_lock		 real_lock
#define weir_sys_getaddrinfo	 real_getaddrinfo
#define weir_sys_freeaddrinfo	 real_freeaddrinfo
#include "sys.c"
#undef weir_sys_alloc
#undef weir_sys_free
#undef weir_sys_release_memory
#undef weir_sys_now
#undef weir_sys_thread_cpu
#undef weir_sys_epoll_open
#undef weir_sys_epoll_add
#undef weir_sys_epoll_mod
#undef weir_sys_epoll_del
#undef weir_sys_epoll_wait
#undef weir_sys_timerfd_open
#undef weir_sys_timerfd_set
#undef weir_sys_signalfd_open
#undef weir_sys_signalfd_take
#undef weir_sys_signal_unblock
#undef weir_sys_eventfd_open
#undef weir_sys_eventfd_raise
#undef weir_sys_eventfd_take
#undef weir_sys_wait_writable
#undef weir_sys_socket
#undef weir_sys_bind
#undef weir_sys_listen
#undef weir_sys_accept
#undef weir_sys_connect
#undef weir_sys_socket_error
#undef weir_sys_set_nonblocking
#undef weir_sys_getsockname
#undef weir_sys_getpeername
#undef weir_sys_setsockopt
#undef weir_sys_getsockopt
#undef weir_sys_reset_on_close
#undef weir_sys_recv
#undef weir_sys_send
#undef weir_sys_sendv
#undef weir_sys_recvmmsg
#undef weir_sys_sendmmsg
#undef weir_sys_take_error
#undef weir_sys_pread
#undef weir_sys_sendfile
#undef weir_sys_pipe
#undef weir_sys_splice
#undef weir_sys_read
#undef weir_sys_send_room
#undef weir_sys_shutdown_write
#undef weir_sys_close
#undef weir_sys_unread
#undef weir_sys_unacked
#undef weir_sys_unsent
#undef weir_sys_lstat
#undef weir_sys_fstat
#undef weir_sys_unlink
#undef weir_sys_open_lock
#undef weir_sys_lock
#undef weir_sys_getaddrinfo
#undef weir_sys_freeaddrinfo
#undef WEIR_LIB_SYS_H
#include "sys.h"

#include "fault_inside.h"

void *weir_sys_alloc(size_t n_bytes)
{
	if (fault_take(FAULT_ALLOC, FAULT_ANY_FD, NULL) != FAULT_PASS)
		return NULL;
	return fault_alloc(n_bytes);
}

void weir_sys_free(void *p)
{
	fault_free(p);
}

void weir_sys_release_memory(void)
{
	fault_take(FAULT_RELEASE_MEMORY, FAULT_ANY_FD, NULL);
	real_release_memory();
}

uint64_t weir_sys_now(void)
{
	fault_take(FAULT_NOW, FAULT_ANY_FD, NULL);
	return fault_clock();
}

uint64_t weir_sys_thread_cpu(void)
{
	fault_take(FAULT_THREAD_CPU, FAULT_ANY_FD, NULL);
	return fault_cpu_clock();
}

int weir_sys_epoll_open(void)
{
	int r = fault_take(FAULT_EPOLL_OPEN, FAULT_ANY_FD, NULL);

	return r == FAULT_PASS ? real_epoll_open() : r;
}

int weir_sys_epoll_add(int epoll_fd, int fd, uint32_t events, void *ptr)
{
	int r = fault_take(FAULT_EPOLL_ADD, fd, NULL);

	return r == FAULT_PASS ? real_epoll_add(epoll_fd, fd, events, ptr) : r;
}

int weir_sys_epoll_mod(int epoll_fd, int fd, uint32_t events, void *ptr)
{
	int r = fault_take(FAULT_EPOLL_MOD, fd, NULL);

	return r == FAULT_PASS ? real_epoll_mod(epoll_fd, fd, events, ptr) : r;
}

int weir_sys_epoll_del(int epoll_fd, int fd)
{
	int r = fault_take(FAULT_EPOLL_DEL, fd, NULL);

	return r == FAULT_PASS ? real_epoll_del(epoll_fd, fd) : r;
}

int weir_sys_epoll_wait(int epoll_fd, struct epoll_event *events,
			int max_events, int64_t timeout_ns)
{
	int r = fault_take(FAULT_EPOLL_WAIT, epoll_fd, NULL);

	if (r != FAULT_PASS)
		return r;
	return fault_wait(epoll_fd, events, max_events, timeout_ns);
}

int weir_sys_timerfd_open(void)
{
	int r = fault_take(FAULT_TIMERFD_OPEN, FAULT_ANY_FD, NULL);

	return r == FAULT_PASS ? fault_timer_open() : r;
}

int weir_sys_timerfd_set(int fd, uint64_t deadline_ns)
{
	int r = fault_take(FAULT_TIMERFD_SET, fd, NULL);

	return r == FAULT_PASS ? fault_timer_set(fd, deadline_ns) : r;
}

int weir_sys_signalfd_open(int signo, bool *was_blocked)
{
	int r = fault_take(FAULT_SIGNALFD_OPEN, FAULT_ANY_FD, NULL);

	return r == FAULT_PASS ? real_signalfd_open(signo, was_blocked) : r;
}

int weir_sys_signalfd_take(int fd)
{
	int r = fault_take(FAULT_SIGNALFD_TAKE, fd, NULL);

	return r == FAULT_PASS ? real_signalfd_take(fd) : r;
}

int weir_sys_signal_unblock(int signo)
{
	int r = fault_take(FAULT_SIGNAL_UNBLOCK, FAULT_ANY_FD, NULL);

	return r == FAULT_PASS ? real_signal_unblock(signo) : r;
}

int weir_sys_eventfd_open(void)
{
	int r = fault_take(FAULT_EVENTFD_OPEN, FAULT_ANY_FD, NULL);

	return r == FAULT_PASS ? real_eventfd_open() : r;
}

void weir_sys_eventfd_raise(int fd)
{
	fault_take(FAULT_EVENTFD_RAISE, fd, NULL);
	real_eventfd_raise(fd);
}

int weir_sys_eventfd_take(int fd)
{
	int r = fault_take(FAULT_EVENTFD_TAKE, fd, NULL);

	return r == FAULT_PASS ? real_eventfd_take(fd) : r;
}

int weir_sys_wait_writable(int fd, int64_t timeout_ns)
{
	int r = fault_take(FAULT_WAIT_WRITABLE, fd, NULL);

	return r == FAULT_PASS ? fault_wait_writable(fd, timeout_ns) : r;
}

int weir_sys_socket(int family, int type)
{
	int r = fault_take(FAULT_SOCKET, FAULT_ANY_FD, NULL);

	return r == FAULT_PASS ? real_socket(family, type) : r;
}

int weir_sys_bind(int fd, const struct sockaddr *addr, socklen_t len)
{
	int r = fault_take(FAULT_BIND, fd, NULL);

	return r == FAULT_PASS ? real_bind(fd, addr, len) : r;
}

int weir_sys_listen(int fd, int backlog)
{
	int r = fault_take(FAULT_LISTEN, fd, NULL);

	return r == FAULT_PASS ? real_listen(fd, backlog) : r;
}

int weir_sys_accept(int fd, struct sockaddr *addr, socklen_t *len)
{
	int r = fault_take(FAULT_ACCEPT, fd, NULL);

	return r == FAULT_PASS ? real_accept(fd, addr, len) : r;
}

int weir_sys_connect(int fd, const struct sockaddr *addr, socklen_t len)
{
	int r = fault_take(FAULT_CONNECT, fd, NULL);

	return r == FAULT_PASS ? real_connect(fd, addr, len) : r;
}

int weir_sys_socket_error(int fd)
{
	int r = fault_take(FAULT_SOCKET_ERROR, fd, NULL);

	return r == FAULT_PASS ? real_socket_error(fd) : r;
}

int weir_sys_set_nonblocking(int fd)
{
	int r = fault_take(FAULT_SET_NONBLOCKING, fd, NULL);

	return r == FAULT_PASS ? real_set_nonblocking(fd) : r;
}

int weir_sys_getsockname(int fd, struct sockaddr *addr, socklen_t *len)
{
	int r = fault_take(FAULT_GETSOCKNAME, fd, NULL);

	return r == FAULT_PASS ? real_getsockname(fd, addr, len) : r;
}

int weir_sys_getpeername(int fd, struct sockaddr *addr, socklen_t *len)
{
	int r = fault_take(FAULT_GETPEERNAME, fd, NULL);

	return r == FAULT_PASS ? real_getpeername(fd, addr, len) : r;
}

int weir_sys_setsockopt(int fd, int level, int option, int value)
{
	int r = fault_take(FAULT_SETSOCKOPT, fd, NULL);

	return r == FAULT_PASS ? real_setsockopt(fd, level, option, value) : r;
}

int weir_sys_getsockopt(int fd, int level, int option, int *value)
{
	int r = fault_take(FAULT_GETSOCKOPT, fd, NULL);

	return r == FAULT_PASS ? real_getsockopt(fd, level, option, value) : r;
}

int weir_sys_reset_on_close(int fd)
{
	int r = fault_take(FAULT_RESET_ON_CLOSE, fd, NULL);

	return r == FAULT_PASS ? real_reset_on_close(fd) : r;
}

ssize_t weir_sys_recv(int fd, void *data, size_t n_bytes)
{
	size_t max;
	int r = fault_take(FAULT_RECV, fd, &max);

	if (r != FAULT_PASS)
		return r;
	return real_recv(fd, data, n_bytes < max ? n_bytes : max);
}

ssize_t weir_sys_send(int fd, const void *data, size_t n_bytes)
{
	size_t max;
	int r = fault_take(FAULT_SEND, fd, &max);

	if (r != FAULT_PASS)
		return r;
	return real_send(fd, data, n_bytes < max ? n_bytes : max);
}

/* The vector is cut where max bytes end. */
ssize_t weir_sys_sendv(int fd, const struct iovec *iov, size_t n_iov,
		       bool is_more_to_come)
{
	struct iovec cut[IOV_MAX];
	size_t max;
	size_t n;
	int r = fault_take(FAULT_SENDV, fd, &max);

	if (r != FAULT_PASS)
		return r;
	if (n_iov > IOV_MAX)
		return -EMSGSIZE;
	for (n = 0; n < n_iov && max > 0; n++) {
		cut[n] = iov[n];
		if (cut[n].iov_len > max)
			cut[n].iov_len = max;
		max -= cut[n].iov_len;
	}
	return real_sendv(fd, cut, n, is_more_to_come);
}

ssize_t weir_sys_pread(int fd, void *data, size_t n_bytes, off_t offset)
{
	size_t max;
	int r = fault_take(FAULT_PREAD, fd, &max);

	if (r != FAULT_PASS)
		return r;
	return real_pread(fd, data, n_bytes < max ? n_bytes : max, offset);
}

ssize_t weir_sys_sendfile(int fd, int file, off_t *offset, size_t n_bytes,
			  bool is_sigpipe_harmless)
{
	size_t max;
	int r = fault_take(FAULT_SENDFILE, fd, &max);

	if (r != FAULT_PASS)
		return r;
	return real_sendfile(fd, file, offset, n_bytes < max ? n_bytes : max,
			     is_sigpipe_harmless);
}

int weir_sys_pipe(int fds[2], size_t n_bytes)
{
	int r = fault_take(FAULT_PIPE, FAULT_ANY_FD, NULL);

	return r == FAULT_PASS ? real_pipe(fds, n_bytes) : r;
}

ssize_t weir_sys_splice(int from, int to, size_t n_bytes,
			bool is_sigpipe_harmless)
{
	size_t max;
	int r = fault_take(FAULT_SPLICE, to, &max);

	if (r != FAULT_PASS)
		return r;
	return real_splice(from, to, n_bytes < max ? n_bytes : max,
			   is_sigpipe_harmless);
}

size_t weir_sys_send_room(int fd)
{
	int r = fault_take(FAULT_SEND_ROOM, fd, NULL);

	return r == FAULT_PASS ? real_send_room(fd) : (size_t)r;
}

ssize_t weir_sys_read(int fd, void *data, size_t n_bytes)
{
	fault_take(FAULT_READ, fd, NULL);
	return real_read(fd, data, n_bytes);
}

static unsigned smaller(unsigned n, size_t max)
{
	return n < max ? n : (unsigned)max;
}

int weir_sys_recvmmsg(int fd, struct mmsghdr *messages, unsigned n)
{
	size_t max;
	int r = fault_take(FAULT_RECVMMSG, fd, &max);

	if (r != FAULT_PASS)
		return r;
	return real_recvmmsg(fd, messages, smaller(n, max));
}

int weir_sys_sendmmsg(int fd, struct mmsghdr *messages, unsigned n)
{
	size_t max;
	int r = fault_take(FAULT_SENDMMSG, fd, &max);

	if (r != FAULT_PASS)
		return r;
	return real_sendmmsg(fd, messages, smaller(n, max));
}

int weir_sys_take_error(int fd)
{
	int r = fault_take(FAULT_TAKE_ERROR, fd, NULL);

	return r == FAULT_PASS ? real_take_error(fd) : r;
}

int weir_sys_shutdown_write(int fd)
{
	int r = fault_take(FAULT_SHUTDOWN_WRITE, fd, NULL);

	return r == FAULT_PASS ? real_shutdown_write(fd) : r;
}

/* Linux releases the descriptor whatever close(2) says. */
int weir_sys_close(int fd)
{
	int r = fault_take(FAULT_CLOSE, fd, NULL);
	int result;

	fault_timer_close(fd);
	result = real_close(fd);
	return r == FAULT_PASS ? result : r;
}

int weir_sys_unread(int fd)
{
	int r = fault_take(FAULT_UNREAD, fd, NULL);

	return r == FAULT_PASS ? real_unread(fd) : r;
}

int weir_sys_unacked(int fd)
{
	int r = fault_take(FAULT_UNACKED, fd, NULL);

	return r == FAULT_PASS ? real_unacked(fd) : r;
}

int weir_sys_unsent(int fd)
{
	int r = fault_take(FAULT_UNSENT, fd, NULL);

	return r == FAULT_PASS ? real_unsent(fd) : r;
}

int weir_sys_lstat(const char *path, struct stat *st)
{
	int r = fault_take(FAULT_LSTAT, FAULT_ANY_FD, NULL);

	return r == FAULT_PASS ? real_lstat(path, st) : r;
}

int weir_sys_fstat(int fd, struct stat *st)
{
	int r = fault_take(FAULT_FSTAT, fd, NULL);

	return r == FAULT_PASS ? real_fstat(fd, st) : r;
}

int weir_sys_unlink(const char *path)
{
	int r = fault_take(FAULT_UNLINK, FAULT_ANY_FD, NULL);

	return r == FAULT_PASS ? real_unlink(path) : r;
}

int weir_sys_open_lock(const char *path)
{
	int r = fault_take(FAULT_OPEN_LOCK, FAULT_ANY_FD, NULL);

	return r == FAULT_PASS ? real_open_lock(path) : r;
}

int weir_sys_lock(int fd)
{
	int r = fault_take(FAULT_LOCK, fd, NULL);

	return r == FAULT_PASS ? real_lock(fd) : r;
}

int weir_sys_getaddrinfo(const char *host, const char *port,
			 const struct addrinfo *hints, struct addrinfo **found)
{
	int r = fault_take(FAULT_GETADDRINFO, FAULT_ANY_FD, NULL);

	if (r != FAULT_PASS)
		return r;
	r = real_getaddrinfo(host, port, hints, found);
	if (r == 0)
		fault_account(+1);
	return r;
}

void weir_sys_freeaddrinfo(struct addrinfo *found)
{
	fault_account(-1);
	real_freeaddrinfo(found);
}
