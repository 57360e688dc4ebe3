/* A target of a relay: its name, and the addresses that the name has now. It is
 * resolved at the start, and again on demand, which takes time and so is done
 * by a thread of its own. All workers share it. */
#ifndef TARGET_H
#define TARGET_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>

#include <weir.h>

struct resolution;

/* Constant once it is made; freed with its last reference. */
struct address_list {
	_Atomic size_t n_refs;
	size_t n;
	struct weir_address addresses[];
};

struct target {
	const char *text; /* as it was typed */
	pthread_mutex_t lock;
	/* under the lock: */
	struct address_list *list;
	struct resolution *resolution; /* under way or over; NULL: none */
	uint64_t resolved_ns;	       /* when that was begun last */
	/* of any thread: */
	_Atomic uint64_t left_out_until_ns; /* 0: it is well */
	_Atomic uint64_t n_failures;
};

/* Resolve text, which stays the caller's and must outlive the target. Negative:
 * as weir_address_resolve has it; -EINVAL: it is no place to connect to. */
int target_init(struct target *target, const char *text);
void target_deinit(struct target *target);

/* Its addresses, at least one, to be released. *error: what the last attempt to
 * resolve the name again ended with, told once; they are the old ones then. */
struct address_list *target_addresses(struct target *target, int *error);
void address_list_release(struct address_list *list);

/* Begin to resolve the name again, unless that is under way. -EAGAIN or
 * -ENOMEM: there is no thread or no memory for it. */
int target_resolve(struct target *target);
/* The same, unless it has been done in the last second. */
void target_resolve_lately(struct target *target, uint64_t now);

/* Passive health: it could not be connected to, or could be. True: it was well
 * before, or was not. */
bool target_fail(struct target *target, uint64_t now, uint64_t leave_out_ns);
bool target_succeed(struct target *target);
bool target_is_left_out(struct target *target, uint64_t now);

#endif
