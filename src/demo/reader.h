/* The slow reader: asks for the debt, reads a little of it slowly, stops, and
 * reads the rest when it is told to. It compares every byte. */
#ifndef DEMO_READER_H
#define DEMO_READER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
	READER_PACE_NS = 4000000, /* while it reads slowly: one piece */
	READER_PIECE = 4096	  /* in that time */
};

struct reader {
	int fd;
	const unsigned char *debt; /* what it should get */
	size_t n_debt;
	uint64_t n_received;
	int64_t first_bad; /* -1: no byte was wrong */
	bool is_over;	   /* it got a FIN, an error, or twice what it asked */
	unsigned char *buffer;
};

struct sockaddr_in;

/* Connect with SO_RCVBUF set to rcvbuf (Linux doubles it). 0 or an errno. */
int reader_open(struct reader *reader, const struct sockaddr_in *server,
		int rcvbuf);
void reader_ask(struct reader *reader);
/* Read what there is, at most max bytes (at most 256 KiB), and compare. */
void reader_read(struct reader *reader, size_t max);
/* By FIN if it is over, else by reset. */
void reader_close(struct reader *reader);

#endif
