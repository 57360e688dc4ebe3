#include "options.h"

#include "clock.h"
#include "command_line.h"
#include "complain.h"

enum {
	OPTION_TIMEOUT,
	N_OPTIONS
};

static const struct command_line_option table[N_OPTIONS] = {
	[OPTION_TIMEOUT] = {.name = "timeout",
			    .argument = "TIME",
			    .help = "give up connecting after TIME",
			    .kind = &quantity_time,
			    .initial = 10 * CLOCK_NS_PER_S},
};

static const struct command_line command_line = {
	.program = "weir-client",
	.intro = "Usage: weir-client [OPTION]... ADDRESS [TEXT]\n"
		 "Connect, send TEXT or standard input, and print what comes "
		 "back\n"
		 "until the peer ends its side. At the end of the input the "
		 "client ends\n"
		 "its own side, and goes on printing.\n"
		 "\n",
	.notes = "\n"
		 "ADDRESS is HOST:PORT, [V6]:PORT, :PORT (localhost), "
		 "unix:PATH or\n"
		 "unix:@NAME. TIME needs ns, us, ms, s, m or h: 1.5s. Put -- "
		 "before a\n"
		 "TEXT that begins with a dash.\n"
		 "\n"
		 "Exit status: 0 the peer ended its stream; 1 the connection, "
		 "standard\n"
		 "input or standard output failed; 2 the command line is "
		 "wrong.\n",
	.options = table,
	.n_options = N_OPTIONS,
};

int options_read(struct options *options, int argc, char **argv)
{
	struct command_line_result result;
	int status =
		command_line_read(&command_line, &result, NULL, argc, argv);

	if (status != COMMAND_LINE_GO_ON)
		return status;
	if (result.n_operands < 1) {
		complain("expected an ADDRESS, see --help");
		return 2;
	}
	if (result.n_operands > 2) {
		complain("%s: expected no more than a TEXT",
			 result.operands[2]);
		return 2;
	}
	options->address = result.operands[0];
	options->text = result.n_operands == 2 ? result.operands[1] : NULL;
	options->timeout_ns = result.values[OPTION_TIMEOUT].number;
	return COMMAND_LINE_GO_ON;
}
