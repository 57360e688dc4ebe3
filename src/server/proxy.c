/* The PROXY header of a load balancer in front (--accept-proxy): who has come
 * is a guest until his header is there, and then a client of the address that
 * it tells.
 *
 * What follows the header is the service's, and must stay in the socket. So
 * first look (MSG_PEEK), then take what is known to belong to the header, all
 * of it: else the watch, level-triggered, would call again and again while
 * more is awaited. */
#include "server.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "proxy_header.h"

enum {
	/* for the whole header, from accept on; the protocol asks for 3 s at
	 * least, which cover the loss of a packet */
	PATIENCE_S = 5,
	TEXT_SIZE = 256
};

struct guest {
	struct weir_watch watch; /* of his socket, which is ours */
	struct weir_timer timer; /* his time is up */
	struct weir_list link;	 /* in the door's guests */
	struct door *door;
	struct weir_address peer;
	size_t n_taken; /* out of the socket */
	unsigned char bytes[PROXY_HEADER_SIZE];
};

/* The socket remains. */
static int free_guest(struct guest *guest)
{
	int fd = weir_watch_fd(&guest->watch);

	weir_watch_close(&guest->watch);
	weir_timer_cancel(&guest->timer);
	weir_list_remove(&guest->link);
	free(guest);
	return fd;
}

static void turn_away(struct guest *guest, const char *why)
{
	struct door *door = guest->door;
	char peer[WEIR_ADDRESS_TEXT_SIZE];
	char text[TEXT_SIZE];

	weir_address_format(&guest->peer, peer, sizeof peer);
	(void)snprintf(text, sizeof text, "%s: %s", peer, why);
	door_turn_away(door, free_guest(guest), TURNED_AWAY_PROXY, text);
	door_dismiss(door);
}

static void refuse(struct guest *guest, const char *expected)
{
	char why[TEXT_SIZE / 2];

	(void)snprintf(why, sizeof why, "wrong PROXY header: expected %s",
		       expected);
	turn_away(guest, why);
}

static void let_in(struct guest *guest, const struct proxy_header *header)
{
	struct weir_address peer = guest->peer;
	struct door *door = guest->door;

	if (header->has_source)
		peer = header->source;
	door_serve(door, free_guest(guest), &peer);
}

static bool is_passing(int error)
{
	return error == EAGAIN || error == EWOULDBLOCK || error == EINTR;
}

/* n bytes of the guest are known; what of them belongs to the header is taken.
 * Whatever is left of that comes with the next event. */
static void read_header(struct guest *guest, size_t n)
{
	struct proxy_header header;
	enum proxy_state state = proxy_header_parse(&header, guest->bytes, n);
	ssize_t n_got;

	if (state == PROXY_WRONG) {
		refuse(guest, header.expected);
		return;
	}
	n_got = recv(weir_watch_fd(&guest->watch),
		     guest->bytes + guest->n_taken,
		     header.size - guest->n_taken, MSG_DONTWAIT);
	if (n_got < 0 && !is_passing(errno)) {
		turn_away(guest, strerror(errno));
		return;
	}
	guest->n_taken += n_got > 0 ? (size_t)n_got : 0;
	if (state == PROXY_WHOLE && guest->n_taken == header.size)
		let_in(guest, &header);
}

static void on_ready(struct weir_watch *watch, uint32_t events)
{
	struct guest *guest = weir_container_of(watch, struct guest, watch);
	ssize_t n = recv(weir_watch_fd(watch), guest->bytes + guest->n_taken,
			 sizeof guest->bytes - guest->n_taken,
			 MSG_PEEK | MSG_DONTWAIT);

	(void)events;
	if (n > 0)
		read_header(guest, guest->n_taken + (size_t)n);
	else if (n == 0)
		turn_away(guest, "ended before its PROXY header did");
	else if (!is_passing(errno))
		turn_away(guest, strerror(errno));
}

static void on_timer(struct weir_timer *timer)
{
	struct guest *guest = weir_container_of(timer, struct guest, timer);
	char why[TEXT_SIZE / 2];

	(void)snprintf(why, sizeof why,
		       "expected a PROXY header within %d s, got %zu bytes "
		       "of one",
		       PATIENCE_S, guest->n_taken);
	turn_away(guest, why);
}

static int receive(struct guest *guest, int fd)
{
	struct weir_loop *loop = guest->door->worker->loop;
	uint64_t now = weir_loop_now(loop);
	int error = weir_watch_open(&guest->watch, loop, fd, EPOLLIN, on_ready);

	if (error < 0)
		return error;
	weir_timer_arm(&guest->timer, loop,
		       now + PATIENCE_S * UINT64_C(1000000000), on_timer);
	weir_list_append(&guest->door->guests, &guest->link);
	return 0;
}

void proxy_receive(struct door *door, int fd, const struct weir_address *peer)
{
	struct guest *guest = calloc(1, sizeof *guest);
	int error = -ENOMEM;

	if (guest) {
		guest->door = door;
		guest->peer = *peer;
		error = receive(guest, fd);
	}
	if (error == 0)
		return;
	free(guest);
	door_turn_away(door, fd, TURNED_AWAY_MEMORY, strerror(-error));
	door_dismiss(door);
}

void proxy_close(struct door *door)
{
	struct weir_list *link;

	while ((link = weir_list_pop(&door->guests)))
		turn_away(weir_container_of(link, struct guest, link),
			  "the server stops, and waits for no PROXY header");
}
