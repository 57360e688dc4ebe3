/* weir-flood against targets that do what none should: a run ends in bounded
 * time, and its status says that it measured nothing. */
#include <criterion/criterion.h>

#include <unistd.h>

#include "harness.h"
#include "harness_net.h"
#include "test_flood_served.h"

enum {
	/* a test that takes so long hangs */
	PATIENCE_S = 60
};

TestSuite(flood_hostile, .init = harness_begin, .fini = harness_end,
	  .timeout = PATIENCE_S);

static struct flood_served target;

/* A short run of echoes. */
static void run(const char *address)
{
	flood(&target.run, "-c", "3", "-d", "300ms", "--warmup", "0",
	      "--timeout", "300ms", "--json", "-", address, NULL);
}

Test(flood_hostile, an_endless_answer_that_nobody_asked_for_is_corrupt)
{
	flood_serve(&target, "chargen");
	run(target.address);
	cr_expect_eq(target.run.status, 1, "status %d: %s", target.run.status,
		     target.run.err);
	cr_expect_gt(flooded_number(&target.run, "", "corrupt"), 0);
	flood_serve_no_more(&target);
}

Test(flood_hostile, an_end_instead_of_an_answer_is_not_valid)
{
	flood_serve(&target, "greet");
	run(target.address);
	cr_expect_eq(target.run.status, 3, "status %d: %s", target.run.status,
		     target.run.err);
	cr_expect_gt(flooded_number(&target.run, "", "errors"), 0);
	flood_serve_no_more(&target);
}

/* The kernel connects, and takes what is sent. */
Test(flood_hostile, a_target_that_never_accepts_has_answered_nothing)
{
	struct weir_address address = harness_address("127.0.0.1:0");
	char text[WEIR_ADDRESS_TEXT_SIZE];
	int fd = harness_listen(&address, 10);

	run(weir_address_format(&address, text, sizeof text));
	cr_expect_eq(target.run.status, 3, "status %d: %s", target.run.status,
		     target.run.err);
	flood_expect(&target.run, "", "messages", 0);
	flooded_forget(&target.run);
	close(fd);
}
