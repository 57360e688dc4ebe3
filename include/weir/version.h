/* The version of the library, by semantic versioning (semver.org).
 *
 * Programs embed the library's structs, so the size of each is part of the ABI.
 * Until 1.0 a minor version may change them, and the functions; a patch never
 * does. The SONAME, libweir.so.0, stays the same until 1.0: a program compiled
 * against 0.2 may meet a library of 0.3 at run time, and must not run with it.
 * A package states that (libweir0 >= 0.2, << 0.3); a program that comes without
 * one asks first:
 *
 * Example:
 *
 *	#include <stdio.h>
 *	#include <weir.h>
 *
 *	int main(void)
 *	{
 *		if (!WEIR_VERSION_FITS()) {
 *			fprintf(stderr, "compiled for weir %s, not for %s\n",
 *				WEIR_VERSION, weir_version());
 *			return 1;
 *		}
 *		return 0;
 *	}
 *
 * From 1.0 on the SONAME has the major version, and within it no struct that
 * programs embed changes its size.
 */
#ifndef WEIR_VERSION_H
#define WEIR_VERSION_H

#include <stdbool.h>

#include <weir/declare.h>

WEIR_DECLARE_BEGIN

/* The version of the headers. */
#define WEIR_VERSION "0.2.0"

/* Whether a program may run with the library that it met at run time. */
#define WEIR_VERSION_FITS() weir_version_fits(WEIR_VERSION)

/* The version of the linked library, a static string. */
const char *weir_version(void);

/* True if the linked library has the ABI of these headers, of which headers is
 * the WEIR_VERSION: until 1.0 the same minor version, whatever the patch. */
bool weir_version_fits(const char *headers);

WEIR_DECLARE_END

#endif
