/* From the settings to the result. */
#include "generator.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

#include "complain.h"
#include "datagram.h"
#include "environment.h"
#include "generator_inside.h"
#include "load.h"
#include "result.h"
#include "team.h"

void generator_refuse(const struct load *load)
{
	char cause[COMPLAIN_CAUSE_SIZE];

	if (load->result->is_interrupted)
		complain("%s: interrupted before it was connected",
			 load->target->text);
	else
		complain("%s: %s", load->target->text,
			 complain_cause(load->last_error, cause));
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
	return load->has_begun ? STATUS_GO_ON : STATUS_REFUSED;
}

enum status generator_turn(struct load *load)
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

struct load *generator_prepare(const struct settings *settings,
			       const struct target *target,
			       const struct generator_events *events,
			       struct team_member *member,
			       struct result *result)
{
	struct load *load = calloc(1, sizeof *load);

	if (result_init(result, settings) < 0 || !load) {
		free(load);
		return NULL;
	}
	load->settings = settings;
	load->target = target;
	load->mode = settings->is_datagram ? &datagram_mode
					   : mode_of(settings->mode);
	load->events = events;
	load->member = member;
	load->result = result;
	load->is_open_loop = settings->rate > 0;
	/* nothing counts yet */
	load->start_ns = UINT64_MAX;
	load->n_wanted =
		settings->n_messages ? settings->n_messages : UINT64_MAX;
	return load;
}

enum status generator_run(const struct settings *settings,
			  const struct target *target,
			  const struct generator_events *events,
			  struct result *result)
{
	struct load *load;
	enum status status;

	if (settings->n_threads > 1)
		return team_run(settings, target, events, result);
	load = generator_prepare(settings, target, events, NULL, result);
	if (!load) {
		complain("%s", strerror(ENOMEM));
		return STATUS_FAILED;
	}
	status = generator_turn(load);
	if (status == STATUS_REFUSED)
		generator_refuse(load);
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
