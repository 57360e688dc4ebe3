/* What SIGUSR2 starts, and what becomes of the server when that fails. */
#include <criterion/criterion.h>

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "harness.h"
#include "harness_net.h"
#include "test_server_restart.h"

enum {
	TEXT_SIZE = 512
};

TestSuite(server_restart_starts, .init = restart_test_begin,
	  .fini = restart_test_end, .timeout = RESTART_PATIENCE_S);

static const char not_replaced[] = "SIGUSR2: not replaced, serving on: ";

/* -- the arguments -- */

/* A file of arguments may have changed: that is what they are the same of. */
static const char *arguments_path;

static const char *write_arguments(const char *text, char argument[TEXT_SIZE])
{
	if (!arguments_path)
		arguments_path = restart_file("arguments");
	restart_write(arguments_path, text, 0600);
	snprintf(argument, TEXT_SIZE, "@%s", arguments_path);
	return argument;
}

Test(server_restart_starts, a_wrong_option_leaves_the_old_server)
{
	char argument[TEXT_SIZE];
	char address[SERVED_ADDRESS_SIZE];
	struct served s;
	const char *line;
	pid_t pid;

	write_arguments("--high=1M\n", argument);
	served_start(&s, argument, "echo=127.0.0.1:0", NULL);
	served_address(&s, "echo", address);
	write_arguments("--high=tall\n", argument);
	kill(s.pid, SIGUSR2);
	line = served_line(&s, not_replaced);
	cr_expect(strstr(line, "ended with status 2 before it listened"), "%s",
		  line);
	restart_expect_echo_at(address);
	write_arguments("--high=2M\n", argument);
	pid = restart_of(&s, s.pid);
	restart_expect_end(s.pid);
	restart_expect_echo_at(address);
	restart_stop(&s, pid);
}

Test(server_restart_starts,
     an_address_in_use_leaves_the_old_server_and_its_file)
{
	struct weir_address taken = harness_address("127.0.0.1:0");
	int listener = harness_listen(&taken, 1);
	const char *path = restart_file("socket");
	char text[WEIR_ADDRESS_TEXT_SIZE];
	char arguments[TEXT_SIZE];
	char argument[TEXT_SIZE];
	char echo[TEXT_SIZE];
	struct served s;

	snprintf(echo, sizeof echo, "echo=unix:%s", path);
	write_arguments("", argument);
	served_start(&s, echo, argument, NULL);
	served_line(&s, "echo listening on");
	snprintf(arguments, sizeof arguments, "discard=%s\n",
		 weir_address_format(&taken, text, sizeof text));
	write_arguments(arguments, argument);
	kill(s.pid, SIGUSR2);
	served_line(&s, not_replaced);
	restart_expect_echo_at(strchr(echo, '=') + 1);
	restart_stop(&s, s.pid);
	cr_expect_neq(access(path, F_OK), 0);
	close(listener);
}

/* More workers, an address more, a service in another's place. */
Test(server_restart_starts, other_arguments_are_served_by_the_sockets_that_fit)
{
	const char *path = restart_file("gone");
	char before[TEXT_SIZE];
	char after[TEXT_SIZE];
	char argument[TEXT_SIZE];
	char address[SERVED_ADDRESS_SIZE];
	struct served s;
	pid_t pid;

	snprintf(before, sizeof before,
		 "discard=127.0.0.1:0\ndiscard=unix:%s\n", path);
	write_arguments(before, argument);
	served_start(&s, argument, NULL);
	served_address(&s, "discard", address);
	served_line(&s, "discard listening on unix:");
	snprintf(after, sizeof after,
		 "--workers=3\necho=%s\ngreet=127.0.0.1:0\n", address);
	write_arguments(after, argument);
	pid = restart_of(&s, s.pid);
	restart_expect_end(s.pid);
	for (int i = 0; i < 20; i++)
		restart_expect_echo_at(address);
	cr_expect_neq(access(path, F_OK), 0, "nobody serves it any more");
	restart_stop(&s, pid);
}

/* -- the program -- */

static const char *program;
static const char *start_timeout = "--start-timeout=10m";
static char *one_more_option; /* or NULL */

static void copy_program(void)
{
	const char *build = getenv("WEIR_BUILD");
	char command[TEXT_SIZE];

	program = restart_file("weir-server");
	snprintf(command, sizeof command, "cp %s/weir-server %s",
		 build ? build : "build", program);
	cr_assert_eq(system(command), 0);
}

