/* Two orders in one set of messages: by age over all, for dropping, and by
 * destination, for sending. The first message stands for its chain: when it
 * goes, the next takes its place, so chains need no memory of their own. */
#include "dgram_queue.h"

#include <assert.h>
#include <errno.h>
#include <string.h>

enum {
	BATCH_BYTES = 65536
};

static struct weir_dgram_message *head_at(struct weir_list *turn)
{
	return weir_container_of(turn, struct weir_dgram_message, turn);
}

static unsigned char *payload_of(struct weir_dgram_message *m)
{
	return m->bytes + m->to_len + m->control_len;
}

static size_t memory_of(const struct weir_dgram_message *m)
{
	return sizeof *m + m->to_len + m->control_len + m->size;
}

void weir_dgram_queue_init(struct weir_dgram_queue *q, struct weir_pool *pool,
			   bool is_single)
{
	*q = (struct weir_dgram_queue){.pool = pool, .is_single = is_single};
	weir_list_init(&q->all);
	weir_list_init(&q->ready);
	weir_list_init(&q->full);
}

static bool goes_to(const struct weir_dgram_message *m, const void *name,
		    socklen_t len)
{
	return m->to_len == len &&
	       (len == 0 || memcmp(m->bytes, name, len) == 0);
}

static struct weir_dgram_message *find_in(const struct weir_list *heads,
					  const void *name, socklen_t len,
					  bool is_any)
{
	struct weir_list *turn = heads->next;

	for (; turn != heads; turn = turn->next)
		if (is_any || goes_to(head_at(turn), name, len))
			return head_at(turn);
	return NULL;
}

/* The head of the chain that one for name belongs to. */
static struct weir_dgram_message *find(const struct weir_dgram_queue *q,
				       const void *name, socklen_t len)
{
	struct weir_dgram_message *head =
		find_in(&q->ready, name, len, q->is_single);

	return head ? head : find_in(&q->full, name, len, q->is_single);
}

bool weir_dgram_queue_is_before(const struct weir_dgram_queue *q,
				const struct weir_address *to)
{
	if (q->n_messages == 0)
		return false;
	return to ? find(q, &to->sa, to->len) : find(q, NULL, 0);
}

bool weir_dgram_queue_has_room(const struct weir_dgram_queue *q,
			       const struct msghdr *header, size_t max_messages,
			       size_t max_bytes)
{
	size_t size = header->msg_iov->iov_len;
	const struct weir_dgram_message *head;

	if (q->n_messages >= max_messages || q->n_bytes > max_bytes ||
	    size > max_bytes - q->n_bytes)
		return false;
	if (q->is_single)
		return true;
	head = find(q, header->msg_name, header->msg_namelen);
	return !head || (head->n_chained < max_messages - q->n_messages &&
			 head->chained_bytes + size <= max_bytes - q->n_bytes);
}

/* A copy, in no list yet; NULL: there is no memory. */
static struct weir_dgram_message *copy(struct weir_dgram_queue *q,
				       const struct msghdr *header)
{
	const struct weir_dgram_message what = {
		.size = header->msg_iov->iov_len,
		.to_len = header->msg_namelen,
		.control_len = (uint32_t)header->msg_controllen};
	struct weir_dgram_message *m =
		weir_pool_alloc(q->pool, memory_of(&what));

	if (!m)
		return NULL;
	*m = what;
	m->last = m;
	m->n_chained = 1;
	m->chained_bytes = m->size;
	if (m->to_len > 0)
		memcpy(m->bytes, header->msg_name, m->to_len);
	if (m->control_len > 0)
		memcpy(m->bytes + m->to_len, header->msg_control,
		       m->control_len);
	if (m->size > 0)
		memcpy(payload_of(m), header->msg_iov->iov_base, m->size);
	return m;
}

int weir_dgram_queue_add(struct weir_dgram_queue *q,
			 const struct msghdr *header, bool is_refused)
{
	struct weir_dgram_message *head =
		find(q, header->msg_name, header->msg_namelen);
	struct weir_dgram_message *m = copy(q, header);

	if (!m)
		return -ENOMEM;
	weir_list_append(&q->all, &m->age);
	q->n_messages++;
	q->n_bytes += m->size;
	if (head) {
		head->last->next = m;
		head->last = m;
		head->n_chained++;
		head->chained_bytes += m->size;
	} else {
		weir_list_append(is_refused ? &q->full : &q->ready, &m->turn);
	}
	return 0;
}

/* Remove the head of a chain and return the next, which takes its place. */
static struct weir_dgram_message *pop_head(struct weir_dgram_queue *q,
					   struct weir_dgram_message *head)
{
	struct weir_dgram_message *next = head->next;

	if (next) {
		next->last = head->last;
		next->n_chained = head->n_chained - 1;
		next->chained_bytes = head->chained_bytes - head->size;
		/* a list is a circle: before the head's turn */
		weir_list_append(&head->turn, &next->turn);
	}
	weir_list_remove(&head->turn);
	weir_list_remove(&head->age);
	q->n_messages--;
	q->n_bytes -= head->size;
	weir_pool_free(q->pool, head, memory_of(head));
	return next;
}

