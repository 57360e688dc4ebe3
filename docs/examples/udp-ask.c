/* Ask a datagram service one question, again and again until it answers: each
 * try waits twice as long as the one before.
 *
 *	udp-ask ADDRESS TEXT
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <weir.h>

enum {
	N_TRIES = 6
};

static struct weir_dgram dgram;
static struct weir_timer timer;
static const char *question;
static unsigned n_tries;
static bool is_answered;

static void check(int error, const char *what)
{
	if (error >= 0)
		return;
	fprintf(stderr, "udp-ask: %s: %s\n", what, weir_address_error(error));
	exit(1);
}

/* The socket is connected, so only the service's datagrams arrive here. An
 * answer to an earlier try is as good as one to the last. */
static void on_datagram(struct weir_dgram *d,
			const struct weir_dgram_received *in)
{
	is_answered = true;
	printf("%.*s\n", (int)in->n, (const char *)in->data);
	weir_timer_cancel(&timer);
	weir_dgram_close(d); /* with nothing left to wait for, the loop ends */
}

static const struct weir_dgram_events events = {.on_datagram = on_datagram};

/* An error of send is no reason to give up: a service that is not there now
 * may be there at the next try. */
static void ask(struct weir_timer *t)
{
	struct weir_loop *loop = weir_dgram_loop(&dgram);

	if (n_tries == N_TRIES) {
		weir_dgram_close(&dgram);
		return;
	}
	weir_dgram_send(&dgram, NULL, question, strlen(question));
	weir_timer_arm(t, loop,
		       weir_loop_now(loop) + (UINT64_C(100000000) << n_tries++),
		       ask);
}

int main(int argc, char **argv)
{
	struct weir_address address;
	struct weir_loop *loop;

	if (argc != 3) {
		fprintf(stderr, "usage: udp-ask ADDRESS TEXT\n");
		return 2;
	}
	question = argv[2];
	check(weir_loop_new(&loop), "loop");
	check(weir_address_resolve(argv[1], WEIR_ADDRESS_CONNECT, &address, 1),
	      argv[1]);
	check(weir_dgram_connect(&dgram, loop, &address, &events, NULL),
	      argv[1]);
	ask(&timer);
	check(weir_loop_run(loop), "loop");
	if (!is_answered)
		fprintf(stderr, "udp-ask: no answer\n");
	return weir_loop_free(loop) < 0 || !is_answered;
}
