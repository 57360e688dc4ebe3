/* How many descriptors are open is estimated by the clients, of which each may
 * have two. Near the limit a timer refills the reserve, lends it to the
 * metrics, and tells when accepting pauses and when it goes on. */
#include "descriptors.h"

#include <fcntl.h>
#include <sys/resource.h>
#include <unistd.h>

#include "admission.h"
#include "clock.h"
#include "endpoint.h"
#include "log.h"

enum {
	/* beside those of clients: listeners, pipes, a burst of accepts */
	SLACK = 128,
	MAX_QUIET = 5
};

static const uint64_t interval_ns = 100 * CLOCK_NS_PER_MS;

static bool is_near(const struct worker *worker)
{
	uint64_t n_conns = atomic_load(&worker->server->n_conns);

	return 2 * n_conns + SLACK > worker->descriptors.limit;
}

/* -- the reserve -- */

static void refill(struct descriptors *d)
{
	for (int i = 0; i < N_RESERVE; i++)
		if (d->reserve[i] < 0)
			d->reserve[i] = open("/dev/null", O_RDONLY | O_CLOEXEC);
}

/* One of the reserve, or -1. */
static int take(struct descriptors *d)
{
	for (int i = 0; i < N_RESERVE; i++) {
		int fd = d->reserve[i];

		d->reserve[i] = -1;
		if (fd >= 0)
			return fd;
	}
	return -1;
}

void descriptors_release(struct worker *worker)
{
	if (weir_timer_is_armed(&worker->descriptors.timer))
		refill(&worker->descriptors);
}

int descriptors_hold(struct worker *worker)
{
	int fd;

	if (!is_near(worker))
		return -1;
	fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
	return fd < 0 ? take(&worker->descriptors) : fd;
}

/* -- the metrics -- */

/* Accept one client; false: none waits, or the reserve is spent. */
static bool lend(struct endpoint *endpoint)
{
	struct weir_address peer;
	int reserved = take(&endpoint->worker->descriptors);
	int fd;

	if (reserved < 0)
		return false;
	close(reserved);
	fd = weir_listener_take(&endpoint->listener, &peer);
	if (fd < 0)
		return false;
	admission_receive(endpoint, fd, &peer);
	return true;
}

static void serve_private(struct worker *worker)
{
	for (size_t i = 0; i < worker->n_endpoints; i++) {
		struct endpoint *endpoint = &worker->endpoints[i];

		if (!endpoint->service->is_private ||
		    !endpoint_is_listening(endpoint))
			continue;
		while (lend(endpoint))
			;
	}
}

/* -- the log -- */

static uint64_t count_failures(const struct worker *worker)
{
	uint64_t n = 0;

	for (size_t i = 0; i < worker->n_endpoints; i++) {
		struct weir_listener_stats stats;

		weir_listener_stats(&worker->endpoints[i].listener, &stats);
		n += stats.n_failures[WEIR_ACCEPT_EMFILE] +
		     stats.n_failures[WEIR_ACCEPT_ENFILE];
	}
	return n;
}

static void tell(struct worker *worker)
{
	struct descriptors *d = &worker->descriptors;
	uint64_t n = count_failures(worker);

	d->n_quiet = n > d->n_failures ? 0 : d->n_quiet + 1;
	d->n_failures = n;
	if (!d->is_paused && d->n_quiet == 0) {
		log_warn(worker,
			 "no descriptor is left (of %llu): clients wait "
			 "to be accepted",
			 (unsigned long long)d->limit);
		d->is_paused = true;
	} else if (d->is_paused && d->n_quiet >= MAX_QUIET) {
		log_say(worker, "there are descriptors again: clients are "
				"accepted");
		d->is_paused = false;
	}
}

/* -- looking -- */

static void on_timer(struct weir_timer *timer)
{
	struct descriptors *d =
		weir_container_of(timer, struct descriptors, timer);
	struct worker *worker =
		weir_container_of(d, struct worker, descriptors);

	tell(worker);
	serve_private(worker);
	refill(d);
	if (d->is_paused || is_near(worker))
		weir_timer_arm(timer, worker->loop,
			       weir_loop_now(worker->loop) + interval_ns,
			       on_timer);
}

void descriptors_check(struct worker *worker)
{
	struct descriptors *d = &worker->descriptors;

	if (!weir_timer_is_armed(&d->timer) && is_near(worker))
		weir_timer_arm(&d->timer, worker->loop,
			       weir_loop_now(worker->loop) + interval_ns,
			       on_timer);
}

void descriptors_open(struct worker *worker)
{
	struct descriptors *d = &worker->descriptors;
	struct rlimit limit = {.rlim_cur = RLIM_INFINITY};

	(void)getrlimit(RLIMIT_NOFILE, &limit);
	d->limit = limit.rlim_cur;
	for (int i = 0; i < N_RESERVE; i++)
		d->reserve[i] = -1;
	refill(d);
}

void descriptors_close(struct worker *worker)
{
	struct descriptors *d = &worker->descriptors;
	int fd;

	weir_timer_cancel(&d->timer);
	while ((fd = take(d)) >= 0)
		close(fd);
}
