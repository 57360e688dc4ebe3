/* What a message says about itself; see message.h. */
#include "message.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

struct head {
	uint64_t sequence;
	uint32_t connection;
	uint32_t checksum;
};

_Static_assert(sizeof(struct head) == MESSAGE_HEAD, "no padding");

int message_kit_init(struct message_kit *kit, size_t size, uint64_t seed)
{
	size_t n = size + MESSAGE_PIECES;
	uint64_t x = seed;

	*kit = (struct message_kit){
		.size = size, .block = malloc(n), .text = malloc(size)};
	if (!kit->block || !kit->text) {
		message_kit_free(kit);
		return -ENOMEM;
	}
	for (size_t i = 0; i < n; i++) {
		/* Knuth's MMIX generator: good enough for bytes to differ */
		x = x * UINT64_C(6364136223846793005) +
		    UINT64_C(1442695040888963407);
		kit->block[i] = (unsigned char)('!' + (x >> 33) % 94);
	}
	memcpy(kit->text, kit->block, size);
	return 0;
}

void message_kit_free(struct message_kit *kit)
{
	free(kit->block);
	free(kit->text);
	*kit = (struct message_kit){0};
}

/* Each step is a bijection of the sum so far, and of the word. */
static uint64_t mix(uint64_t sum, uint64_t word)
{
	sum = (sum ^ word) * UINT64_C(0x9e3779b97f4a7c15);
	return sum ^ sum >> 32;
}

uint32_t message_checksum(const void *data, size_t n, uint64_t start)
{
	const unsigned char *bytes = data;
	uint64_t sum = mix(start, n);
	uint64_t word = 0;

	for (; n >= sizeof word; n -= sizeof word, bytes += sizeof word) {
		memcpy(&word, bytes, sizeof word);
		sum = mix(sum, word);
	}
	word = 0;
	memcpy(&word, bytes, n);
	sum = mix(sum, word);
	/* once more, or the highest bits would cancel out in the fold */
	return (uint32_t)(mix(sum, 0) >> 32);
}

static uint32_t checksum_of(const struct head *head, const void *body, size_t n)
{
	return message_checksum(body, n, mix(head->sequence, head->connection));
}

const unsigned char *message_compose(const struct message_kit *kit,
				     uint32_t connection, uint64_t sequence)
{
	struct head head = {.sequence = sequence, .connection = connection};
	size_t n_body = kit->size - MESSAGE_HEAD;
	unsigned char *body = kit->text + MESSAGE_HEAD;

	memcpy(body, message_piece(kit, connection, sequence), n_body);
	head.checksum = checksum_of(&head, body, n_body);
	memcpy(kit->text, &head, sizeof head);
	return kit->text;
}

bool message_is(const struct message_kit *kit, const void *data,
		uint32_t connection, uint64_t sequence)
{
	const unsigned char *bytes = data;

	struct head head;
	size_t n_body = kit->size - MESSAGE_HEAD;

	/* The checksum is what a reader elsewhere would go by; that the bytes
	 * are those that were sent is stricter still, and usually says no at
	 * the first of them. */
	memcpy(&head, bytes, sizeof head);
	return head.sequence == sequence && head.connection == connection &&
	       memcmp(bytes + MESSAGE_HEAD,
		      message_piece(kit, connection, sequence), n_body) == 0 &&
	       head.checksum ==
		       checksum_of(&head, bytes + MESSAGE_HEAD, n_body);
}

/* Says no without looking at the whole of it. */
static bool begins_alike(const struct message_kit *kit,
			 const unsigned char *bytes, const struct head *head)
{
	size_t n_body = kit->size - MESSAGE_HEAD;

	return memcmp(bytes + MESSAGE_HEAD,
		      message_piece(kit, head->connection, head->sequence),
		      n_body < 8 ? n_body : 8) == 0;
}

bool message_find(const struct message_kit *kit, const void *data, size_t n,
		  uint32_t connection, uint64_t n_sent, size_t *at,
		  uint64_t *sequence)
{
	const unsigned char *bytes = data;
	struct head head;

	for (; *at + kit->size <= n; ++*at) {
		memcpy(&head, bytes + *at, sizeof head);
		*sequence = head.sequence;
		if (head.connection == connection && head.sequence < n_sent &&
		    begins_alike(kit, bytes + *at, &head) &&
		    message_is(kit, bytes + *at, connection, head.sequence))
			return true;
	}
	return false;
}
