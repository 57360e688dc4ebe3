/* Clients: the memory of the connections, and the peers' addresses.
 *
 * Servers often hold ten thousand idle connections, so each should cost little
 * more than its struct weir_conn. They live in blocks that are aligned to
 * their size: masking a connection's address gives its block, which points to
 * the endpoint. So a connection needs no pointer to its endpoint, no list link
 * for the drain and no malloc header. Empty blocks are freed.
 *
 * A slot holds the connection followed by the part of the peer's sockaddr that
 * identifies it. */
#include "client.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
	BLOCK_ALIGNMENT = 16384,
	/* leaves room for malloc's header between two blocks */
	BLOCK_SIZE = BLOCK_ALIGNMENT - 16,
	N_WORDS = 2,
	MAX_SLOTS = 64 * N_WORDS
};

/* 1. bit i of free is set if and only if slot i is free
 * 2. in the endpoint's list roomy if and only if a slot is free */
struct block {
	struct endpoint *endpoint;
	struct weir_list link;
	uint64_t free[N_WORDS];
	size_t n_used;
	unsigned char slots[];
};

_Static_assert(sizeof(struct block) % _Alignof(struct weir_conn) == 0,
	       "the first slot is aligned");
_Static_assert(MAX_SLOTS * sizeof(struct weir_conn) > BLOCK_SIZE,
	       "there is a bit for each slot");

/* Unix clients seldom have an address: keep their process instead. */
struct unix_peer {
	sa_family_t family;
	pid_t pid;
};

/* How much of a sockaddr is kept; it begins with the family. The rest of a
 * sockaddr_in is padding. */
static size_t peer_size(int family)
{
	switch (family) {
	case AF_INET:
		return offsetof(struct sockaddr_in, sin_zero);
	case AF_INET6:
		return sizeof(struct sockaddr_in6);
	default:
		return sizeof(struct unix_peer);
	}
}

/* Behind a proxy the peers may be of another family than the endpoint: leave
 * room for any. */
static int family_of(const struct endpoint *endpoint)
{
	if (endpoint->config->settings.accepts_proxy)
		return AF_INET6;
	return endpoint->family;
}

static size_t align(size_t n)
{
	const size_t alignment = _Alignof(struct weir_conn);

	return (n + alignment - 1) / alignment * alignment;
}

/* Behind the peer's address, of an endpoint that accepts PROXY alone, the
 * destination's. */
static size_t n_addresses(const struct endpoint *endpoint)
{
	return endpoint->config->settings.accepts_proxy ? 2 : 1;
}

static size_t state_offset(const struct endpoint *endpoint)
{
	return align(sizeof(struct weir_conn) +
		     n_addresses(endpoint) * peer_size(family_of(endpoint)));
}

static size_t slot_size(const struct endpoint *endpoint)
{
	return state_offset(endpoint) + align(endpoint->service->state_size);
}

static size_t n_slots(const struct endpoint *endpoint)
{
	return (BLOCK_SIZE - sizeof(struct block)) / slot_size(endpoint);
}

static struct weir_conn *slot(struct block *block, size_t i)
{
	return (void *)(block->slots + i * slot_size(block->endpoint));
}

static struct block *block_of(const struct weir_conn *c)
{
	uintptr_t address = (uintptr_t)c;

	return (struct block *)(address - address % BLOCK_ALIGNMENT);
}

static void *peer_of(const struct weir_conn *c)
{
	size_t i = (size_t)((const unsigned char *)c - block_of(c)->slots);

	return block_of(c)->slots + i + sizeof *c;
}

static unsigned char *destination_of(const struct weir_conn *c)
{
	return (unsigned char *)peer_of(c) +
	       peer_size(family_of(block_of(c)->endpoint));
}

static bool is_free(const struct block *block, size_t i)
{
	return block->free[i / 64] >> i % 64 & 1;
}

static struct block *block_new(struct endpoint *endpoint)
{
	struct block *block;
	void *memory;

	if (posix_memalign(&memory, BLOCK_ALIGNMENT, BLOCK_SIZE) != 0)
		return NULL;
	block = memory;
	*block = (struct block){.endpoint = endpoint};
	for (size_t i = 0; i < n_slots(endpoint); i++)
		block->free[i / 64] |= UINT64_C(1) << i % 64;
	weir_list_append(&endpoint->roomy, &block->link);
	return block;
}

static struct block *roomy_block(struct endpoint *endpoint)
{
	if (weir_list_is_empty(&endpoint->roomy))
		return block_new(endpoint);
	return weir_container_of(endpoint->roomy.next, struct block, link);
}

static struct weir_conn *take_slot(struct block *block)
{
	size_t word = block->free[0] ? 0 : 1;
	size_t bit = (size_t)__builtin_ctzll(block->free[word]);

