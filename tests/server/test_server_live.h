/* What the tests of the live page share: weir-server with an echo and metrics,
 * and an HTTP client of the latter. What goes wrong here fails the test. */
#ifndef TEST_SERVER_LIVE_H
#define TEST_SERVER_LIVE_H

#include "harness.h"
#include "harness_net.h"
#include "harness_server.h"

enum {
	LIVE_PATIENCE_S = 60,
	LIVE_ANSWER_SIZE = 1 << 20
};

struct live {
	struct served s;
	char echo[SERVED_ADDRESS_SIZE];
	char metrics[SERVED_ADDRESS_SIZE];
	char answer[LIVE_ANSWER_SIZE];
};

/* With at, which is --metrics=ADDRESS, and another option. */
void live_start(struct live *live, const char *at, const char *option);
/* At loopback. */
void live_start_here(struct live *live, const char *option);

/* A socket on which METHOD PATH and these fields have been sent. */
int live_ask(struct live *live, const char *line, const char *fields,
	     int rcvbuf);
/* The status of the answer to GET path; answer is the whole of it. */
int live_status(struct live *live, const char *path, const char *fields);
/* /connections.json, in answer. */
const char *live_json(struct live *live);

#endif
