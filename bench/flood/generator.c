/* From the settings to the result. */
#include "generator.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

#include "complain.h"
#include "environment.h"
#include "load.h"
#include "result.h"

/* Nobody was there: why not. */
static enum status refuse(const struct load *load)
{
	char cause[COMPLAIN_CAUSE_SIZE];

	if (load->result->is_interrupted)
		complain("%s: interrupted before it was connected",
			 load->target->text);
	else
		complain("%s: %s", load->target->text,
			 complain_cause(load->last_error, cause));
	return STATUS_REFUSED;
}

static enum status run(struct load *load)
{
	char cause[COMPLAIN_CAUSE_SIZE];
	int error = load_run(load);

	if (error < 0) {
		complain("%s: %s", load->target->text,
			 complain_cause(error, cause));
		return STATUS_FAILED;
	}
	return load->has_begun ? STATUS_GO_ON : refuse(load);
}

static enum status run_in_loop(struct load *load)
{
	struct environment_times before;
	struct environment_times after;
	enum status status;
	int error = weir_loop_new(&load->loop);

	if (error < 0) {
		complain("epoll: %s", strerror(-error));
		return STATUS_FAILED;
	}
	load->timers.loop = load->loop;
	environment_read(&load->result->environment, load->settings);
	environment_read_times(&before);
	status = run(load);
	environment_read_times(&after);
	load->result->environment.steal = environment_steal(&before, &after);
	weir_loop_free(load->loop);
	return status;
}

enum status generator_run(const struct settings *settings,
			  const struct target *target,
			  const struct generator_events *events,
			  struct result *result)
{
	struct load *load = calloc(1, sizeof *load);
	enum status status = STATUS_FAILED;

	if (result_init(result, settings) == 0 && load) {
		load->settings = settings;
		load->target = target;
		load->mode = mode_of(settings->mode);
		load->events = events;
		load->result = result;
		load->is_open_loop = settings->rate > 0;
		/* nothing counts yet */
		load->start_ns = UINT64_MAX;
		load->n_wanted = settings->n_messages ? settings->n_messages
						      : UINT64_MAX;
		status = run_in_loop(load);
	} else {
		complain("%s", strerror(ENOMEM));
	}
	free(load);
	return status;
}

void generator_hold_interrupts(void)
{
	sigset_t interrupts;

	sigemptyset(&interrupts);
	sigaddset(&interrupts, SIGINT);
	sigaddset(&interrupts, SIGTERM);
	(void)sigprocmask(SIG_BLOCK, &interrupts, NULL);
}
