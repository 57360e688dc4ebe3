/* The library's only access to the kernel, the clock and the heap. Programs
 * cannot include it.
 *
 * Every function returns a count, a descriptor or 0, or a negative errno; no
 * other file of the library reads errno. EINTR is handled here: a call that
 * waits is retried or ends as a spurious wake-up; a non-blocking socket call
 * returns -EAGAIN, and level-triggered epoll reports the socket again.
 *
 * Descriptors are made CLOEXEC and non-blocking. The socket calls pass
 * MSG_DONTWAIT and MSG_NOSIGNAL, so they neither block nor raise SIGPIPE
 * whatever the state of the descriptor.
 *
 * Tests replace this file's object by tests/harness/fault.o, which has the same
 * functions with faults and a clock on request.
 */
#ifndef WEIR_LIB_SYS_H
#define WEIR_LIB_SYS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>
#include <sys/types.h>
#include <sys/uio.h>

struct epoll_event;
struct mmsghdr;
struct stat;

/* -- memory and time -- */

/* At least n_bytes, not zeroed, aligned for any type; NULL: no memory. */
void *weir_sys_alloc(size_t n_bytes);
/* p may be NULL. */
void weir_sys_free(void *p);
/* Give the heap's free pages back to the system, if the C library has a
 * function for that (malloc_trim(3) in glibc; musl does it by itself). */
void weir_sys_release_memory(void);
#define WEIR_NS_PER_MS 1000000
#define WEIR_NS_PER_S  1000000000

/* CLOCK_MONOTONIC in ns. It does not run while the machine is suspended. */
uint64_t weir_sys_now(void);
/* CLOCK_THREAD_CPUTIME_ID in ns: the calling thread's CPU time. */
uint64_t weir_sys_thread_cpu(void);

/* -- epoll and its companions -- */

int weir_sys_epoll_open(void);
int weir_sys_epoll_add(int epoll_fd, int fd, uint32_t events, void *ptr);
int weir_sys_epoll_mod(int epoll_fd, int fd, uint32_t events, void *ptr);
int weir_sys_epoll_del(int epoll_fd, int fd);
/* timeout_ns < 0 waits without end. Only an event or a signal (then 0) ends the
 * wait early: epoll_pwait2(2) from Linux 5.11, else rounded up to ms. */
int weir_sys_epoll_wait(int epoll_fd, struct epoll_event *events,
			int max_events, int64_t timeout_ns);
int weir_sys_timerfd_open(void);
/* deadline_ns is absolute CLOCK_MONOTONIC; 0 disarms. An expiry that has not
 * been read is forgotten (timerfd_setup in fs/timerfd.c): no read is needed. */
int weir_sys_timerfd_set(int fd, uint64_t deadline_ns);
/* Block signo in the calling thread and open a descriptor that reads it. */
int weir_sys_signalfd_open(int signo, bool *was_blocked);
/* 1: an instance of the signal was taken; 0: no instance is pending. */
int weir_sys_signalfd_take(int fd);
int weir_sys_signal_unblock(int signo);
int weir_sys_eventfd_open(void);
/* Make it readable. Any thread may call it, and a signal handler: it leaves
 * errno alone. It cannot fail: a counter at its maximum is readable already. */
void weir_sys_eventfd_raise(int fd);
/* 1: it was raised since it was last taken; 0: it was not. */
int weir_sys_eventfd_take(int fd);
/* Wait until fd takes bytes or has failed: 1; 0 after timeout_ns (< 0: without
 * end) or at a signal. With fd -1 it only waits. */
int weir_sys_wait_writable(int fd, int64_t timeout_ns);

/* -- sockets -- */

int weir_sys_socket(int family, int type);
int weir_sys_bind(int fd, const struct sockaddr *addr, socklen_t len);
int weir_sys_listen(int fd, int backlog);
/* The peer's address goes to addr; *len is addr's size, then the length. */
int weir_sys_accept(int fd, struct sockaddr *addr, socklen_t *len);
/* -EINPROGRESS: wait for EPOLLOUT, then ask weir_sys_socket_error. */
int weir_sys_connect(int fd, const struct sockaddr *addr, socklen_t len);
/* The pending error as a negative errno, or 0; reading clears it. */
int weir_sys_socket_error(int fd);
/* Set O_NONBLOCK on a descriptor that was opened elsewhere. Every process that
 * shares the open file description sees it. */
