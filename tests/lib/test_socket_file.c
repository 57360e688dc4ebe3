/* Socket files of the dead, taken over by several processes at once. */
#include <criterion/criterion.h>

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <weir/dgram.h>
#include <weir/listener.h>
#include <weir/loop.h>

#include "fault.h"
#include "harness.h"
#include "harness_net.h"

enum {
	N_RACERS = 4,
	N_ROUNDS = 300,
	NOBODY = 65534,
	/* a test that takes so long hangs */
	PATIENCE_S = 60
};

static void end_of_test(void)
{
	harness_remove_folder();
	harness_end();
}

TestSuite(socket_file, .init = harness_begin, .fini = end_of_test,
	  .timeout = PATIENCE_S);

struct server {
	struct weir_address address;
	const char *path; /* of address */
	struct weir_loop *loop;
	struct weir_listener listener;
	struct weir_dgram dgram;
};

static const struct weir_dgram_events deaf;

static void just_close(struct weir_listener *listener, int fd,
		       const struct weir_address *peer)
{
	(void)listener;
	(void)peer;
	close(fd);
}

static void begin(struct server *s, int type)
{
	memset(s, 0, sizeof *s);
	s->address = harness_unix_path("socket");
	s->address.type = type;
	s->path = s->address.sa.un.sun_path;
	cr_assert_eq(weir_loop_new(&s->loop), 0);
}

static int try_open(struct server *s)
{
	if (s->address.type == SOCK_STREAM)
		return weir_listener_open(&s->listener, s->loop, &s->address,
					  NULL, just_close);
	return weir_dgram_bind(&s->dgram, s->loop, &s->address, &deaf, NULL);
}

static void close_it(struct server *s)
{
	weir_listener_close(&s->listener);
	weir_dgram_close(&s->dgram);
}

static void end(struct server *s)
{
	close_it(s);
	cr_assert_eq(weir_loop_free(s->loop), 0);
}

/* A socket that is bound, and does not listen. */
static int bind_only(const struct server *s)
{
	int fd = socket(AF_UNIX, s->address.type | SOCK_CLOEXEC, 0);

	must(bind(fd, &s->address.sa.any, s->address.len), "bind");
	return fd;
}

static bool is_there(const char *path)
{
	struct stat st;

	return lstat(path, &st) == 0;
}

static void lock_path_of(const struct server *s, char *path, size_t size)
{
	snprintf(path, size, "%s.weir-lock", s->path);
}

/* -- one after another -- */

Test(socket_file, one_that_is_bound_and_does_not_listen_yet_is_not_stale)
{
	struct server s;
	int other;
	int client;

	begin(&s, SOCK_STREAM);
	other = bind_only(&s);
	cr_expect_eq(try_open(&s), -EADDRINUSE);
	must(listen(other, 5), "listen");
	client = harness_connect(&s.address);
	cr_expect_geq(client, 0, "it was cut off from its file");
	close(client);
	close(other);
	end(&s);
}

Test(socket_file, while_another_takes_it_over_it_is_in_use)
{
	static const int types[] = {SOCK_STREAM, SOCK_DGRAM};

	for (size_t i = 0; i < 2; i++) {
		char path[256];
		struct server s;
		int lock;

		begin(&s, types[i]);
		close(bind_only(&s));
		lock_path_of(&s, path, sizeof path);
		lock = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
		must(flock(lock, LOCK_EX), "flock");
		cr_expect_eq(try_open(&s), -EADDRINUSE);
		cr_expect(is_there(s.path));
		close(lock);
		cr_expect_eq(try_open(&s), 0,
			     "what a crash left is in the way");
		cr_expect_not(is_there(path));
		end(&s);
	}
}

/* The lock was had, but by then the other had removed its file: whoever comes
 * next locks another. */
Test(socket_file, a_lock_on_a_file_that_is_gone_is_none)
{
	struct server s;
	char path[256];

	begin(&s, SOCK_STREAM);
	close(bind_only(&s));
	lock_path_of(&s, path, sizeof path);
	/* the second look is at the lock, after one at the socket */
	fault_result(FAULT_LSTAT, FAULT_ANY_FD, 2, -ENOENT);
	cr_expect_eq(try_open(&s), -EADDRINUSE);
	cr_expect_eq(fault_n_pending(), 0);
	cr_expect(is_there(s.path));
	end(&s);
}

