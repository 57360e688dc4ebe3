/* broadcast, as programs that others have written see it. */
#include <criterion/criterion.h>

#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "harness.h"
#include "test_server_broadcast.h"
#include "test_server_relay.h"

enum {
	TEXT_SIZE = 4096,
	TRY_MS = 10
};

TestSuite(server_broadcast_peers, .init = harness_begin, .fini = harness_end,
	  .timeout = AUDIENCE_PATIENCE_S);

static char text[TEXT_SIZE];

static void start(struct served *s, char address[SERVED_ADDRESS_SIZE])
{
	served_start(s, "--workers=2", "--high=64M", "--max=256M",
		     "broadcast=127.0.0.1:0", NULL);
	served_address(s, "broadcast", address);
}

static void run(const char *const *argv)
{
	struct tool tool;

	tool_start(&tool, argv);
	cr_assert_eq(tool_wait(&tool, text, sizeof text), 0, "%s: %s", argv[0],
		     text);
}

/* Tells when the first line came, and at the end what all the others were. */
static void start_hearer(struct tool *tool, const char *address)
{
	struct pollfd pollfd = {.events = POLLIN};
	char command[2 * SERVED_ADDRESS_SIZE];
	int asker = dial(address, 0);

	snprintf(command, sizeof command,
		 "socat -u TCP:%s - | { read -r x; echo here; "
		 "grep -v '?' | sha256sum; }",
		 address);
	tool_start(tool, (const char *[]){"sh", "-c", command, NULL});
	pollfd.fd = tool->out;
	do
		harness_write(asker, "?\n", 2);
	while (poll(&pollfd, 1, TRY_MS) == 0);
	cr_assert_eq(read(tool->out, text, strlen("here\n")), strlen("here\n"));
	cr_assert_arr_eq(text, "here\n", strlen("here\n"));
	close(asker);
}

Test(server_broadcast_peers, carries_lines_from_one_socat_to_others)
{
	struct served s;
	struct tool hearers[3];
	char address[SERVED_ADDRESS_SIZE];
	char command[2 * SERVED_ADDRESS_SIZE];
	char sum[TEXT_SIZE];

	if (!has_tool("socat"))
		cr_skip_test("there is no socat here");
	start(&s, address);
	for (int i = 0; i < 3; i++)
		start_hearer(&hearers[i], address);
	snprintf(command, sizeof command,
		 "seq 1 100000 | socat -t30 - TCP:%s "
		 ">/dev/null; seq 1 100000 | sha256sum",
		 address);
	run((const char *[]){"sh", "-c", command, NULL});
	memcpy(sum, text, sizeof sum);
	kill(s.pid, SIGTERM);
	for (int i = 0; i < 3; i++) {
		cr_assert_eq(tool_wait(&hearers[i], text, sizeof text), 0);
		cr_assert_str_eq(text, sum);
	}
	cr_assert_eq(served_end(&s), 0);
}

/* Four threads of Python talk, and listen to one another. */
Test(server_broadcast_peers, carries_pythons_lines)
{
	static const char program[] =
		"import socket, sys, threading, zlib\n"
		"N, LINES = 4, 2000\n"
		"heard = []\n"
		"at = ('127.0.0.1', int(sys.argv[1]))\n"
		"socks = [socket.create_connection(at) for i in range(N)]\n"
		"files = [s.makefile('rb') for s in socks]\n"
		"def meet(a, b):\n"
		"    socks[b].settimeout(0.01)\n"
		"    while True:\n"
		"        socks[a].sendall(b'?\\n')\n"
		"        try:\n"
		"            socks[b].recv(1, socket.MSG_PEEK)\n"
		"            break\n"
		"        except TimeoutError:\n"
		"            pass\n"
		"    socks[b].settimeout(30)\n"
		"for i in range(1, N):\n"
		"    meet(0, i)\n"
		"meet(1, 0)\n"
		"def talk(i):\n"
		"    for k in range(LINES):\n"
		"        line = b'%d %d ' % (i, k) + b'x' * (k % 700)\n"
		"        sum = zlib.crc32(line)\n"
		"        socks[i].sendall(line + b' %d\\n' % sum)\n"
		"def listen(i):\n"
		"    next = [0] * N\n"
		"    next[i] = LINES\n"
		"    while next != [LINES] * N:\n"
		"        line, _, sum = files[i].readline().rpartition(b' ')\n"
		"        if line == b'' and sum == b'?\\n':\n"
		"            continue\n"
		"        who, k = map(int, line.split()[:2])\n"
		"        assert zlib.crc32(line) == int(sum)\n"
		"        assert who != i and k == next[who]\n"
		"        next[who] += 1\n"
		"    heard.append(i)\n"
		"threads = [threading.Thread(target=f, args=(i,))\n"
		"           for f in (talk, listen) for i in range(N)]\n"
		"for t in threads: t.start()\n"
		"for t in threads: t.join()\n"
		"print('heard by', *sorted(heard))\n";
	struct served s;
	char address[SERVED_ADDRESS_SIZE];

	if (!has_tool("python3"))
		cr_skip_test("there is no Python here");
	start(&s, address);
	run((const char *[]){"python3", "-c", program,
			     strrchr(address, ':') + 1, NULL});
	cr_assert_str_eq(text, "heard by 0 1 2 3\n");
	cr_assert_eq(served_stop(&s), 0);
}
