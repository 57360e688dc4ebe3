/* weir-server: from the command line to the exit status. */
#include <string.h>

#include "command_line.h"
#include "endpoint_config.h"
#include "log.h"
#include "options.h"
#include "process.h"
#include "server.h"
#include "service.h"

enum exit_status {
	EXIT_DONE = 0,
	EXIT_FAILED = 1,
	EXIT_REFUSED = 2
};

/* After a start without arguments, suggest what to try. weir-client is built
 * into the same folder. */
static void suggest(struct worker *worker, const char *program)
{
	const char *slash = strrchr(program, '/');
	int n = slash ? (int)(slash + 1 - program) : 0;

	log_say(worker, "try: %.*sweir-client %s 'Hey~~~'", n, program,
		greet_service.address);
	log_say(worker, "or:  echo Hello | %.*sweir-client %s", n, program,
		echo_service.address);
	log_say(worker, "Ctrl-C ends it; --help tells the rest");
}

static int run(const struct settings *settings, const char *program)
{
	struct server server;
	enum server_outcome outcome;

	if (server_open(&server, settings) < 0)
		return EXIT_REFUSED;
	if (settings->is_default)
		suggest(&server.workers[0], program);
	outcome = server_run(&server);
	server_close(&server);
	return outcome == SERVER_DRAINED ? EXIT_DONE : EXIT_FAILED;
}

int main(int argc, char **argv)
{
	struct settings settings;
	int status = options_read(&settings, argc, argv);

	if (status != OPTIONS_RUN)
		return status;
	if (settings.is_check) {
		endpoint_config_print_all(&settings);
		endpoint_config_free_all(&settings);
		return command_line_end_output();
	}
	process_begin();
	status = run(&settings, argc > 0 ? argv[0] : "");
	endpoint_config_free_all(&settings);
	return status;
}
