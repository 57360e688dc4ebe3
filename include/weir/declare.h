/* What surrounds the declarations of every public header: they have C linkage
 * in C++ too, and what is declared between the two is what the shared library
 * exports. */
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
