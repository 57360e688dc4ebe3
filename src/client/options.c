/* The command line, by getopt_long(3): options may stand anywhere, and "--"
 * before a TEXT that begins with a dash. */
#include "options.h"

#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <string.h>

#include <weir.h>

#include "quantity.h"

static const char help[] =
	"Usage: weir-client [OPTION]... ADDRESS [TEXT]\n"
	"Connect, send TEXT or standard input, and print what comes back\n"
	"until the peer ends its side. When the input ends, so does ours.\n"
	"\n"
	"      --timeout TIME  give up connecting after TIME (10s); a whole\n"
	"                      number with ns, us, ms, s or m\n"
	"      --help          print this and exit\n"
	"      --version       print the version and exit\n"
	"\n"
	"ADDRESS is HOST:PORT, [V6]:PORT, :PORT (localhost), unix:PATH or\n"
	"unix:@NAME. Put -- before a TEXT that begins with a dash.\n"
	"\n"
	"Exit status: 0 the peer ended its stream; 1 the connection, standard\n"
	"input or standard output failed; 2 the command line is wrong.\n";

/* The exit status: standard output may be a full disk. */
static int print(const char *text)
{
	if (fputs(text, stdout) >= 0 && fflush(stdout) == 0)
		return 0;
	(void)fprintf(stderr, "weir-client: standard output: %s\n",
		      strerror(errno));
	return 1;
}

static int parse_operands(struct options *options, int n, char **operands)
{
	if (n >= 1 && n <= 2) {
		options->address = operands[0];
		options->text = n == 2 ? operands[1] : NULL;
		return OPTIONS_GO_ON;
	}
	if (n < 1)
		(void)fputs("weir-client: expected an ADDRESS, see --help\n",
			    stderr);
	else
		(void)fprintf(stderr,
			      "weir-client: %s: expected no more than a TEXT\n",
			      operands[2]);
	return 2;
}

int options_parse(struct options *options, int argc, char **argv)
{
	static const struct option known[] = {
		{"help", no_argument, NULL, 'h'},
		{"timeout", required_argument, NULL, 't'},
		{"version", no_argument, NULL, 'v'},
		{NULL, 0, NULL, 0}};
	static char name[] = "weir-client";
	int option;

	/* getopt's messages begin with it, as ours do */
	if (argc > 0)
		argv[0] = name;
	options->timeout_ns = 10000000000;
	while ((option = getopt_long(argc, argv, "", known, NULL)) != -1) {
		if (option == 'h')
			return print(help);
		if (option == 'v')
			return print("weir-client " WEIR_VERSION "\n");
		if (option != 't')
			return 2;
		if (!quantity_parse(&quantity_time, optarg,
				    &options->timeout_ns)) {
			(void)fprintf(stderr,
				      "weir-client: --timeout %s: expected "
				      "%s\n",
				      optarg, quantity_time.expected);
			return 2;
		}
	}
	return parse_operands(options, argc - optind, argv + optind);
}
