/* The giver on libevent: one bufferevent_write for each answer. */
#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/event.h>
#include <event2/listener.h>

#include "giver.h"

static void on_event(struct bufferevent *bev, short events, void *context)
{
	(void)context;
	if (events & (BEV_EVENT_EOF | BEV_EVENT_ERROR))
		bufferevent_free(bev);
}

static void on_read(struct bufferevent *bev, void *context)
{
	char request[REQUEST_SIZE];
	struct evbuffer *input = bufferevent_get_input(bev);

	(void)context;
	while (evbuffer_get_length(input) >= REQUEST_SIZE) {
		evbuffer_remove(input, request, REQUEST_SIZE);
		bufferevent_write(bev, gift, wanted(request));
	}
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
	bufferevent_enable(bev, EV_READ | EV_WRITE);
}

int main(int argc, char **argv)
{
	struct event_base *base = event_base_new();

	evconnlistener_new(base, on_connection, NULL, LEV_OPT_CLOSE_ON_FREE,
			   BACKLOG, listen_on("libevent", port_of(argc, argv)));
	return event_base_dispatch(base);
}
