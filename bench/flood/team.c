/* The threads share what is in struct team alone, under its lock. The thread
 * that has called waits for signals and for the others: so that a signal is
 * heard whichever of them have ended. */
#include "team.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

#include "clock.h"
#include "complain.h"
#include "generator_inside.h"
#include "load.h"
#include "result.h"
#include "result_sum.h"
#include "team_seconds.h"
#include "team_share.h"

struct team_member {
	struct team *team;
	struct load *load;
	struct settings settings; /* its share */
	struct generator_events events;
	struct result result;
	pthread_t thread;
	struct weir_wakeup news;
	size_t n_seconds; /* that it has told */
	bool has_thread;
	bool hears;
	bool is_ready;
	enum status status;
};

struct team {
	pthread_mutex_t lock;
	struct team_news news;
	size_t n_ready;
	size_t n_ended;
	bool has_started; /* its events know */
	const struct generator_events *events;
	struct team_seconds seconds;
	struct weir_loop *loop; /* of the caller */
	struct weir_signal interrupt;
	struct weir_signal terminate;
	struct weir_wakeup ended;
	size_t n;
	struct team_member members[];
};

/* -- telling the members; under the lock -- */

static void wake_all(struct team *team)
{
	for (size_t i = 0; i < team->n; i++)
		if (team->members[i].hears)
			weir_wakeup_send(&team->members[i].news);
}

static void be_ready(struct team_member *member)
{
	struct team *team = member->team;

	if (member->is_ready)
		return;
	member->is_ready = true;
	team->n_ready++;
	if (team->n_ready < team->n)
		return;
	team->news.start_ns = clock_now();
	wake_all(team);
}

/* -- from a member's thread -- */

static void on_news(struct weir_wakeup *wakeup)
{
	struct team_member *member =
		weir_container_of(wakeup, struct team_member, news);

	load_take_news(member->load);
}

int team_join(struct team_member *member)
{
	struct team *team = member->team;
	int error;

	pthread_mutex_lock(&team->lock);
	error = weir_wakeup_open(&member->news, member->load->loop, on_news);
	member->hears = error == 0;
	/* what was told before is news too */
	if (member->hears)
		weir_wakeup_send(&member->news);
	pthread_mutex_unlock(&team->lock);
	return error;
}

void team_be_ready(struct team_member *member)
{
	pthread_mutex_lock(&member->team->lock);
	be_ready(member);
	pthread_mutex_unlock(&member->team->lock);
}

void team_stop(struct team_member *member)
{
	struct team *team = member->team;

	pthread_mutex_lock(&team->lock);
	if (!team->news.is_stopping) {
		team->news.is_stopping = true;
		wake_all(team);
	}
	pthread_mutex_unlock(&team->lock);
}

struct team_news team_read(struct team_member *member)
{
	struct team_news news;

	pthread_mutex_lock(&member->team->lock);
	news = member->team->news;
	pthread_mutex_unlock(&member->team->lock);
	return news;
}

void team_leave(struct team_member *member)
{
	pthread_mutex_lock(&member->team->lock);
	member->hears = false;
	weir_wakeup_close(&member->news);
	pthread_mutex_unlock(&member->team->lock);
}

/* One that has found nobody to load keeps none of the others waiting. */
static void *run_member(void *argument)
{
	struct team_member *member = argument;
	struct team *team = member->team;

	member->status = generator_turn(member->load);
	pthread_mutex_lock(&team->lock);
	be_ready(member);
	team->n_ended++;
	weir_wakeup_send(&team->ended);
	pthread_mutex_unlock(&team->lock);
	return NULL;
}

/* -- events, which the threads have in turns -- */

static void on_second(void *user, const struct result_second *second,
		      const struct generator_interval *interval)
{
	struct team_member *member = user;
	struct team *team = member->team;

	pthread_mutex_lock(&team->lock);
	team_seconds_add(&team->seconds, member->n_seconds++, second, interval);
	team_seconds_tell(&team->seconds, team->n, team->events);
	pthread_mutex_unlock(&team->lock);
}

static void on_warmup(void *user, double left_s)
{
	struct team_member *member = user;
	const struct generator_events *events = member->team->events;

	if (member == member->team->members && events && events->on_warmup)
		events->on_warmup(events->user, left_s);
}

static void on_start(void *user)
{
	struct team_member *member = user;
	struct team *team = member->team;

	pthread_mutex_lock(&team->lock);
	if (!team->has_started && team->events && team->events->on_start)
		team->events->on_start(team->events->user);
	team->has_started = true;
	pthread_mutex_unlock(&team->lock);
}

/* -- the whole of it -- */