Test(socket_file, a_link_in_place_of_the_lock_is_not_followed)
{
	struct server s;
	char path[256];
	char target[256];

	begin(&s, SOCK_STREAM);
	close(bind_only(&s));
	lock_path_of(&s, path, sizeof path);
	snprintf(target, sizeof target, "%s.target", s.path);
	must(symlink(target, path), "symlink");
	cr_expect_eq(try_open(&s), -ELOOP);
	cr_expect_not(is_there(target));
	cr_expect(is_there(s.path));
	end(&s);
}

Test(socket_file, one_that_belongs_to_another_user_is_told_as_such)
{
	struct server s;
	char folder[256];
	int as_nobody[2];

	if (geteuid() != 0)
		cr_skip_test("only root can be another user");
	begin(&s, SOCK_STREAM);
	close(bind_only(&s));
	snprintf(folder, sizeof folder, "%s", s.path);
	*strrchr(folder, '/') = '\0';
	must(chmod(folder, 01777), "chmod");
	must(chmod(s.path, 0755), "chmod");
	must(seteuid(NOBODY), "seteuid");
	as_nobody[0] = try_open(&s);
	must(seteuid(0), "seteuid");
	must(chmod(s.path, 0777), "chmod");
	must(seteuid(NOBODY), "seteuid");
	as_nobody[1] = try_open(&s);
	must(seteuid(0), "seteuid");
	cr_expect_eq(as_nobody[0], -EACCES, "whether it is stale");
	cr_expect_eq(as_nobody[1], -EPERM, "to remove it");
	cr_expect(is_there(s.path));
	end(&s);
}

/* -- all at once -- */

struct racer {
	pid_t pid;
	int orders[2];
	int answers[2];
};

static char hear(int fd)
{
	char c = '\0';

	/* 0: the other end is closed */
	must(read(fd, &c, 1), "read");
	return c;
}

static void say(int fd, char c)
{
	must(write(fd, &c, 1), "write");
}

/* Until there is no more order: open, say what came of it, close. */
static _Noreturn void race(const struct racer *r, int type)
{
	struct server s;

	begin(&s, type);
	while (hear(r->orders[0]) == 'o') {
		int error = try_open(&s);

		say(r->answers[1], error == 0 ? 'y' : 'n');
		if (error != 0 && error != -EADDRINUSE)
			harness_die("a racer: %s", strerror(-error));
		hear(r->orders[0]);
		close_it(&s);
		say(r->answers[1], 'c');
	}
	_exit(0);
}

static void start(struct racer *racers, int type)
{
	for (int i = 0; i < N_RACERS; i++) {
		struct racer *r = &racers[i];

		must(pipe2(r->orders, O_CLOEXEC), "pipe2");
		must(pipe2(r->answers, O_CLOEXEC), "pipe2");
		r->pid = fork();
		must(r->pid, "fork");
		if (r->pid > 0)
			continue;
		for (int j = 0; j <= i; j++)
			close(racers[j].orders[1]);
		race(r, type);
	}
}

static void stop(struct racer *racers)
{
	for (int i = 0; i < N_RACERS; i++) {
		int status = -1;

		close(racers[i].orders[1]);
		must(waitpid(racers[i].pid, &status, 0), "waitpid");
		cr_expect_eq(status, 0);
		close(racers[i].orders[0]);
		close(racers[i].answers[0]);
		close(racers[i].answers[1]);
	}
}

static void order(const struct racer *racers, char what)
{
	for (int i = 0; i < N_RACERS; i++)
		say(racers[i].orders[1], what);
}

static int count_answers(const struct racer *racers, char which)
{
	int n = 0;

	for (int i = 0; i < N_RACERS; i++)
		n += hear(racers[i].answers[0]) == which;
	return n;
}

static void expect_one_winner(int type)
{
	struct racer racers[N_RACERS];
	int n_wrong = 0;
	struct server s;

	begin(&s, type);
	start(racers, type);
	for (int i = 0; i < N_ROUNDS; i++) {
		int n_winners;
		int client;

		close(bind_only(&s));
		order(racers, 'o');
		n_winners = count_answers(racers, 'y');
		client = harness_connect(&s.address);
		n_wrong += n_winners != 1 || client < 0;
		if (client >= 0)
			close(client);
		order(racers, 'c');
		count_answers(racers, 'c');
		unlink(s.path);
	}
	stop(racers);
	cr_expect_eq(n_wrong, 0, "%d of %d races", n_wrong, (int)N_ROUNDS);
	end(&s);
}

Test(socket_file, of_listeners_that_race_for_a_stale_one_a_single_one_wins)
{
	expect_one_winner(SOCK_STREAM);
}

Test(socket_file, of_datagram_sockets_that_race_for_it_a_single_one_wins)
{
	expect_one_winner(SOCK_DGRAM);
}
