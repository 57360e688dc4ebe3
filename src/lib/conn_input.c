/* Input: it is received into the loop's one buffer and offered to on_data from
 * there. Only bytes that on_data does not consume are kept, in memory of their
 * size. */
#include <weir/conn.h>

#include <assert.h>
#include <errno.h>
#include <string.h>

#include "conn_inside.h"
#include "size.h"
#include "sys.h"

/* 1. 0 < n_bytes <= size
 * 2. it counts in the loop's pool from input_new to free_kept or replace_kept;
 *    the budget knows it, unless the connection is dead */
struct weir_input {
	struct weir_debtor debtor; /* without a backlog */
	size_t n_bytes;
	size_t size;
	bool is_offered; /* a callback has the bytes: whoever called it frees */
	unsigned char bytes[];
};

size_t weir_conn_n_kept(const struct weir_conn *c)
{
	return c->input ? c->input->n_bytes : 0;
}

const void *weir_conn_kept(const struct weir_conn *c)
{
	static const unsigned char nothing[1];

	return c->input ? c->input->bytes : nothing;
}

static size_t memory_of(const struct weir_input *input)
{
	return sizeof *input + input->size;
}

static void input_free(struct weir_loop *loop, struct weir_input *input)
{
	size_t n_bytes = memory_of(input);

	if (!input->is_offered)
		weir_sys_free(input);
	loop->n_input_bytes -= n_bytes;
	weir_pool_discount(&loop->pool, n_bytes);
}

void weir_conn_count_kept(struct weir_conn *c)
{
	size_t n = 0;

	if (!c->input)
		return;
	if (!weir_conn_is_dead(c))
		n = memory_of(c->input);
	weir_outbox_hold_input(&c->out, c->watch.loop, &c->input->debtor, n);
}

static void free_kept(struct weir_conn *c)
{
	struct weir_input *input = c->input;

	weir_conn_clear(c, WEIR_FACT_KEPT | WEIR_FACT_OFFER);
	if (!input)
		return;
	weir_outbox_hold_input(&c->out, c->watch.loop, &input->debtor, 0);
	c->input = NULL;
	input_free(c->watch.loop, input);
}

struct weir_input *weir_conn_release_kept(struct weir_conn *c)
{
	struct weir_input *input = c->input;

	if (input)
		input->is_offered = true;
	free_kept(c);
	return input;
}

/* The callback that had input's bytes is over. False: they were given up
 * inside, for the budget. */
static bool take_back(struct weir_conn *c, struct weir_input *input)
{
	if (c->input == input) {
		input->is_offered = false;
		return true;
	}
	weir_sys_free(input);
	return false;
}

void weir_conn_discard_kept(struct weir_conn *c)
{
	c->discarded += weir_conn_n_kept(c);
	free_kept(c);
}

static struct weir_input *input_new(struct weir_loop *loop, size_t size,
				    const struct weir_input *from)
{
	struct weir_input *input = weir_sys_alloc(sizeof *input + size);

	if (!input)
		return NULL;
	*input = (struct weir_input){.size = size};
	loop->n_input_bytes += memory_of(input);
	weir_pool_count(&loop->pool, memory_of(input));
	if (from) {
		memcpy(input->bytes, from->bytes, from->n_bytes);
		input->n_bytes = from->n_bytes;
	}
	return input;
}

static void replace_kept(struct weir_conn *c, struct weir_input *input)
{
	uint16_t facts = c->state.facts;

	free_kept(c);
	c->state.facts = facts;
	c->input = input;
	weir_conn_set(c, WEIR_FACT_KEPT);
	weir_conn_count_kept(c);
}

/* Keep n more bytes behind those that are kept. Room at least doubles, so a
 * long message is not copied once for each of its pieces. The budget may end the
 * connection, and then nothing is kept. */
