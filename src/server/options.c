/* The command line of weir-server: the settings that follow from it. */
#include "options.h"

#include <string.h>

#include "argument_file.h"
#include "complain.h"
#include "endpoint_config.h"
#include "endpoint_settings.h"
#include "nats_config.h"
#include "options_table.h"
#include "systemd.h"

static enum log_format log_format_of(const struct command_line_value *values)
{
	const struct command_line_value *value = &values[OPTION_LOG_FORMAT];

	if (value->is_given)
		return (enum log_format)value->number;
	if (values[OPTION_LOG].is_given)
		return LOG_FORMAT_TIME;
	return systemd_reads_log() ? LOG_FORMAT_JOURNAL : LOG_FORMAT_PLAIN;
}

static void apply(struct settings *settings,
		  const struct command_line_value *values)
{
	*settings = (struct settings){
		.n_workers = (size_t)values[OPTION_WORKERS].number,
		.budget = (size_t)values[OPTION_BUDGET].number,
		.max_conns = values[OPTION_MAX_CONNS].number,
		.grace_ns = values[OPTION_GRACE].number,
		.drain_ns = values[OPTION_DRAIN].number,
		.drain_idle_ns = values[OPTION_DRAIN_IDLE].number,
		.start_timeout_ns = values[OPTION_START_TIMEOUT].number,
		.log_format = log_format_of(values),
		.log_path = values[OPTION_LOG].text,
		.pid_path = values[OPTION_PID_FILE].text,
		.metrics_token = values[OPTION_METRICS_TOKEN].text,
		.is_traced = values[OPTION_TRACE].is_given,
		.is_check = values[OPTION_CHECK].is_given,
		.is_quiet = values[OPTION_QUIET].is_given,
	};
}

/* What the shared memory leaves must be enough for each worker, beside the
 * lines that it keeps. */
static bool check_budget(const struct settings *settings)
{
	size_t least =
		endpoint_config_shared_memory(settings) +
		settings->n_workers * ((size_t)options_budget.min +
				       endpoint_config_kept_memory(settings));

	if (settings->budget >= least)
		return true;
	complain("--budget %zu: expected at least %zu for %zu workers",
		 settings->budget, least, settings->n_workers);
	return false;
}

int options_read(struct settings *settings, int argc, char **argv)
{
	struct command_line_result result;
	struct option_values options = {.trusted.n = 0};
	char **expanded;
	int status;

	expanded = argument_file_expand(&argc, argv);
	if (!expanded)
		return OPTIONS_REFUSED;
	status = command_line_read(&options_command_line, &result, &options,
				   argc, expanded);
	if (status != COMMAND_LINE_GO_ON)
		return status;
	memcpy(options.values, result.values, sizeof options.values);
	apply(settings, result.values);
	settings->argv = argv;
	if (!endpoint_settings_apply(&settings->defaults, &options, "--"))
		return OPTIONS_REFUSED;
	if (endpoint_config_parse_all(settings, &options,
				      (int)result.n_operands,
				      result.operands) &&
	    nats_config_parse(settings, result.values[OPTION_NATS].text) &&
	    check_budget(settings))
		return OPTIONS_RUN;
	endpoint_config_free_all(settings);
	return OPTIONS_REFUSED;
}
