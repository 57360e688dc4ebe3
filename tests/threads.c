/* threads: what may be done from several threads, for ThreadSanitizer to see.
 *
 * Four things: a ball goes to and fro between two loops, in a box without a
 * lock, which is right only if a wakeup carries memory with it; many senders
 * send one wakeup, a signal handler among them; two loops with traffic of their
 * own share nothing; and clerks leave messages for one another on the server's
 * ring. Exit status 1: something was lost. */
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <weir.h>

#include "ring.h"

enum {
	N_SENDERS = 4,
	N_SENDS = 10000,
	N_PASSES = 2000,
	N_ECHOES = 2000,
	MESSAGE_SIZE = 64,
	N_CLERKS = 4,
	N_MESSAGES = 2000,
	CLERK_MESSAGE_SIZE = 1000 /* so the ring is full again and again */
};

static _Atomic int n_failures;

static void expect(bool is_right, const char *what)
{
	if (is_right)
		return;
	fprintf(stderr, "threads: %s\n", what);
	n_failures++;
}

/* -- a ball between two loops -- */

struct player {
	struct weir_loop *loop;
	struct weir_wakeup wakeup;
	struct player *other;
	int *ball; /* the box: the one last woken may look and write */
	int n_seen;
};

static void pass_back(struct weir_wakeup *wakeup)
{
	struct player *p = weir_container_of(wakeup, struct player, wakeup);

	p->n_seen++;
	if (++*p->ball >= N_PASSES)
		weir_loop_stop(p->loop);
	weir_wakeup_send(&p->other->wakeup);
}

static void *play(void *arg)
{
	struct player *p = arg;

	weir_loop_run(p->loop);
	return NULL;
}

static void play_ball(void)
{
	static struct player players[2];
	pthread_t threads[2];
	int ball = 0;

	for (int i = 0; i < 2; i++) {
		players[i].other = &players[1 - i];
		players[i].ball = &ball;
		weir_loop_new(&players[i].loop);
		weir_wakeup_open(&players[i].wakeup, players[i].loop,
				 pass_back);
	}
	for (int i = 0; i < 2; i++)
		pthread_create(&threads[i], NULL, play, &players[i]);
	weir_wakeup_send(&players[0].wakeup);
	for (int i = 0; i < 2; i++)
		pthread_join(threads[i], NULL);
	expect(ball == N_PASSES + 1, "the ball was lost");
	for (int i = 0; i < 2; i++) {
		expect(players[i].n_seen >= N_PASSES / 2, "a player slept");
		weir_wakeup_close(&players[i].wakeup);
		weir_loop_free(players[i].loop);
	}
}

/* -- many senders, one wakeup -- */

struct mailbox {
	struct weir_wakeup wakeup;
	pthread_mutex_t lock;
	unsigned n_messages; /* under the lock */
	unsigned n_read;
	unsigned n_wakeups;
};

static struct mailbox mailbox = {.lock = PTHREAD_MUTEX_INITIALIZER};

static void read_mail(struct weir_wakeup *wakeup)
{
	struct mailbox *m = weir_container_of(wakeup, struct mailbox, wakeup);

	m->n_wakeups++;
	pthread_mutex_lock(&m->lock);
	m->n_read = m->n_messages;
	pthread_mutex_unlock(&m->lock);
	if (m->n_read == N_SENDERS * N_SENDS)
		weir_loop_stop(wakeup->watch.loop);
}

static void send_one(int number)
{
	(void)number;
	weir_wakeup_send(&mailbox.wakeup);
}

static void *write_messages(void *arg)
{
	for (int i = 0; i < N_SENDS; i++) {
		pthread_mutex_lock(&mailbox.lock);
		mailbox.n_messages++;
		pthread_mutex_unlock(&mailbox.lock);
		if (i % 100 == 0)
			raise(SIGUSR1);
		weir_wakeup_send(&mailbox.wakeup);
	}
	return arg;
}

static void send_mail(void)
{
	pthread_t threads[N_SENDERS];
	struct weir_loop *loop;

	weir_loop_new(&loop);
	weir_wakeup_open(&mailbox.wakeup, loop, read_mail);
	signal(SIGUSR1, send_one);
	for (int i = 0; i < N_SENDERS; i++)
		pthread_create(&threads[i], NULL, write_messages, NULL);
	weir_loop_run(loop);
	for (int i = 0; i < N_SENDERS; i++)
		pthread_join(threads[i], NULL);
	signal(SIGUSR1, SIG_DFL);
	expect(mailbox.n_read == N_SENDERS * N_SENDS, "messages were lost");
	expect(mailbox.n_wakeups <= N_SENDERS * (N_SENDS + N_SENDS / 100),
	       "a wakeup came by itself");
	weir_wakeup_close(&mailbox.wakeup);
	weir_loop_free(loop);
}

/* -- two loops that share nothing -- */

struct end {
	struct weir_conn conn;
	unsigned n_echoes; /* still to come */
};

