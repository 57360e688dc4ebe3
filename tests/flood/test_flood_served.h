/* What the tests share that run weir-flood against weir-server. */
#ifndef TEST_FLOOD_SERVED_H
#define TEST_FLOOD_SERVED_H

#include "harness_flood.h"
#include "harness_server.h"

/* The one server of a test, where it listens, and the run that loads it. */
struct flood_served {
	struct served served;
	char address[SERVED_ADDRESS_SIZE];
	struct flooded run;
};

/* Start it with one service, on TCP. */
void flood_serve(struct flood_served *s, const char *service);
/* End it, whatever bad peers have left there, and forget the run. */
void flood_serve_no_more(struct flood_served *s);

/* That number in the run's JSON, as flooded_number finds it. */
void flood_expect(const struct flooded *run, const char *within,
		  const char *key, double n);

#endif
