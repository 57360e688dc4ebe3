/* The table of weir-server's options. */
#ifndef OPTIONS_TABLE_H
#define OPTIONS_TABLE_H

#include "command_line.h"
#include "network.h"

/* Their places in the table. */
enum option {
	OPTION_WORKERS,
	OPTION_BACKLOG,
	OPTION_MODE,
	OPTION_MAX_CONNS,
	OPTION_MAX_PER_ADDRESS,
	OPTION_RATE_PER_ADDRESS,
	OPTION_ADDRESS_PREFIX,
	OPTION_LOW,
	OPTION_HIGH,
	OPTION_MAX,
	OPTION_BUDGET,
	OPTION_SLOW,
	OPTION_CHANNEL,
	OPTION_PATH,
	OPTION_CORS,
	OPTION_REPLAY,
	OPTION_HEARTBEAT,
	OPTION_NATS,
	OPTION_SUBJECT,
	OPTION_STALL,
	OPTION_MIN_RATE,
	OPTION_IDLE,
	OPTION_KEEPALIVE,
	OPTION_HALF_CLOSE,
	OPTION_CONNECT_TIMEOUT,
	OPTION_LEAVE_OUT,
	OPTION_LINGER,
	OPTION_GRACE,
	OPTION_DRAIN,
	OPTION_DRAIN_IDLE,
	OPTION_START_TIMEOUT,
	OPTION_SNDBUF,
	OPTION_RCVBUF,
	OPTION_NOTSENT_LOWAT,
	OPTION_UDP_RATE,
	OPTION_METRICS,
	OPTION_METRICS_TOKEN,
	OPTION_ACCEPT_PROXY,
	OPTION_TRUSTED,
	OPTION_UNTRUSTED,
	OPTION_PROXY_PROTOCOL,
	OPTION_PROXY_VERSION,
	OPTION_LOG,
	OPTION_LOG_FORMAT,
	OPTION_TRACE,
	OPTION_QUIET,
	OPTION_PID_FILE,
	OPTION_CHECK,
	N_OPTIONS
};

/* What is read by the table: of the command line, or of one endpoint. */
struct option_values {
	struct command_line_value values[N_OPTIONS];
	struct networks trusted; /* OPTION_TRUSTED, which can be repeated */
};

/* A struct option_values is the context of its options. */
extern const struct command_line options_command_line;
extern const struct quantity_kind options_budget;

#endif
