/* Who holds what of a send buffer of which the kernel tells the sum alone.
 *
 * Bytes are those that the kernel counts: with its own of each datagram, as
 * near as can be known, rather too many than too few. */
#include "dgram_share.h"

#include "size.h"

enum {
	/* of a datagram in the kernel: its header, and what is put behind its
	 * bytes */
	HEADER = 256,
	TRAILER = 320,
	LEAST = 512,
	MOST = 32768,
	/* of the buffer, to one batch, and of what is left to one receiver;
	 * the last of these parts is kept for readers */
	PART = 8,
	/* of these, what may be unread before anybody is refused, what those
	 * may fill that may never have read, and what readers may */
	FREE_PARTS = 3,
	STRANGERS_PARTS = 4,
	READERS_PARTS = 6,
	/* so many datagrams read make a reader */
	TRUST = 4,
	SLOWER = 8
};

#define FIRST_PAUSE_NS UINT64_C(1000000)
#define CLOSE_PAUSE_NS UINT64_C(16000000)
#define LAST_PAUSE_NS  UINT64_C(60000000000)

void weir_dgram_share_init(struct weir_dgram_share *share, size_t size)
{
	share->size = size;
	share->unread = 0;
	share->n_sent = 0;
	share->try_ns = 0;
	share->n_accounts = 0;
}

/* The kernel takes memory by powers of two, but above 32 KiB by pages (measured
 * on Linux 6.18: 768 bytes for a datagram of 64, 2304 for one of 1000). */
static size_t cost_of(const struct mmsghdr *message)
{
	size_t needed = message->msg_hdr.msg_iov->iov_len + TRAILER;
	size_t taken = LEAST;

	while (taken < needed && taken < MOST)
		taken *= 2;
	return weir_larger(taken, needed) + HEADER;
}

/* FNV-1a */
static uint64_t name_of(const struct mmsghdr *message)
{
	const unsigned char *bytes = message->msg_hdr.msg_name;
	uint64_t hash = UINT64_C(14695981039346656037);

	for (socklen_t i = 0; i < message->msg_hdr.msg_namelen; i++)
		hash = (hash ^ bytes[i]) * UINT64_C(1099511628211);
	return hash;
}

static struct weir_dgram_account *find(struct weir_dgram_share *share,
				       uint64_t name)
{
	for (unsigned i = 0; i < share->n_accounts; i++)
		if (share->accounts[i].name == name)
			return &share->accounts[i];
	return NULL;
}

/* A new one, in place of the one that was sent to longest ago if need be. */
static struct weir_dgram_account *add(struct weir_dgram_share *share,
				      uint64_t name)
{
	struct weir_dgram_account *a = &share->accounts[0];

	if (share->n_accounts < WEIR_DGRAM_ACCOUNTS)
		a = &share->accounts[share->n_accounts++];
	else
		for (unsigned i = 1; i < WEIR_DGRAM_ACCOUNTS; i++)
			if (share->accounts[i].n_sent < a->n_sent)
				a = &share->accounts[i];
	*a = (struct weir_dgram_account){.name = name,
					 .pause_ns = FIRST_PAUSE_NS};
	return a;
}

/* -- who has read -- */

/* It is known to read: more than it may hold. */
static bool is_trusted(const struct weir_dgram_account *a)
{
	return a->read >= TRUST * a->last && a->read >= a->held;
}

static bool is_likelier(const struct weir_dgram_account *a,
			const struct weir_dgram_account *b)
{
	if (is_trusted(a) != is_trusted(b))
		return is_trusted(a);
	return a->n_sent > b->n_sent;
}

/* The one that may have read, since its last datagram is no larger than n_read:
 * the one that was tried just now, or else the likeliest. */
static struct weir_dgram_account *find_reader(struct weir_dgram_share *share,
					      size_t n_read)
{
	struct weir_dgram_account *reader = NULL;

	for (unsigned i = 0; i < share->n_accounts; i++) {
		struct weir_dgram_account *a = &share->accounts[i];

		if (a->held == 0 || a->last > n_read)
			continue;
		if (a->is_tried && a->n_sent == share->n_sent)
			return a;
		if (!reader || is_likelier(a, reader))
			reader = a;
	}
	return reader;
}

