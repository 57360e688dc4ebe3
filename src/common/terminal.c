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
