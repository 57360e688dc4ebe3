/* What events.c and events_answer.c share: the requests and subscribers of
 * events=ADDRESS. */
#ifndef EVENTS_H
#define EVENTS_H

#include "http.h"
#include "member.h"

enum events_state {
	EVENTS_REQUEST,	   /* its head has not come whole */
	EVENTS_BODY,	   /* of a POST, of which n_left bytes are to come */
	EVENTS_SUBSCRIBED, /* it follows the feed */
	EVENTS_ANSWERED	   /* nothing more is expected of it */
};

/* A connection's state. */
struct events_client {
	struct member member;
	struct weir_list link; /* in requests or subscribers */
	uint64_t since;	       /* which tick */
	uint64_t n_left;
	enum events_state state;
};

/* Answer c, which may be a request or wait for its body, and finish it. fields
 * end with CRLF each. */
void events_answer(struct weir_conn *c, enum http_status status,
		   const char *fields);
void events_refuse(struct weir_conn *c, enum http_status status);
void events_answer_options(struct weir_conn *c);
bool events_is_path(const struct endpoint *endpoint,
		    const struct http_request *request);
/* Whether the page that asks, if it is one, may. */
bool events_is_allowed(const struct endpoint *endpoint,
		       const struct http_request *request);
/* Answer a GET by the head of an endless stream, and have it follow from what
 * its Last-Event-ID says. False: it could not be. */
bool events_subscribe(struct weir_conn *c, const struct http_request *request);

/* How a line is an event of a feed. */
extern const struct channel_format events_format;

#endif
