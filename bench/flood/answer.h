/* Where an answer ends, when it is not the echo of its message. */
#ifndef FLOOD_ANSWER_H
#define FLOOD_ANSWER_H

#include <stdbool.h>
#include <stddef.h>

enum answer_kind {
	ANSWER_ECHO,  /* as long as the message */
	ANSWER_BYTES, /* so many */
	ANSWER_UNTIL  /* with that text, and a body if it tells its length */
};

struct answer {
	enum answer_kind kind;
	size_t n_bytes;	  /* of ANSWER_BYTES; of the text of ANSWER_UNTIL */
	const char *text; /* may have NULs in it */
};

/* "\r\n\r\n" ends a head of HTTP. */
bool answer_is_http(const struct answer *answer);

/* The head at data, of n bytes: its length, 0: it is not whole yet; and how many
 * bytes come behind it. Of HTTP, Content-Length
 * says how many that is. */
size_t answer_find_head(const struct answer *answer, const void *data, size_t n,
			size_t *n_body);

#endif
