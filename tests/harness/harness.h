/* What every suite needs: leak checks around each test, sockets, patterns.
 *
 *	TestSuite(sendq, .init = harness_begin, .fini = harness_end);
 *
 * The helpers use the kernel directly: no script of fault.h hits them. What
 * goes wrong in one of them aborts the test with a message.
 */
#ifndef HARNESS_H
#define HARNESS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

struct weir_loop;

/* Where virtual time starts in every test. */
#define HARNESS_START_NS UINT64_C(1000000000000)

/* Time is virtual from here on (fault_time_real for the real one). */
void harness_begin(void);
/* Abort unless all descriptors opened and all memory taken since
 * harness_begin is given back. */
void harness_end(void);

/* Say why on stderr, with the seed of the random numbers, and abort. */
_Noreturn void harness_die(const char *format, ...)
	__attribute__((format(printf, 1, 2)));
/* Die saying what failed, and by which errno, if the result is negative. */
void must(long result, const char *what);

/* -- descriptors -- */

int harness_count_fds(void);

/* Connected stream sockets, non-blocking and CLOEXEC: fd[0] for the library,
 * fd[1] for the test as the peer. sndbuf > 0: fd[0]'s SO_SNDBUF, and on TCP
 * the peer's SO_RCVBUF too, so that the kernel is soon full (it doubles them
 * and has a least value: socket(7)). */
void harness_unix_pair(int fd[2], int sndbuf);
void harness_tcp_pair(int fd[2], int sndbuf);

/* Send all n bytes or read exactly n; waits at most 10 s, then dies. */
void harness_write(int fd, const void *data, size_t n);
void harness_read(int fd, void *data, size_t n);
/* Read what is there, at most size bytes; what was read before an end or an
 * error. */
size_t harness_drain(int fd, void *data, size_t size);
/* Fill the kernel's buffers from fd until EAGAIN; how many bytes it took. */
size_t harness_stuff(int fd);

/* -- bytes that know their place -- */

/* The byte at an offset of the stream that seed names. */
unsigned char harness_byte(uint64_t seed, uint64_t offset);
void harness_fill(void *data, size_t n, uint64_t seed, uint64_t offset);
/* Die naming the first wrong byte unless data is what harness_fill makes. */
void harness_check(const void *data, size_t n, uint64_t seed, uint64_t offset);

/* The far end of a stream: everything it reads is checked, byte by byte,
 * against the pattern, so a lost, doubled or reordered byte cannot pass. */
struct harness_peer {
	int fd;
	uint64_t seed;
	uint64_t n_received;
	bool has_ended; /* a FIN was read */
	int error;	/* negative errno that ended reading, else 0 */
};

/* Read what is there, at most max bytes; returns how many came. */
size_t harness_peer_read(struct harness_peer *peer, size_t max);

/* -- random numbers, the same in each run; WEIR_SEED=n gives others -- */

uint64_t harness_random(void);
/* Evenly from 0 to n - 1. */
size_t harness_random_below(size_t n);

/* -- the loop -- */

/* Turn without waiting until a turn finds nothing to do and leaves nothing
 * over; dies after max_turns that all did something. Returns the turns. */
unsigned harness_turn_until_idle(struct weir_loop *loop, unsigned max_turns);

#endif
