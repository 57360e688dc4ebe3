/* Laps by kind of work, and the longest turn so far. */
#include "stopwatch.h"

#include <stddef.h>
#include <string.h>

#include "sys.h"

/* A switch, not a table: -Wswitch-enum then reports a missing kind. */
const char *weir_work_name(enum weir_work work)
{
	switch (work) {
	case WEIR_WORK_WATCH:
		return "watch";
	case WEIR_WORK_CONNECTION:
		return "connection";
	case WEIR_WORK_LISTENER:
		return "listener";
	case WEIR_WORK_CONNECTOR:
		return "connector";
	case WEIR_WORK_DGRAM:
		return "dgram";
	case WEIR_WORK_SIGNAL:
		return "signal";
	case WEIR_WORK_WAKEUP:
		return "wakeup";
	case WEIR_WORK_TIMER:
		return "timer";
	case WEIR_WORK_CLOSE:
		return "close";
	case WEIR_WORK_FLUSH:
		return "flush";
	case WEIR_WORK_COMMIT:
		return "commit";
	case WEIR_WORK_MEMORY:
		return "memory";
	case WEIR_N_WORKS:
		break;
	}
	return NULL;
}

void weir_stopwatch_begin_turn(struct weir_stopwatch *s)
{
	if (s->cpu_ns == 0)
		s->cpu_ns = weir_sys_thread_cpu();
	memset(s->spent_ns, 0, sizeof s->spent_ns);
	weir_stopwatch_begin_lap(s);
}

void weir_stopwatch_begin_lap(struct weir_stopwatch *s)
{
	s->lap_ns = weir_sys_now();
}

void weir_stopwatch_lap(struct weir_stopwatch *s, enum weir_work work)
{
	uint64_t now_ns = weir_sys_now();

	s->spent_ns[work] += now_ns - s->lap_ns;
	s->lap_ns = now_ns;
}

static enum weir_work most_spent(const struct weir_stopwatch *s)
{
	unsigned most = 0;
	unsigned i;

	for (i = 1; i < WEIR_N_WORKS; i++)
		if (s->spent_ns[i] > s->spent_ns[most])
			most = i;
	return (enum weir_work)most;
}

void weir_stopwatch_end_turn(struct weir_stopwatch *s)
{
	uint64_t now_ns = weir_sys_thread_cpu();

	/* begun again inside this very turn: the next is the first whole one */
	if (s->cpu_ns != 0 && now_ns - s->cpu_ns > s->longest_ns) {
		s->longest_ns = now_ns - s->cpu_ns;
		s->longest_in = most_spent(s);
	}
	s->cpu_ns = now_ns;
}
