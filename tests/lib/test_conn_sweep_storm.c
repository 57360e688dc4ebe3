/* The same lives with several faults at once. WEIR_SEED gives other faults; a
 * failure names its own. */
#include "test_conn_sweep.h"

#include <criterion/criterion.h>

TestSuite(conn_sweep_storm, .init = conn_begin, .fini = conn_end);

enum {
	N_RUNS = 400
};

Test(conn_sweep_storm, echo)
{
	scenario_storm(&scenario_echo, N_RUNS);
}

Test(conn_sweep_storm, echo_over_tcp)
{
	scenario_storm(&scenario_echo_tcp, N_RUNS);
}

Test(conn_sweep_storm, lines)
{
	scenario_storm(&scenario_lines, N_RUNS);
}

Test(conn_sweep_storm, pour)
{
	scenario_storm(&scenario_pour, N_RUNS);
}

Test(conn_sweep_storm, finish)
{
	scenario_storm(&scenario_finish, N_RUNS);
}

Test(conn_sweep_storm, half_close)
{
	scenario_storm(&scenario_half_close, N_RUNS);
}

Test(conn_sweep_storm, end)
{
	scenario_storm(&scenario_end, N_RUNS);
}

Test(conn_sweep_storm, stream)
{
	scenario_storm(&scenario_stream, N_RUNS);
}

Test(conn_sweep_storm, broadcast)
{
	scenario_storm(&scenario_broadcast, N_RUNS);
}

Test(conn_sweep_storm, relay)
{
	scenario_storm(&scenario_relay, N_RUNS);
}

Test(conn_sweep_storm, serve)
{
	scenario_storm(&scenario_serve, N_RUNS);
}
