/* How long weir-server may take to stop, and what it says it has lost. */
#include <criterion/criterion.h>

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "test_server_relay.h"
#include "test_server_stop.h"

enum {
	PATIENCE_S = 60
};

TestSuite(server_stop, .init = harness_begin, .fini = harness_end,
	  .timeout = PATIENCE_S);

static struct served s;
static char address[SERVED_ADDRESS_SIZE];

Test(server_stop, goes_on_serving_through_the_grace)
{
	int before = start_and_echo(&s, address, "--grace=60m");
	int after;

	kill(s.pid, SIGTERM);
	served_line(&s, "serving on for the grace");
	after = dial(address, 0);
	expect_echo(after, "let in as well");
	expect_echo(before, "still served");
	close(before);
	close(after);
	/* the end of patience */
	cr_assert_eq(served_stop(&s), 0);
}

Test(server_stop, drains_when_the_grace_is_over)
{
	int fd = start_and_echo(&s, address, "--grace=10ms");

	kill(s.pid, SIGTERM);
	expect_end(fd);
	close(fd);
	cr_assert_eq(served_end(&s), 0);
}

/* All that is written is either read or told to be lost. */
static void check_drain_ends(const char *workers)
{
	unsigned long long n_conns;
	unsigned long long n_bytes;
	unsigned long long n_unsent;
	int fd = start_and_be_owed(&s, "--drain=50ms", workers);

	kill(s.pid, SIGTERM);
	cr_assert_eq(sscanf(served_line(&s, ": aborted, "),
			    "weir-server: echo %*s aborted, %llu bytes",
			    &n_unsent),
		     1);
	cr_assert_eq(sscanf(served_line(&s, "lost something"),
			    "weir-server: %llu connections lost something, "
			    "%llu bytes",
			    &n_conns, &n_bytes),
		     2);
	cr_assert_eq(n_conns, 1);
	/* and what the kernel held */
	cr_assert_geq(n_bytes, n_unsent);
	cr_assert_gt(n_unsent, 0);
	cr_assert_eq(served_end(&s), 1);
	close(fd);
}

Test(server_stop, resets_what_is_left_when_the_drain_is_over)
{
	check_drain_ends("--workers=1");
}

Test(server_stop, and_so_in_every_worker)
{
	check_drain_ends("--workers=3");
}

/* That is the client's own doing. */
Test(server_stop, has_lost_nothing_of_a_client_that_resets_while_it_drains)
{
	int fd = start_and_be_owed(&s, NULL, NULL);

	kill(s.pid, SIGTERM);
	served_line(&s, "finishing 1 connections");
	close_by_reset(fd);
	served_line(&s, ": reset, ");
	cr_assert_eq(served_wait(&s), 0);
	cr_assert_not(strstr(s.text, "lost something"), "%s", s.text);
	served_forget(&s);
}

Test(server_stop, has_lost_nothing_of_those_who_went_before)
{
	int fd = start_and_be_owed(&s, NULL, NULL);

	close_by_reset(fd);
	served_line(&s, ": reset, ");
	cr_assert_eq(served_stop(&s), 0);
}

/* -- signals after the end -- */

/* A scraper that has asked for nothing keeps its connection: it does not hold
 * up the stop for long, and has lost nothing. */
static void check_mute_scraper(bool is_signalled_again)
{
	char text[SERVED_ADDRESS_SIZE];
	int fd;

	served_start(&s, "--metrics=127.0.0.1:0", "--workers=3",
		     "echo=127.0.0.1:0", NULL);
	served_address(&s, "metrics", text);
	fd = dial(text, 0);
	kill(s.pid, SIGTERM);
	harness_read(fd, text, 12);
	cr_expect_arr_eq(text, "HTTP/1.1 503", 12);
	if (is_signalled_again)
		kill(s.pid, SIGTERM);
	served_line(&s, "metrics 127.0.0.1:");
	cr_expect(strstr(s.line, ": aborted, "), "%s", s.line);
	cr_assert_eq(served_end(&s), 0);
	close(fd);
}

Test(server_stop, does_not_wait_for_a_mute_scraper)
{
	check_mute_scraper(false);
}

/* When all is over the phase does not go back: workers that have not heard of
 * the end yet would wait for another. */
Test(server_stop, a_second_signal_aborts_the_last_answers)
{
	check_mute_scraper(true);
}

/* -- clients that never stop -- */

enum {
	N_CROWDS = 3, /* of a thread each: the server finds no rest */
	N_WRITERS = 8,
	PIECE_SIZE = 65536
};

