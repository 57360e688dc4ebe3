/* The server whose answers are known: a child with poll(2) and blocking sends,
 * as plain as can be, since it is what the program is measured by. */
#include "harness_flood.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "harness.h"
#include "harness_net.h"

enum {
	MAX_PEERS = 128,
	MAX_MESSAGE = 1 << 20
};

static const uint64_t second_ns = 1000000000;

/* An answer that waits for its time. */
struct answer {
	struct answer *next;
	uint64_t due_ns;
	size_t sample;
	size_t n;
	unsigned char bytes[];
};

struct known_peer {
	int fd; /* -1: gone */
	bool has_ended;
	bool is_stalled;
	uint64_t n_messages;
	size_t n_partial;
	unsigned char partial[MAX_MESSAGE];
	struct answer *first;
	struct answer *last;
	struct answer *held; /* to be put behind the next */
};

struct service {
	const struct known_plan *plan;
	struct known_truth *truth;
	int listener;
	struct known_peer *peers;
	size_t n_peers;
	uint64_t n_messages;
	bool is_silent;
};

static uint64_t now(void)
{
	struct timespec time;

	clock_gettime(CLOCK_MONOTONIC, &time);
	return (uint64_t)time.tv_sec * second_ns + (uint64_t)time.tv_nsec;
}

static void sleep_for(uint64_t ns)
{
	struct timespec time = {.tv_sec = (time_t)(ns / second_ns),
				.tv_nsec = (long)(ns % second_ns)};

	while (nanosleep(&time, &time) < 0 && errno == EINTR)
		;
}

/* -- answers -- */

static void append(struct known_peer *peer, struct answer *answer)
{
	answer->next = NULL;
	if (peer->first)
		peer->last->next = answer;
	else
		peer->first = answer;
	peer->last = answer;
}

static struct answer *answer_new(const void *bytes, size_t n, uint64_t due_ns,
				 size_t sample)
{
	struct answer *answer = malloc(sizeof *answer + n);

	if (!answer)
		abort();
	*answer = (struct answer){.due_ns = due_ns, .sample = sample, .n = n};
	memcpy(answer->bytes, bytes, n);
	return answer;
}

static void hang_up(struct known_peer *peer)
{
	close(peer->fd);
	peer->fd = -1;
}

static void reset(struct known_peer *peer)
{
	struct linger none = {.l_onoff = 1};

	setsockopt(peer->fd, SOL_SOCKET, SO_LINGER, &none, sizeof none);
	hang_up(peer);
}

/* One of no bytes is a reset. */
static void send_answer(struct service *service, struct known_peer *peer)
{
	struct answer *answer = peer->first;
	struct known_truth *truth = service->truth;

	peer->first = answer->next;
	if (answer->n == 0) {
		reset(peer);
		free(answer);
		return;
	}
	if (answer->sample < KNOWN_MAX_SAMPLES)
		truth->samples[answer->sample].answered_ns = now();
	if (send(peer->fd, answer->bytes, answer->n, MSG_NOSIGNAL) < 0)
		hang_up(peer);
	free(answer);
}

/* Send what is due; the time of the next that is not, 0: there is none. */
static uint64_t send_due(struct service *service)
{
	uint64_t next_ns = 0;

	for (size_t i = 0; i < service->n_peers; i++) {
		struct known_peer *peer = &service->peers[i];

		while (peer->fd >= 0 && peer->first &&
		       peer->first->due_ns <= now())
			send_answer(service, peer);
		if (peer->fd < 0)
			continue;
		if (!peer->first && peer->has_ended)
			hang_up(peer);
		else if (peer->first &&
			 (next_ns == 0 || peer->first->due_ns < next_ns))
			next_ns = peer->first->due_ns;
	}
	return next_ns;
}

/* -- faults -- */

/* Two different bytes of the body change places. */
static void swap_bytes(unsigned char *message, size_t n)
{
	size_t i = n / 2;
	size_t k = i + 1;
	unsigned char byte = message[i];

	while (k < n - 2 && message[k] == byte)
		k++;
	message[i] = message[k];
	message[k] = byte;
}

/* The message that is hurt goes to peer: its answers, none or more. */
static void spoil(struct service *service, struct known_peer *peer,
		  struct answer *answer)
{
	const size_t at = answer->n / 2;

