/* Reading and writing the protocol of NATS. INFO is a JSON object, of which
 * only a few members matter: a cursor walks over the rest. */
#include "nats_protocol.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include <weir.h>

#include "json.h"

/* -- operations -- */

static const struct {
	const char *name;
	enum nats_kind kind;
} names[] = {{"INFO", NATS_INFO}, {"MSG", NATS_MSG}, {"PING", NATS_PING},
	     {"PONG", NATS_PONG}, {"+OK", NATS_OK},  {"-ERR", NATS_ERR}};

static bool is_blank(char c)
{
	return c == ' ' || c == '\t';
}

static void trim(struct nats_operation *op)
{
	while (op->n_text > 0 && is_blank(*op->text)) {
		op->text++;
		op->n_text--;
	}
	while (op->n_text > 0 && is_blank(op->text[op->n_text - 1]))
		op->n_text--;
}

/* Names are written in any case. */
static enum nats_kind take_name(struct nats_operation *op)
{
	for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
		size_t n = strlen(names[i].name);

		if (op->n_text < n ||
		    strncasecmp(op->text, names[i].name, n) != 0 ||
		    (op->n_text > n && !is_blank(op->text[n])))
			continue;
		op->text += n;
		op->n_text -= n;
		trim(op);
		return names[i].kind;
	}
	return NATS_WRONG;
}

/* The last word, which is the size of the payload; before it come subject,
 * subscription and perhaps where to answer. */
static bool take_size(struct nats_operation *op)
{
	const char *end = op->text + op->n_text;
	const char *at = end;

	while (at > op->text && isdigit((unsigned char)at[-1]))
		at--;
	if (at == end || end - at > 9 || at == op->text || !is_blank(at[-1]))
		return false;
	for (; at < end; at++)
		op->n_payload = 10 * op->n_payload + (size_t)(*at - '0');
	return true;
}

static void unquote(struct nats_operation *op)
{
	if (op->n_text < 2 || op->text[0] != '\'' ||
	    op->text[op->n_text - 1] != '\'')
		return;
	op->text++;
	op->n_text -= 2;
}

struct nats_operation nats_protocol_parse(const char *data, size_t n)
{
	struct nats_operation op = {.kind = NATS_MORE, .text = data};
	const char *end =
		memchr(data, '\n', n < NATS_MAX_LINE ? n : NATS_MAX_LINE);

	if (!end) {
		op.kind = n < NATS_MAX_LINE ? NATS_MORE : NATS_WRONG;
		return op;
	}
	op.size = (size_t)(end + 1 - data);
	op.n_text = op.size - 1;
	if (op.n_text > 0 && end[-1] == '\r')
		op.n_text--;
	op.kind = take_name(&op);
	if (op.kind == NATS_MSG && !take_size(&op))
		op.kind = NATS_WRONG;
	else if (op.kind == NATS_ERR)
		unquote(&op);
	return op;
}

/* -- JSON -- */

struct cursor {
	const char *at;
	const char *end;
};

static void skip_blanks(struct cursor *c)
{
	while (c->at < c->end && strchr(" \t\r\n", *c->at) && *c->at != '\0')
		c->at++;
}

static bool next_is(struct cursor *c, char expected)
{
	skip_blanks(c);
	return c->at < c->end && *c->at == expected;
}

static bool take(struct cursor *c, char expected)
{
	bool is_there = next_is(c, expected);

	c->at += is_there;
	return is_there;
}

/* One character of a string. No host needs an escape: what one stands for is
 * left out. */
static char take_char(struct cursor *c)
{
	if (*c->at++ != '\\')
		return c->at[-1];
	c->at += c->at < c->end;
	return '?';
}

/* A string, cut to size with its NUL. */
static bool take_string(struct cursor *c, char *to, size_t size)
{
	size_t n = 0;

	if (!take(c, '"'))
		return false;
	while (c->at < c->end && *c->at != '"') {
		char character = take_char(c);

		if (n + 1 < size)
			to[n++] = character;
	}
	to[n] = '\0';
	return take(c, '"');
}

static bool is_in_word(char c)
{
	return isalnum((unsigned char)c) || c == '.' || c == '-' || c == '+';
}

/* A number or a word. */
static bool skip_word(struct cursor *c)
{
	const char *from = c->at;

	while (c->at < c->end && is_in_word(*c->at))
		c->at++;
	return c->at > from;
}

