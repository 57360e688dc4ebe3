/* Every mode, against weir-server and the known one. */
#include <criterion/criterion.h>

#include <arpa/inet.h>
#include <math.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "harness.h"
#include "harness_net.h"
#include "test_flood_served.h"

enum {
	/* a test that takes so long hangs */
	PATIENCE_S = 60
};

TestSuite(flood_modes, .init = harness_begin, .fini = harness_end,
	  .timeout = PATIENCE_S);

static struct known server;
static struct flood_served target;

Test(flood_modes, echo_ends_after_as_many_messages_as_asked)
{
	flood_serve(&target, "echo");
	flood(&target.run, "-n", "12345", "-c", "7", "-p", "3", "--warmup", "0",
	      "--json", "-", target.address, NULL);
	cr_expect_eq(target.run.status, 0, "%s", target.run.err);
	flood_expect(&target.run, "", "messages", 12345);
	flood_expect(&target.run, "", "messages_sent", 12345);
	flood_expect(&target.run, "latency_ns", "count", 12345);
	flood_expect(&target.run, "healthy", "bytes_accepted", 12345 * 64);
	flood_expect(&target.run, "healthy", "bytes_sent", 12345 * 64);
	flood_expect(&target.run, "healthy", "bytes_acknowledged", 12345 * 64);
	flood_expect(&target.run, "healthy", "bytes_received", 12345 * 64);
	flood_expect(&target.run, "healthy", "connected", 7);
	flood_serve_no_more(&target);
}

/* Messages that no receive brings in one piece. */
Test(flood_modes, echo_carries_large_messages)
{
	flood_serve(&target, "echo");
	flood(&target.run, "-n", "20", "-c", "2", "-s", "3M", "--warmup", "0",
	      "--json", "-", target.address, NULL);
	cr_expect_eq(target.run.status, 0, "%s", target.run.err);
	flood_expect(&target.run, "", "messages", 20);
	flood_expect(&target.run, "", "corrupt", 0);
	flood_expect(&target.run, "healthy", "bytes_received",
		     20 * 3 * 1048576.0);
	flood_serve_no_more(&target);
}

Test(flood_modes, echo_runs_over_unix_sockets)
{
	char offer[64];

	(void)snprintf(offer, sizeof offer, "echo=unix:@weir-flood-test-%d",
		       (int)getpid());
	served_start(&target.served, offer, NULL);
	served_address(&target.served, "echo", target.address);
	flood(&target.run, "-n", "100", "--warmup", "0", "--json", "-",
	      target.address, NULL);
	cr_expect_eq(target.run.status, 0, "%s", target.run.err);
	flood_expect(&target.run, "", "messages", 100);
	cr_expect(isnan(flooded_number(&target.run, "healthy",
				       "bytes_acknowledged")),
		  "Unix sockets do not tell");
	flood_serve_no_more(&target);
}

Test(flood_modes, source_counts_what_the_target_says)
{
	flood_serve(&target, "chargen");
	flood(&target.run, "-m", "source", "-c", "2", "-n", "100000",
	      "--warmup", "0", "--json", "-", target.address, NULL);
	cr_expect_eq(target.run.status, 0, "%s", target.run.err);
	cr_expect_geq(flooded_number(&target.run, "", "messages"), 100000);
	flood_expect(&target.run, "latency_ns", "count", 0);
	cr_expect(isnan(flooded_number(&target.run, "latency_ns", "p50")));
	flood_expect(&target.run, "healthy", "bytes_accepted", 0);
	cr_expect_geq(flooded_number(&target.run, "healthy", "bytes_received"),
		      64 * 100000);
	flood_serve_no_more(&target);
}

Test(flood_modes, sink_counts_what_the_target_takes)
{
	flood_serve(&target, "discard");
	flood(&target.run, "-m", "sink", "-c", "2", "-n", "100000", "--warmup",
	      "0", "--json", "-", target.address, NULL);
	cr_expect_eq(target.run.status, 0, "%s", target.run.err);
	cr_expect_geq(flooded_number(&target.run, "", "messages"), 100000);
	flood_expect(&target.run, "latency_ns", "count", 0);
	flood_serve_no_more(&target);
}

