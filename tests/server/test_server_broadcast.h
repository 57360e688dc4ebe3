/* An audience of clients at the broadcast of a running weir-server: what some
 * say is checked at all the others', line by line and byte by byte. */
#ifndef TEST_SERVER_BROADCAST_H
#define TEST_SERVER_BROADCAST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "harness_server.h"

enum {
	AUDIENCE_MAX = 16,
	AUDIENCE_LINE = 65536, /* the longest that is let through */
	AUDIENCE_PATIENCE_S = 100
};

struct audience;

/* One of the audience. */
struct fellow {
	struct audience *audience;
	int fd;
	bool is_deaf;	/* it does not read */
	bool has_ended; /* nothing more will come */
	int error;	/* errno that ended it; 0: a FIN */
	/* what it says */
	uint64_t n_to_say;
	uint64_t n_said;
	size_t n_longest;
	char *line; /* this one now, of n_line bytes, n_gone of them sent */
	size_t n_line;
	size_t n_gone;
	/* what it hears: from each of the others, in its order */
	uint64_t n_heard[AUDIENCE_MAX];
	uint64_t next[AUDIENCE_MAX];
	uint64_t n_missed; /* that it was told of */
	uint64_t n_notices;
	uint64_t n_gaps; /* of lines from other servers */
	char *text;	 /* the beginning of a line */
	size_t n_text;
};

struct audience {
	struct served served;
	struct fellow fellows[AUDIENCE_MAX];
	size_t n;
	/* a gap is where it is told of */
	bool has_told_gaps;
};

/* Start a server with these arguments, NULL behind the last; it broadcasts. */
void audience_start(struct audience *audience, const char *const *arguments);
/* One more, which connects to address, and hears all that is said from now on.
 * rcvbuf as dial. */
struct fellow *audience_join(struct audience *audience, const char *address,
			     int rcvbuf);
/* n more lines, of at most longest bytes. */
void fellow_say(struct fellow *fellow, uint64_t n, size_t longest);
/* Take a piece of what is there for it, also when it is deaf. */
void fellow_hear(struct fellow *fellow);
/* Until all is said. */
void audience_speak(struct audience *audience);
/* Until all is said, and everyone that is not deaf has heard every line of the
 * others, or has been told that it missed it. */
void audience_hear(struct audience *audience);
/* Until everyone that is not deaf has come to the end. */
void audience_hear_to_the_end(struct audience *audience);
/* Whether it has heard every line of everybody else's. */
bool fellow_has_heard_all(const struct fellow *fellow);
/* All leave; what the server says is left to served_wait and the like. */
void audience_close(struct audience *audience);
/* They leave, the server stops: its exit status. */
int audience_stop(struct audience *audience);

#endif
