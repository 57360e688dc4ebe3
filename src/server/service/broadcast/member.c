/* Each episode of missing lines is logged in two lines, at its begin and its
 * end. */
#include "member.h"

#include "client.h"
#include "log.h"

static const char *const consequences[] = {
	[SLOW_DROP_NEWEST] = "new lines are dropped",
	[SLOW_DROP_OLDEST] = "its oldest lines are dropped",
	[SLOW_DISCONNECT] = "it is disconnected",
};

static enum slow_policy slow_policy_of(const struct weir_conn *c)
{
	return client_endpoint(c)->config->settings.slow;
}

static void count_missed(struct weir_conn *c, uint64_t n_lines)
{
	struct endpoint *endpoint = client_endpoint(c);
	struct member *m = client_state(c);
	char peer[PEER_TEXT_SIZE];

	if (m->n_missed == 0)
		log_warn(endpoint->worker, "%s %s: no room: %s",
			 endpoint->service->name, client_peer(c, peer),
			 consequences[slow_policy_of(c)]);
	m->n_missed += n_lines;
	endpoint->counters.n_missed += n_lines;
}

static void end_episode(struct weir_conn *c)
{
	struct endpoint *endpoint = client_endpoint(c);
	struct member *m = client_state(c);
	char peer[PEER_TEXT_SIZE];

	if (m->n_missed > 0)
		log_say(endpoint->worker, "%s %s: lines missed: %llu",
			endpoint->service->name, client_peer(c, peer),
			(unsigned long long)m->n_missed);
	m->n_missed = 0;
}

void member_on_missed(struct weir_conn *c, uint64_t n_lines, uint64_t n_bytes)
{
	struct member *m = client_state(c);

	m->n_trimmed += n_bytes;
	if (slow_policy_of(c) != SLOW_DISCONNECT) {
		count_missed(c, n_lines);
	} else if (m->n_missed == 0) {
		/* for the first line without room */
		count_missed(c, 1);
		weir_conn_abort(c, true);
	}
}

void member_on_pressure(struct weir_conn *c, bool above)
{
	if (!above)
		end_episode(c);
}

static void reset_held(struct weir_conn *c)
{
	struct worker *worker = client_endpoint(c)->worker;
	struct weir_progress progress;

	weir_conn_counters(c, &progress);
	worker->n_lost++;
	worker->lost += progress.unread;
	weir_conn_abort(c, true);
}

void member_on_drain(struct weir_conn *c)
{
	struct channel_worker *channel =
		channel_feed(client_endpoint(c))->channel;
	const struct member *m = client_state(c);

	channel_catch_up(channel);
	if (channel->channel->bridge && weir_list_is_linked(&m->source.held))
		reset_held(c);
	else
		weir_conn_finish(c);
}

void member_on_close(struct weir_conn *c, const struct weir_result *result)
{
	struct member *m = client_state(c);

	(void)result;
	end_episode(c);
	channel_release(&m->source);
}

uint64_t member_n_trimmed(const struct weir_conn *c)
{
	const struct member *m = client_state(c);

	return m->n_trimmed;
}

bool member_publish(struct weir_conn *c, const char *line, size_t n)
{
	struct channel_worker *channel =
		channel_feed(client_endpoint(c))->channel;
	struct member *m = client_state(c);

	if (channel_publish(channel, c, line, n))
		return true;
	channel_hold(channel, &m->source);
	return false;
}
