/* weir-flood against targets that do what none should: a run ends in bounded
 * time, and its status says that it measured nothing. */
#include <criterion/criterion.h>

#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "harness.h"
#include "harness_net.h"
#include "test_flood_served.h"

enum {
	/* a test that takes so long hangs */
	PATIENCE_S = 60,
	N_CONNECTIONS = 3,
	/* of a message */
	SIZE = 64,
	TRICKLE_MS = 50
};

TestSuite(flood_hostile, .init = harness_begin, .fini = harness_end,
	  .timeout = PATIENCE_S);

static struct flood_served target;

/* A short run of echoes. */
static void run(const char *address)
{
	flood(&target.run, "-c", "3", "-d", "600ms", "--warmup", "0",
	      "--timeout", "600ms", "--json", "-", address, NULL);
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

/* -- targets of our own: a child, for the connections of one run -- */

struct hostile {
	pid_t pid;
	int listener;
	char address[WEIR_ADDRESS_TEXT_SIZE];
};

static void hostile_start(struct hostile *h, void (*serve)(const int *fds))
{
	struct weir_address address = harness_address("127.0.0.1:0");
	int fds[N_CONNECTIONS];

	h->listener = harness_listen(&address, N_CONNECTIONS);
	weir_address_format(&address, h->address, sizeof h->address);
	h->pid = fork();
	if (h->pid != 0)
		return;
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	for (int i = 0; i < N_CONNECTIONS; i++) {
		(void)poll(
			&(struct pollfd){.fd = h->listener, .events = POLLIN},
			1, -1);
		fds[i] = accept(h->listener, NULL, NULL);
	}
	serve(fds);
	for (;;)
		pause();
}

static void hostile_end(struct hostile *h)
{
	kill(h->pid, SIGKILL);
	waitpid(h->pid, NULL, 0);
	close(h->listener);
	flooded_forget(&target.run);
}

/* Load one that does so, which answers no message. */
static void load(struct hostile *h, void (*serve)(const int *fds), int status)
{
	hostile_start(h, serve);
	run(h->address);
	cr_expect_eq(target.run.status, status, "status %d: %s",
		     target.run.status, target.run.err);
	flood_expect(&target.run, "", "messages", 0);
}

/* It runs into the time-out, and not into the time that all would take. */
static void answer_byte_by_byte(const int *fds)
{
	char byte;

	for (;; poll(NULL, 0, TRICKLE_MS))
		for (int i = 0; i < N_CONNECTIONS; i++)
			if (recv(fds[i], &byte, 1, MSG_DONTWAIT) == 1)
				(void)send(fds[i], &byte, 1, MSG_NOSIGNAL);
}

Test(flood_hostile, a_byte_at_a_time_is_an_answer_that_did_not_come)
{
	struct hostile h;

	load(&h, answer_byte_by_byte, 3);
	flood_expect(&target.run, "", "corrupt", 0);
	hostile_end(&h);
}

static void answer_before(const int *fds)
{
	static const char answer[SIZE];

	for (int i = 0; i < N_CONNECTIONS; i++)
		(void)send(fds[i], answer, sizeof answer, MSG_NOSIGNAL);
}

Test(flood_hostile, an_answer_before_the_question_is_corrupt)
{
	struct hostile h;

	load(&h, answer_before, 1);
	cr_expect_gt(flooded_number(&target.run, "", "corrupt"), 0);
	hostile_end(&h);
}

/* The end of half an answer, and the socket stays. */
static void end_in_mid_answer(const int *fds)
{
	char question[SIZE];

	for (int i = 0; i < N_CONNECTIONS; i++) {
		if (recv(fds[i], question, SIZE, MSG_WAITALL) == SIZE)
			(void)send(fds[i], question, SIZE / 2, MSG_NOSIGNAL);
		(void)shutdown(fds[i], SHUT_WR);
	}
}

static void end_at_once(const int *fds)
{
	for (int i = 0; i < N_CONNECTIONS; i++)
		(void)shutdown(fds[i], SHUT_WR);
}

static void expect_no_measurement(void (*serve)(const int *fds))
{
	struct hostile h;

	load(&h, serve, 3);
	cr_expect_gt(flooded_number(&target.run, "", "errors"), 0);
	hostile_end(&h);
}

Test(flood_hostile, a_half_close_at_an_odd_moment_is_no_answer)
{
	expect_no_measurement(end_in_mid_answer);
	expect_no_measurement(end_at_once);
}
