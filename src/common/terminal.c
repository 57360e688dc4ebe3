#include "terminal.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

bool terminal_takes_colour(FILE *stream)
{
	const char *no_color = getenv("NO_COLOR");
	const char *term = getenv("TERM");
	bool is_dumb = !term || strcmp(term, "dumb") == 0;

	if (no_color && no_color[0] != '\0')
		return false;
	return !is_dumb && isatty(fileno(stream)) == 1;
}

void terminal_print_wrapped(FILE *stream, const char *text, size_t column,
			    size_t n_columns)
{
	size_t at = column;

	while (*text) {
		size_t n = strcspn(text, " ");

		if (at > column && at + 1 + n > n_columns) {
			(void)fprintf(stream, "\n%*s", (int)column, "");
			at = column;
		}
		at += (size_t)fprintf(stream, "%s%.*s", at > column ? " " : "",
				      (int)n, text);
		text += n + strspn(text + n, " ");
	}
	(void)fputc('\n', stream);
}
