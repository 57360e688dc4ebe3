/* weir-server's SERVICE=ADDRESS[,TARGET][,OPTION=VALUE]... arguments, one a
 * line of the input. What is accepted is in its range and has an address, and
 * a target just where its service takes one. No name is looked up. */
#include "endpoint_config.h"

#include <errno.h>
#include <fcntl.h>
#include <sanitizer/common_interface_defs.h>
#include <unistd.h>

#include "endpoint_settings.h"
#include "fault.h"
#include "fuzz.h"
#include "options_table.h"
#include "service.h"

enum {
	MAX_ARGUMENTS = 8
};

static struct {
	int standard_error;
	int nowhere;
} fds;

int LLVMFuzzerInitialize(int *argc, char ***argv);

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	(void)argc;
	(void)argv;
	fds.standard_error = fcntl(STDERR_FILENO, F_DUPFD_CLOEXEC, 0);
	fds.nowhere = open("/dev/null", O_WRONLY | O_CLOEXEC);
	must(fds.standard_error, "dup");
	must(fds.nowhere, "/dev/null");
	__sanitizer_set_report_fd((void *)(intptr_t)fds.standard_error);
	return 0;
}

static void check_limits(const struct weir_conn_limits *limits)
{
	fuzz_want(limits->low <= limits->high, "low is above high");
	fuzz_want(limits->high + WEIR_READ_SIZE <= limits->max,
		  "max leaves no room for a read");
}

static void check(const struct endpoint_config *config)
{
	const struct endpoint_settings *s = &config->settings;

	check_limits(&s->limits);
	fuzz_want(s->listener.backlog >= 0 && s->listener.sndbuf >= 0 &&
			  s->listener.rcvbuf >= 0 &&
			  s->listener.notsent_lowat >= 0,
		  "a listener would refuse its options");
	fuzz_want(s->mode >= -1 && s->mode <= 0777, "no mode of a file");
	fuzz_want(s->ipv6_prefix <= 128, "a prefix is too long");
	fuzz_want(s->trusted.n <= MAX_NETWORKS, "too many networks");
	fuzz_want(s->slow <= SLOW_DISCONNECT, "no such policy");
	fuzz_want(s->untrusted <= UNTRUSTED_SERVE, "no such policy");
	fuzz_want(s->proxy_version >= 0 && s->proxy_version <= 2,
		  "no such version");
	fuzz_want(config->n_addresses > 0 &&
			  config->n_addresses <= MAX_ADDRESSES,
		  "a wrong number of addresses");
	fuzz_want(config->service->takes_target == (config->n_targets > 0) &&
			  config->n_targets <= MAX_TARGETS,
		  "a wrong number of targets");
	fuzz_want(config->n_conns, "nobody counts its connections");
}

/* As they are without any option. */
static struct option_values defaults(void)
{
	char program[] = "fuzzed";
	char *argv[] = {program, NULL};
	struct command_line_result result;
	struct option_values options = {.trusted.n = 0};

	fuzz_want(command_line_read(&options_command_line, &result, &options, 1,
				    argv) == COMMAND_LINE_GO_ON,
		  "no arguments are refused");
	memcpy(options.values, result.values, sizeof options.values);
	return options;
}

/* What is complained of goes nowhere. */
static bool parse_all(struct settings *settings, int n, char **arguments)
{
	struct option_values options = defaults();
	bool is_right;

	must(dup2(fds.nowhere, STDERR_FILENO), "dup2");
	is_right = endpoint_settings_apply(&settings->defaults, &options, "") &&
		   endpoint_config_parse_all(settings, &options, n, arguments);
	must(dup2(fds.standard_error, STDERR_FILENO), "dup2");
	return is_right;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	struct fuzz f = {data, n};
	char *text = fuzz_text(&f);
	char *rest = text;
	struct settings settings = {.n_workers = 1};
	char *arguments[MAX_ARGUMENTS];
	int n_arguments = 0;
	size_t i;

	fault_reset();
	fault_result(FAULT_GETADDRINFO, FAULT_ANY_FD, FAULT_ALWAYS, -ENOENT);
	while (rest && n_arguments < MAX_ARGUMENTS)
		arguments[n_arguments++] = strsep(&rest, "\n");
	if (parse_all(&settings, n_arguments, arguments))
		for (i = 0; i < settings.n_endpoints; i++)
			check(&settings.endpoints[i]);
	endpoint_config_free_all(&settings);
	fault_reset();
	fuzz_want(fault_n_live() == 0, "memory is leaked");
	free(text);
	return 0;
}
