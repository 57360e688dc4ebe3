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

/* What is kept of a sockaddr. Behind it a sockaddr_in has only padding. Unix
 * clients have no address as a rule: their process tells more. */
static size_t peer_size(int family)
{
	switch (family) {
	case AF_INET:
		return offsetof(struct sockaddr_in, sin_zero);
	case AF_INET6:
		return sizeof(struct sockaddr_in6);
	default:
		return sizeof(pid_t);
	}
}

static size_t slot_size(const struct door *door)
{
	const size_t alignment = _Alignof(struct weir_conn);
	size_t n = sizeof(struct weir_conn) + peer_size(door->family);

	return (n + alignment - 1) / alignment * alignment;
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
	int family = client_door(c)->family;
	struct ucred process = {0};
	socklen_t len = sizeof process;

	if (family != AF_UNIX) {
		memcpy(peer_of(c), &peer->sa, peer_size(family));
		return;
	}
	(void)getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &process, &len);
	memcpy(peer_of(c), &process.pid, sizeof process.pid);
}

struct weir_conn *clients_add(struct door *door, int fd,
			      const struct weir_address *peer)
{
	struct block *block = roomy_block(door);
	struct weir_conn *c;

	if (!block)
		return NULL;
	c = take_slot(block);
	*c = (struct weir_conn){0};
	note_peer(c, fd, peer);
	door->server->n_clients++;
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
	door->server->n_clients--;
}

static void visit_blocks(struct weir_list *head,
			 void (*visit)(struct weir_conn *c))
{
	struct weir_list *link;

	for (link = head->next; link != head; link = link->next) {
		struct block *block =
			weir_container_of(link, struct block, link);

		for (size_t i = 0; i < n_slots(block->door); i++)
			if (!is_free(block, i))
				visit(slot(block, i));
	}
}

void clients_each(struct door *door, void (*visit)(struct weir_conn *c))
{
	visit_blocks(&door->roomy, visit);
	visit_blocks(&door->full, visit);
}

struct door *client_door(const struct weir_conn *c)
{
	return block_of(c)->door;
}

const char *client_peer(const struct weir_conn *c, char *text)
{
	int family = client_door(c)->family;
	struct weir_address peer = {.type = SOCK_STREAM};
	pid_t pid;

	if (family == AF_UNIX) {
		memcpy(&pid, peer_of(c), sizeof pid);
		(void)snprintf(text, PEER_TEXT_SIZE, "unix:pid=%ld", (long)pid);
		return text;
	}
	peer.len = family == AF_INET ? sizeof peer.sa.in : sizeof peer.sa.in6;
	memcpy(&peer.sa, peer_of(c), peer_size(family));
	return weir_address_format(&peer, text, PEER_TEXT_SIZE);
}
