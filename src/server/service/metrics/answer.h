/* One request on each connection of the metrics, and its answer. */
#ifndef ANSWER_H
#define ANSWER_H

#include <stdbool.h>

#include <weir.h>

#include "http.h"

enum content {
	CONTENT_TEXT,
	CONTENT_JSON,
	CONTENT_HTML,
	CONTENT_EVENTS
};

/* A connection's state. */
struct request {
	struct weir_conn *conn;
	enum http_method method;
	struct weir_timer timer; /* until the request must have come */
	struct weir_list link;	 /* in a list of those that wait, or in none */
	bool is_answered;
};

/* Answer and finish. */
void answer(struct request *request, enum http_status status,
	    enum content content, const void *body, size_t n);
/* The same with a text that ends in a newline. */
void answer_briefly(struct request *request, enum http_status status,
		    const char *body);
void answer_refuse(struct request *request, enum http_status status);
/* Begin Server-Sent Events: the head alone. False: it has been finished. */
bool answer_begin_events(struct request *request);

#endif
