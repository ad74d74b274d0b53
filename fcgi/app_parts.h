#pragma once
/* app_parts — what the files of app share: app.c wires, app_files.c reads keys and watches files, app_github.c reads what GitHub
 * needs, app_confine.c shuts the doors. Private to them. */
#include "app.h"

/* Parts of the keyring that this pool reads; a CGI process reads those that it can. */
unsigned app_keyring_parts(const struct app *app);
bool app_read_keys(struct app *app, struct error *err) MUST_CHECK;
/* Keeps what a file is like now, before it is read: a change in between is then noticed rather than missed. */
void app_remember_file(struct app *app, const char *path);

/* ACP_GITHUB_URL for all pools; token and App for those that open tokens. ERR_CONFIG_INVALID. */
bool app_read_github(struct app *app, char *const *environ_, struct error *err) MUST_CHECK;

/* Enters the sandbox and logs how far it holds. */
void app_confine(struct app *app);
