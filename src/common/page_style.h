/* The style of page.h's pages and chart.h's charts, as CSS: its
 * pieces, and NULL. */
#ifndef PAGE_STYLE_H
#define PAGE_STYLE_H

extern const char *const page_style[];

#endif