/* The oldest of all is the oldest of its chain. */
void weir_dgram_queue_drop_oldest(struct weir_dgram_queue *q)
{
	assert(q->n_messages > 0);
	pop_head(q, weir_container_of(q->all.next, struct weir_dgram_message,
				      age));
}

void weir_dgram_queue_clear(struct weir_dgram_queue *q)
{
	while (q->n_messages > 0)
		weir_dgram_queue_drop_oldest(q);
}

unsigned weir_dgram_queue_peek(const struct weir_dgram_queue *q,
			       struct mmsghdr *messages, struct iovec *iov)
{
	struct weir_dgram_message *m;
	size_t n_bytes = 0;
	unsigned n = 0;

	assert(weir_dgram_queue_is_ready(q));
	for (m = head_at(q->ready.next);
	     m && n < WEIR_DGRAM_BATCH && n_bytes < BATCH_BYTES; m = m->next) {
		struct msghdr *header = &messages[n].msg_hdr;

		memset(&messages[n], 0, sizeof messages[n]);
		iov[n].iov_base = payload_of(m);
		iov[n].iov_len = m->size;
		header->msg_iov = &iov[n];
		header->msg_iovlen = 1;
		if (m->to_len > 0)
			header->msg_name = m->bytes;
		header->msg_namelen = m->to_len;
		if (m->control_len > 0)
			header->msg_control = m->bytes + m->to_len;
		header->msg_controllen = m->control_len;
		n_bytes += m->size;
		n++;
	}
	return n;
}

void weir_dgram_queue_consume(struct weir_dgram_queue *q, unsigned n)
{
	struct weir_dgram_message *head = head_at(q->ready.next);

	assert(weir_dgram_queue_is_ready(q));
	while (n-- > 0) {
		assert(head);
		head = pop_head(q, head);
	}
	if (!head)
		return;
	weir_list_remove(&head->turn);
	weir_list_append(&q->ready, &head->turn);
}

void weir_dgram_queue_set_full(struct weir_dgram_queue *q)
{
	struct weir_list *turn = weir_list_pop(&q->ready);

	assert(turn);
	weir_list_append(&q->full, turn);
}

void weir_dgram_queue_retry(struct weir_dgram_queue *q)
{
	weir_list_move_all(&q->ready, &q->full);
}

/* -- invariants -- */

static bool is_older(const struct weir_dgram_queue *q,
		     const struct weir_dgram_message *a,
		     const struct weir_dgram_message *b)
{
	const struct weir_list *age = a->age.next;

	while (age != &b->age && age != &q->all)
		age = age->next;
	return age == &b->age;
}

static bool go_to_one(const struct weir_dgram_message *a,
		      const struct weir_dgram_message *b)
{
	return goes_to(a, b->bytes, b->to_len);
}

static void check_chain(const struct weir_dgram_queue *q,
			const struct weir_dgram_message *head, size_t *n)
{
	const struct weir_dgram_message *m = head;
	size_t n_chained = 1;
	size_t n_bytes = head->size;

	for (; m->next; m = m->next) {
		n_chained++;
		n_bytes += m->next->size;
		assert(!weir_list_is_linked(&m->next->turn));
		assert(q->is_single || go_to_one(m, m->next));
		assert(is_older(q, m, m->next));
	}
	assert(head->last == m);
	assert(head->n_chained == n_chained);
	assert(head->chained_bytes == n_bytes);
	*n += n_chained;
}

/* How many chains go to m's destination. */
static size_t count_chains(const struct weir_dgram_queue *q,
			   const struct weir_list *heads,
			   const struct weir_dgram_message *m)
{
	struct weir_list *turn = heads->next;
	size_t n = 0;

	for (; turn != heads; turn = turn->next)
		n += q->is_single || go_to_one(head_at(turn), m);
	return n;
}

static void check_chains(const struct weir_dgram_queue *q,
			 const struct weir_list *heads, size_t *n)
{
	struct weir_list *turn = heads->next;

	for (; turn != heads; turn = turn->next) {
		const struct weir_dgram_message *head = head_at(turn);

		check_chain(q, head, n);
		assert(count_chains(q, &q->ready, head) +
			       count_chains(q, &q->full, head) ==
		       1);
	}
}

void weir_dgram_queue_check(const struct weir_dgram_queue *q)
{
	struct weir_list *age = q->all.next;
	size_t n_messages = 0;
	size_t n_chained = 0;
	size_t n_bytes = 0;

	for (; age != &q->all; age = age->next) {
		const struct weir_dgram_message *m =
			weir_container_of(age, struct weir_dgram_message, age);

		n_messages++;
		n_bytes += m->size;
	}
	assert(q->n_messages == n_messages);
	assert(q->n_bytes == n_bytes);
	check_chains(q, &q->ready, &n_chained);
	check_chains(q, &q->full, &n_chained);
	assert(n_chained == n_messages);
}