static void become_copy(void)
{
	char path[TEXT_SIZE];
	char *const argv[] = {path, strdup(start_timeout),
			      (char[]){"echo=127.0.0.1:0"}, one_more_option,
			      NULL};
	sigset_t none;

	snprintf(path, sizeof path, "%s", program);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	execv(path, argv);
	_exit(127);
}

static void start_copy(struct served *s, char address[SERVED_ADDRESS_SIZE])
{
	static const char *const none[] = {NULL};

	copy_program();
	served_start_prepared(s, become_copy, none);
	served_address(s, "echo", address);
}

/* What is installed now does not start. */
static void check_failure(const char *script, mode_t mode, const char *why)
{
	char address[SERVED_ADDRESS_SIZE];
	struct served s;
	const char *line;

	start_copy(&s, address);
	restart_write(program, script, mode);
	kill(s.pid, SIGUSR2);
	line = served_line(&s, not_replaced);
	cr_expect(strstr(line, why), "%s", line);
	restart_expect_echo_at(address);
	restart_stop(&s, s.pid);
}

Test(server_restart_starts, a_crash_leaves_the_old_server)
{
	check_failure("#!/bin/sh\nkill -SEGV $$\n", 0700, "ended by signal 11");
}

Test(server_restart_starts, a_program_that_cannot_run_leaves_the_old_server)
{
	check_failure("#!/no/such/interpreter\n", 0700,
		      "No such file or directory");
}

Test(server_restart_starts, a_program_that_does_not_listen_is_not_waited_for)
{
	start_timeout = "--start-timeout=50ms";
	check_failure("#!/bin/sh\nexec sleep 1000\n", 0700,
		      "not listening within --start-timeout");
}

Test(server_restart_starts, a_program_that_was_upgraded_is_what_starts)
{
	char script[TEXT_SIZE];
	char address[SERVED_ADDRESS_SIZE];
	char cwd[TEXT_SIZE / 2];
	const char *build = getenv("WEIR_BUILD");
	struct served s;
	pid_t pid;

	start_copy(&s, address);
	cr_assert(getcwd(cwd, sizeof cwd));
	snprintf(script, sizeof script,
		 "#!/bin/sh\necho upgraded >&2\n"
		 "exec %s%s%s/weir-server --start-timeout=10m \"$@\"\n",
		 build && build[0] == '/' ? "" : cwd,
		 build && build[0] == '/' ? "" : "/", build ? build : "build");
	restart_write(program, script, 0700);
	kill(s.pid, SIGUSR2);
	served_line(&s, "upgraded");
	pid = restart_await(&s);
	restart_expect_end(s.pid);
	restart_expect_echo_at(address);
	restart_stop(&s, pid);
}

/* -- while it starts -- */

Test(server_restart_starts, one_at_a_time_and_none_survives_a_stop)
{
	static const char script[] = "#!/bin/sh\necho begun >&2\n"
				     "exec sleep 1000\n";
	char address[SERVED_ADDRESS_SIZE];
	struct served s;
	const char *line;

	start_copy(&s, address);
	restart_write(program, script, 0700);
	kill(s.pid, SIGUSR2);
	served_line(&s, "begun");
	kill(s.pid, SIGUSR2);
	line = served_line(&s, not_replaced);
	cr_expect(strstr(line, "it starts already"), "%s", line);
	/* waits for all of the test's children, which a process that is left
	 * would be */
	restart_stop(&s, s.pid);
}

/* -- the supervisor -- */

static char notify_name[64];

static void prepare_notify(void)
{
	setenv("NOTIFY_SOCKET", notify_name, 1);
}

static int open_notify(void)
{
	static const struct timeval patience = {.tv_sec =
							RESTART_PATIENCE_S / 2};
	struct weir_address name;
	int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	char text[80];

	snprintf(notify_name, sizeof notify_name, "@weir-restart-notify-%d",
		 (int)getpid());
	snprintf(text, sizeof text, "unixgram:%s", notify_name);
	name = harness_address(text);
	cr_assert_eq(bind(fd, &name.sa.any, name.len), 0);
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
	return fd;
}

static void expect_note(int fd, const char *expected)
{
	char text[TEXT_SIZE];
	ssize_t n = recv(fd, text, sizeof text - 1, 0);

	cr_assert_gt(n, 0, "expected %s", expected);
	text[n] = '\0';
	cr_assert_str_eq(text, expected);
}