	switch (service->plan->fault) {
	case KNOWN_CHANGES:
		answer->bytes[at] ^= 1;
		break;
	case KNOWN_LOSES_BYTES:
		memmove(answer->bytes + at, answer->bytes + at + 3,
			answer->n - at - 3);
		answer->n -= 3;
		break;
	case KNOWN_REPEATS_BYTES:
		append(peer, answer_new(answer->bytes, 10, answer->due_ns,
					KNOWN_MAX_SAMPLES));
		break;
	case KNOWN_REPEATS:
		append(peer, answer_new(answer->bytes, answer->n,
					answer->due_ns, KNOWN_MAX_SAMPLES));
		break;
	case KNOWN_SWAPS_BYTES:
		swap_bytes(answer->bytes, answer->n);
		break;
	case KNOWN_REORDERS:
		peer->held = answer;
		return;
	case KNOWN_LOSES:
		free(answer);
		return;
	case KNOWN_MISSES:
		free(answer);
		append(peer,
		       answer_new("# missed 1\n", 11, 0, KNOWN_MAX_SAMPLES));
		return;
	case KNOWN_TURNS_AWAY:
		free(answer);
		hang_up(peer);
		return;
	case KNOWN_RIGHT:
	case KNOWN_ZEROES:
	case KNOWN_ENDS_AND_RESETS:
	case KNOWN_STALLS:
	case KNOWN_FALLS_SILENT:
	case KNOWN_RESETS:
	case KNOWN_CLOSES:
		break;
	}
	append(peer, answer);
}

/* -- messages -- */

static void answer_to(struct service *service, struct known_peer *peer,
		      struct answer *answer, bool is_spoilt)
{
	struct answer *held = peer->held;

	if (is_spoilt) {
		spoil(service, peer, answer);
		return;
	}
	append(peer, answer);
	if (held)
		append(peer, held);
	peer->held = NULL;
}

static void pass_on(struct service *service, const struct known_peer *from,
		    const struct answer *answer, bool is_spoilt)
{
	for (size_t i = 0; i < service->n_peers; i++) {
		struct known_peer *peer = &service->peers[i];
		bool is_last = i + 1 == service->n_peers;

		if (peer == from || peer->fd < 0)
			continue;
		/* the last subscriber's copy is the one that is hurt */
		answer_to(service, peer,
			  answer_new(answer->bytes, answer->n, answer->due_ns,
				     answer->sample),
			  is_spoilt && is_last);
	}
}

/* It is read no more. */
static void end_and_reset(struct known_peer *peer)
{
	shutdown(peer->fd, SHUT_WR);
	peer->has_ended = true;
	append(peer, answer_new("", 0, now() + 500000000, KNOWN_MAX_SAMPLES));
}

/* False: the connection is gone. */
static bool end_if_asked(struct service *service, struct known_peer *peer)
{
	enum known_fault fault = service->plan->fault;

	if (fault == KNOWN_FALLS_SILENT)
		service->is_silent = true;
	else if (fault == KNOWN_STALLS)
		peer->is_stalled = true;
	else if (fault == KNOWN_ENDS_AND_RESETS)
		end_and_reset(peer);
	else if (fault == KNOWN_RESETS)
		reset(peer);
	else if (fault == KNOWN_CLOSES)
		hang_up(peer);
	return peer->fd >= 0 && !peer->has_ended;
}

static size_t note_sample(struct service *service,
			  const struct known_peer *peer)
{
	struct known_truth *truth = service->truth;
	size_t i = truth->n_samples;

	if (i >= KNOWN_MAX_SAMPLES)
		return i;
	truth->samples[i].arrived_ns = now();
	truth->samples[i].connection = (uint32_t)(peer - service->peers);
	truth->n_samples++;
	return i;
}

static bool is_due_to_fail(const struct known_plan *plan, uint64_t n)
{
	if (plan->fault_every == 0 || n < plan->fault_at)
		return n == plan->fault_at;
	return (n - plan->fault_at) % plan->fault_every == 0;
}

