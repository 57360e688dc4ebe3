/* An echo server over TLS, by OpenSSL. Two BIOs stand between the two: what
 * OpenSSL writes goes to weir_conn_sendall, and where that says -ENOBUFS OpenSSL
 * is told WANT_WRITE; what it reads is what on_data has, and where that is used
 * up it is told WANT_READ. So no byte is kept but in Weir's queue.
 *
 *	tls-echo ADDRESS CERTIFICATE KEY	(files in PEM)
 *
 * Below TLS these go on working: watermarks, limits and the budget (they count
 * encrypted bytes), links, fences, pause and resume, finish. These do not:
 *
 * - weir_conn_sendfile would send the file in the clear;
 * - weir_conn_sendbuf has nothing to share: each client has its own key;
 * - weir_conn_trim would tear records out of the stream, and the client ends it:
 *   drop messages before they are encrypted;
 * - weir_conn_send is for those who can send a part later: OpenSSL's BIO could,
 *   but a record that sendall takes whole is simpler;
 * - a FIN alone does not say that this was all: close_notify goes before finish.
 */
#include <errno.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <weir.h>

struct client {
	struct weir_conn conn;
	SSL *ssl;
	const char *input; /* of on_data: what OpenSSL has not read yet */
	size_t n_input;
	char text[4096]; /* decrypted, to be sent back */
	int n_text;
	bool has_ended; /* the client's close_notify has come */
};

static struct weir_listener listener;
static SSL_CTX *context;
static BIO_METHOD *method;

static void fail(const char *what, const char *why)
{
	fprintf(stderr, "tls-echo: %s: %s\n", what, why);
	exit(1);
}

static void check(int error, const char *what)
{
	if (error < 0)
		fail(what, weir_address_error(error));
}

static void check_ssl(int result, const char *what)
{
	if (result <= 0)
		fail(what, ERR_reason_error_string(ERR_peek_last_error()));
}

/* -- what OpenSSL reads and writes -- */

static int bio_write(BIO *bio, const char *data, int n)
{
	struct client *client = BIO_get_data(bio);
	int error = weir_conn_sendall(&client->conn, data, (size_t)n);

	BIO_clear_retry_flags(bio);
	if (error == 0)
		return n;
	if (error == -ENOBUFS || error == -ENOMEM)
		BIO_set_retry_write(bio);
	return -1;
}

static int bio_read(BIO *bio, char *data, int size)
{
	struct client *client = BIO_get_data(bio);
	size_t n = client->n_input;

	BIO_clear_retry_flags(bio);
	if (n == 0) {
		BIO_set_retry_read(bio);
		return -1;
	}
	if (n > (size_t)size)
		n = (size_t)size;
	memcpy(data, client->input, n);
	client->input += n;
	client->n_input -= n;
	return (int)n;
}

static long bio_control(BIO *bio, int command, long number, void *pointer)
{
	return command == BIO_CTRL_FLUSH;
}

/* -- the echo -- */

/* False: OpenSSL goes on when there is input, or room. */
static bool is_done(struct client *client, int result)
{
	int error;

	if (result > 0)
		return true;
	error = SSL_get_error(client->ssl, result);
	client->has_ended = error == SSL_ERROR_ZERO_RETURN;
	/* what it wrote last is an alert, which says why */
	if (error != SSL_ERROR_WANT_READ && error != SSL_ERROR_WANT_WRITE &&
	    !client->has_ended)
		weir_conn_finish(&client->conn);
	return false;
}

static bool write_text(struct client *client)
{
	if (client->n_text > 0 &&
	    !is_done(client,
		     SSL_write(client->ssl, client->text, client->n_text)))
		return false;
	client->n_text = 0;
	return true;
}

/* SSL_read also does the handshake. OpenSSL's errors are those of the thread:
 * another client's must not be taken for this one's. */
static void serve(struct client *client)
{
	ERR_clear_error();
	while (!client->has_ended && write_text(client)) {
		int n = SSL_read(client->ssl, client->text,
				 sizeof client->text);

		if (!is_done(client, n))
			break;
		client->n_text = n;
	}
	if (client->has_ended && SSL_shutdown(client->ssl) >= 0)
		weir_conn_finish(&client->conn);
}

/* What OpenSSL has not read is offered again. */
static size_t on_data(struct weir_conn *c, const void *data, size_t n)
{
	struct client *client = weir_container_of(c, struct client, conn);

	client->input = data;
	client->n_input = n;
	serve(client);
	n -= client->n_input;
	client->n_input = 0;
	return n;
}

/* A record that was refused is to be written again. */
static void on_pressure(struct weir_conn *c, bool above)
{
	if (!above)
		serve(weir_container_of(c, struct client, conn));
}

/* A FIN without close_notify may be anybody's: something may be missing. */
static void on_end(struct weir_conn *c, const void *rest, size_t n)
{
	weir_conn_abort(c, true);
}

static void on_close(struct weir_conn *c, const struct weir_result *result)
{
	struct client *client = weir_container_of(c, struct client, conn);

	SSL_free(client->ssl); /* and its BIO */
	free(client);
}

static const struct weir_conn_events events = {.on_data = on_data,
					       .on_end = on_end,
					       .on_pressure = on_pressure,
					       .on_close = on_close};

static void on_accept(struct weir_listener *l, int fd,
		      const struct weir_address *peer)
{
	struct client *client = calloc(1, sizeof *client);
	SSL *ssl = SSL_new(context);
	BIO *bio = BIO_new(method);

	if (!client || !ssl || !bio ||
	    weir_conn_open(&client->conn, weir_listener_loop(l), fd, &events,
			   NULL) < 0) {
		BIO_free(bio);
		SSL_free(ssl);
		free(client);
		close(fd);
		return;
	}
	client->ssl = ssl;
	BIO_set_data(bio, client);
	BIO_set_init(bio, 1);
	SSL_set_bio(ssl, bio, bio);
	SSL_set_accept_state(ssl);
}

static void load(const char *certificate, const char *key)
{
	context = SSL_CTX_new(TLS_server_method());
	method = BIO_meth_new(BIO_TYPE_SOURCE_SINK, "weir");
	if (!context || !method)
		fail("OpenSSL", "no memory");
	check_ssl(SSL_CTX_use_certificate_chain_file(context, certificate),
		  certificate);
	check_ssl(SSL_CTX_use_PrivateKey_file(context, key, SSL_FILETYPE_PEM),
		  key);
	SSL_CTX_set_options(context, SSL_OP_NO_RENEGOTIATION);
	BIO_meth_set_write(method, bio_write);
	BIO_meth_set_read(method, bio_read);
	BIO_meth_set_ctrl(method, bio_control);
}

int main(int argc, char **argv)
{
	char text[WEIR_ADDRESS_TEXT_SIZE];
	struct weir_address address;
	struct weir_loop *loop;

	if (argc != 4) {
		fprintf(stderr, "usage: tls-echo ADDRESS CERTIFICATE KEY\n");
		return 2;
	}
	load(argv[2], argv[3]);
	check(weir_loop_new(&loop), "loop");
	check(weir_address_resolve(argv[1], WEIR_ADDRESS_LISTEN, &address, 1),
	      argv[1]);
	check(weir_listener_open(&listener, loop, &address, NULL, on_accept),
	      argv[1]);
	weir_address_format(weir_listener_address(&listener), text,
			    sizeof text);
	printf("listening on %s\n", text);
	fflush(stdout);
	check(weir_loop_run(loop), "loop");
	return 0;
}
