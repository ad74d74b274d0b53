#pragma once
/*
 * github_app — the platform's GitHub App: proves itself with a JWT (RS256, signed with its private key by OpenSSL, good for nine
 * minutes), and trades it for the short-lived token of an installation. Installation tokens are kept in locked memory until five
 * minutes before they end, and nowhere else. Thread-safe; of several callers that need the same fresh token one asks. Floor:
 * github.
 */
#include "github.h"

struct github_app;

/* `id` is the App's number or client id, `key_file` a PEM with its RSA key. ERR_CONFIG_INVALID names what is wrong with it. */
bool github_app_new(const char *id, const char *key_file, struct github_app **ret, struct error *err) MUST_CHECK;
void github_app_freep(struct github_app **slot);

/* Appends the JWT for an instant (unix seconds): iat 60 s before it, exp 9 min after. False: signing failed. */
bool github_app_jwt(const struct github_app *app, int64_t now_s, struct secret *ret) MUST_CHECK;

struct github_installation {
	int64_t id;
	int64_t account_id;
	char *account; /* login of the user or organization. Owned */
	bool is_organization;
	bool suspended;
};
#define GITHUB_INSTALLATION_INIT ZERO_INIT
void github_installation_release(struct github_installation *installation);

/* `access` without a token: instance, client, CA. ERR_INSTALLATION_NOT_FOUND; ERR_CONFIG_INVALID: GitHub does not know the App or
 * its key; network errors. */
bool github_app_installation(struct github_app *app, const struct forge_access *access, int64_t id, struct github_installation *ret,
                             struct error *err) MUST_CHECK;

/* The installation's token, fresh or kept. Also ERR_INSTALLATION_SUSPENDED. */
bool github_app_token(struct github_app *app, const struct forge_access *access, int64_t id, struct secret *ret,
                      struct error *err) MUST_CHECK;

/* Forgets a kept token that GitHub refused. */
void github_app_drop_token(struct github_app *app, int64_t id);
