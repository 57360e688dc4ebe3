/* Resolving a target's name without blocking a loop.
 *
 * A thread resolves into a struct resolution and marks it done; whoever asks
 * for the addresses next takes them over. So the thread touches nothing that a
 * worker has, and when the target goes first the thread is left to itself: the
 * one of the two that comes last frees the resolution. */
#include "target.h"

#include <errno.h>
#include <stdlib.h>

#include "clock.h"
#include "endpoint_config.h"

enum state {
	RUNNING,
	DONE,
	ABANDONED /* the target has gone */
};

struct resolution {
	_Atomic int state;
	int n; /* addresses, or a negative error */
	struct weir_address addresses[MAX_ADDRESSES];
	char text[];
};

static int resolve(const char *text, struct weir_address *addresses)
{
	return weir_address_resolve(text, WEIR_ADDRESS_CONNECT, addresses,
				    MAX_ADDRESSES);
}

/* NULL: no memory. */
static struct address_list *list_new(const struct weir_address *addresses,
				     size_t n)
{
	struct address_list *list =
		malloc(sizeof *list + n * sizeof *addresses);

	if (!list)
		return NULL;
	atomic_init(&list->n_refs, 1);
	list->n = n;
	memcpy(list->addresses, addresses, n * sizeof *addresses);
	return list;
}

void address_list_release(struct address_list *list)
{
	if (list && atomic_fetch_sub(&list->n_refs, 1) == 1)
		free(list);
}

/* Both families of IP have the port in the same place. */
static bool can_be_connected_to(const struct weir_address *address)
{
	return address->type == SOCK_STREAM &&
	       (address->sa.any.sa_family == AF_UNIX ||
		address->sa.in.sin_port != 0);
}

int target_init(struct target *target, const char *text)
{
	struct weir_address addresses[MAX_ADDRESSES];
	int n = resolve(text, addresses);

	if (n > 0 && !can_be_connected_to(&addresses[0]))
		n = -EINVAL;
	*target = (struct target){.text = text};
	if (n < 0)
		return n;
	target->list = list_new(addresses, (size_t)n);
	if (!target->list)
		return -ENOMEM;
	pthread_mutex_init(&target->lock, NULL);
	return 0;
}

static void *run(void *arg)
{
	struct resolution *resolution = arg;

	resolution->n = resolve(resolution->text, resolution->addresses);
	if (atomic_exchange(&resolution->state, DONE) == ABANDONED)
		free(resolution);
	return NULL;
}

static int start(struct resolution *resolution)
{
	pthread_attr_t attributes;
	pthread_t thread;
	int error = pthread_attr_init(&attributes);

	if (error != 0)
		return -error;
	pthread_attr_setdetachstate(&attributes, PTHREAD_CREATE_DETACHED);
	error = pthread_create(&thread, &attributes, run, resolution);
	pthread_attr_destroy(&attributes);
	return -error;
}

/* The outcome, if there is one; under the lock. 0, or why the addresses are
 * still the old ones. */
static int take_over(struct target *target)
{
	struct resolution *resolution = target->resolution;
	struct address_list *list = NULL;
	int error;

	if (!resolution || atomic_load(&resolution->state) != DONE)
		return 0;
	target->resolution = NULL;
	error = resolution->n < 0 ? resolution->n : -ENOMEM;
	if (resolution->n > 0)
		list = list_new(resolution->addresses, (size_t)resolution->n);
	free(resolution);
	if (!list)
		return error;
	address_list_release(target->list);
	target->list = list;
	return 0;
}

struct address_list *target_addresses(struct target *target, int *error)
{
	struct address_list *list;

	pthread_mutex_lock(&target->lock);
	*error = take_over(target);
	list = target->list;
	atomic_fetch_add(&list->n_refs, 1);
	pthread_mutex_unlock(&target->lock);
	return list;
}

int target_resolve(struct target *target)
{
	size_t n = strlen(target->text) + 1;
	struct resolution *resolution;
	int error = 0;

	pthread_mutex_lock(&target->lock);
	(void)take_over(target);
	if (!target->resolution) {
		resolution = calloc(1, sizeof *resolution + n);
		error = resolution ? 0 : -ENOMEM;
		if (resolution) {
			memcpy(resolution->text, target->text, n);
			error = start(resolution);
		}
		if (error < 0)
			free(resolution);
		else
			target->resolution = resolution;
	}
	pthread_mutex_unlock(&target->lock);
	return error;
}

void target_resolve_lately(struct target *target, uint64_t now)
{
	bool is_due;

	pthread_mutex_lock(&target->lock);
	is_due = target->resolved_ns == 0 ||
		 now >= target->resolved_ns + CLOCK_NS_PER_S;
	if (is_due)
		target->resolved_ns = now;
	pthread_mutex_unlock(&target->lock);
	if (is_due)
		(void)target_resolve(target);
}

bool target_fail(struct target *target, uint64_t now, uint64_t leave_out_ns)
{
	atomic_fetch_add(&target->n_failures, 1);
	return atomic_exchange(&target->left_out_until_ns,
			       now + leave_out_ns) == 0;
}

bool target_succeed(struct target *target)
{
	return atomic_load(&target->left_out_until_ns) != 0 &&
	       atomic_exchange(&target->left_out_until_ns, 0) != 0;
}

bool target_is_left_out(struct target *target, uint64_t now)
{
	return now < atomic_load(&target->left_out_until_ns);
}

void target_deinit(struct target *target)
{
	struct resolution *resolution = target->resolution;

	if (resolution &&
	    atomic_exchange(&resolution->state, ABANDONED) == DONE)
		free(resolution);
	address_list_release(target->list);
	pthread_mutex_destroy(&target->lock);
}
