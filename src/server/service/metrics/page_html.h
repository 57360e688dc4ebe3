/* The live page: page.html, made into C by the Makefile. */
#ifndef PAGE_HTML_H
#define PAGE_HTML_H

#include <stddef.h>

extern const unsigned char page_html[];
extern const size_t page_html_size;

#endif
