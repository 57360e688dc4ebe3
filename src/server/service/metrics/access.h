/* Who may see what at the address of the metrics. */
#ifndef ACCESS_H
#define ACCESS_H

#include "endpoint.h"
#include "http.h"

/* HTTP_OK, or what to refuse with, and *why, a line. The page and what feeds it
 * tell the peers' addresses: they are for this machine alone, unless there is
 * a --metrics-token. Then whoever asks must name it, for the metrics too. */
enum http_status access_check(const struct endpoint *endpoint,
			      const struct http_request *asked, bool is_page,
			      const char **why);

#endif