/* More than a server reads in the drain that it is given, and less than in all
 * the turns that it could take for them. */
static const uint64_t patience_bytes = UINT64_C(2) << 30;

struct writers {
	pthread_t thread;
	struct pollfd fds[N_WRITERS];
	_Atomic uint64_t n_written;
};

static uint64_t count_written(const struct writers crowds[N_CROWDS])
{
	uint64_t n = 0;

	for (int i = 0; i < N_CROWDS; i++)
		n += crowds[i].n_written;
	return n;
}

static void write_piece(struct writers *writers, struct pollfd *fd, int *n_left)
{
	static const unsigned char piece[PIECE_SIZE];
	ssize_t n =
		send(fd->fd, piece, sizeof piece, MSG_DONTWAIT | MSG_NOSIGNAL);

	if (n > 0) {
		writers->n_written += (uint64_t)n;
	} else if (errno != EAGAIN) {
		close(fd->fd);
		fd->fd = -1;
		--*n_left;
	}
}

static void *write_to_the_end(void *arg)
{
	struct writers *writers = arg;
	int n_left = N_WRITERS;

	while (n_left > 0 && poll(writers->fds, N_WRITERS, -1) > 0)
		for (int i = 0; i < N_WRITERS; i++)
			if (writers->fds[i].fd >= 0 && writers->fds[i].revents)
				write_piece(writers, &writers->fds[i], &n_left);
	return NULL;
}

static void start_writing(struct writers *writers)
{
	writers->n_written = 0;
	for (int i = 0; i < N_WRITERS; i++)
		writers->fds[i] = (struct pollfd){.fd = dial(address, 0),
						  .events = POLLOUT};
	cr_assert_eq(pthread_create(&writers->thread, NULL, write_to_the_end,
				    writers),
		     0);
}

/* What has come is served before the end, but not for ever. */
Test(server_stop, the_drain_ends_for_those_who_never_stop_writing)
{
	struct writers crowds[N_CROWDS];
	uint64_t n_before;

	served_start(&s, "--drain=50ms", "discard=127.0.0.1:0", NULL);
	served_address(&s, "discard", address);
	for (int i = 0; i < N_CROWDS; i++)
		start_writing(&crowds[i]);
	kill(s.pid, SIGTERM);
	n_before = count_written(crowds);
	for (int i = 0; i < N_CROWDS; i++)
		pthread_join(crowds[i].thread, NULL);
	cr_assert_lt(count_written(crowds) - n_before, patience_bytes);
	served_wait(&s);
	served_forget(&s);
}

static bool is_running(pid_t pid)
{
	siginfo_t info = {.si_pid = 0};

	waitid(P_PID, (id_t)pid, &info, WEXITED | WNOHANG | WNOWAIT);
	return info.si_pid == 0;
}

/* A signal that comes too late must not take the exit status with it. */
static void check_late(int signo)
{
	served_start(&s, "--workers=2", "echo=127.0.0.1:0", NULL);
	served_address(&s, "echo", address);
	kill(s.pid, SIGTERM);
	while (is_running(s.pid))
		kill(s.pid, signo);
	cr_assert_eq(served_end(&s), 0);
}

Test(server_stop, is_not_killed_by_a_late_sigusr1)
{
	check_late(SIGUSR1);
}

Test(server_stop, is_not_killed_by_a_late_sigterm)
{
	check_late(SIGTERM);
}

/* -- what is no loss -- */

/* A client that is owed nothing, and does not answer the FIN. */
Test(server_stop, loses_nothing_of_a_client_that_keeps_its_side_open)
{
	int fd = start_and_echo(&s, address, "--drain=50ms");

	kill(s.pid, SIGTERM);
	expect_end(fd);
	cr_assert_eq(served_wait(&s), 0);
	cr_assert_not(strstr(s.text, "lost something"), "%s", s.text);
	served_forget(&s);
	close(fd);
}

/* -- signals that do not stop it -- */

Test(server_stop, is_not_ended_by_signals_that_mean_something_else)
{
	static const int signals[] = {SIGHUP, SIGALRM, SIGPROF, SIGVTALRM,
				      SIGPOLL};
	int fd = start_and_echo(&s, address, NULL);

	for (size_t i = 0; i < sizeof signals / sizeof *signals; i++) {
		kill(s.pid, signals[i]);
		expect_echo(fd, "still here");
	}
	served_line(&s, "SIGHUP");
	close(fd);
	cr_assert_eq(served_stop(&s), 0);
}
