#include "healthy.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "dial.h"

enum {
	MESSAGE_SIZE = 64
};

int healthy_open(struct healthy *healthy, const struct sockaddr_in *server)
{
	*healthy = (struct healthy){.end_ns = UINT64_MAX};
	for (size_t i = 0; i < HEALTHY_CLIENTS; i++) {
		int fd = dial_connect(server, 0);

		healthy->clients[i].fd = fd;
		while (fd < 0 && i-- > 0)
			(void)close(healthy->clients[i].fd);
		if (fd < 0)
			return -fd;
	}
	return 0;
}

void healthy_restart(struct healthy *healthy, uint64_t now_ns)
{
	healthy->start_ns = now_ns;
	healthy->last_ns = now_ns;
	healthy->longest_silence_ns = 0;
	healthy->n_echoes = 0;
	series_free(&healthy->latency);
}

void healthy_start(struct healthy *healthy, uint64_t now_ns)
{
	healthy_restart(healthy, now_ns);
	for (size_t i = 0; i < HEALTHY_CLIENTS; i++)
		healthy->clients[i].due_ns =
			now_ns + i * HEALTHY_PERIOD_NS / HEALTHY_CLIENTS;
}

static void ask(struct healthy *healthy, struct healthy_client *client)
{
	char message[MESSAGE_SIZE];

	memset(message, 'e', sizeof message);
	if (send(client->fd, message, sizeof message,
		 MSG_NOSIGNAL | MSG_DONTWAIT) != MESSAGE_SIZE)
		healthy->is_broken = true;
	client->is_waiting = true;
	client->n_back = 0;
}

uint64_t healthy_ask(struct healthy *healthy, uint64_t now_ns,
		     struct pollfd pollfds[HEALTHY_CLIENTS])
{
	uint64_t next_ns = UINT64_MAX;

	for (size_t i = 0; i < HEALTHY_CLIENTS; i++) {
		struct healthy_client *client = &healthy->clients[i];

		if (!client->is_waiting && client->due_ns <= now_ns &&
		    client->due_ns < healthy->end_ns)
			ask(healthy, client);
		if (!client->is_waiting && client->due_ns < next_ns &&
		    client->due_ns < healthy->end_ns)
			next_ns = client->due_ns;
		pollfds[i] =
			(struct pollfd){.fd = client->fd, .events = POLLIN};
	}
	return next_ns;
}

static void note_echo(struct healthy *healthy, struct healthy_client *client,
		      uint64_t now_ns)
{
	if (client->due_ns >= healthy->start_ns)
		series_add(&healthy->latency,
			   (double)(client->due_ns - healthy->start_ns),
			   (double)(now_ns - client->due_ns));
	client->is_waiting = false;
	client->due_ns += HEALTHY_PERIOD_NS;
}

static void note_silence(struct healthy *healthy, uint64_t now_ns)
{
	if (now_ns - healthy->last_ns > healthy->longest_silence_ns)
		healthy->longest_silence_ns = now_ns - healthy->last_ns;
	healthy->last_ns = now_ns;
}

static void take(struct healthy *healthy, struct healthy_client *client,
		 uint64_t now_ns)
{
	char data[MESSAGE_SIZE];
	ssize_t n = recv(client->fd, data, sizeof data, MSG_DONTWAIT);

	if (n == 0 || (n < 0 && errno != EAGAIN))
		healthy->is_broken = true;
	if (n > 0)
		client->n_back += (size_t)n;
	if (client->n_back < MESSAGE_SIZE || !client->is_waiting)
		return;
	healthy->n_echoes++;
	note_echo(healthy, client, now_ns);
	note_silence(healthy, now_ns);
}

void healthy_take(struct healthy *healthy, uint64_t now_ns,
		  const struct pollfd pollfds[HEALTHY_CLIENTS])
{
	for (size_t i = 0; i < HEALTHY_CLIENTS; i++)
		if (pollfds[i].revents)
			take(healthy, &healthy->clients[i], now_ns);
}

void healthy_end(struct healthy *healthy, uint64_t now_ns)
{
	if (healthy->end_ns == UINT64_MAX)
		healthy->end_ns = now_ns;
}

bool healthy_is_done(const struct healthy *healthy)
{
	for (size_t i = 0; i < HEALTHY_CLIENTS; i++)
		if (healthy->clients[i].is_waiting ||
		    healthy->clients[i].due_ns < healthy->end_ns)
			return healthy->is_broken;
	return true;
}

void healthy_close(struct healthy *healthy, uint64_t now_ns)
{
	healthy_end(healthy, now_ns);
	for (size_t i = 0; i < HEALTHY_CLIENTS; i++) {
		struct healthy_client *client = &healthy->clients[i];

		while (client->due_ns < healthy->end_ns)
			note_echo(healthy, client, now_ns);
		(void)close(client->fd);
	}
	note_silence(healthy, now_ns);
}
