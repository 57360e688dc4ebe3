/* The fixture of test_loop.h. */
#include "test_loop.h"

#include <criterion/criterion.h>

#include "fault.h"
#include "harness.h"

struct weir_loop *loop;
struct probe probe;

void loop_begin(void)
{
	harness_begin();
	cr_assert_eq(weir_loop_new(&loop), 0);
	fault_reset();
}

void loop_end(void)
{
	probe_close(&probe);
	if (weir_loop_free(loop) != 0)
		harness_die("something is still open");
	harness_end();
}

void turns(unsigned n)
{
	while (n-- > 0)
		cr_assert_geq(weir_loop_turn(loop, 0), 0);
}
