/* The echo on libevent: a bufferevent for each connection, whose input buffer
 * is moved to its output buffer without a copy. Reading stops while more than
 * 256 KiB wait, as in weir-server. */
#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/event.h>
#include <event2/listener.h>

#include "listen.h"

enum {
	LOW = 65536,
	HIGH = 262144
};

static void on_event(struct bufferevent *bev, short events, void *context)
{
	(void)context;
	if (events & (BEV_EVENT_EOF | BEV_EVENT_ERROR))
		bufferevent_free(bev);
}

static void on_read(struct bufferevent *bev, void *context);

/* The output is at LOW or below. */
static void on_write(struct bufferevent *bev, void *context)
{
	bufferevent_setcb(bev, on_read, NULL, on_event, context);
	bufferevent_enable(bev, EV_READ);
}

static void on_read(struct bufferevent *bev, void *context)
{
	struct evbuffer *output = bufferevent_get_output(bev);

	evbuffer_add_buffer(output, bufferevent_get_input(bev));
	if (evbuffer_get_length(output) < HIGH)
		return;
	bufferevent_setcb(bev, on_read, on_write, on_event, context);
	bufferevent_disable(bev, EV_READ);
}

static void on_connection(struct evconnlistener *listener, evutil_socket_t fd,
			  struct sockaddr *peer, int len, void *context)
{
	struct bufferevent *bev = bufferevent_socket_new(
		evconnlistener_get_base(listener), fd, BEV_OPT_CLOSE_ON_FREE);

	(void)peer;
	(void)len;
	(void)context;
	if (!bev) {
		evutil_closesocket(fd);
		return;
	}
	no_delay(fd);
	bufferevent_setcb(bev, on_read, NULL, on_event, NULL);
	bufferevent_setwatermark(bev, EV_WRITE, LOW, 0);
	bufferevent_set_max_single_read(bev, READ_SIZE);
	bufferevent_enable(bev, EV_READ | EV_WRITE);
}

int main(int argc, char **argv)
{
	struct event_base *base = event_base_new();

	evconnlistener_new(base, on_connection, NULL, LEV_OPT_CLOSE_ON_FREE,
			   BACKLOG, listen_on("libevent", port_of(argc, argv)));
	return event_base_dispatch(base);
}