int weir_sys_set_nonblocking(int fd);
int weir_sys_getsockname(int fd, struct sockaddr *addr, socklen_t *len);
int weir_sys_getpeername(int fd, struct sockaddr *addr, socklen_t *len);
int weir_sys_setsockopt(int fd, int level, int option, int value);
int weir_sys_getsockopt(int fd, int level, int option, int *value);
/* Let the next close of this socket send a TCP reset (SO_LINGER of 0 s). */
int weir_sys_reset_on_close(int fd);
ssize_t weir_sys_recv(int fd, void *data, size_t n_bytes);
ssize_t weir_sys_send(int fd, const void *data, size_t n_bytes);
/* is_more_to_come: let the protocol wait for the rest (MSG_MORE). */
ssize_t weir_sys_sendv(int fd, const struct iovec *iov, size_t n_iov,
		       bool is_more_to_come);
/* How many datagrams were received or sent, which may be fewer than n for any
 * reason; < 0: the error of the first. The true length of a truncated one is in
 * its msg_len (recv(2), MSG_TRUNC). */
int weir_sys_recvmmsg(int fd, struct mmsghdr *messages, unsigned n);
int weir_sys_sendmmsg(int fd, struct mmsghdr *messages, unsigned n);
/* Take the oldest entry out of the error queue (recvmsg(2), MSG_ERRQUEUE) and
 * throw it away: 0; -EAGAIN: there is none. Not for Unix sockets, where the
 * flag is ignored and a datagram would be taken. */
int weir_sys_take_error(int fd);
/* At offset of a file, whatever its own place. 0: the file has ended. */
ssize_t weir_sys_pread(int fd, void *data, size_t n_bytes, off_t offset);
/* Whether the program ignores SIGPIPE, and this thread does not block it: where
 * it is blocked the kernel keeps it all the same. Then one is harmless to the
 * two calls below, which take no MSG_NOSIGNAL. If it is not, they block it, and
 * leave none. */
bool weir_sys_is_sigpipe_ignored(void);
/* From file, at *offset, which is moved on. 0: the file has ended. The socket
 * must be non-blocking: sendfile(2) takes no flags. */
ssize_t weir_sys_sendfile(int fd, int file, off_t *offset, size_t n_bytes,
			  bool is_sigpipe_harmless);
bool weir_sys_is_nonblocking(int fd);
/* A pipe that does not block, with room for n_bytes if the kernel grants that;
 * fds[0] is read from. */
int weir_sys_pipe(int fds[2], size_t n_bytes);
/* From a socket to a pipe, or from a pipe to a socket, which must be
 * non-blocking, without a copy where the kernel can. 0: the socket's input has
 * ended. */
ssize_t weir_sys_splice(int from, int to, size_t n_bytes,
			bool is_sigpipe_harmless);
ssize_t weir_sys_read(int fd, void *data, size_t n_bytes);
/* How many bytes the send buffer has room for as it is; 0: or nobody knows. */
size_t weir_sys_send_room(int fd);
int weir_sys_shutdown_write(int fd);
/* EINTR counts as success: Linux has released the descriptor by then. */
int weir_sys_close(int fd);
/* Bytes that can be received (FIONREAD, tcp(7)). */
int weir_sys_unread(int fd);
/* TCP only: bytes not yet acknowledged, where an unacknowledged FIN counts as
 * one (SIOCOUTQ, tcp(7)), and bytes not yet sent (SIOCOUTQNSD; on other sockets
 * -ENOTTY, measured on Unix sockets). */
int weir_sys_unacked(int fd);
int weir_sys_unsent(int fd);

/* -- files and names -- */

/* As lstat(2): a symbolic link is not followed. */
int weir_sys_lstat(const char *path, struct stat *st);
int weir_sys_fstat(int fd, struct stat *st);
int weir_sys_unlink(const char *path);
/* A file to lock by, made if it is not there: it is nobody's but the user's
 * own, and a symbolic link is refused (-ELOOP). */
int weir_sys_open_lock(const char *path);
/* Take the whole file's lock, which the descriptor's close gives back, also
 * by the process's end. -EWOULDBLOCK: somebody else has it. */
int weir_sys_lock(int fd);

struct addrinfo;
/* As getaddrinfo(3), with its codes translated: -ENOENT no such host, -EAGAIN
 * no answer at the moment, -ENOMEM, -EINVAL any other. It waits for the
 * resolver, so call it before the loop runs. */
int weir_sys_getaddrinfo(const char *host, const char *port,
			 const struct addrinfo *hints, struct addrinfo **found);
void weir_sys_freeaddrinfo(struct addrinfo *found);

#endif