static int keep(struct weir_conn *c, const void *data, size_t n)
{
	size_t n_kept = weir_conn_n_kept(c);
	bool is_growing = !c->input || c->input->size - n_kept < n;

	if (is_growing) {
		size_t size = n_kept + n;
		struct weir_input *input;

		if (c->input && size < 2 * c->input->size)
			size = weir_smaller(2 * c->input->size,
					    weir_conn_input_limit(c));
		input = input_new(c->watch.loop, size, c->input);
		if (!input)
			return -ENOMEM;
		replace_kept(c, input);
	}
	memcpy(c->input->bytes + n_kept, data, n);
	c->input->n_bytes = n_kept + n;
	if (is_growing && !weir_conn_is_dead(c))
		(void)weir_conn_keep_budget(c, 0, 0);
	return 0;
}

/* Input that cannot be kept leaves a hole; nothing behind it may be offered. */
static void keep_or_end(struct weir_conn *c, const unsigned char *data,
			size_t n)
{
	bool is_wanted = !weir_conn_is(c, WEIR_PHASE_FINISHING) &&
			 !weir_conn_is(c, WEIR_PHASE_CLOSING);

	if (is_wanted && keep(c, data, n) == 0)
		return;
	c->discarded += n;
	if (!is_wanted)
		return;
	if (weir_conn_is(c, WEIR_PHASE_FAILED)) {
		weir_conn_enter(c, WEIR_PHASE_CLOSING);
		weir_conn_set(c, WEIR_FACT_WITH_RESET);
		return;
	}
	weir_conn_kill(c, WEIR_REASON_ERROR, -ENOMEM, true);
}

static size_t offer(struct weir_conn *c, const unsigned char *data, size_t n)
{
	size_t n_used;

	/* A resume inside sets it again. */
	weir_conn_clear(c, WEIR_FACT_OFFER);
	weir_conn_begin_callback(c);
	n_used = c->events->on_data(c, data, n);
	weir_conn_end_callback(c);
	assert(n_used <= n);
	return n_used;
}

/* The first n kept bytes were consumed. A small rest in a large block moves to
 * a block of its size, if there is memory for one. */
static void consume_kept(struct weir_conn *c, size_t n)
{
	struct weir_input *input = c->input;
	struct weir_input *fitting = NULL;

	input->n_bytes -= n;
	if (input->n_bytes == 0) {
		free_kept(c);
		return;
	}
	memmove(input->bytes, input->bytes + n, input->n_bytes);
	if (input->n_bytes < input->size / 4)
		fitting = input_new(c->watch.loop, input->n_bytes, input);
	if (fitting)
		replace_kept(c, fitting);
}

/* The input limit is reached, on_data has consumed nothing, and will not be
 * offered the same once more. */
static void enforce_limit(struct weir_conn *c)
{
	if (weir_conn_n_kept(c) >= weir_conn_input_limit(c) &&
	    !weir_conn_has(c, WEIR_FACT_OFFER) && weir_conn_is_reading(c) &&
	    !weir_conn_is(c, WEIR_PHASE_FINISHING))
		weir_conn_kill(c, WEIR_REASON_INPUT_LIMIT, 0, false);
}

void weir_conn_offer_kept(struct weir_conn *c)
{
	struct weir_input *input = c->input;
	size_t n_used;

	input->is_offered = true;
	n_used = offer(c, input->bytes, input->n_bytes);
	if (!take_back(c, input))
		c->discarded -= n_used;
	else if (n_used > 0)
		consume_kept(c, n_used);
	else
		enforce_limit(c);
}

/* on_data consumed only the first n_used bytes of n. */
static __attribute__((noinline)) void keep_rest(struct weir_conn *c,
						const unsigned char *data,
						size_t n, size_t n_used)
{
	assert(n_used <= n);
	keep_or_end(c, data + n_used, n - n_used);
	if (n_used == 0)
		enforce_limit(c);
}

/* 0: the input limit is reached, perhaps because it was lowered. */
static size_t room_for_input(const struct weir_conn *c)
{
	size_t limit = weir_conn_input_limit(c);
	size_t n_kept = weir_conn_n_kept(c);

	return limit > n_kept ? limit - n_kept : 0;
}

