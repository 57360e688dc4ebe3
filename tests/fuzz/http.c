/* HTTP requests: what was found does not change as more bytes come, and lies
 * within the request; a path may also be the "/" that an absolute target without
 * a path means. */
#include "http.h"

#include "fuzz.h"

struct answer {
	enum http_status status;
	size_t path; /* from the request's beginning; SIZE_MAX: not in it */
	size_t n_path;
	size_t n_head;
	uint64_t content_length;
};

static size_t place_of(const char *path, size_t n_path, const char *text,
		       size_t n)
{
	size_t place = (size_t)((uintptr_t)path - (uintptr_t)text);

	if (place < n && n_path <= n - place)
		return place;
	fuzz_want(n_path == 1 && *path == '/', "the path is elsewhere");
	return SIZE_MAX;
}

static void want_inside(const char *part, size_t n_part, const char *text,
			size_t n)
{
	fuzz_want(part >= text && part <= text + n &&
			  n_part <= (size_t)(text + n - part),
		  "a part lies outside");
}

static void look_at(const struct http_request *request, const char *text)
{
	const char *value;
	size_t n_value;

	want_inside(request->query, request->n_query, text, request->n_head);
	value = http_field(request, "Host", &n_value);
	if (value)
		want_inside(value, n_value, text, request->n_head);
}

static struct answer parse(const uint8_t *data, size_t n)
{
	char *copy = malloc(n > 0 ? n : 1);
	struct http_request request = {0};
	struct answer answer = {0};

	if (!copy)
		harness_die("no memory");
	memcpy(copy, data, n);
	answer.status = http_parse(copy, n, &request);
	fuzz_want(http_status_line(answer.status) != NULL, "no status line");
	if (answer.status == HTTP_OK) {
		answer.n_path = request.n_path;
		answer.path = place_of(request.path, request.n_path, copy, n);
		answer.n_head = request.n_head;
		answer.content_length = request.content_length;
		fuzz_want(request.n_head <= n, "the head is longer");
		look_at(&request, copy);
	}
	free(copy);
	return answer;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	struct answer whole = parse(data, n);
	size_t step = n / 64 + 1;
	size_t i;

	for (i = 0; i < n; i += step) {
		struct answer part = parse(data, i);

		if (part.status == HTTP_INCOMPLETE)
			continue;
		fuzz_want(part.status == whole.status,
			  "more bytes change the answer");
		fuzz_want(part.path == whole.path &&
				  part.n_path == whole.n_path,
			  "more bytes change the path");
		fuzz_want(part.n_head == whole.n_head &&
				  part.content_length == whole.content_length,
			  "more bytes change the lengths");
	}
	return 0;
}
