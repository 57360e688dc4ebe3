#include "complain.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

void complain(const char *format, ...)
{
	va_list list;

	(void)fputs("weir-flood: ", stderr);
	va_start(list, format);
	(void)vfprintf(stderr, format, list);
	va_end(list);
	(void)fputc('\n', stderr);
}

const char *complain_cause(int error, char text[COMPLAIN_CAUSE_SIZE])
{
	(void)snprintf(text, COMPLAIN_CAUSE_SIZE, "%s", strerror(-error));
	if (text[0] >= 'A' && text[0] <= 'Z')
		text[0] = (char)(text[0] + ('a' - 'A'));
	return text;
}