Test(flood_modes, sink_keeps_a_rate)
{
	flood_serve(&target, "discard");
	flood(&target.run, "-m", "sink", "-c", "2", "-r", "5000", "-n", "1000",
	      "--warmup", "0", "--late", "1m", "--json", "-", target.address,
	      NULL);
	cr_expect_eq(target.run.status, 0, "%s", target.run.err);
	flood_expect(&target.run, "", "messages", 1000);
	flood_expect(&target.run, "lateness_ns", "count", 1000);
	flood_expect(&target.run, "healthy", "bytes_sent", 64 * 1000);
	flood_serve_no_more(&target);
}

Test(flood_modes, connect_makes_a_connection_for_each_message)
{
	known_start(&server, &(struct known_plan){.size = 64});
	flood(&target.run, "-m", "connect", "-c", "3", "-n", "100", "--warmup",
	      "0", "--json", "-", server.address, NULL);
	cr_expect_eq(target.run.status, 0, "%s", target.run.err);
	flood_expect(&target.run, "", "messages", 100);
	flood_expect(&target.run, "latency_ns", "count", 100);
	/* and one that found out whether there is a server */
	cr_expect_eq(server.truth->n_accepted, 101);
	cr_expect_eq(server.truth->n_resets, 0);
	flooded_end(&target.run, &server);
}

Test(flood_modes, connect_verifies_what_comes_back)
{
	known_start(&server, &(struct known_plan){.size = 64,
						  .fault = KNOWN_CHANGES,
						  .fault_at = 10});
	flood(&target.run, "-m", "connect", "-r", "200", "-n", "20", "-d", "5s",
	      "--warmup", "0", "--late", "1m", "--json", "-", server.address,
	      NULL);
	cr_expect_eq(target.run.status, 1, "%s", target.run.err);
	flood_expect(&target.run, "corrupt_by_kind", "changed", 1);
	flooded_end(&target.run, &server);
}

/* Each line of a closed loop waits for all that are to get the one before. */
Test(flood_modes, broadcast_goes_to_all_subscribers)
{
	known_start(&server,
		    &(struct known_plan){.size = 64, .is_broadcast = true});
	flood(&target.run, "-m", "broadcast", "-c", "8", "--publishers", "2",
	      "-n", "500", "-p", "2", "--warmup", "0", "--json", "-",
	      server.address, NULL);
	cr_expect_eq(target.run.status, 0, "%s", target.run.err);
	flood_expect(&target.run, "", "messages_sent", 500);
	flood_expect(&target.run, "", "messages", 500 * 6);
	flood_expect(&target.run, "broadcast", "subscribers", 6);
	flood_expect(&target.run, "", "corrupt", 0);
	flooded_end(&target.run, &server);
}

/* Linux doubles what is asked for. */
Test(flood_modes, sockets_are_as_they_are_asked_for)
{
	struct weir_address listening = harness_address("127.0.0.1:0");
	int listener = harness_listen(&listening, 8);
	char address[64];
	const char *arguments[] = {"-m",       "source",      "-c",	  "1",
				   "-d",       "100ms",	      "--warmup", "0",
				   "--source", "127.0.0.2:0", "--sndbuf", "8K",
				   "--rcvbuf", "16K",	      "--json",	  "-",
				   address,    NULL};
	struct flooding flooding;
	struct flooded told;
	struct sockaddr_in from;
	socklen_t size = sizeof from;
	int fd;

	weir_address_format(&listening, address, sizeof address);
	flood_start(&flooding, arguments);
	cr_assert_eq(poll(&(struct pollfd){.fd = listener, .events = POLLIN}, 1,
			  PATIENCE_S * 1000),
		     1);
	fd = accept(listener, (struct sockaddr *)&from, &size);
	cr_assert_geq(fd, 0);
	flood_wait(&flooding, &told);
	cr_expect_eq(ntohl(from.sin_addr.s_addr), 0x7f000002);
	cr_expect_eq(flooded_number(&told, "socket", "sndbuf"), 16384);
	cr_expect_eq(flooded_number(&told, "socket", "rcvbuf"), 32768);
	flooded_forget(&told);
	close(fd);
	close(listener);
}
