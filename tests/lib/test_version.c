#include <criterion/criterion.h>
#include <stdio.h>

#include <weir/version.h>

Test(version, the_library_fits_its_own_headers)
{
	cr_assert(WEIR_VERSION_FITS());
	cr_assert_str_eq(weir_version(), WEIR_VERSION);
}

static bool fits(int major, int minor, const char *patch)
{
	char text[32];

	snprintf(text, sizeof text, "%d.%d%s", major, minor, patch);
	return weir_version_fits(text);
}

Test(version, a_patch_fits_and_no_other_minor_or_major)
{
	int major;
	int minor;

	cr_assert_eq(sscanf(WEIR_VERSION, "%d.%d.", &major, &minor), 2);
	cr_expect(fits(major, minor, ".0"));
	cr_expect(fits(major, minor, ".17"));
	cr_expect_not(fits(major, minor, ""));
	cr_expect_not(fits(major, minor, "0.0"));
	cr_expect_not(fits(major, minor + 1, ".0"));
	cr_expect_not(fits(major, minor - 1, ".0"));
	cr_expect_not(fits(major + 1, minor, ".0"));
}
