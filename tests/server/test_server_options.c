/* Options of one endpoint, behind its address. */
#include <criterion/criterion.h>

#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "harness.h"
#include "harness_net.h"
#include "harness_server.h"
#include "test_server_relay.h"

enum {
	/* a test that takes so long hangs */
	PATIENCE_S = 60,
	TEXT_SIZE = 256
};

TestSuite(server_options, .init = harness_begin, .fini = harness_end,
	  .timeout = PATIENCE_S);

/* Two echoes, of which the first has this option, over that of the server. */
static void start(struct served *s, const char *global, const char *option,
		  char with[SERVED_ADDRESS_SIZE],
		  char without[SERVED_ADDRESS_SIZE])
{
	char endpoint[TEXT_SIZE];

	snprintf(endpoint, sizeof endpoint, "echo=127.0.0.1:0,%s", option);
	served_start(s, endpoint, "echo=127.0.0.1:0", global, NULL);
	served_address(s, "echo", with);
	served_address(s, "echo", without);
}

Test(server_options, limit_the_clients_of_one_endpoint)
{
	char with[SERVED_ADDRESS_SIZE];
	char without[SERVED_ADDRESS_SIZE];
	struct served s;
	int fds[3];

	start(&s, "--workers=2", "max-conns=1", with, without);
	fds[0] = dial(with, 0);
	expect_echo(fds[0], "the only one");
	expect_reset_at(with);
	for (int i = 1; i < 3; i++) {
		fds[i] = dial(without, 0);
		expect_echo(fds[i], "one of many");
	}
	for (int i = 0; i < 3; i++)
		close(fds[i]);
	cr_assert_eq(served_stop(&s), 0);
}

/* Of those of the whole server, that is. */
Test(server_options, a_client_refused_at_one_endpoint_takes_no_place)
{
	char with[SERVED_ADDRESS_SIZE];
	char without[SERVED_ADDRESS_SIZE];
	struct served s;
	int fds[2];

	start(&s, "--max-conns=2", "max-conns=1", with, without);
	fds[0] = dial(with, 0);
	expect_echo(fds[0], "the only one");
	for (int i = 0; i < 5; i++)
		expect_reset_at(with);
	fds[1] = dial(without, 0);
	expect_echo(fds[1], "the second");
	for (int i = 0; i < 2; i++)
		close(fds[i]);
	cr_assert_eq(served_stop(&s), 0);
}

/* Not each refusal is told, but each time that the limit is reached. */
Test(server_options, tell_each_time_that_a_limit_is_reached)
{
	static const char words[] = "as many as max-conns are here";
	char with[SERVED_ADDRESS_SIZE];
	char without[SERVED_ADDRESS_SIZE];
	struct served s;
	const char *line;
	int n = 0;
	int fd;

	start(&s, "--workers=1", "max-conns=1", with, without);
	for (int i = 0; i < 2; i++) {
		fd = dial(with, 0);
		expect_echo(fd, "the only one");
		for (int j = 0; j < 5; j++)
			expect_reset_at(with);
		served_line(&s, words);
		harness_write(fd, "x", 1);
		shutdown(fd, SHUT_WR);
		harness_read(fd, &(char){0}, 1);
		expect_end(fd);
		close(fd);
	}
	kill(s.pid, SIGTERM);
	cr_assert_eq(served_wait(&s), 0);
	for (line = s.text; (line = strstr(line, words)); line++)
		n++;
	cr_expect_eq(n, 2, "%s", s.text);
	served_forget(&s);
}

Test(server_options, go_before_those_of_the_server)
{
	char with[SERVED_ADDRESS_SIZE];
	char without[SERVED_ADDRESS_SIZE];
	struct served s;
	int kept;
	int fd;

	start(&s, "--idle=50ms", "idle=60m,high=64K", with, without);
	kept = dial(with, 0);
	fd = dial(without, 0);
	expect_end(fd);
	close(fd);
	expect_echo(kept, "still here");
	close(kept);
	cr_assert_eq(served_stop(&s), 0);
}

Test(server_options, turn_a_flag_on_and_off)
{
	static const char header[] = "PROXY TCP4 1.2.3.4 1.2.3.4 1 2\r\n";
	static const char *const globals[] = {"--workers=1", "--accept-proxy"};
	static const char *const options[] = {"accept-proxy",
					      "accept-proxy=no"};
	char addresses[2][SERVED_ADDRESS_SIZE];
	struct served s;

	for (size_t i = 0; i < 2; i++) {
		int proxied;
		int plain;

		start(&s, globals[i], options[i], addresses[0], addresses[1]);
		proxied = dial(addresses[i], 0);
		plain = dial(addresses[1 - i], 0);
		harness_write(proxied, header, sizeof header - 1);
		expect_echo(proxied, "told");
		expect_echo(plain, "not told");
		close(proxied);
		close(plain);
		cr_assert_eq(served_stop(&s), 0);
	}
}