static void take_message(struct service *service, struct known_peer *peer)
{
	const struct known_plan *plan = service->plan;
	bool is_spoilt = is_due_to_fail(plan, ++service->n_messages);
	size_t sample = note_sample(service, peer);
	struct answer *answer;
	uint64_t delay_ns = 0;

	if (plan->work_ns > 0)
		sleep_for(plan->work_ns);
	if (service->n_messages == plan->freeze_at)
		sleep_for(plan->freeze_ns);
	if (is_spoilt && !end_if_asked(service, peer))
		return;
	if (plan->n_answers > 0 && peer->n_messages == plan->n_answers) {
		hang_up(peer);
		return;
	}
	if (service->is_silent || peer->is_stalled)
		return;
	if (plan->n_delays > 0)
		delay_ns = plan->delays_ns[peer->n_messages % plan->n_delays];
	peer->n_messages++;
	answer = answer_new(peer->partial,
			    plan->answer_size ? plan->answer_size : plan->size,
			    now() + delay_ns, sample);
	if (plan->fault == KNOWN_ZEROES &&
	    service->n_messages >= plan->fault_at)
		memset(answer->bytes, 0, plan->size);
	if (!plan->is_broadcast) {
		answer_to(service, peer, answer, is_spoilt);
		return;
	}
	pass_on(service, peer, answer, is_spoilt);
	free(answer);
}

static void read_from(struct service *service, struct known_peer *peer)
{
	size_t size = service->plan->size;
	ssize_t n = recv(peer->fd, peer->partial + peer->n_partial,
			 size - peer->n_partial, MSG_DONTWAIT);

	if (n < 0 && errno == EAGAIN)
		return;
	if (n < 0) {
		service->truth->n_resets++;
		hang_up(peer);
		return;
	}
	if (n == 0) {
		peer->has_ended = true;
		if (service->plan->closes_at_fin)
			hang_up(peer);
		return;
	}
	peer->n_partial += (size_t)n;
	if (peer->n_partial < size)
		return;
	peer->n_partial = 0;
	take_message(service, peer);
}

/* -- the server -- */

/* A place of one that has gone, or a new one. */
static struct known_peer *free_place(struct service *service)
{
	for (size_t i = 0; i < service->n_peers; i++)
		if (service->peers[i].fd < 0)
			return &service->peers[i];
	if (service->n_peers == MAX_PEERS)
		abort();
	return &service->peers[service->n_peers++];
}

static void accept_one(struct service *service)
{
	int fd = accept(service->listener, NULL, NULL);
	struct known_peer *peer;

	if (fd < 0)
		return;
	peer = free_place(service);
	*peer = (struct known_peer){.fd = fd};
	service->truth->n_accepted++;
}

/* Until what is to be sent next is due; waits in whole ns. */
static void wait_for_work(struct service *service, struct pollfd *fds,
			  uint64_t next_ns)
{
	uint64_t now_ns = now();
	uint64_t left_ns = next_ns > now_ns ? next_ns - now_ns : 0;
	struct timespec left = {.tv_sec = (time_t)(left_ns / second_ns),
				.tv_nsec = (long)(left_ns % second_ns)};

	fds[0] = (struct pollfd){.fd = service->listener, .events = POLLIN};
	for (size_t i = 0; i < service->n_peers; i++) {
		const struct known_peer *peer = &service->peers[i];

		fds[i + 1] =
			(struct pollfd){.fd = peer->has_ended ? -1 : peer->fd,
					.events = POLLIN};
	}
	(void)ppoll(fds, service->n_peers + 1, next_ns ? &left : NULL, NULL);
}

static _Noreturn void serve(struct service *service)
{
	struct pollfd fds[MAX_PEERS + 1];

	for (;;) {
		size_t n = service->n_peers;

		wait_for_work(service, fds, send_due(service));
		for (size_t i = 0; i < n; i++)
			if (fds[i + 1].fd >= 0 && fds[i + 1].revents &&
			    service->peers[i].fd >= 0)
				read_from(service, &service->peers[i]);
		if (fds[0].revents)
			accept_one(service);
	}
}

_Noreturn void known_serve(int listener, const struct known_plan *plan,
			   struct known_truth *truth)
{
	struct service service = {
		.plan = plan, .truth = truth, .listener = listener};

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	service.peers = calloc(MAX_PEERS, sizeof *service.peers);
	if (!service.peers || plan->size > MAX_MESSAGE)
		abort();
	serve(&service);
}
