/* Lines as Server-Sent Events: of whatever bytes, a line is one event with one
 * id, and no more than was announced. Ids: what is read is written the same. */
#include "sse.h"

#include "fuzz.h"

/* The event in text begins with that id, has nothing but data behind it, and
 * ends with its one empty line. */
static void look_at(const char *text, size_t n)
{
	const char *end = text + n;
	const char *line = text;

	fuzz_want(!memchr(text, '\r', n), "an end of line is left");
	fuzz_want(n > 8 && memcmp(text, "id: 1-2\n", 8) == 0, "no id");
	line += 8;
	while (line < end && *line != '\n') {
		const char *line_end = memchr(line, '\n', (size_t)(end - line));

		fuzz_want(line_end && line_end - line >= 6 &&
				  memcmp(line, "data: ", 6) == 0,
			  "something was injected");
		line = line_end + 1;
	}
	fuzz_want(line + 1 == end, "it does not end");
}

static void write_event(const uint8_t *data, size_t n)
{
	const struct sse_id id = {.epoch = 1, .n = 2};
	char *line = malloc(n + 1);
	char *text;
	size_t n_text;

	if (!line)
		harness_die("no memory");
	for (size_t i = 0; i < n; i++)
		line[i] = data[i] == '\n' ? ' ' : (char)data[i];
	line[n] = '\n';
	text = malloc(sse_size(line, n + 1));
	if (!text)
		harness_die("no memory");
	n_text = sse_write(text, &id, line, n + 1);
	fuzz_want(n_text <= sse_size(line, n + 1), "too much is written");
	look_at(text, n_text);
	free(text);
	free(line);
}

static void read_id(const uint8_t *data, size_t n)
{
	char *copy = malloc(n > 0 ? n : 1);
	struct sse_id id;
	char text[256];

	if (!copy)
		harness_die("no memory");
	memcpy(copy, data, n);
	if (sse_parse_id(copy, n, &id)) {
		(void)sse_write(text, &id, "\n", 1);
		fuzz_want(memcmp(text, "id: ", 4) == 0 &&
				  memcmp(text + 4, copy, n) == 0 &&
				  text[4 + n] == '\n',
			  "an id is written otherwise");
	}
	free(copy);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	write_event(data, n);
	read_id(data, n);
	return 0;
}
