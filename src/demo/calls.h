/* How many system calls a thread makes.
 *
 * The program is linked with -Wl,--wrap=send and the like (see the Makefile):
 * a call of send, by a strategy or by the library, is one of the wrapper in
 * calls.c, which counts and passes on. So all strategies are counted alike,
 * and their code is what it would be anywhere. Counted are the calls on
 * descriptors, which are all that a server makes while it serves; memory comes
 * from malloc(3) and the time from the vDSO. */
#ifndef DEMO_CALLS_H
#define DEMO_CALLS_H

#include <stdatomic.h>
#include <stdint.h>

/* Written by the thread that is counted, readable by all. */
struct calls {
	_Atomic uint64_t n_calls;
	_Atomic uint64_t n_wakeups; /* EPOLLOUT events that epoll reported */
};

/* Count the calling thread's calls from now on; NULL: no more. */
void calls_count(struct calls *calls);

#endif
