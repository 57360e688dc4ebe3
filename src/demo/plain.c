/* Echoes are sent with a bare send: a client that waits for its 64 bytes always
 * has room for them. */
#include "plain.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

enum {
	N_EVENTS = 64,
	READ_SIZE = 4096
};

struct plain_server {
	const struct strategy *strategy;
	struct server *server;
	int epoll_fd;
	struct plain_client *clients; /* server->n_clients of them */
	unsigned n_accepted;
	unsigned n_gone;
};

void plain_wait_for_room(struct plain_client *client, bool is_waiting)
{
	struct epoll_event event = {.events = EPOLLIN, .data.ptr = client};

	if (client->is_waiting == is_waiting)
		return;
	client->is_waiting = is_waiting;
	if (is_waiting)
		event.events |= EPOLLOUT;
	(void)epoll_ctl(client->epoll_fd, EPOLL_CTL_MOD, client->fd, &event);
}

void plain_finish(struct plain_client *client)
{
	plain_wait_for_room(client, false);
	(void)shutdown(client->fd, SHUT_WR);
}

void plain_drop(struct plain_client *client)
{
	if (client->queue)
		server_queued(client->server, 0);
	free(client->queue);
	client->queue = NULL;
	(void)close(client->fd);
	client->fd = -1;
}

bool plain_send_queue(struct plain_client *client)
{
	ssize_t n = send(client->fd, client->queue + client->sent,
			 client->n_queued - client->sent, MSG_NOSIGNAL);

	if (n < 0 && errno != EAGAIN) {
		plain_drop(client);
		return false;
	}
	if (n > 0)
		client->sent += (size_t)n;
	server_queued(client->server, client->n_queued - client->sent);
	return true;
}

static void accept_client(struct plain_server *plain)
{
	struct plain_client *client = &plain->clients[plain->n_accepted];
	struct epoll_event event = {.events = EPOLLIN, .data.ptr = client};
	int fd = accept4(plain->server->listener_fd, NULL, NULL,
			 SOCK_NONBLOCK | SOCK_CLOEXEC);

	if (fd < 0)
		return;
	*client = (struct plain_client){
		.fd = fd, .server = plain->server, .epoll_fd = plain->epoll_fd};
	if (plain->strategy->is_always_armed)
		event.events |= EPOLLOUT;
	(void)epoll_ctl(plain->epoll_fd, EPOLL_CTL_ADD, fd, &event);
	if (++plain->n_accepted == plain->server->n_clients)
		(void)epoll_ctl(plain->epoll_fd, EPOLL_CTL_DEL,
				plain->server->listener_fd, NULL);
}

static void receive(struct plain_server *plain, struct plain_client *client)
{
	char data[READ_SIZE];
	ssize_t n = recv(client->fd, data, sizeof data, 0);

	if (n < 0 && errno == EAGAIN)
		return;
	if (n <= 0) {
		plain_drop(client);
	} else if (data[0] != '?') {
		(void)send(client->fd, data, (size_t)n, MSG_NOSIGNAL);
	} else {
		client->data = plain->server->debt;
		client->n = plain->server->n_debt;
		plain->strategy->give(client);
	}
}

static void dispatch(struct plain_server *plain,
		     const struct epoll_event *event)
{
	struct plain_client *client = event->data.ptr;

	if (!client) {
		accept_client(plain);
		return;
	}
	if (event->events & (EPOLLIN | EPOLLHUP | EPOLLERR))
		receive(plain, client);
	if (client->fd >= 0 && (event->events & EPOLLOUT))
		plain->strategy->on_writable(client);
	if (client->fd < 0)
		plain->n_gone++;
}

static int turn(struct plain_server *plain)
{
	struct epoll_event events[N_EVENTS];
	int n = epoll_wait(plain->epoll_fd, events, N_EVENTS, -1);

	for (int i = 0; i < n; i++)
		dispatch(plain, &events[i]);
	return n < 0 && errno != EINTR ? errno : 0;
}

void plain_serve(const struct strategy *strategy, struct server *server)
{
	struct plain_server plain = {.strategy = strategy, .server = server};
	struct epoll_event event = {.events = EPOLLIN};

	plain.epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	plain.clients = calloc(server->n_clients, sizeof *plain.clients);
	if (!plain.clients)
		server->error = ENOMEM;
	else if (plain.epoll_fd < 0 ||
		 epoll_ctl(plain.epoll_fd, EPOLL_CTL_ADD, server->listener_fd,
			   &event) < 0)
		server->error = errno;
	while (!server->error && plain.n_gone < server->n_clients)
		server->error = turn(&plain);
	free(plain.clients);
	if (plain.epoll_fd >= 0)
		(void)close(plain.epoll_fd);
	(void)close(server->listener_fd);
}