	block->free[word] &= block->free[word] - 1;
	block->n_used++;
	if (block->n_used == n_slots(block->endpoint)) {
		weir_list_remove(&block->link);
		weir_list_append(&block->endpoint->full, &block->link);
	}
	return slot(block, 64 * word + bit);
}

static void store_peer(struct weir_conn *c, int fd,
		       const struct weir_address *peer)
{
	int family = peer->sa.any.sa_family;
	struct unix_peer unix_peer = {.family = AF_UNIX};
	struct ucred process = {0};
	socklen_t len = sizeof process;

	if (family == AF_INET || family == AF_INET6) {
		memcpy(peer_of(c), &peer->sa, peer_size(family));
		return;
	}
	(void)getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &process, &len);
	unix_peer.pid = process.pid;
	memcpy(peer_of(c), &unix_peer, sizeof unix_peer);
}

/* Which of the worker's counts includes this endpoint's connections. */
static size_t *counter_of(struct endpoint *endpoint)
{
	return endpoint->service->is_private ? &endpoint->worker->n_private
					     : &endpoint->worker->n_clients;
}

struct weir_conn *client_new(struct endpoint *endpoint, int fd,
			     const struct weir_address *peer,
			     const struct weir_address *destination)
{
	struct block *block = roomy_block(endpoint);
	struct weir_conn *c;

	if (!block)
		return NULL;
	c = take_slot(block);
	memset(c, 0, slot_size(endpoint));
	store_peer(c, fd, peer);
	if (destination)
		memcpy(destination_of(c), &destination->sa,
		       peer_size(destination->sa.any.sa_family));
	endpoint->n_clients++;
	(*counter_of(endpoint))++;
	return c;
}

void client_free(struct weir_conn *c)
{
	struct block *block = block_of(c);
	struct endpoint *endpoint = block->endpoint;
	size_t n = (size_t)((unsigned char *)c - block->slots);
	size_t i = n / slot_size(endpoint);

	assert(n % slot_size(endpoint) == 0 && !is_free(block, i));
	block->free[i / 64] |= UINT64_C(1) << i % 64;
	block->n_used--;
	weir_list_remove(&block->link);
	if (block->n_used == 0)
		free(block);
	else
		weir_list_append(&endpoint->roomy, &block->link);
	endpoint->n_clients--;
	(*counter_of(endpoint))--;
}

static void visit_blocks(struct weir_list *head,
			 void (*visit)(struct weir_conn *c, void *arg),
			 void *arg)
{
	struct weir_list *link;

	for (link = head->next; link != head; link = link->next) {
		struct block *block =
			weir_container_of(link, struct block, link);

		for (size_t i = 0; i < n_slots(block->endpoint); i++)
			if (!is_free(block, i))
				visit(slot(block, i), arg);
	}
}

void client_for_each(struct endpoint *endpoint,
		     void (*visit)(struct weir_conn *c, void *arg), void *arg)
{
	visit_blocks(&endpoint->roomy, visit, arg);
	visit_blocks(&endpoint->full, visit, arg);
}

struct endpoint *client_endpoint(const struct weir_conn *c)
{
	return block_of(c)->endpoint;
}

void *client_state(const struct weir_conn *c)
{
	return (unsigned char *)peer_of(c) - sizeof *c +
	       state_offset(client_endpoint(c));
}

static void load(const void *stored, struct weir_address *address)
{
	sa_family_t family;

	memcpy(&family, stored, sizeof family);
	*address = (struct weir_address){.type = SOCK_STREAM};
	address->sa.any.sa_family = family;
	address->len = sizeof family;
	if (family != AF_INET && family != AF_INET6)
		return;
	address->len = family == AF_INET ? sizeof address->sa.in
					 : sizeof address->sa.in6;
	memcpy(&address->sa, stored, peer_size(family));
}

void client_address(const struct weir_conn *c, struct weir_address *peer)
{
	load(peer_of(c), peer);
}

void client_destination(const struct weir_conn *c,
			struct weir_address *destination)
{
	*destination = (struct weir_address){.len = 0};
	if (n_addresses(client_endpoint(c)) > 1)
		load(destination_of(c), destination);
	if (destination->sa.any.sa_family != AF_UNSPEC)
		return;
	destination->len = sizeof destination->sa;
	if (getsockname(weir_conn_fd(c), &destination->sa.any,
			&destination->len) < 0)
		destination->sa.any.sa_family = AF_UNSPEC;
}

const char *client_peer(const struct weir_conn *c, char *text)
{
	struct weir_address peer;
	struct unix_peer unix_peer;

	client_address(c, &peer);
	if (peer.sa.any.sa_family != AF_UNIX)
		return weir_address_format(&peer, text, PEER_TEXT_SIZE);
	memcpy(&unix_peer, peer_of(c), sizeof unix_peer);
	(void)snprintf(text, PEER_TEXT_SIZE, "unix:pid=%ld",
		       (long)unix_peer.pid);
	return text;
}
