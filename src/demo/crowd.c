#include "crowd.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "dial.h"

enum {
	MESSAGE_SIZE = 64
};

int crowd_open(struct crowd *crowd, const struct sockaddr_in *server)
{
	*crowd = (struct crowd){.end_ns = UINT64_MAX};
	for (size_t i = 0; i < CROWD_SIZE; i++) {
		int fd = dial_connect(server, 0);

		crowd->members[i].fd = fd;
		while (fd < 0 && i-- > 0)
			(void)close(crowd->members[i].fd);
		if (fd < 0)
			return -fd;
	}
	return 0;
}

void crowd_restart(struct crowd *crowd, uint64_t now_ns)
{
	crowd->start_ns = now_ns;
	crowd->last_ns = now_ns;
	crowd->longest_silence_ns = 0;
	crowd->n_echoes = 0;
	series_free(&crowd->latency);
}

void crowd_start(struct crowd *crowd, uint64_t now_ns)
{
	crowd_restart(crowd, now_ns);
	for (size_t i = 0; i < CROWD_SIZE; i++)
		crowd->members[i].due_ns =
			now_ns + i * CROWD_PERIOD_NS / CROWD_SIZE;
}

static void ask(struct crowd *crowd, struct crowd_member *member)
{
	char message[MESSAGE_SIZE];

	memset(message, 'e', sizeof message);
	if (send(member->fd, message, sizeof message,
		 MSG_NOSIGNAL | MSG_DONTWAIT) != MESSAGE_SIZE)
		crowd->is_broken = true;
	member->is_waiting = true;
	member->n_back = 0;
}

uint64_t crowd_ask(struct crowd *crowd, uint64_t now_ns,
		   struct pollfd pollfds[CROWD_SIZE])
{
	uint64_t next_ns = UINT64_MAX;

	for (size_t i = 0; i < CROWD_SIZE; i++) {
		struct crowd_member *member = &crowd->members[i];

		if (!member->is_waiting && member->due_ns <= now_ns &&
		    member->due_ns < crowd->end_ns)
			ask(crowd, member);
		if (!member->is_waiting && member->due_ns < next_ns &&
		    member->due_ns < crowd->end_ns)
			next_ns = member->due_ns;
		pollfds[i] =
			(struct pollfd){.fd = member->fd, .events = POLLIN};
	}
	return next_ns;
}

static void note_echo(struct crowd *crowd, struct crowd_member *member,
		      uint64_t now_ns)
{
	if (member->due_ns >= crowd->start_ns)
		series_add(&crowd->latency,
			   (double)(member->due_ns - crowd->start_ns),
			   (double)(now_ns - member->due_ns));
	member->is_waiting = false;
	member->due_ns += CROWD_PERIOD_NS;
}

static void note_silence(struct crowd *crowd, uint64_t now_ns)
{
	if (now_ns - crowd->last_ns > crowd->longest_silence_ns)
		crowd->longest_silence_ns = now_ns - crowd->last_ns;
	crowd->last_ns = now_ns;
}

static void take(struct crowd *crowd, struct crowd_member *member,
		 uint64_t now_ns)
{
	char data[MESSAGE_SIZE];
	ssize_t n = recv(member->fd, data, sizeof data, MSG_DONTWAIT);

	if (n == 0 || (n < 0 && errno != EAGAIN))
		crowd->is_broken = true;
	if (n > 0)
		member->n_back += (size_t)n;
	if (member->n_back < MESSAGE_SIZE || !member->is_waiting)
		return;
	crowd->n_echoes++;
	note_echo(crowd, member, now_ns);
	note_silence(crowd, now_ns);
}

void crowd_take(struct crowd *crowd, uint64_t now_ns,
		const struct pollfd pollfds[CROWD_SIZE])
{
	for (size_t i = 0; i < CROWD_SIZE; i++)
		if (pollfds[i].revents)
			take(crowd, &crowd->members[i], now_ns);
}

void crowd_end(struct crowd *crowd, uint64_t now_ns)
{
	if (crowd->end_ns == UINT64_MAX)
		crowd->end_ns = now_ns;
}

bool crowd_is_done(const struct crowd *crowd)
{
	for (size_t i = 0; i < CROWD_SIZE; i++)
		if (crowd->members[i].is_waiting ||
		    crowd->members[i].due_ns < crowd->end_ns)
			return crowd->is_broken;
	return true;
}

void crowd_close(struct crowd *crowd, uint64_t now_ns)
{
	crowd_end(crowd, now_ns);
	for (size_t i = 0; i < CROWD_SIZE; i++) {
		struct crowd_member *member = &crowd->members[i];

		while (member->due_ns < crowd->end_ns)
			note_echo(crowd, member, now_ns);
		(void)close(member->fd);
	}
	note_silence(crowd, now_ns);
}
