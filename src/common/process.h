/* What a program sees to before it opens anything. */
#ifndef PROCESS_H
#define PROCESS_H

/* Descriptors: as many as the administrator allows, and none of those that it
 * opens becomes a standard one that was closed. Writing to who has gone: an
 * error that can be told. To be called once the command line is read, since
 * --help shall end as quietly as any program does when its pager has gone. */
void process_begin(void);

#endif