Test(server_options, give_a_unix_socket_its_mode)
{
	struct weir_address path = harness_unix_path("mode");
	char endpoint[TEXT_SIZE];
	struct served s;
	struct stat st;

	snprintf(endpoint, sizeof endpoint, "echo=unix:%s,mode=0606",
		 path.sa.un.sun_path);
	served_start(&s, endpoint, "--mode=600", NULL);
	served_line(&s, "echo listening on");
	cr_assert_eq(stat(path.sa.un.sun_path, &st), 0);
	cr_expect_eq(st.st_mode & 0777, 0606);
	cr_assert_eq(served_stop(&s), 0);
	harness_remove_folder();
}

Test(server_options, are_refused_when_they_are_wrong)
{
	expect_refusal_of("echo=:7,idle=5",
			  "echo=:7,idle=5: idle=5: expected a time from 1ns to "
			  "1000000m, such as 500ms, 60s or 2m");
	expect_refusal_of("echo=:7,workers=5",
			  "echo=:7,workers=5: workers=5: expected an option of "
			  "an endpoint, such as idle=5m");
	expect_refusal_of("echo=:7,low=1M",
			  "echo=:7,low=1M: low 1048576: expected at most "
			  "--high, which is 262144");
	expect_refusal_of("echo=:7,accept-proxy=2",
			  "echo=:7,accept-proxy=2: accept-proxy=2: expected "
			  "yes or no");
	expect_refusal_of("echo=:7,mode=999",
			  "echo=:7,mode=999: mode=999: expected permissions in "
			  "octal, such as 0660");
	expect_refusal_of("echo=:7,127.0.0.1:8",
			  "echo=:7,127.0.0.1:8: 127.0.0.1:8: expected an "
			  "option of an endpoint, such as idle=5m");
	expect_refusal_of("broadcast=:7,subject=a.*",
			  "broadcast=:7,subject=a.*: subject=a.*: expected a "
			  "subject without blanks and wildcards, such as "
			  "weir.hall");
	expect_refusal_of("--mode=9", "--mode 9: expected permissions in "
				      "octal, such as 0660");
	expect_refusal_of("--pid-file=", "--pid-file : expected a file");
}

Test(server_options, are_refused_by_services_that_have_no_use_for_them)
{
	expect_refusal_of("echo=:7,channel=x", "echo=:7,channel=x: channel=x: "
					       "expected an option that echo "
					       "has");
	expect_refusal_of("broadcast=:7,path=/x",
			  "broadcast=:7,path=/x: path=/x: expected an option "
			  "that broadcast has");
}

static void expect_nats_refused(const char *nats, const char *endpoint,
				const char *line)
{
	expect_refusal((const char *[]){"--nats", nats, endpoint, NULL}, line);
}

Test(server_options, of_nats_are_refused_when_they_are_wrong)
{
	static const char hall[] = "broadcast=:0,subject=hall";
	static const char parts[] =
		"--nats: expected HOST:PORT[,user=NAME][,password=TEXT]"
		"[,token=TEXT], or @FILE for a TEXT that has a comma";

	expect_refusal_of(hall, "subject: expected --nats HOST:PORT, too");
	expect_nats_refused("127.0.0.1:4222", "broadcast=:0",
			    "--nats: expected a broadcast with a subject, such "
			    "as broadcast=127.0.0.1:7011,subject=hall");
	expect_nats_refused("127.0.0.1:4222", "echo=:0,subject=hall",
			    "echo=:0,subject=hall: subject=hall: expected an "
			    "option that echo has");
	expect_nats_refused("127.0.0.1", hall,
			    "--nats 127.0.0.1: expected HOST:PORT, such as "
			    "127.0.0.1:4222");
	expect_nats_refused("127.0.0.1:0", hall,
			    "--nats 127.0.0.1:0: expected HOST:PORT, such as "
			    "127.0.0.1:4222");
	expect_nats_refused("nats://me:secret@127.0.0.1:4222", hall,
			    "--nats: expected HOST:PORT[,user=NAME]"
			    "[,password=TEXT], and no login before an @");
	expect_nats_refused("127.0.0.1:4222,password=a,b", hall, parts);
	expect_nats_refused("127.0.0.1:4222,user=", hall, parts);
	expect_nats_refused("127.0.0.1:4222,password=@/nowhere", hall,
			    "--nats: /nowhere: No such file or directory");
	expect_refusal((const char *[]){"--nats=127.0.0.1:4222",
					"broadcast=:0,channel=c,subject=a",
					"broadcast=:0,channel=c,subject=b",
					NULL},
		       "channel c: expected one subject, not a and b");
}
