/* HTTP requests: what was found does not change as more bytes come, and the
 * path lies within the request, or is the "/" that an absolute target without a
 * path means. */
#include "http.h"

#include "fuzz.h"

struct answer {
	enum http_status status;
	size_t path; /* from the request's beginning; SIZE_MAX: not in it */
	size_t n_path;
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
	}
	return 0;
}
