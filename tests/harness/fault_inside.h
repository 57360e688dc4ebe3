/* What fault.c, harness_fault.c and harness_time.c share. Not for tests. */
#ifndef FAULT_INSIDE_H
#define FAULT_INSIDE_H

#include <limits.h>
#include <stddef.h>
#include <stdint.h>

#include "fault.h"

struct epoll_event;

enum {
	FAULT_PASS = INT_MAX /* no script: make the call */
};

/* -- harness_fault.c -- */

/* Count a call and ask the scripts: the result it must return, or FAULT_PASS;
 * in *max_bytes, if not NULL, how many it may move. */
int fault_take(enum fault_call call, int fd, size_t *max_bytes);

void *fault_alloc(size_t n_bytes);
void fault_free(void *p);
/* An answer of getaddrinfo came, or went. */
void fault_account(int n_pieces);

/* -- harness_time.c -- */

uint64_t fault_clock(void);
uint64_t fault_cpu_clock(void);
int fault_timer_open(void);
int fault_timer_set(int fd, uint64_t deadline_ns);
void fault_timer_close(int fd);
int fault_wait(int epoll_fd, struct epoll_event *events, int max_events,
	       int64_t timeout_ns);
int fault_wait_writable(int fd, int64_t timeout_ns);

/* -- fault.c: the shipped functions -- */

void *real_alloc(size_t n_bytes);
void real_free(void *p);
uint64_t real_now(void);
uint64_t real_thread_cpu(void);
int real_epoll_wait(int epoll_fd, struct epoll_event *events, int max_events,
		    int64_t timeout_ns);
int real_timerfd_open(void);
int real_timerfd_set(int fd, uint64_t deadline_ns);
int real_wait_writable(int fd, int64_t timeout_ns);

#endif
