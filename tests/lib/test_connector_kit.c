/* A loop with one connector on it. */
#include "test_connector.h"

#include <criterion/criterion.h>

#include <string.h>
#include <unistd.h>

#include "harness.h"
#include "harness_net.h"

enum {
	/* no outcome yet; no errno is so large */
	NOTHING = -9999
};

struct connecting *connecting_of(struct weir_connector *connector)
{
	return weir_container_of(connector, struct connecting, connector);
}

void connecting_note(struct weir_connector *connector, int fd)
{
	struct connecting *c = connecting_of(connector);

	c->n_outcomes++;
	c->outcome = fd;
	c->address = weir_connector_address(connector);
	c->was_open_inside = connector->watch.loop != NULL ||
			     weir_timer_is_armed(&connector->timer);
}

void connecting_begin(struct connecting *c)
{
	memset(c, 0, sizeof *c);
	c->outcome = NOTHING;
	cr_assert_eq(weir_loop_new(&c->loop), 0);
}

void connecting_start(struct connecting *c,
		      const struct weir_address *addresses, size_t n,
		      uint64_t deadline_ns)
{
	const struct weir_connector_options options = {.deadline_ns =
							       deadline_ns};

	connecting_start_by(c, addresses, n, &options);
}

void connecting_start_by(struct connecting *c,
			 const struct weir_address *addresses, size_t n,
			 const struct weir_connector_options *options)
{
	cr_assert_eq(weir_connector_open(&c->connector, c->loop, addresses, n,
					 options, connecting_note),
		     0);
	cr_expect_eq(c->n_outcomes, 0, "it called from outside the loop");
}

void connecting_run(struct connecting *c)
{
	cr_assert_eq(weir_loop_run(c->loop), 0);
	cr_expect_eq(c->n_outcomes, 1);
	cr_expect_not(c->was_open_inside);
}

void connecting_end(struct connecting *c)
{
	weir_connector_close(&c->connector);
	if (c->outcome >= 0)
		close(c->outcome);
	cr_assert_eq(weir_loop_free(c->loop), 0);
}

void connecting_listen_full(struct weir_address *address, int fds[2])
{
	fds[0] = harness_listen(address, 0);
	fds[1] = harness_connect(address);
	cr_assert_geq(fds[1], 0);
}

void connecting_close_both(const int fds[2])
{
	close(fds[0]);
	close(fds[1]);
}

void connecting_end_of_test(void)
{
	harness_remove_folder();
	harness_end();
}
