/* The colours are named once for light and once for dark; nothing below them
 * knows which it is. The series' colours are those of Okabe and Ito, which
 * people of any colour vision tell apart, moved until they stand out from the
 * ground by 3:1 or more; each series has its own dashes too, for print and
 * where lines lie on each other. */
#include "page_style.h"

#include <stddef.h>

#define LIGHT                                                          \
	"--ground:#f6f7f9;--paper:#fff;--ink:#1b1f24;--faint:#59636e;" \
	"--line:#d5dae0;--grid:#e6e9ed;--shade:#59636e26;"             \
	"--good:#0b6b45;--good-ground:#e3f4ec;"                        \
	"--warning:#8a5300;--warning-ground:#fff3d9;"                  \
	"--bad:#b3261e;--bad-ground:#fdeae8;"                          \
	"--s1:#0067a8;--s2:#c85200;--s3:#00805e;--s4:#b0568f;"         \
	"--s5:#a97800;--s6:#3a8fc4"

#define DARK                                                              \
	"--ground:#101317;--paper:#181c22;--ink:#e4e8ed;--faint:#9aa5b1;" \
	"--line:#343b45;--grid:#272d35;--shade:#9aa5b12e;"                \
	"--good:#6fd9a8;--good-ground:#12302a;"                           \
	"--warning:#f0be5e;--warning-ground:#33290f;"                     \
	"--bad:#ff9a91;--bad-ground:#3b1a1a;"                             \
	"--s1:#5ab4f2;--s2:#f5833d;--s3:#2fc797;--s4:#e294c5;"            \
	"--s5:#e3b341;--s6:#93cdf0"