/* Returns how much of n_read that was. If it was tried the last datagram that it
 * was sent is read, and so all before. */
static size_t credit(struct weir_dgram_account *a, size_t n_read)
{
	size_t n = weir_smaller(n_read, a->held);

	a->held -= n;
	a->read += n;
	if (a->is_tried)
		a->held = 0;
	a->is_tried = false;
	a->try_ns = 0;
	a->pause_ns = FIRST_PAUSE_NS;
	return n;
}

void weir_dgram_share_see(struct weir_dgram_share *share, size_t unread)
{
	size_t n_read = share->unread > unread ? share->unread - unread : 0;
	struct weir_dgram_account *a;

	share->unread = unread;
	while ((a = find_reader(share, n_read)))
		n_read -= credit(a, n_read);
}

/* -- who may be sent to -- */

static size_t parts_of(const struct weir_dgram_share *share, unsigned n)
{
	return share->size / PART * n;
}

static bool may_try(struct weir_dgram_share *share,
		    struct weir_dgram_account *a, uint64_t now_ns)
{
	if (a->try_ns == 0)
		a->try_ns = now_ns + a->pause_ns;
	return now_ns >= a->try_ns && now_ns >= share->try_ns &&
	       (is_trusted(a) || share->unread <= parts_of(share, PART - 1));
}

/* More than one at a time go only to a receiver that leaves the others
 * enough. */
static unsigned count_fitting(const struct mmsghdr *messages, unsigned n,
			      size_t room)
{
	size_t cost = 0;
	unsigned i;

	for (i = 0; i < n; i++) {
		cost += cost_of(&messages[i]);
		if (cost > room)
			break;
	}
	return i > 0 ? i : 1;
}

/* What it may hold. */
static size_t share_of(const struct weir_dgram_share *share,
		       const struct weir_dgram_account *a)
{
	bool is_reader = is_trusted(a);
	size_t max =
		parts_of(share, is_reader ? READERS_PARTS : STRANGERS_PARTS);
	size_t room = max > share->unread ? max - share->unread : 0;

	return is_reader ? room / 2 : room / PART;
}

unsigned weir_dgram_share_allows(struct weir_dgram_share *share,
				 const struct mmsghdr *messages, unsigned n,
				 uint64_t now_ns)
{
	struct weir_dgram_account *a;
	size_t most;

	if (share->unread <= parts_of(share, FREE_PARTS))
		return count_fitting(messages, n, parts_of(share, 1));
	a = find(share, name_of(messages));
	if (!a || a->held == 0 || share->unread >= share->size)
		return 1;
	most = share_of(share, a);
	if (a->held + cost_of(messages) <= most)
		return count_fitting(messages, n, most - a->held);
	return may_try(share, a, now_ns);
}

/* It is seen whether this one is read before another is tried. */
static void wait_for_proof(struct weir_dgram_share *share,
			   struct weir_dgram_account *a, uint64_t now_ns)
{
	bool is_close = share->unread > parts_of(share, READERS_PARTS);

	a->read /= 2;
	a->pause_ns *= SLOWER;
	if (a->pause_ns > LAST_PAUSE_NS)
		a->pause_ns = LAST_PAUSE_NS;
	a->try_ns = now_ns + a->pause_ns;
	share->try_ns = now_ns + (is_close ? CLOSE_PAUSE_NS : FIRST_PAUSE_NS);
}

void weir_dgram_share_charge(struct weir_dgram_share *share,
			     const struct mmsghdr *messages, unsigned n,
			     uint64_t now_ns)
{
	uint64_t name = name_of(messages);
	struct weir_dgram_account *a = find(share, name);

	if (!a)
		a = add(share, name);
	for (unsigned i = 0; i < n; i++) {
		a->last = cost_of(&messages[i]);
		a->held += a->last;
		share->unread += a->last;
	}
	a->n_sent = ++share->n_sent;
	a->is_tried = a->try_ns != 0;
	if (a->is_tried)
		wait_for_proof(share, a, now_ns);
}
