/* What is sent instead of messages that carry their identity: --send.
 *
 *	PING\r\n			a text, with escapes
 *	SET key{i:8} {random:32}\r\n	and what differs in each message
 *	@FILE				the same from a file, without escapes
 *
 *	{i} {i:N}	a number that no other message has, on any connection;
 *			of N digits
 *	{conn} {conn:N}	that of the connection
 *	{random:N}	N random letters and digits
 *	{bytes:N}	N random bytes
 *
 * Other braces are themselves. A message that is sent again is the same. */
#ifndef FLOOD_REQUEST_H
#define FLOOD_REQUEST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
	REQUEST_MAX_PARTS = 64,
	REQUEST_MAX_TEXT = 65536,
	REQUEST_MAX_SIZE = 16777216
};

enum request_kind {
	REQUEST_TEXT,
	REQUEST_NUMBER,
	REQUEST_CONNECTION,
	REQUEST_LETTERS,
	REQUEST_BYTES
};

struct request_part {
	enum request_kind kind;
	const char *text; /* of REQUEST_TEXT */
	size_t n;	  /* its length; digits at least; bytes */
};

/* Which message it is. */
struct request_number {
	uint64_t i; /* of all */
	uint32_t connection;
	uint64_t seed; /* of the run */
};

struct request {
	struct request_part parts[REQUEST_MAX_PARTS];
	size_t n_parts;
	size_t max_size; /* of a message */
	bool is_constant;
};

/* n bytes of text, which is written to and kept. False: it is empty, or has an
 * escape that is none, or too many parts, or is too large. */
bool request_parse(struct request *request, char *text, size_t n,
		   bool has_escapes);

/* Into text, which has room for max_size bytes. Returns how many they are. */
size_t request_compose(const struct request *request, unsigned char *text,
		       const struct request_number *number);

/* Replace the escapes in text by what they say. Returns the new length, 0: one
 * of them is none. */
size_t request_unescape(char *text, size_t n);

#endif