static size_t send_back(struct weir_conn *c, const void *data, size_t n)
{
	struct end *e = weir_container_of(c, struct end, conn);

	if (e->n_echoes > 0 && --e->n_echoes == 0)
		weir_conn_finish(c);
	else if (weir_conn_sendall(c, data, n) < 0)
		return 0;
	return n;
}

static void on_close(struct weir_conn *c, const struct weir_result *result)
{
	(void)c;
	expect(result->reason == WEIR_REASON_FINISHED, "a bad end");
}

static const struct weir_conn_events echo = {.on_data = send_back,
					     .on_close = on_close};

static void *echo_to_and_fro(void *arg)
{
	static const char message[MESSAGE_SIZE];
	struct end ends[2];
	struct weir_loop *loop;
	int fd[2] = {-1, -1};

	memset(ends, 0, sizeof ends);
	ends[0].n_echoes = N_ECHOES;
	socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, fd);
	weir_loop_new(&loop);
	for (int i = 0; i < 2; i++)
		weir_conn_open(&ends[i].conn, loop, fd[i], &echo, NULL);
	weir_conn_sendall(&ends[1].conn, message, sizeof message);
	weir_loop_run(loop);
	expect(ends[0].n_echoes == 0, "echoes were lost");
	weir_loop_free(loop);
	return arg;
}

static void run_two_loops(void)
{
	pthread_t threads[2];

	for (int i = 0; i < 2; i++)
		pthread_create(&threads[i], NULL, echo_to_and_fro, NULL);
	for (int i = 0; i < 2; i++)
		pthread_join(threads[i], NULL);
}

/* -- a ring between four loops -- */

struct clerk {
	struct weir_loop *loop;
	struct weir_wakeup wakeup;
	size_t number;
	unsigned n_written;
	unsigned n_read[N_CLERKS]; /* of each of the others' */
	unsigned nth;		   /* how many have been there in all */
};

struct message {
	size_t writer;
	unsigned number;
	unsigned nth; /* of all messages */
	char text[CLERK_MESSAGE_SIZE];
};

static struct ring ring;
static struct clerk clerks[N_CLERKS];

/* True: more has come. */
static bool read_messages(struct clerk *clerk)
{
	struct ring_view view = ring_open(&ring, clerk->number);
	struct ring_message at;

	while (ring_next(&view, &at)) {
		struct message message;

		memcpy(&message, at.data, sizeof message);
		expect(message.number == clerk->n_read[message.writer]++ &&
			       message.nth == clerk->nth++,
		       "messages changed places");
	}
	return ring_close(&view);
}

static void write_as_many_as_fit(struct clerk *clerk)
{
	struct message message = {.writer = clerk->number};
	enum ring_outcome outcome = RING_WRITTEN;

	while (clerk->n_written < N_MESSAGES && outcome != RING_FULL) {
		message.number = clerk->n_written;
		message.nth = clerk->nth;
		outcome = ring_write(&ring, clerk->number, &message,
				     sizeof message);
		if (outcome == RING_BEHIND)
			while (read_messages(clerk))
				;
		clerk->n_written += outcome == RING_WRITTEN;
		clerk->nth += outcome == RING_WRITTEN;
	}
}

static bool is_done(const struct clerk *clerk)
{
	for (size_t i = 0; i < N_CLERKS; i++)
		if (i != clerk->number && clerk->n_read[i] < N_MESSAGES)
			return false;
	return clerk->n_written == N_MESSAGES;
}

static void work(struct weir_wakeup *wakeup)
{
	struct clerk *clerk = weir_container_of(wakeup, struct clerk, wakeup);

	if (read_messages(clerk))
		weir_wakeup_send(wakeup);
	write_as_many_as_fit(clerk);
	if (is_done(clerk))
		weir_loop_stop(clerk->loop);
}

static void *be_a_clerk(void *arg)
{
	struct clerk *clerk = arg;

	weir_loop_run(clerk->loop);
	return NULL;
}

static void leave_messages(void)
{
	pthread_t threads[N_CLERKS];

	expect(ring_init(&ring, N_CLERKS) == 0, "no memory for a ring");
	for (size_t i = 0; i < N_CLERKS; i++) {
		clerks[i].number = i;
		weir_loop_new(&clerks[i].loop);
		weir_wakeup_open(&clerks[i].wakeup, clerks[i].loop, work);
		weir_wakeup_send(&clerks[i].wakeup);
		ring.readers[i].wakeup = &clerks[i].wakeup;
	}
	for (size_t i = 0; i < N_CLERKS; i++)
		pthread_create(&threads[i], NULL, be_a_clerk, &clerks[i]);
	for (size_t i = 0; i < N_CLERKS; i++)
		pthread_join(threads[i], NULL);
	for (size_t i = 0; i < N_CLERKS; i++) {
		expect(is_done(&clerks[i]), "messages were lost on the ring");
		weir_wakeup_close(&clerks[i].wakeup);
		weir_loop_free(clerks[i].loop);
	}
	ring_deinit(&ring);
}

int main(void)
{
	play_ball();
	send_mail();
	run_two_loops();
	leave_messages();
	return n_failures > 0;
}
