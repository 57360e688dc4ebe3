/* What the tests of the connector share: a loop with one connector on it. */
#ifndef TEST_CONNECTOR_H
#define TEST_CONNECTOR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <weir/connector.h>
#include "loop.h"

struct connecting {
	struct weir_loop *loop;
	struct weir_connector connector;
	unsigned n_outcomes;
	int outcome; /* the last: a descriptor, or an error; so far: none */
	const struct weir_address *address; /* as told with it */
	bool was_open_inside;
};

struct connecting *connecting_of(struct weir_connector *connector);
/* The callback: it notes the outcome. */
void connecting_note(struct weir_connector *connector, int fd);

void connecting_begin(struct connecting *c);
/* Open the connector, which must not call back from there. */
void connecting_start(struct connecting *c,
		      const struct weir_address *addresses, size_t n,
		      uint64_t deadline_ns);
void connecting_start_by(struct connecting *c,
			 const struct weir_address *addresses, size_t n,
			 const struct weir_connector_options *options);
/* Run until nothing is left to do: that is one outcome and a connector that
 * is closed. */
void connecting_run(struct connecting *c);
/* Also closes what was connected. */
void connecting_end(struct connecting *c);

/* A listener whose backlog is full, in fds[0], and who filled it, in fds[1]:
 * a Unix connect gets EAGAIN there, a SYN is dropped. */
void connecting_listen_full(struct weir_address *address, int fds[2]);
void connecting_close_both(const int fds[2]);

/* harness_end, and the folder of harness_unix_path is removed. */
void connecting_end_of_test(void);

#endif
