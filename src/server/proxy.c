/* The PROXY header of a load balancer (--accept-proxy): a connection is pending
 * until its header is complete, and is then served with the address that the
 * header tells.
 *
 * The bytes after the header belong to the service and must stay in the socket.
 * So peek first (MSG_PEEK), then read all bytes that are known to belong to the
 * header: if they stayed in the socket, the level-triggered watch would fire
 * again and again while the rest is awaited. */
#include "proxy.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "admission.h"
#include "log.h"
#include "proxy_header.h"

enum {
	/* for the whole header, from accept on; the protocol asks for at least
	 * 3 s, which covers the loss of a packet */
	TIMEOUT_S = 5,
	TEXT_SIZE = 256
};

struct pending {
	struct weir_watch watch; /* of its socket */
	struct weir_timer timer; /* to TIMEOUT_S */
	struct weir_list link;	 /* in endpoint->pending */
	struct endpoint *endpoint;
	struct weir_address peer;
	size_t n_taken; /* read from the socket */
	unsigned char bytes[PROXY_HEADER_SIZE];
};

/* Returns the socket, which stays open. */
static int free_pending(struct pending *pending)
{
	int fd = weir_watch_fd(&pending->watch);

	weir_watch_close(&pending->watch);
	weir_timer_cancel(&pending->timer);
	weir_list_remove(&pending->link);
	pending->endpoint->n_pending--;
	free(pending);
	return fd;
}

__attribute__((format(printf, 3, 4))) static void refuse(
	struct pending *pending, enum proxy_failure failure, const char *format,
	...)
{
	struct endpoint *endpoint = pending->endpoint;
	struct weir_address from = pending->peer;
	char peer[WEIR_ADDRESS_TEXT_SIZE];
	char why[TEXT_SIZE];
	va_list args;

	va_start(args, format);
	(void)vsnprintf(why, sizeof why, format, args);
	va_end(args);
	admission_drop(endpoint, free_pending(pending), REFUSED_PROXY);
	log_limited(endpoint->worker, &endpoint->lines.proxy[failure],
		    "%s: a client turned away: %s: %s", endpoint->service->name,
		    weir_address_format(&from, peer, sizeof peer), why);
	admission_release(endpoint);
}

/* Nothing has come: a health check of the load balancer, as a rule. */
static void leave(struct pending *pending)
{
	struct endpoint *endpoint = pending->endpoint;

	admission_drop(endpoint, free_pending(pending), REFUSED_PROXY);
	admission_release(endpoint);
}

static void admit(struct pending *pending, const struct proxy_header *header)
{
	struct weir_address peer = pending->peer;
	struct endpoint *endpoint = pending->endpoint;
	int fd = free_pending(pending);

	if (header->has_source)
		admission_serve(endpoint, fd, &header->source,
				&header->destination);
	else
		admission_serve(endpoint, fd, &peer, NULL);
}

static bool is_passing(int error)
{
	return error == EAGAIN || error == EWOULDBLOCK || error == EINTR;
}

/* The first n bytes are known: read those that belong to the header. What recv
 * does not return now is read at the next event. */
static void read_header(struct pending *pending, size_t n)
{
	struct proxy_header header;
	enum proxy_state state = proxy_header_parse(&header, pending->bytes, n);
	ssize_t n_got;

	if (state == PROXY_WRONG) {
		refuse(pending, PROXY_FAILED_WRONG,
		       "wrong PROXY header: expected %s", header.expected);
		return;
	}
	n_got = recv(weir_watch_fd(&pending->watch),
		     pending->bytes + pending->n_taken,
		     header.size - pending->n_taken, MSG_DONTWAIT);
	if (n_got < 0 && !is_passing(errno)) {
		refuse(pending, PROXY_FAILED_ERROR, "%s", strerror(errno));
		return;
	}
	pending->n_taken += n_got > 0 ? (size_t)n_got : 0;
	if (state == PROXY_WHOLE && pending->n_taken == header.size)
		admit(pending, &header);
}

static void on_ready(struct weir_watch *watch, uint32_t events)
{
	struct pending *pending =
		weir_container_of(watch, struct pending, watch);
	ssize_t n =
		recv(weir_watch_fd(watch), pending->bytes + pending->n_taken,
		     sizeof pending->bytes - pending->n_taken,
		     MSG_PEEK | MSG_DONTWAIT);

	(void)events;
	if (n > 0)
		read_header(pending, pending->n_taken + (size_t)n);
	else if (n == 0 && pending->n_taken == 0)
		leave(pending);
	else if (n == 0)
		refuse(pending, PROXY_FAILED_CUT,
		       "ended before its PROXY header did");
	else if (!is_passing(errno))
		refuse(pending, PROXY_FAILED_ERROR, "%s", strerror(errno));
}

static void on_timer(struct weir_timer *timer)
{
	struct pending *pending =
		weir_container_of(timer, struct pending, timer);

	refuse(pending, PROXY_FAILED_LATE,
	       "expected a PROXY header within %d s, got %zu bytes of one",
	       TIMEOUT_S, pending->n_taken);
}

static int receive(struct pending *pending, int fd)
{
	struct weir_loop *loop = pending->endpoint->worker->loop;
	uint64_t now = weir_loop_now(loop);
	int error =
		weir_watch_open(&pending->watch, loop, fd, EPOLLIN, on_ready);

	if (error < 0)
		return error;
	weir_timer_arm(&pending->timer, loop,
		       now + TIMEOUT_S * UINT64_C(1000000000), on_timer);
	weir_list_append(&pending->endpoint->pending, &pending->link);
	pending->endpoint->n_pending++;
	return 0;
}

void proxy_receive(struct endpoint *endpoint, int fd,
		   const struct weir_address *peer)
{
	struct pending *pending = calloc(1, sizeof *pending);
	int error = -ENOMEM;

	if (pending) {
		pending->endpoint = endpoint;
		pending->peer = *peer;
		error = receive(pending, fd);
	}
	if (error == 0)
		return;
	free(pending);
	admission_refuse(endpoint, fd, REFUSED_MEMORY, strerror(-error));
	admission_release(endpoint);
}

void proxy_close(struct endpoint *endpoint)
{
	struct weir_list *link;

	while ((link = weir_list_pop(&endpoint->pending)))
		refuse(weir_container_of(link, struct pending, link),
		       PROXY_FAILED_STOP,
		       "the server stops, and waits for no PROXY header");
}
