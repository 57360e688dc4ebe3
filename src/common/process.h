/* What a program does before it opens anything. */
#ifndef PROCESS_H
#define PROCESS_H

/* Raise the limit of descriptors to what the administrator allows, keep a
 * standard descriptor that was closed from being one that is opened later, and
 * let a write to a pipe or socket whose reader has gone be an error and no
 * signal. Call it once the command line is read, since --help shall end quietly
 * when its pager has gone. */
void process_begin(void);

#endif
