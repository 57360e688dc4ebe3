/* The version of the library, by semantic versioning (semver.org). */
#ifndef WEIR_VERSION_H
#define WEIR_VERSION_H

#include <weir/declare.h>

WEIR_DECLARE_BEGIN

#define WEIR_VERSION "0.1.0"

/* The version of the linked library, a static string. WEIR_VERSION is the
 * version of the headers. */
const char *weir_version(void);

WEIR_DECLARE_END

#endif
