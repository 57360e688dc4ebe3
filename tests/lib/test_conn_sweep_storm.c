/* The same lives with several faults at once. WEIR_SEED gives other faults; a
 * failure names its own. */
#include "test_conn_sweep.h"

#include <criterion/criterion.h>

TestSuite(conn_sweep_storm, .init = conn_begin, .fini = conn_end);

enum {
	N_RUNS = 400
};

#define STORM(name, scenario)                        \
	Test(conn_sweep_storm, name)                 \
	{                                            \
		scenario_storm(&(scenario), N_RUNS); \
	}

STORM(echo, scenario_echo)
STORM(echo_over_tcp, scenario_echo_tcp)
STORM(lines, scenario_lines)
STORM(pour, scenario_pour)
STORM(finish, scenario_finish)
STORM(half_close, scenario_half_close)
STORM(end, scenario_end)
STORM(stream, scenario_stream)
STORM(broadcast, scenario_broadcast)
STORM(relay, scenario_relay)
STORM(serve, scenario_serve)
