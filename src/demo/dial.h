/* TCP over loopback, with buffers of a fixed size. */
#ifndef DEMO_DIAL_H
#define DEMO_DIAL_H

struct sockaddr_in;

/* A listening socket on a port of the kernel's choice, which goes to address;
 * non-blocking. What is accepted inherits SO_SNDBUF (Linux doubles it) and
 * TCP_NODELAY. Or -errno. */
int dial_listen(struct sockaddr_in *address, int sndbuf);
/* A connected, blocking socket; rcvbuf > 0: its SO_RCVBUF (Linux doubles it),
 * set before the window is negotiated. Or -errno. */
int dial_connect(const struct sockaddr_in *address, int rcvbuf);
/* What Linux made of SO_SNDBUF or SO_RCVBUF. */
int dial_buffer_size(int fd, int option);

#endif
