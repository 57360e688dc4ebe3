#include "reader.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "dial.h"

enum {
	BUFFER_SIZE = 262144,
	/* it gives up at this many times what it asked for */
	PATIENCE = 2
};

int reader_open(struct reader *reader, const struct sockaddr_in *server,
		int rcvbuf)
{
	reader->first_bad = -1;
	reader->buffer = malloc(BUFFER_SIZE);
	if (!reader->buffer)
		return ENOMEM;
	reader->fd = dial_connect(server, rcvbuf);
	if (reader->fd >= 0)
		return 0;
	free(reader->buffer);
	return -reader->fd;
}

void reader_ask(struct reader *reader)
{
	if (send(reader->fd, "?", 1, MSG_NOSIGNAL) != 1)
		reader->is_over = true;
}

/* Where the n bytes of the buffer, which begin at byte n_received of the
 * stream, first differ from the debt; n: nowhere. */
static size_t find_bad(const struct reader *reader, size_t n)
{
	size_t n_owed = 0;
	size_t i = 0;

	if (reader->n_received < reader->n_debt)
		n_owed = reader->n_debt - (size_t)reader->n_received;
	if (n_owed > n)
		n_owed = n;
	while (i < n_owed &&
	       reader->buffer[i] == reader->debt[reader->n_received + i])
		i++;
	return i;
}

void reader_read(struct reader *reader, size_t max)
{
	uint64_t n_endured = PATIENCE * (uint64_t)reader->n_debt;
	size_t n_left = (size_t)(n_endured - reader->n_received);
	ssize_t n;
	size_t bad;

	if (max > BUFFER_SIZE)
		max = BUFFER_SIZE;
	if (max > n_left)
		max = n_left;
	n = recv(reader->fd, reader->buffer, max, MSG_DONTWAIT);
	if (n == 0 || (n < 0 && errno != EAGAIN && errno != EINTR))
		reader->is_over = true;
	if (n <= 0)
		return;
	bad = reader->first_bad < 0 ? find_bad(reader, (size_t)n) : (size_t)n;
	if (bad < (size_t)n)
		reader->first_bad = (int64_t)(reader->n_received + bad);
	reader->n_received += (uint64_t)n;
	if (reader->n_received == n_endured)
		reader->is_over = true;
}

void reader_close(struct reader *reader)
{
	const struct linger reset = {.l_onoff = 1};

	if (!reader->is_over)
		(void)setsockopt(reader->fd, SOL_SOCKET, SO_LINGER, &reset,
				 sizeof reset);
	(void)close(reader->fd);
	free(reader->buffer);
}