const char *const page_style[] = {
	":root{color-scheme:light dark;" LIGHT "}\n"
	"@media(prefers-color-scheme:dark){:root{" DARK "}}\n"
	"@media print{:root{color-scheme:light;" LIGHT ";--ground:#fff}}\n"
	/* the page */
	"*{box-sizing:border-box}\n"
	"body{margin:0;background:var(--ground);color:var(--ink);"
	"font:16px/1.5 system-ui,-apple-system,'Segoe UI',Roboto,"
	"'Helvetica Neue',Arial,sans-serif}\n"
	"main{max-width:64rem;margin:0 auto;padding:2rem 1.25rem 3rem}\n"
	"h1{margin:0;font-size:1.75rem;line-height:1.2;"
	"letter-spacing:-.01em}\n"
	".subtitle{margin:.25rem 0 1.5rem;color:var(--faint);"
	"overflow-wrap:anywhere}\n"
	"h2{margin:2.5rem 0 .75rem;font-size:1.2rem;line-height:1.3}\n"
	"p{margin:.5rem 0;max-width:48rem;overflow-wrap:anywhere}\n"
	"pre,code{font-family:ui-monospace,SFMono-Regular,Menlo,Consolas,"
	"'DejaVu Sans Mono',monospace;font-size:.85rem}\n"
	"pre{margin:.75rem 0;padding:.75rem 1rem;background:var(--paper);"
	"border:1px solid var(--line);border-radius:.5rem;"
	"white-space:pre-wrap;overflow-wrap:anywhere}\n"
	"footer{margin-top:3rem;padding-top:1rem;font-size:.85rem;"
	"color:var(--faint);border-top:1px solid var(--line)}\n",
	/* the verdict */
	".verdict{display:flex;gap:.25rem 1rem;align-items:baseline;"
	"flex-wrap:wrap;max-width:none;margin:1rem 0;padding:.75rem 1rem;"
	"border-radius:.5rem;border-left:.35rem solid;"
	"background:var(--paper)}\n"
	".verdict strong{font-size:1.25rem;letter-spacing:.02em}\n"
	".verdict span{color:var(--ink)}\n"
	".good{color:var(--good)}.warning{color:var(--warning)}"
	".bad{color:var(--bad)}\n"
	".verdict.good{background:var(--good-ground)}"
	".verdict.warning{background:var(--warning-ground)}"
	".verdict.bad{background:var(--bad-ground)}\n"
	/* large figures */
	".tiles{display:grid;gap:.75rem;margin:1.25rem 0;"
	"grid-template-columns:repeat(auto-fit,minmax(10rem,1fr))}\n"
	".tile{margin:0;padding:.75rem 1rem;background:var(--paper);"
	"border:1px solid var(--line);border-radius:.5rem}\n"
	".tile dt,.tile .note{font-size:.85rem;color:var(--faint)}\n"
	".tile dd{margin:0}\n"
	".tile .value{font-size:1.5rem;line-height:1.3;font-weight:600;"
	"white-space:nowrap;font-variant-numeric:tabular-nums}\n",
	/* tables, and lists of facts */
	".wide{overflow-x:auto;margin:.75rem 0;background:var(--paper);"
	"border:1px solid var(--line);border-radius:.5rem}\n"
	"table{width:100%;border-collapse:collapse;font-size:.95rem;"
	"font-variant-numeric:tabular-nums}\n"
	"caption{padding:.6rem 1rem;text-align:left;font-weight:600}\n"
	"th,td{padding:.4rem 1rem;text-align:left;vertical-align:baseline;"
	"border-top:1px solid var(--grid)}\n"
	"thead th{font-size:.85rem;color:var(--faint)}\n"
	"table>:first-child tr:first-child>*{border-top:0}\n"
	"th{font-weight:600}tbody th{font-weight:500}\n"
	".number{text-align:right;white-space:nowrap}\n"
	"td.bad,td.good,td.warning{font-weight:600}\n"
	".facts{display:grid;margin:.75rem 0;padding:.5rem 1rem;"
	"grid-template-columns:minmax(8rem,max-content) 1fr;"
	"column-gap:1.5rem;background:var(--paper);"
	"border:1px solid var(--line);border-radius:.5rem;"
	"font-size:.95rem}\n"
	".facts dt{padding:.3rem 0;color:var(--faint)}\n"
	".facts dd{margin:0;padding:.3rem 0;overflow-wrap:anywhere;"
	"font-variant-numeric:tabular-nums}\n",
	/* charts */
	"figure{margin:.75rem 0;padding:.9rem 1rem .5rem;overflow-x:auto;"
	"background:var(--paper);border:1px solid var(--line);"
	"border-radius:.5rem;break-inside:avoid}\n"
	"figcaption{font-weight:600}\n"
	".legend{display:flex;flex-wrap:wrap;gap:.1rem 1.25rem;"
	"margin:.15rem 0 .25rem;padding:0;list-style:none;font-size:.9rem}\n"
	".legend svg{width:28px;height:10px;margin-right:.45rem;"
	"vertical-align:middle}\n"
	".chart{display:block;width:100%;min-width:36rem;height:auto}\n"
	".chart.small{min-width:0;background:var(--paper)}\n"
	".small .series{stroke-width:3}\n"
	".many{display:grid;gap:.5rem;margin:1rem 0;overflow-x:auto;"
	"grid-template-columns:9rem repeat(var(--n),minmax(6.5rem,1fr))}\n"
	".many div{font-size:.85rem;line-height:1.3;"
	"overflow-wrap:anywhere}\n"
	".many b,.many span{display:block}.many span{color:var(--faint)}\n"
	".chart text{font-size:13px;fill:var(--faint);"
	"font-variant-numeric:tabular-nums}\n"
	".chart .end{text-anchor:end}.chart .middle{text-anchor:middle}\n"
	".chart .halo{fill:var(--ink);stroke:var(--paper);stroke-width:4px;"
	"stroke-linejoin:round;paint-order:stroke}\n"
	".grid{stroke:var(--grid)}.axis{stroke:var(--line)}\n"
	".band{fill:var(--shade)}\n"
	".rule{stroke:var(--faint);stroke-dasharray:2 3}\n"
	".series{fill:none;stroke-width:2;stroke-linejoin:round;"
	"stroke-linecap:round}\n"
	".s1{stroke:var(--s1)}.s2{stroke:var(--s2);stroke-dasharray:8 4}"
	".s3{stroke:var(--s3);stroke-dasharray:2 4}"
	".s4{stroke:var(--s4);stroke-dasharray:10 4 2 4}"
	".s5{stroke:var(--s5);stroke-dasharray:5 5}"
	".s6{stroke:var(--s6);stroke-dasharray:14 5}\n"
	".dots{stroke-width:5;stroke-dasharray:none}\n"
	".tint{stroke:none;opacity:.16}\n"
	".tint.s1{fill:var(--s1)}.tint.s2{fill:var(--s2)}"
	".tint.s3{fill:var(--s3)}.tint.s4{fill:var(--s4)}"
	".tint.s5{fill:var(--s5)}.tint.s6{fill:var(--s6)}\n",
	NULL};
