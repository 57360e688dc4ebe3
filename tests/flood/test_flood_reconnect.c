/* Connections that are made again: after so many messages, and when an answer
 * takes too long; and runs that end at a breach. */
#include <criterion/criterion.h>

#include "harness.h"
#include "harness_flood.h"

TestSuite(flood_reconnect, .init = harness_begin, .fini = harness_end,
	  .timeout = 60);

static struct known server;
static struct flooded run;

/* Each of them has at most ten messages, of 205 in all. */
static void renew(const char *option, const char *value, const char *late)
{
	known_start(&server, &(struct known_plan){.size = 64});
	flood(&run, "-c", "3", "-n", "205", "--warmup", "0", "--renew", "10",
	      "--json", "-", option, value, server.address, late, NULL);
	cr_expect_eq(run.status, 0, "%s", run.err);
	cr_expect_eq(flooded_number(&run, "", "messages"), 205);
	cr_expect_eq(flooded_number(&run, "", "corrupt"), 0);
	cr_expect_geq(flooded_number(&run, "healthy", "renewals"),
		      205 / 10 - 3);
	cr_expect_leq(flooded_number(&run, "healthy", "renewals"), 205 / 10);
	cr_expect_eq(flooded_number(&run, "healthy", "reconnects"), 0);
	known_await(&server,
		    3 + (uint64_t)flooded_number(&run, "healthy", "renewals"),
		    0);
	cr_expect_eq((double)server.truth->n_accepted,
		     3 + flooded_number(&run, "healthy", "renewals"));
	cr_expect_eq(server.truth->n_samples, 205);
	flooded_end(&run, &server);
}

Test(flood_reconnect, a_connection_is_renewed_after_so_many_messages)
{
	renew("-p", "1", NULL);
	renew("-p", "7", NULL);
}

/* What is due waits for the next connection. */
Test(flood_reconnect, an_open_loop_renews_too)
{
	renew("-r", "2000", "--late=1m");
	renew("-r", "1000000", "--late=1m");
}

/* One of 200 is lost, and given up after 700 ms; the others are answered. */
Test(flood_reconnect, a_message_is_given_up_with_its_connection)
{
	known_start(&server, &(struct known_plan){.size = 64,
						  .fault = KNOWN_LOSES,
						  .fault_at = 50});
	flood(&run, "-c", "1", "-n", "200", "--warmup", "0", "--timeout",
	      "700ms", "--json", "-", server.address, NULL);
	cr_expect_eq(run.status, 0, "%s", run.err);
	cr_expect_eq(flooded_number(&run, "", "messages"), 199);
	cr_expect_eq(flooded_number(&run, "", "messages_timed_out"), 1);
	cr_expect_eq(flooded_number(&run, "", "messages_unanswered"), 1);
	cr_expect_eq(flooded_number(&run, "latency_ns", "count"), 200);
	cr_expect_geq(flooded_number(&run, "latency_ns", "max"), 700e6);
	cr_expect_eq(flooded_number(&run, "", "corrupt"), 0);
	cr_expect_eq(flooded_number(&run, "", "errors"), 0);
	cr_expect_eq(server.truth->n_accepted, 2);
	flooded_end(&run, &server);
}

/* Those behind it on its connection are sent again. */
Test(flood_reconnect, what_was_sent_behind_it_is_answered)
{
	known_start(&server, &(struct known_plan){.size = 64,
						  .fault = KNOWN_STALLS,
						  .fault_at = 50});
	flood(&run, "-c", "1", "-r", "200", "-n", "300", "--warmup", "0",
	      "--timeout", "1s", "--late", "1m", "--json", "-", server.address,
	      NULL);
	cr_expect_geq(flooded_number(&run, "", "messages_timed_out"), 1);
	cr_expect_leq(flooded_number(&run, "", "messages_timed_out"), 150);
	cr_expect_eq(flooded_number(&run, "", "messages") +
			     flooded_number(&run, "", "messages_timed_out"),
		     300);
	cr_expect_eq(flooded_number(&run, "", "corrupt"), 0);
	flooded_end(&run, &server);
}

