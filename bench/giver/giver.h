/* What the givers share. A request is eight hexadecimal digits, the size of
 * the answer that is wanted, which are so many bytes; requests may follow each
 * other without waiting. Each answer is one call of the library's function for
 * sending, which makes of it what it will. */
#ifndef GIVER_H
#define GIVER_H

#include "listen.h"

enum {
	REQUEST_SIZE = 8,
	GIVE_MAX = 16 << 20
};

static char gift[GIVE_MAX];

/* What the request that begins there wants. */
static inline size_t wanted(const char *request)
{
	char digits[REQUEST_SIZE + 1] = {0};
	size_t n;

	memcpy(digits, request, REQUEST_SIZE);
	n = strtoul(digits, NULL, 16);
	return n < GIVE_MAX ? n : GIVE_MAX;
}

#endif
