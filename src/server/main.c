/* weir-server: from the command line to the exit status. */
#include "server.h"

#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

enum exit_status {
	EXIT_DONE = 0,
	EXIT_FAILED = 1,
	EXIT_REFUSED = 2
};

/* As many clients as the administrator allows. */
static void raise_descriptor_limit(void)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit) < 0)
		return;
	limit.rlim_cur = limit.rlim_max;
	(void)setrlimit(RLIMIT_NOFILE, &limit);
}

/* After a start without arguments: what to try. The client is built beside
 * the server. */
static void suggest(struct server *server, const char *program)
{
	const char *slash = strrchr(program, '/');
	int n = slash ? (int)(slash + 1 - program) : 0;

	log_say(server, "try: %.*sweir-client %s 'Hey~~~'", n, program,
		greet_service.address);
	log_say(server, "or:  echo Hello | %.*sweir-client %s", n, program,
		echo_service.address);
	log_say(server, "Ctrl-C ends it; --help tells the rest");
}

static int run(const struct settings *settings, const char *program)
{
	struct server server;
	int outcome;

	if (server_open(&server, settings) < 0)
		return EXIT_REFUSED;
	if (settings->is_default)
		suggest(&server, program);
	outcome = server_run(&server);
	if (outcome < 0) {
		complain("the loop failed: %s", strerror(-outcome));
		return EXIT_FAILED;
	}
	server_close(&server);
	return outcome == SERVER_DRAINED ? EXIT_DONE : EXIT_FAILED;
}

int main(int argc, char **argv)
{
	struct settings settings;
	int status;

	switch (options_parse(&settings, argc, argv)) {
	case OPTIONS_INFORMED:
		return EXIT_DONE;
	case OPTIONS_REFUSED:
		return EXIT_REFUSED;
	case OPTIONS_FAILED:
		return EXIT_FAILED;
	case OPTIONS_RUN:
		break;
	}
	(void)signal(SIGPIPE, SIG_IGN);
	raise_descriptor_limit();
	status = run(&settings, argc > 0 ? argv[0] : "");
	options_free(&settings);
	return status;
}
