/* The memory of the connections, and who the peers are.
 *
 * Ten thousand idle ones are the rule for a server, so each should cost little
 * more than its struct weir_conn. They live in blocks that are aligned to
 * their size: the connection's address leads to its block, the block to its
 * door. So a connection needs neither a pointer to its door, nor links in a
 * list for the drain to walk, nor malloc's header; and an empty block goes
 * back.
 *
 * A slot is the connection and, behind it, the start of its peer's sockaddr:
 * as much as tells peers apart. */
#include "server.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
	BLOCK_ALIGNMENT = 16384,
	/* with malloc's header in front, one block follows the other */
	BLOCK_SIZE = BLOCK_ALIGNMENT - 16,
	N_WORDS = 2,
	MAX_SLOTS = 64 * N_WORDS
};

/* 1. a bit of free is set: the slot of that number is free
 * 2. in the door's roomy if and only if a slot is free */
struct block {
	struct door *door;
	struct weir_list link;
	uint64_t free[N_WORDS];
	size_t n_used;
	unsigned char slots[];
};

_Static_assert(sizeof(struct block) % _Alignof(struct weir_conn) == 0,
	       "the first slot is aligned");
_Static_assert(MAX_SLOTS * sizeof(struct weir_conn) > BLOCK_SIZE,
	       "there is a bit for each slot");

/* Unix clients have no address as a rule: their process tells more. */
struct unix_peer {
	sa_family_t family;
	pid_t pid;
};

/* What is kept of a sockaddr, its family first. Behind it a sockaddr_in has
 * only padding. */
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

/* Behind a door with a proxy in front the peers are not of the door's family:
 * there is room for all. */
static int family_of(const struct door *door)
{
	if (door->worker->settings->accepts_proxy)
		return AF_INET6;
	return door->family;
}

static size_t align(size_t n)
{
	const size_t alignment = _Alignof(struct weir_conn);

	return (n + alignment - 1) / alignment * alignment;
}

static size_t state_offset(const struct door *door)
{
	return align(sizeof(struct weir_conn) + peer_size(family_of(door)));
}

static size_t slot_size(const struct door *door)
{
	return state_offset(door) + align(door->service->state_size);
}

static size_t n_slots(const struct door *door)
{
	return (BLOCK_SIZE - sizeof(struct block)) / slot_size(door);
}

static struct weir_conn *slot(struct block *block, size_t i)
{
	return (void *)(block->slots + i * slot_size(block->door));
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

static bool is_free(const struct block *block, size_t i)
{
	return block->free[i / 64] >> i % 64 & 1;
}

static struct block *block_new(struct door *door)
{
	struct block *block;
	void *memory;

	if (posix_memalign(&memory, BLOCK_ALIGNMENT, BLOCK_SIZE) != 0)
		return NULL;
	block = memory;
	*block = (struct block){.door = door};
	for (size_t i = 0; i < n_slots(door); i++)
		block->free[i / 64] |= UINT64_C(1) << i % 64;
	weir_list_append(&door->roomy, &block->link);
	return block;
}

static struct block *roomy_block(struct door *door)
{
	if (weir_list_is_empty(&door->roomy))
		return block_new(door);
	return weir_container_of(door->roomy.next, struct block, link);
}

static struct weir_conn *take_slot(struct block *block)
{
	size_t word = block->free[0] ? 0 : 1;
	size_t bit = (size_t)__builtin_ctzll(block->free[word]);

	block->free[word] &= block->free[word] - 1;
	block->n_used++;
	if (block->n_used == n_slots(block->door)) {
		weir_list_remove(&block->link);
		weir_list_append(&block->door->full, &block->link);
	}
	return slot(block, 64 * word + bit);
}

static void note_peer(struct weir_conn *c, int fd,
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

/* Where the connections of this door's service are counted. */
static size_t *counter_of(struct door *door)
{
	return door->service->is_private ? &door->worker->n_private
					 : &door->worker->n_clients;
}

struct weir_conn *clients_add(struct door *door, int fd,
			      const struct weir_address *peer)
{
	struct block *block = roomy_block(door);
	struct weir_conn *c;

	if (!block)
		return NULL;
	c = take_slot(block);
	memset(c, 0, slot_size(door));
	note_peer(c, fd, peer);
	door->n_clients++;
	(*counter_of(door))++;
	return c;
}

void clients_remove(struct weir_conn *c)
{
	struct block *block = block_of(c);
	struct door *door = block->door;
	size_t n = (size_t)((unsigned char *)c - block->slots);
	size_t i = n / slot_size(door);

	assert(n % slot_size(door) == 0 && !is_free(block, i));
	block->free[i / 64] |= UINT64_C(1) << i % 64;
	block->n_used--;
	weir_list_remove(&block->link);
	if (block->n_used == 0)
		free(block);
	else
		weir_list_append(&door->roomy, &block->link);
	door->n_clients--;
	(*counter_of(door))--;
}

static void visit_blocks(struct weir_list *head,
			 void (*visit)(struct weir_conn *c, void *arg),
			 void *arg)
{
	struct weir_list *link;

	for (link = head->next; link != head; link = link->next) {
		struct block *block =
			weir_container_of(link, struct block, link);

		for (size_t i = 0; i < n_slots(block->door); i++)
			if (!is_free(block, i))
				visit(slot(block, i), arg);
	}
}

void clients_each(struct door *door,
		  void (*visit)(struct weir_conn *c, void *arg), void *arg)
{
	visit_blocks(&door->roomy, visit, arg);
	visit_blocks(&door->full, visit, arg);
}

struct door *client_door(const struct weir_conn *c)
{
	return block_of(c)->door;
}

void *client_state(const struct weir_conn *c)
{
	return (unsigned char *)peer_of(c) - sizeof *c +
	       state_offset(client_door(c));
}

void client_address(const struct weir_conn *c, struct weir_address *peer)
{
	sa_family_t family;

	memcpy(&family, peer_of(c), sizeof family);
	*peer = (struct weir_address){.type = SOCK_STREAM};
	peer->sa.any.sa_family = family;
	peer->len = sizeof family;
	if (family == AF_UNIX)
		return;
	peer->len =
		family == AF_INET ? sizeof peer->sa.in : sizeof peer->sa.in6;
	memcpy(&peer->sa, peer_of(c), peer_size(family));
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
