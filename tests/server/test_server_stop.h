/* An echo server that is to stop while it has a client. */
#ifndef TEST_SERVER_STOP_H
#define TEST_SERVER_STOP_H

#include "harness.h"
#include "harness_server.h"

enum {
	N_OWED = 200000 /* less than high: the server reads them all */
};

/* Start one with these options (NULL: none); a client that it has answered. */
int start_and_echo(struct served *s, char address[SERVED_ADDRESS_SIZE],
		   const char *option);
/* A client that has sent N_OWED bytes of pattern 1, is owed most of them, and
 * reads none. */
int start_and_be_owed(struct served *s, const char *option, const char *other);

#endif