static void on_signal(struct weir_signal *signal)
{
	struct team *team =
		weir_signal_number(signal) == SIGINT
			? weir_container_of(signal, struct team, interrupt)
			: weir_container_of(signal, struct team, terminate);

	pthread_mutex_lock(&team->lock);
	team->news.n_signals++;
	wake_all(team);
	pthread_mutex_unlock(&team->lock);
}

static void close_watches(struct team *team)
{
	weir_signal_close(&team->interrupt);
	weir_signal_close(&team->terminate);
	weir_wakeup_close(&team->ended);
}

static void on_ended(struct weir_wakeup *wakeup)
{
	struct team *team = weir_container_of(wakeup, struct team, ended);

	pthread_mutex_lock(&team->lock);
	if (team->n_ended == team->n)
		close_watches(team);
	pthread_mutex_unlock(&team->lock);
}

static int open_watches(struct team *team)
{
	int error = weir_loop_new(&team->loop);

	if (error == 0)
		error = weir_signal_open(&team->interrupt, team->loop, SIGINT,
					 on_signal);
	if (error == 0)
		error = weir_signal_open(&team->terminate, team->loop, SIGTERM,
					 on_signal);
	if (error == 0)
		error = weir_wakeup_open(&team->ended, team->loop, on_ended);
	return error;
}

static int prepare(struct team_member *member, const struct settings *settings,
		   const struct target *target, size_t i)
{
	struct team *team = member->team;

	team_share_out(&member->settings, settings, i, team->n);
	member->events = (struct generator_events){.on_second = on_second,
						   .on_warmup = on_warmup,
						   .on_start = on_start,
						   .user = member};
	member->load =
		generator_prepare(&member->settings, target, &member->events,
				  member, &member->result);
	return member->load ? 0 : -ENOMEM;
}

static int begin(struct team_member *member)
{
	int error = pthread_create(&member->thread, NULL, run_member, member);

	member->has_thread = error == 0;
	return -error;
}

/* The signals are blocked in each of them, since they are in this thread. */
static int begin_all(struct team *team)
{
	int error = open_watches(team);

	for (size_t i = 0; i < team->n && error == 0; i++)
		error = begin(&team->members[i]);
	if (error == 0)
		return 0;
	/* those that have begun wait for all */
	pthread_mutex_lock(&team->lock);
	team->news.n_signals = 2;
	wake_all(team);
	pthread_mutex_unlock(&team->lock);
	close_watches(team);
	return error;
}

/* One result of all; the first that was refused speaks for all of them. */
static enum status conclude(struct team *team, struct result *result)
{
	enum status status = STATUS_REFUSED;

	team_seconds_tell(&team->seconds, 1, team->events);
	for (size_t i = 0; i < team->n; i++) {
		struct team_member *member = &team->members[i];

		if (member->status == STATUS_FAILED)
			return STATUS_FAILED;
		if (member->status == STATUS_GO_ON)
			status = STATUS_GO_ON;
		result_add_share(result, &member->result);
	}
	result_finish_shares(result);
	team_seconds_take(&team->seconds, result);
	if (status == STATUS_REFUSED)
		generator_refuse(team->members[0].load);
	return status;
}

static enum status run_all(struct team *team, struct result *result)
{
	int error = begin_all(team);

	if (error == 0)
		error = weir_loop_run(team->loop);
	for (size_t i = 0; i < team->n; i++)
		if (team->members[i].has_thread)
			pthread_join(team->members[i].thread, NULL);
	if (team->loop)
		weir_loop_free(team->loop);
	if (error == 0)
		return conclude(team, result);
	complain("threads: %s", strerror(-error));
	return STATUS_FAILED;
}

static void free_team(struct team *team)
{
	for (size_t i = 0; i < team->n; i++) {
		free(team->members[i].load);
		if (team->members[i].load)
			result_free(&team->members[i].result);
	}
	team_seconds_free(&team->seconds);
	pthread_mutex_destroy(&team->lock);
	free(team);
}

enum status team_run(const struct settings *settings,
		     const struct target *target,
		     const struct generator_events *events,
		     struct result *result)
{
	size_t n = team_count_members(settings);
	struct team *team =
		calloc(1, sizeof *team + n * sizeof(struct team_member));
	int error = team ? result_init(result, settings) : -ENOMEM;
	enum status status = STATUS_FAILED;

	if (team) {
		team->n = n;
		team->events = events;
		pthread_mutex_init(&team->lock, NULL);
	}
	for (size_t i = 0; i < n && error == 0; i++) {
		team->members[i].team = team;
		error = prepare(&team->members[i], settings, target, i);
	}
	if (error == 0)
		status = run_all(team, result);
	else
		complain("%s", strerror(-error));
	if (team)
		free_team(team);
	return status;
}
