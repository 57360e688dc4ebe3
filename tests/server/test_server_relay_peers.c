/* relay, as programs that others have written see it. */
#include <criterion/criterion.h>

#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "harness_net.h"
#include "test_server_relay.h"

enum {
	/* a test that takes so long hangs */
	PATIENCE_S = 60,
	MIB = 1048576,
	TEXT_SIZE = 65536,
	NAME_SIZE = 128
};

TestSuite(server_relay_peers, .init = harness_begin, .fini = harness_end,
	  .timeout = PATIENCE_S);

static char text[TEXT_SIZE];

/* A relay to a program that listens at target. */
static void start_relay(struct served *s, const char *target,
			const char *option, char address[SERVED_ADDRESS_SIZE])
{
	char endpoint[2 * NAME_SIZE];

	snprintf(endpoint, sizeof endpoint, "relay=127.0.0.1:0,%s", target);
	served_start(s, endpoint, option, NULL);
	served_address(s, "relay", address);
}

static const char *port_of(const char *address)
{
	return strrchr(address, ':') + 1;
}

/* -- Redis -- */

static bool has_redis(void)
{
	return has_tool("redis-server") && has_tool("redis-cli") &&
	       has_tool("redis-benchmark");
}

static void start_redis(struct tool *redis, char target[NAME_SIZE])
{
	char port[16];
	const char *const argv[] = {
		"redis-server", "--port",      port, "--bind",
		"127.0.0.1",	"--save",      "",   "--appendonly",
		"no",		"--daemonize", "no", "--dir",
		"/tmp",		NULL};

	snprintf(port, sizeof port, "%u", free_port());
	snprintf(target, NAME_SIZE, "127.0.0.1:%s", port);
	tool_start(redis, argv);
	await_listener(target);
}

static void run(const char *const *argv)
{
	struct tool tool;

	tool_start(&tool, argv);
	cr_assert_eq(tool_wait(&tool, text, sizeof text), 0, "%s: %s", argv[0],
		     text);
}

Test(server_relay_peers, carries_redis)
{
	struct tool redis;
	struct served s;
	char target[NAME_SIZE];
	char address[SERVED_ADDRESS_SIZE];

	if (!has_redis())
		cr_skip_test("there is no Redis here");
	start_redis(&redis, target);
	start_relay(&s, target, "--workers=2", address);
	run((const char *[]){"redis-cli", "-p", port_of(address), "set", "weir",
			     "a low dam", NULL});
	cr_assert_str_eq(text, "OK\n");
	run((const char *[]){"redis-cli", "-p", port_of(address), "get", "weir",
			     NULL});
	cr_assert_str_eq(text, "a low dam\n");
	run((const char *[]){"redis-benchmark", "-p", port_of(address), "-q",
			     "-n", "3000", "-c", "20", "-P", "16", "-d", "1000",
			     "-t", "set,get,lrange_100", NULL});
	cr_assert(strstr(text, "SET: "), "%s", text);
	cr_assert(strstr(text, "GET: "), "%s", text);
	cr_assert(strstr(text, "LRANGE_100"), "%s", text);
	cr_assert_not(strstr(text, "Error"), "%s", text);
	cr_assert_eq(served_stop(&s), 0);
	tool_kill(&redis);
}

/* -- socat -- */

/* One socat sends a file and half-closes, another answers with another file
 * when it has heard all: both are longer than any buffer. */
Test(server_relay_peers, carries_files_between_two_socats)
{
	struct tool server;
	struct served s;
	struct weir_address path = harness_unix_path("socat");
	char listen[NAME_SIZE];
	char target[WEIR_ADDRESS_TEXT_SIZE];
	char address[SERVED_ADDRESS_SIZE];
	char command[4 * NAME_SIZE];

	if (!has_tool("socat"))
		cr_skip_test("there is no socat here");
	weir_address_format(&path, target, sizeof target);
	snprintf(listen, sizeof listen, "UNIX-LISTEN:%s,fork",
		 path.sa.un.sun_path);
	tool_start(&server,
		   (const char *[]){"socat", "-t30", listen,
				    "SYSTEM:sha256sum; seq 1 1000000", NULL});
	await_listener(target);
	start_relay(&s, target, "--sndbuf=16K", address);
	snprintf(command, sizeof command,
		 "x=$(seq 1 900000 | socat -t30 - TCP:%s); "
		 "echo \"$x\" | head -n 1; seq 1 900000 | sha256sum; "
		 "echo \"$x\" | tail -n +2 | sha256sum; "
		 "seq 1 1000000 | sha256sum",
		 address);
	run((const char *[]){"sh", "-c", command, NULL});
	/* four lines: what the server heard, and what was said; what it
	 * answered, and what that is */
	cr_assert_eq(strlen(text), 4 * (64 + strlen("  -\n")), "%s", text);
	cr_assert_arr_eq(text, text + 68, 68, "%s", text);
	cr_assert_arr_eq(text + 136, text + 204, 68, "%s", text);
	cr_assert_eq(served_stop(&s), 0);
	tool_kill(&server);
	harness_remove_folder();
}

/* -- Python -- */

/* Its sockets are those of the article: sendall, and a slow recv. */
Test(server_relay_peers, carries_pythons_sendall)
{
	static const char program[] =
		"import socket, sys, threading\n"
		"n = 3 << 20\n"
		"data = bytes(i * i % 251 for i in range(4096)) * (n >> 12)\n"
		"s = socket.create_connection(('127.0.0.1', "
		"int(sys.argv[1])))\n"
		"def write():\n"
		"    s.sendall(data)\n"
		"    s.shutdown(socket.SHUT_WR)\n"
		"t = threading.Thread(target=write)\n"
		"t.start()\n"
		"back = bytearray()\n"
		"while True:\n"
		"    piece = s.recv(5000)\n"
		"    if not piece:\n"
		"        break\n"
		"    back += piece\n"
		"t.join()\n"
		"print('same' if back == data else 'not the same')\n";
	struct served echo;
	struct served s;
	char target[SERVED_ADDRESS_SIZE];
	char address[SERVED_ADDRESS_SIZE];

	if (!has_tool("python3"))
		cr_skip_test("there is no Python here");
	served_start(&echo, "echo=127.0.0.1:0", "--sndbuf=16K", NULL);
	served_address(&echo, "echo", target);
	start_relay(&s, target, "--high=64K", address);
	run((const char *[]){"python3", "-c", program, port_of(address), NULL});
	cr_assert_str_eq(text, "same\n");
	cr_assert_eq(served_stop(&s), 0);
	cr_assert_eq(served_stop(&echo), 0);
}
