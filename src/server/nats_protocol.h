/* The client protocol of NATS, as text: what a server says is read, and what a
 * client says is written. Nothing here knows a connection.
 *
 * https://docs.nats.io/reference/reference-protocols/nats-protocol */
#ifndef NATS_PROTOCOL_H
#define NATS_PROTOCOL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
	NATS_MAX_SUBJECT = 255,
	NATS_MAX_URLS = 16, /* of a cluster; more are left out */
	NATS_URL_SIZE = 128,
	NATS_MAX_LINE = 65536, /* the longest is an INFO */
	/* room for "PUB subject n\r\n" */
	NATS_HEAD_SIZE = 4 + NATS_MAX_SUBJECT + 1 + 20 + 2,
	NATS_END_SIZE = 2 /* what follows a payload: "\r\n" */
};

enum nats_kind {
	NATS_MORE,  /* its line is not complete */
	NATS_WRONG, /* no such operation */
	NATS_INFO,
	NATS_MSG,
	NATS_PING,
	NATS_PONG,
	NATS_OK,
	NATS_ERR
};

/* The line of an operation. */
struct nats_operation {
	enum nats_kind kind;
	size_t size; /* of the line, with its end */
	/* what follows the name; of an error without its quotes */
	const char *text;
	size_t n_text;
	/* of MSG: so many bytes follow the line, and "\r\n" */
	size_t n_payload;
};

/* Understand the first line of n bytes, which stay the caller's. */
struct nats_operation nats_protocol_parse(const char *data, size_t n);

/* What INFO says, as far as it is of use here. */
struct nats_info {
	uint64_t max_payload; /* 0: it did not say */
	bool is_tls_required;
	char urls[NATS_MAX_URLS][NATS_URL_SIZE]; /* HOST:PORT */
	size_t n_urls;
};

/* Of the text of an INFO. False: it is no JSON object. */
bool nats_protocol_parse_info(struct nats_info *info, const char *text,
			      size_t n);

/* Whether it can be published to and subscribed to: words with dots between
 * them, without blanks and wildcards. */
bool nats_protocol_is_subject(const char *text);

/* NULL: not given. */
struct nats_login {
	const char *user;
	const char *password;
	const char *token;
};

/* CONNECT, the subscription of subject as number 1, and PING: *n bytes, to be
 * freed. NULL: no memory. */
char *nats_protocol_hello(const struct nats_login *login, const char *subject,
			  size_t *n);

/* Write the head of PUB so that it ends at end, before which there is room for
 * NATS_HEAD_SIZE. Returns its begin. */
char *nats_protocol_head(char *end, const char *subject, size_t n_payload);

#endif
