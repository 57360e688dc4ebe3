/* What a server of NATS says: however much of a line is there, what is
 * understood of it fits to what is understood of all; nothing outside of it is
 * read. */
#include "nats_protocol.h"

#include "fuzz.h"

/* In memory of just that size. */
static struct nats_operation parse(const uint8_t *data, size_t n)
{
	uint8_t *copy = malloc(n > 0 ? n : 1);
	struct nats_operation op;

	if (!copy)
		harness_die("no memory");
	memcpy(copy, data, n);
	op = nats_protocol_parse((char *)copy, n);
	fuzz_want(op.text >= (char *)copy &&
			  op.text + op.n_text <= (char *)copy + n,
		  "its text is outside of it");
	op.text = (const char *)data + (op.text - (char *)copy);
	free(copy);
	return op;
}

static void check_part(const struct nats_operation *whole, const uint8_t *data,
		       size_t n)
{
	struct nats_operation part = parse(data, n);

	if (part.kind == NATS_MORE) {
		fuzz_want(part.size == 0, "an incomplete line has a size");
		return;
	}
	fuzz_want(part.kind == whole->kind && part.size == whole->size &&
			  part.text == whole->text &&
			  part.n_text == whole->n_text &&
			  part.n_payload == whole->n_payload,
		  "more bytes change what was known");
}

static void check_info(const struct nats_operation *op)
{
	char *copy = malloc(op->n_text + 1);
	struct nats_info info;
	size_t i;

	if (!copy)
		harness_die("no memory");
	memcpy(copy, op->text, op->n_text);
	memset(&info, 0xA5, sizeof info);
	(void)nats_protocol_parse_info(&info, copy, op->n_text);
	fuzz_want(info.n_urls <= NATS_MAX_URLS, "too many URLs");
	for (i = 0; i < info.n_urls; i++)
		fuzz_want(memchr(info.urls[i], '\0', NATS_URL_SIZE) != NULL,
			  "a URL without an end");
	free(copy);
}

static void check_subject(const struct nats_operation *op)
{
	char room[NATS_HEAD_SIZE];
	char subject[NATS_MAX_SUBJECT + 1];
	size_t n =
		op->n_text < NATS_MAX_SUBJECT ? op->n_text : NATS_MAX_SUBJECT;
	char *head;

	memcpy(subject, op->text, n);
	subject[n] = '\0';
	if (!nats_protocol_is_subject(subject))
		return;
	head = nats_protocol_head(room + sizeof room, subject, op->n_payload);
	fuzz_want(head >= room && memcmp(head, "PUB ", 4) == 0 &&
			  memcmp(room + sizeof room - 2, "\r\n", 2) == 0,
		  "a subject makes no head");
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	struct nats_operation op = parse(data, n);
	size_t step = n / 64 + 1;
	size_t i;

	fuzz_want(op.size <= n, "it is larger than its bytes");
	fuzz_want((op.kind == NATS_MORE) == (op.size == 0) ||
			  op.kind == NATS_WRONG,
		  "its size is not that of a line");
	fuzz_want(op.kind == NATS_MSG || op.n_payload == 0,
		  "there is a payload without a message");
	for (i = 0; i < n; i += step)
		check_part(&op, data, i);
	if (op.kind == NATS_INFO)
		check_info(&op);
	check_subject(&op);
	return 0;
}
