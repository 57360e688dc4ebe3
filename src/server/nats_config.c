/* --nats. A password that stands in a file is seen in no list of processes. */
#include "nats_config.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "complain.h"
#include "endpoint_config.h"
#include "service.h"
#include "settings.h"

enum {
	MAX_SECRET = 1024 /* CONNECT has 4096 bytes for all */
};

/* The first line of a file. NULL: the reason was printed. */
static char *read_secret(const char *path)
{
	FILE *file = fopen(path, "re");
	char line[MAX_SECRET + 2] = "";
	char *secret = NULL;

	if (file && fgets(line, sizeof line, file))
		line[strcspn(line, "\r\n")] = '\0';
	if (!file || ferror(file))
		complain("--nats: %s: %s", path, strerror(errno));
	else if (line[0] == '\0')
		complain("--nats: %s: its first line is empty", path);
	else
		secret = strdup(line);
	if (file)
		(void)fclose(file);
	return secret;
}

static bool take_secret(const char **value, char **secret, const char *text)
{
	*value = text;
	if (text[0] != '@')
		return true;
	*secret = read_secret(text + 1);
	*value = *secret;
	return *secret != NULL;
}

/* No part is printed: it may be the rest of a password. */
static bool take_part(struct nats_config *config, char *part)
{
	struct nats_login *login = &config->login;
	char *text = strchr(part, '=');

	if (text && text[1] != '\0') {
		*text++ = '\0';
		if (strcmp(part, "user") == 0) {
			login->user = text;
			return true;
		}
		if (strcmp(part, "password") == 0)
			return take_secret(&login->password,
					   &config->secrets[0], text);
		if (strcmp(part, "token") == 0)
			return take_secret(&login->token, &config->secrets[1],
					   text);
	}
	complain("--nats: expected HOST:PORT[,user=NAME][,password=TEXT]"
		 "[,token=TEXT], or @FILE for a TEXT that has a comma");
	return false;
}

/* As in a URL. It is neither printed nor looked up, nor is what follows. */
static bool has_login(const char *text)
{
	return strncmp(text, "unix:", 5) != 0 && strchr(text, '@');
}

static bool resolve(struct nats_config *config, const char *text)
{
	int error;

	if (has_login(text)) {
		complain("--nats: expected HOST:PORT[,user=NAME]"
			 "[,password=TEXT], and no login before an @");
		return false;
	}
	error = target_init(&config->target, text);
	if (error == 0)
		return true;
	if (error == -EINVAL)
		complain("--nats %s: expected HOST:PORT, such as "
			 "127.0.0.1:4222",
			 text);
	else
		complain("--nats %s: %s", text, weir_address_error(error));
	config->target.text = NULL;
	return false;
}

static bool parse(struct nats_config *config, const char *text)
{
	const char *address;
	char *rest;
	char *part;

	config->text = rest = strdup(text);
	if (!rest) {
		complain("%s", strerror(ENOMEM));
		return false;
	}
	address = strsep(&rest, ",");
	while ((part = strsep(&rest, ",")))
		if (!take_part(config, part))
			return false;
	return resolve(config, address);
}

static const char *subject_of(const struct endpoint_config *config)
{
	return config->service->has_channel ? config->settings.subject : NULL;
}

static bool check_channel(const struct endpoint_config *a,
			  const struct endpoint_config *b)
{
	const char *channel = a->settings.channel;

	if (!channel || !b->settings.channel ||
	    strcmp(channel, b->settings.channel) != 0 || !subject_of(a) ||
	    !subject_of(b) || strcmp(subject_of(a), subject_of(b)) == 0)
		return true;
	complain("channel %s: expected one subject, not %s and %s", channel,
		 subject_of(b), subject_of(a));
	return false;
}

static bool check_subjects(const struct settings *settings, bool has_nats)
{
	const struct endpoint_config *all = settings->endpoints;
	size_t n = 0;

	for (size_t i = 0; i < settings->n_endpoints; i++) {
		n += subject_of(&all[i]) != NULL;
		for (size_t j = 0; j < i; j++)
			if (!check_channel(&all[i], &all[j]))
				return false;
	}
	if (n > 0 && !has_nats)
		complain("subject: expected --nats HOST:PORT, too");
	if (n == 0 && has_nats)
		complain("--nats: expected a broadcast with a subject, such as "
			 "broadcast=127.0.0.1:7011,subject=hall");
	return (n > 0) == has_nats;
}

bool nats_config_parse(struct settings *settings, const char *text)
{
	if (!check_subjects(settings, text != NULL))
		return false;
	if (!text)
		return true;
	settings->nats = calloc(1, sizeof *settings->nats);
	if (settings->nats)
		return parse(settings->nats, text);
	complain("%s", strerror(ENOMEM));
	return false;
}

void nats_config_free(struct settings *settings)
{
	struct nats_config *config = settings->nats;

	if (!config)
		return;
	if (config->target.text)
		target_deinit(&config->target);
	free(config->secrets[0]);
	free(config->secrets[1]);
	free(config->text);
	free(config);
}