Test(flood_reconnect, time_outs_are_a_reason)
{
	known_start(&server, &(struct known_plan){.size = 64,
						  .fault = KNOWN_FALLS_SILENT,
						  .fault_at = 100});
	flood(&run, "-c", "2", "-d", "1s", "--warmup", "0", "--timeout",
	      "100ms", "--expect", "timeouts<0.1%", server.address, NULL);
	cr_expect_eq(run.status, 3);
	cr_expect(flooded_says(&run, "had no answer within --timeout, 100 ms"));
	cr_expect(flooded_says(&run, "timeouts<0.1%: "));
	flooded_end(&run, &server);
}

/* It would take half a minute. */
static void end_early(const char *expected, int status)
{
	known_start(&server, &(struct known_plan){.size = 64,
						  .n_delays = 1,
						  .delays_ns = {20000000}});
	flood(&run, "-c", "4", "-n", "300", "-d", "30s", "--warmup", "0",
	      "--expect", expected, "--stop-early", "--json", "-",
	      server.address, NULL);
	cr_expect_eq(run.status, status, "%s", run.err);
}

Test(flood_reconnect, a_breach_ends_the_run)
{
	end_early("p90<5ms", 4);
	cr_expect(flooded_says(&run, "\"stopped_early\": true"));
	cr_expect(flooded_says(&run, "p90<5ms: breached, "));
	cr_expect_lt(flooded_number(&run, "", "messages"), 300);
	flooded_end(&run, &server);
	end_early("throughput>1000", 4);
	flooded_end(&run, &server);
}

Test(flood_reconnect, what_holds_ends_no_run)
{
	end_early("p90<5s,errors<0.1%,throughput>1,fairness>0.5", 0);
	cr_expect(flooded_says(&run, "\"stopped_early\": false"));
	cr_expect_eq(flooded_number(&run, "", "messages"), 300);
	flooded_end(&run, &server);
}

/* A target that ends each connection, and answers on none. */
Test(flood_reconnect, what_was_never_answered_is_not_made_again)
{
	known_start(&server, &(struct known_plan){.size = 64,
						  .fault = KNOWN_CLOSES,
						  .fault_at = 1,
						  .fault_every = 1});
	flood(&run, "-c", "1", "-n", "10", "-d", "30s", "--warmup", "0",
	      "--reconnect", "--json", "-", server.address, NULL);
	cr_expect_eq(run.status, 3);
	cr_expect_eq(flooded_number(&run, "healthy", "reconnects"), 0);
	cr_expect_eq(flooded_number(&run, "errors_by_cause", "closed"), 1);
	flooded_end(&run, &server);
}

/* Each answer is half of one. */
Test(flood_reconnect, a_part_of_an_answer_ends_with_its_connection)
{
	known_start(&server,
		    &(struct known_plan){.size = 64, .answer_size = 32});
	flood(&run, "-c", "1", "-n", "2", "--warmup", "0", "--no-verify",
	      "--timeout", "200ms", "--json", "-", server.address, NULL);
	cr_expect_eq(flooded_number(&run, "", "messages"), 0);
	cr_expect_eq(flooded_number(&run, "", "messages_timed_out"), 2);
	flooded_end(&run, &server);
}

Test(flood_reconnect, time_outs_of_the_warm_up_are_not_counted)
{
	known_start(&server, &(struct known_plan){.size = 64,
						  .fault = KNOWN_LOSES,
						  .fault_at = 3});
	flood(&run, "-c", "1", "-n", "1", "--warmup", "2s", "--timeout",
	      "800ms", "--json", "-", server.address, NULL);
	cr_expect_eq(flooded_number(&run, "", "messages_timed_out"), 0);
	cr_expect_eq(flooded_number(&run, "", "messages_unanswered"), 0);
	flooded_end(&run, &server);
}
