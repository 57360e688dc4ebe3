/* The version that was linked, as opposed to the one compiled against. */
#include <weir/version.h>

const char *weir_version(void)
{
	return WEIR_VERSION;
}
