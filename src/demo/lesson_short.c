/* What a short send does to the loop around it: lessons about send(2) taking
 * fewer bytes than it was given. */
#include "lesson_kit.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

enum {
	/* odd, so that no sum of whole pages happens to hit the end */
	SIZE = 1000003,
	SMALL = 100,
	LARGE = 4 * SIZE,
	PUSH_LIMIT = 16 * SIZE
};

/* The article's loop in C: `n = s.send(data[n:])` until n is 0. Its n is the
 * last count and not the sum. Returns how much it sent, PUSH_LIMIT at least if
 * it did not end by itself. */
static size_t article_loop(struct lesson_pair *pair, const unsigned char *data,
			   size_t size, size_t *first)
{
	size_t n_pushed = 0;
	size_t n = 0;

	do {
		n = lesson_send(pair, data + n, size - n);
		if (n_pushed == 0)
			*first = n;
		n_pushed += n;
	} while (n > 0 && n_pushed < PUSH_LIMIT);
	lesson_peer_read(&pair->peer, SIZE_MAX);
	return n_pushed;
}

static void run_article_loop(struct lesson_result *r)
{
	unsigned char *data = lesson_data(SIZE);
	struct lesson_pair small;
	struct lesson_pair large;
	size_t first;
	size_t n_small;
	size_t n_large;

	lesson_pair_open(&small);
	n_small = article_loop(&small, data, SMALL, &first);
	lesson_pair_open(&large);
	n_large = article_loop(&large, data, SIZE, &first);

	r->holds = n_large == SIZE && large.peer.first_wrong == UINT64_MAX;
	lesson_note(r, "small_asked", SMALL);
	lesson_note(r, "small_sent", n_small);
	lesson_note(r, "asked", SIZE);
	lesson_note(r, "sent", n_large);
	lesson_note(r, "first_send", first);
	lesson_note(r, "first_wrong", large.peer.first_wrong);
	lesson_say(r,
		   "of %d bytes it sent %zu and ended. Of %d the first send "
		   "took %zu; the stream was wrong from byte %" PRIu64
		   " on, and after %zu bytes the loop had %sended.",
		   SMALL, n_small, SIZE, first, large.peer.first_wrong, n_large,
		   n_large < PUSH_LIMIT ? "" : "not ");
	lesson_pair_close(&small);
	lesson_pair_close(&large);
	free(data);
}

const struct lesson lesson_article_loop = {
	.name = "article-loop",
	.belief = "`while True: n = s.send(data[n:])` sends it all.",
	.right = "Add up what was taken, until it is n or an error: `k = "
		 "send(fd, data + sent, n - sent, MSG_NOSIGNAL); if (k < 0) "
		 "return -1; sent += k;`",
	.run = run_article_loop,
};

static void run_send_sends_all(struct lesson_result *r)
{
	unsigned char *data = lesson_data(SIZE);
	struct lesson_pair pair;
	size_t first;
	size_t sent;
	size_t n_sends = 1;

	lesson_pair_open(&pair);
	first = sent = lesson_send(&pair, data, SIZE);
	for (; sent < SIZE; n_sends++)
		sent += lesson_send(&pair, data + sent, SIZE - sent);
	lesson_pair_finish(&pair);

	r->holds = first == SIZE;
	lesson_note(r, "asked", SIZE);
	lesson_note(r, "first_send", first);
	lesson_note(r, "sends", n_sends);
	lesson_note(r, "delivered", pair.peer.n_received);
	lesson_note(r, "first_wrong", pair.peer.first_wrong);
	lesson_say(r,
		   "send took %zu of %d bytes. Repeated from where it had "
		   "stopped, it needed %zu calls; %" PRIu64 " arrived, %s.",
		   first, SIZE, n_sends, pair.peer.n_received,
		   pair.peer.first_wrong == UINT64_MAX ? "all of them right"
						       : "not all right");
	lesson_pair_close(&pair);
	free(data);
}

const struct lesson lesson_send_sends_all = {
	.name = "send-sends-all",
	.belief = "send sends everything.",
	.right = "Look at what it returns and go on from there: "
		 "weir_fd_sendall does, and so does weir_conn_sendall without "
		 "waiting.",
	.run = run_send_sends_all,
};

/* Behind the data lies a neighbour, which is ours too: what the loop reads
 * past its buffer is real memory, and not another's. */
static void run_same_length(struct lesson_result *r)
{
	unsigned char *data = lesson_data((size_t)2 * SIZE);
	struct lesson_pair pair;
	size_t sent = 0;
	uint64_t leaked;

	lesson_pair_open(&pair);
	while (sent < SIZE)
		sent += lesson_send(&pair, data + sent, SIZE);
	lesson_pair_finish(&pair);
	leaked = pair.peer.n_received - SIZE;

	r->holds = leaked == 0;
	lesson_note(r, "asked", SIZE);
	lesson_note(r, "delivered", pair.peer.n_received);
	lesson_note(r, "leaked", leaked);
	lesson_note(r, "first_wrong", pair.peer.first_wrong);
	lesson_say(r,
		   "of %d bytes the peer received %" PRIu64 ": %" PRIu64
		   " of them lay behind the buffer.",
		   SIZE, pair.peer.n_received, leaked);
	lesson_pair_close(&pair);
	free(data);
}

const struct lesson lesson_same_length = {
	.name = "same-length",
	.belief = "After a short send: move the pointer, send n again.",
	.right = "Pointer and length move together: `data += k; n -= k;`. What "
		 "lies behind a buffer may be somebody else's password.",
	.run = run_same_length,
};

/* What `data = data[n:]` does: the rest is moved to the front. */
static void run_slice_is_free(struct lesson_result *r)
{
	unsigned char *data = lesson_data(LARGE);
	struct lesson_pair pair;
	size_t n_left = LARGE;
	size_t n_sends = 0;
	uint64_t n_copied = 0;

	lesson_pair_open(&pair);
	for (; n_left > 0; n_sends++) {
		size_t n = lesson_send(&pair, data, n_left);

		n_left -= n;
		memmove(data, data + n, n_left);
		n_copied += n_left;
	}
	lesson_pair_finish(&pair);

	r->holds = n_copied == 0;
	lesson_note(r, "asked", LARGE);
	lesson_note(r, "sends", n_sends);
	lesson_note(r, "copied", n_copied);
	lesson_note(r, "delivered", pair.peer.n_received);
	lesson_note(r, "first_wrong", pair.peer.first_wrong);
	lesson_say(r,
		   "sending %d bytes took %zu sends, and moved %" PRIu64
		   " bytes in memory, %" PRIu64 " for each one sent.",
		   LARGE, n_sends, n_copied, n_copied / LARGE);
	lesson_pair_close(&pair);
	free(data);
}

const struct lesson lesson_slice_is_free = {
	.name = "slice-is-free",
	.belief = "`data = data[n:]` after a short send costs nothing.",
	.right = "Keep an offset: `send(fd, data + sent, n - sent, "
		 "MSG_NOSIGNAL)` copies nothing but what it sends. Weir's "
		 "queue takes bytes off its front in the same way.",
	.run = run_slice_is_free,
};
