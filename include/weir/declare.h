/* Every public header puts its declarations between these two macros: they get
 * C linkage in C++ too, and the shared library exports exactly what is declared
 * between them. */
#ifndef WEIR_DECLARE_H
#define WEIR_DECLARE_H

#ifdef __cplusplus
#define WEIR_DECLARE_BEGIN \
	extern "C" {       \
	_Pragma("GCC visibility push(default)")
#define WEIR_DECLARE_END              \
	_Pragma("GCC visibility pop") \
	}
#else
#define WEIR_DECLARE_BEGIN _Pragma("GCC visibility push(default)")
#define WEIR_DECLARE_END   _Pragma("GCC visibility pop")
#endif

#endif
