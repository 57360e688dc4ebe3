#include "mode.h"

const struct mode *mode_of(enum mode_kind kind)
{
	static const struct mode *const modes[MODE_N_KINDS] = {
		[MODE_ECHO] = &echo_mode,
		[MODE_SOURCE] = &source_mode,
		[MODE_SINK] = &sink_mode,
		[MODE_CONNECT] = &connect_mode,
		[MODE_BROADCAST] = &broadcast_mode};

	return modes[kind];
}

const char *const mode_names[MODE_N_KINDS + 1] = {[MODE_ECHO] = "echo",
						  [MODE_SOURCE] = "source",
						  [MODE_SINK] = "sink",
						  [MODE_CONNECT] = "connect",
						  [MODE_BROADCAST] =
							  "broadcast"};

const char *mode_name(enum mode_kind kind)
{
	return mode_names[kind];
}

bool mode_has_answers(enum mode_kind kind)
{
	return kind != MODE_SOURCE && kind != MODE_SINK;
}
