/* The list of lessons, and how one is told. */
#include "lesson.h"

#include <assert.h>
#include <errno.h>
#include <stdarg.h>
#include <string.h>

#include "terminal.h"
#include "lesson_kit.h"

enum {
	N_LESSONS = 16,
	N_COLUMNS = 80,
	INDENT = 12
};

static const struct lesson *const lessons[N_LESSONS] = {
	&lesson_article_loop,	    &lesson_send_sends_all,
	&lesson_same_length,	    &lesson_sendall_nonblocking,
	&lesson_sendall_timeout,    &lesson_sendall_in_loop,
	&lesson_queue_without_cap,  &lesson_success_is_delivery,
	&lesson_close_flushes,	    &lesson_sigpipe,
	&lesson_message_boundaries, &lesson_recv_truncates,
	&lesson_epollout_armed,	    &lesson_epollout_is_room,
	&lesson_eagain_loop,	    &lesson_slice_is_free,
};

size_t lesson_count(void)
{
	return N_LESSONS;
}

const struct lesson *lesson_get(size_t i)
{
	assert(i < N_LESSONS);
	return lessons[i];
}

const struct lesson *lesson_find(const char *name)
{
	for (size_t i = 0; i < N_LESSONS; i++)
		if (strcmp(lessons[i]->name, name) == 0)
			return lessons[i];
	return NULL;
}

void lesson_run(const struct lesson *lesson, struct lesson_result *result)
{
	*result = (struct lesson_result){.n_figures = 0};
	lesson->run(result);
}

/* -- what was measured -- */

void lesson_note(struct lesson_result *result, const char *name, uint64_t value)
{
	assert(result->n_figures < LESSON_N_FIGURES);
	result->figures[result->n_figures++] =
		(struct lesson_figure){.name = name, .value = value};
}

/* Copy text, 1048576 becoming 1,048,576, as far as there is room. */
static void separate_thousands(char *to, size_t size, const char *text)
{
	static const char digits[] = "0123456789";
	size_t n_left = strspn(text, digits); /* of this number */
	size_t n = 0;

	for (; *text && n + 2 < size; text++) {
		to[n++] = *text;
		if (n_left == 0)
			n_left = strspn(text + 1, digits);
		else if (--n_left > 0 && n_left % 3 == 0)
			to[n++] = ',';
	}
	to[n] = '\0';
}

void lesson_say(struct lesson_result *result, const char *format, ...)
{
	char text[LESSON_TEXT_SIZE];
	va_list args;

	va_start(args, format);
	(void)vsnprintf(text, sizeof text, format, args);
	va_end(args);
	separate_thousands(result->measured, sizeof result->measured, text);
}

const char *lesson_error_name(int error)
{
	switch (error) {
	case 0:
		return "success";
	case EAGAIN:
		return "EAGAIN";
	case ECONNRESET:
		return "ECONNRESET";
	case EPIPE:
		return "EPIPE";
	case ETIMEDOUT:
		return "ETIMEDOUT";
	default:
		return strerror(error);
	}
}

/* -- on paper -- */

static void print_beside(FILE *out, const char *label, const char *text)
{
	(void)fprintf(out, "  %-*s", INDENT - 2, label);
	terminal_print_wrapped(out, text, INDENT, N_COLUMNS);
}

void lesson_print(FILE *out, const struct lesson *lesson,
		  const struct lesson_result *result)
{
	(void)fprintf(out, "%s\n", lesson->name);
	print_beside(out, "belief", lesson->belief);
	print_beside(out, "measured", result->measured);
	print_beside(out, "verdict",
		     result->holds ? "it held, in this run" : "wrong");
	print_beside(out, "right", lesson->right);
	(void)fputc('\n', out);
}

void lesson_list(FILE *out)
{
	for (size_t i = 0; i < N_LESSONS; i++)
		(void)fprintf(out, "%-22s %s\n", lessons[i]->name,
			      lessons[i]->belief);
}
