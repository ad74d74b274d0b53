#include "app_parts.h"

#include <string.h>
#include <unistd.h>

#include "token_text.h"

/* http is for the instances that the operator lists so. */
static bool read_url(struct app *app, struct error *err)
{
	const struct instance_entry *entry;

	if (!instance_url_parse(settings_get(&app->settings, GITHUB_URL), &app->github, err)) {
		settings_blame(GITHUB_URL, err);
		return false;
	}
	entry = instances_find(&app->instances, app->github.text);
	if (app->github.https || (entry && entry->insecure_http))
		return true;
	return error_set(err, ERR_CONFIG_INVALID,
	                 "ACP_GITHUB_URL must begin with https://, unless ACP_INSTANCES_FILE allows http for it.");
}

void app_forget_git_token(char *const *environ_)
{
	static const char name[] = "ACP_GIT_TOKEN=";
	const size_t length = sizeof(name) - 1;

	for (; *environ_; environ_++)
		if (strncmp(*environ_, name, length) == 0)
			wipe(*environ_ + length, strlen(*environ_ + length));
}

static bool read_token(struct app *app, struct error *err)
{
	const char *text = settings_get(&app->settings, GIT_TOKEN);

	if (!*text || !pools_open_tokens(app->pools) || token_text_parse(PROVIDER_GITHUB, text, &app->git_token, err))
		return true;
	settings_blame(GIT_TOKEN, err);
	return false;
}

static bool read_app(struct app *app, struct error *err)
{
	const char *id = settings_get(&app->settings, GITHUB_APP_ID), *key = settings_get(&app->settings, GITHUB_APP_KEY_FILE);

	if (!*id != !*key)
		return error_set(err, ERR_CONFIG_INVALID, "%s is set without %s: the GitHub App needs both.",
		                 *id ? "ACP_GITHUB_APP_ID" : "ACP_GITHUB_APP_KEY_FILE",
		                 *id ? "ACP_GITHUB_APP_KEY_FILE" : "ACP_GITHUB_APP_ID");
	/* A CGI process has the uid it was given, and does without a key that this uid may not read. */
	if (!*id || !pools_open_tokens(app->pools) || (app->pools == POOL_ALL && access(key, R_OK) != 0))
		return true;
	app_remember_file(app, key);
	return github_app_new(id, key, &app->github_app, err);
}

bool app_read_github(struct app *app, char *const *environ_, struct error *err)
{
	bool token_read = read_token(app, err);
	char *setting = settings_get(&app->settings, GIT_TOKEN);

	/* The process keeps the token in one place, and where its pool has no use for it in none. */
	wipe(setting, strlen(setting));
	app_forget_git_token(environ_);
	return token_read && read_url(app, err) && read_app(app, err);
}
