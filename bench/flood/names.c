/* The names of what is counted, and the line of complaint. */
#include "flood.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

const char *flood_mode_name(enum flood_mode mode)
{
	static const char *const names[FLOOD_N_MODES] = {
		[FLOOD_ECHO] = "echo",
		[FLOOD_SOURCE] = "source",
		[FLOOD_SINK] = "sink",
		[FLOOD_CONNECT] = "connect",
		[FLOOD_BROADCAST] = "broadcast"};

	return names[mode];
}

bool flood_mode_has_answers(enum flood_mode mode)
{
	return mode != FLOOD_SOURCE && mode != FLOOD_SINK;
}

const char *flood_bad_name(enum flood_bad bad)
{
	static const char *const names[FLOOD_N_BAD] = {
		[FLOOD_STALLED] = "stalled",
		[FLOOD_TRICKLE] = "trickle",
		[FLOOD_RESET] = "reset",
		[FLOOD_HALF_CLOSE] = "half_close"};

	return names[bad];
}

const char *flood_error_name(enum flood_error error)
{
	static const char *const names[FLOOD_N_ERRORS] = {
		[FLOOD_CONNECT_REFUSED] = "connect_refused",
		[FLOOD_CONNECT_TIMEOUT] = "connect_timeout",
		[FLOOD_CONNECT_OTHER] = "connect_other",
		[FLOOD_ERROR_RESET] = "reset",
		[FLOOD_ERROR_CLOSED] = "closed",
		[FLOOD_ERROR_MEMORY] = "memory",
		[FLOOD_ERROR_OTHER] = "other"};

	return names[error];
}

const char *flood_corruption_name(enum flood_corruption corruption)
{
	static const char *const names[FLOOD_N_CORRUPTIONS] = {
		[FLOOD_LOST] = "lost",
		[FLOOD_REPEATED] = "repeated",
		[FLOOD_REORDERED] = "reordered",
		[FLOOD_CHANGED] = "changed"};

	return names[corruption];
}

const char *flood_cause(int error, char text[FLOOD_CAUSE_SIZE])
{
	(void)snprintf(text, FLOOD_CAUSE_SIZE, "%s", strerror(-error));
	if (text[0] >= 'A' && text[0] <= 'Z')
		text[0] = (char)(text[0] + ('a' - 'A'));
	return text;
}

void flood_complain(const char *format, ...)
{
	va_list list;

	(void)fputs("weir-flood: ", stderr);
	va_start(list, format);
	(void)vfprintf(stderr, format, list);
	va_end(list);
	(void)fputc('\n', stderr);
}
