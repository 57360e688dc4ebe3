/* The version that was linked, as opposed to the one compiled against. */
#include <weir/version.h>

#include <string.h>

const char *weir_version(void)
{
	return WEIR_VERSION;
}

/* Up to the dot before the patch they are equal. */
bool weir_version_fits(const char *headers)
{
	size_t n = (size_t)(strrchr(WEIR_VERSION, '.') - WEIR_VERSION) + 1;

	return strncmp(headers, WEIR_VERSION, n) == 0;
}
