#include "complain.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

size_t complain_format(char line[COMPLAIN_LINE_SIZE], const char *prefix,
		       const char *format, va_list args)
{
	const size_t room = COMPLAIN_LINE_SIZE - 1; /* for the line feed */
	size_t n = (size_t)snprintf(line, room, "%s", prefix);
	int n_message;

	if (n < room) {
		n_message = vsnprintf(line + n, room - n, format, args);
		n += n_message > 0 ? (size_t)n_message : 0;
	}
	if (n >= room)
		n = room - 1;
	for (size_t i = 0; i < n; i++)
		if ((unsigned char)line[i] < ' ' || line[i] == '\x7f')
			line[i] = '?';
	line[n] = '\n';
	return n + 1;
}

void complain(const char *format, ...)
{
	char prefix[NAME_MAX + sizeof ": "];
	char line[COMPLAIN_LINE_SIZE];
	va_list args;
	size_t n;

	(void)snprintf(prefix, sizeof prefix,
		       "%s: ", program_invocation_short_name);
	va_start(args, format);
	n = complain_format(line, prefix, format, args);
	va_end(args);
	/* When this fails there is no way to tell. */
	(void)!write(STDERR_FILENO, line, n);
}

const char *complain_cause(int error, char text[COMPLAIN_CAUSE_SIZE])
{
	(void)snprintf(text, COMPLAIN_CAUSE_SIZE, "%s", strerror(-error));
	if (text[0] >= 'A' && text[0] <= 'Z')
		text[0] = (char)(text[0] + ('a' - 'A'));
	return text;
}