/* The end of the old process is none of the supervisor's business. */
Test(server_restart_starts, the_supervisor_hears_of_the_new_main_process)
{
	static const char *const arguments[] = {"echo=127.0.0.1:0", NULL};
	char expected[TEXT_SIZE];
	struct served s;
	int fd = open_notify();
	pid_t pid;

	served_start_prepared(&s, prepare_notify, arguments);
	expect_note(fd, "READY=1");
	pid = restart_of(&s, s.pid);
	snprintf(expected, sizeof expected, "MAINPID=%d", (int)pid);
	expect_note(fd, expected);
	restart_expect_end(s.pid);
	restart_stop(&s, pid);
	expect_note(fd, "STOPPING=1");
	close(fd);
}

/* -- the file with the number of the process -- */

static long number_in(const char *path)
{
	FILE *file = fopen(path, "re");
	long number = -1;
	char end = 'x';

	if (!file)
		return -1;
	if (fscanf(file, "%ld%c", &number, &end) != 2 || end != '\n')
		number = -2;
	fclose(file);
	return number;
}

static struct served start_with_pid_file(const char *path, char *option)
{
	struct served s;

	snprintf(option, TEXT_SIZE, "--pid-file=%s", path);
	served_start(&s, option, "echo=127.0.0.1:0", NULL);
	served_line(&s, "listening");
	return s;
}

Test(server_restart_starts, the_pid_file_is_there_as_long_as_the_server)
{
	const char *path = restart_file("pid");
	char option[TEXT_SIZE];
	struct served s;

	restart_write(path, "of a server that crashed, longer\n", 0644);
	s = start_with_pid_file(path, option);
	cr_expect_eq(number_in(path), s.pid);
	cr_expect_eq(served_stop(&s), 0);
	cr_expect_lt(access(path, F_OK), 0);
}

Test(server_restart_starts, the_pid_file_goes_from_where_a_link_points)
{
	const char *path = restart_file("pid");
	char option[TEXT_SIZE];
	char link[TEXT_SIZE];
	struct served s;

	snprintf(link, sizeof link, "%s-link", path);
	restart_write(path, "old\n", 0644);
	cr_assert_eq(symlink(path, link), 0);
	s = start_with_pid_file(link, option);
	cr_expect_eq(number_in(path), s.pid);
	cr_expect_eq(served_stop(&s), 0);
	cr_expect_lt(access(path, F_OK), 0);
	unlink(link);
}

Test(server_restart_starts, the_pid_file_of_another_process_stays)
{
	const char *path = restart_file("pid");
	char option[TEXT_SIZE];
	struct served s = start_with_pid_file(path, option);

	restart_write(path, "1\n", 0644);
	cr_expect_eq(served_stop(&s), 0);
	cr_expect_eq(number_in(path), 1);
}

Test(server_restart_starts, the_pid_file_tells_the_new_server)
{
	const char *path = restart_file("pid");
	char option[TEXT_SIZE];
	struct served s = start_with_pid_file(path, option);
	pid_t first = s.pid;
	pid_t second = restart_of(&s, first);

	cr_expect_eq(number_in(path), second);
	restart_expect_end(first);
	cr_expect_eq(number_in(path), second, "the first has removed it");
	restart_stop(&s, second);
	cr_expect_lt(access(path, F_OK), 0);
}

Test(server_restart_starts, the_pid_file_tells_the_old_server_if_it_goes_on)
{
	const char *path = restart_file("pid");
	char address[SERVED_ADDRESS_SIZE];
	char script[TEXT_SIZE];
	char option[TEXT_SIZE];
	struct served s;

	snprintf(option, sizeof option, "--pid-file=%s", path);
	snprintf(script, sizeof script, "#!/bin/sh\necho $$ >%s\nexit 3\n",
		 path);
	one_more_option = option;
	start_copy(&s, address);
	restart_write(program, script, 0700);
	kill(s.pid, SIGUSR2);
	served_line(&s, not_replaced);
	cr_expect_eq(number_in(path), s.pid);
	restart_stop(&s, s.pid);
	cr_expect_lt(access(path, F_OK), 0);
}

Test(server_restart_starts, a_pid_file_that_cannot_be_written_forbids_a_start)
{
	static const char *const arguments[] = {"--pid-file=/nowhere/pid",
						"echo=127.0.0.1:0", NULL};

	expect_refusal(arguments, "--pid-file /nowhere/pid: No such file or "
				  "directory");
}