/* Anything: brackets are counted, not matched. */
static bool skip_value(struct cursor *c)
{
	size_t depth = 0;
	char none[1];

	do {
		if (take(c, '{') || take(c, '['))
			depth++;
		else if (depth > 0 && (take(c, '}') || take(c, ']')))
			depth--;
		else if (depth > 0 && (take(c, ',') || take(c, ':')))
			continue;
		else if (next_is(c, '"') ? !take_string(c, none, 1)
					 : !skip_word(c))
			return false;
	} while (depth > 0);
	return true;
}

static bool take_count(struct cursor *c, uint64_t *count)
{
	uint64_t n = 0;

	skip_blanks(c);
	for (const char *at = c->at; at < c->end && isdigit((unsigned char)*at);
	     at++)
		if (n < UINT64_MAX / 10 - 1)
			n = 10 * n + (uint64_t)(*at - '0');
	*count = n;
	return skip_value(c);
}

static bool take_bool(struct cursor *c, bool *is_true)
{
	*is_true = next_is(c, 't');
	return skip_value(c);
}

static bool take_urls(struct cursor *c, struct nats_info *info)
{
	info->n_urls = 0;
	if (!next_is(c, '['))
		return skip_value(c);
	(void)take(c, '[');
	while (next_is(c, '"')) {
		char url[NATS_URL_SIZE];

		if (!take_string(c, url, sizeof url))
			return false;
		if (info->n_urls < NATS_MAX_URLS)
			memcpy(info->urls[info->n_urls++], url, sizeof url);
		if (!take(c, ','))
			break;
	}
	return take(c, ']');
}

static bool take_member(struct cursor *c, struct nats_info *info)
{
	char name[32];

	if (!take_string(c, name, sizeof name) || !take(c, ':'))
		return false;
	if (strcmp(name, "max_payload") == 0)
		return take_count(c, &info->max_payload);
	if (strcmp(name, "tls_required") == 0)
		return take_bool(c, &info->is_tls_required);
	if (strcmp(name, "connect_urls") == 0)
		return take_urls(c, info);
	return skip_value(c);
}

bool nats_protocol_parse_info(struct nats_info *info, const char *text,
			      size_t n)
{
	struct cursor c = {.at = text, .end = text + n};

	*info = (struct nats_info){.n_urls = 0};
	if (!take(&c, '{'))
		return false;
	if (take(&c, '}'))
		return true;
	do {
		if (!take_member(&c, info))
			return false;
	} while (take(&c, ','));
	return take(&c, '}');
}

/* -- writing -- */

bool nats_protocol_is_subject(const char *text)
{
	size_t n = strlen(text);

	if (n == 0 || n > NATS_MAX_SUBJECT || text[0] == '.' ||
	    text[n - 1] == '.' || strstr(text, ".."))
		return false;
	for (; *text; text++)
		if ((unsigned char)*text <= ' ' || *text == '\x7f' ||
		    *text == '*' || *text == '>')
			return false;
	return true;
}

static void put_text(struct json *json, const char *key, const char *text)
{
	if (text)
		json_string(json, key, text);
}

/* echo: what this connection publishes does not come back to it. */
static void put_options(FILE *out, const struct nats_login *login)
{
	struct json json;

	json_open_line(&json, out);
	json_object(&json, NULL);
	json_bool(&json, "verbose", false);
	json_bool(&json, "pedantic", false);
	json_bool(&json, "tls_required", false);
	json_bool(&json, "echo", false);
	json_bool(&json, "headers", false);
	json_bool(&json, "no_responders", false);
	json_integer(&json, "protocol", 1);
	json_string(&json, "lang", "c");
	json_string(&json, "version", WEIR_VERSION);
	json_string(&json, "name", "weir-server");
	put_text(&json, "user", login->user);
	put_text(&json, "pass", login->password);
	put_text(&json, "auth_token", login->token);
	json_end(&json);
	(void)json_close(&json);
}

char *nats_protocol_hello(const struct nats_login *login, const char *subject,
			  size_t *n)
{
	char *text = NULL;
	FILE *out = open_memstream(&text, n);
	bool is_whole;

	if (!out)
		return NULL;
	(void)fputs("CONNECT ", out);
	put_options(out, login);
	/* in the place of the newline behind the JSON */
	(void)fseek(out, -1, SEEK_CUR);
	(void)fprintf(out, "\r\nSUB %s 1\r\nPING\r\n", subject);
	is_whole = !ferror(out);
	if (fclose(out) == 0 && is_whole)
		return text;
	free(text);
	return NULL;
}

char *nats_protocol_head(char *end, const char *subject, size_t n_payload)
{
	char head[NATS_HEAD_SIZE + 1];
	int n = snprintf(head, sizeof head, "PUB %s %zu\r\n", subject,
			 n_payload);

	return memcpy(end - n, head, (size_t)n);
}