ssize_t weir_conn_read(struct weir_conn *c)
{
	unsigned char *data = c->watch.loop->input;
	bool is_finishing = weir_conn_is(c, WEIR_PHASE_FINISHING);
	bool has_failed = weir_conn_is(c, WEIR_PHASE_FAILED);
	size_t room = WEIR_READ_SIZE;
	size_t n_used;
	ssize_t n;

	if (!is_finishing)
		room = room_for_input(c);
	if (has_failed)
		room = weir_smaller(room, c->read_size);
	else if (room == 0)
		weir_conn_offer_kept(c);
	/* A recv of nothing would look like the FIN. */
	if (room == 0)
		return -EAGAIN;
	n = weir_sys_recv(c->watch.fd, data,
			  weir_smaller(room, WEIR_READ_SIZE));
	if (n <= 0)
		return n;
	if (has_failed)
		c->read_size -= (uint32_t)n;
	c->received += (uint64_t)n;
	if (is_finishing) {
		c->discarded += (uint64_t)n;
	} else if (c->input) {
		keep_or_end(c, data, (size_t)n);
		if (!weir_conn_is(c, WEIR_PHASE_CLOSING))
			weir_conn_offer_kept(c);
	} else {
		n_used = offer(c, data, (size_t)n);
		if (n_used < (size_t)n)
			keep_rest(c, data, (size_t)n, n_used);
	}
	return n;
}

/* The callback is over, and this was not the common case. */
static __attribute__((noinline)) void end_offer(struct weir_conn *c, size_t n,
						size_t n_used)
{
	weir_conn_end_callback(c);
	if (n_used != n)
		keep_rest(c, c->watch.loop->input, n, n_used);
}

/* As offer, for a connection at ease, and inline: this is the path of every
 * echo, on which all input is consumed and the kernel takes all gathered
 * bytes. */
static inline void offer_at_ease(struct weir_conn *c, size_t n)
{
	struct weir_loop *loop = c->watch.loop;
	struct weir_gather *g = &loop->gather;
	size_t n_used;
	ssize_t n_gathered;
	ssize_t taken;

	c->received += n;
	g->owner = &c->out;
	g->end = g->limit;
	n_used = c->events->on_data(c, loop->input, n);
	if (n_used != n || g->next == g->start) {
		end_offer(c, n, n_used);
		return;
	}
	n_gathered = g->next - g->start;
	taken = weir_sys_send(c->watch.fd, g->start, (size_t)n_gathered);
	if (__builtin_expect(taken != n_gathered || loop->observer, 0)) {
		weir_conn_take_gathered(c, taken);
	} else {
		c->out.sent += (size_t)taken;
		g->next = g->start;
	}
	g->owner = NULL;
}

void weir_conn_on_ready(struct weir_watch *watch, uint32_t events)
{
	struct weir_conn *c = weir_container_of(watch, struct weir_conn, watch);
	ssize_t n;

	if (events != EPOLLIN || !weir_conn_is_at_ease(c)) {
		weir_conn_handle_event(c, events);
		return;
	}
	n = weir_sys_recv(watch->fd, watch->loop->input, c->read_size);
	if (n > 0)
		offer_at_ease(c, (size_t)n);
	else
		weir_conn_take_no_data(c, n, events);
	if (!weir_conn_is_at_ease(c))
		weir_conn_settle(c);
}

void weir_conn_take_end(struct weir_conn *c)
{
	struct weir_input *input = c->input;

	weir_conn_set(c, WEIR_FACT_PEER_ENDED);
	if (weir_conn_is(c, WEIR_PHASE_FINISHING))
		return;
	if (!c->events->on_end) {
		weir_conn_finish(c);
		return;
	}
	if (input)
		input->is_offered = true;
	weir_conn_begin_callback(c);
	c->events->on_end(c, weir_conn_kept(c), weir_conn_n_kept(c));
	weir_conn_end_callback(c);
	if (input && take_back(c, input))
		free_kept(c);
}
