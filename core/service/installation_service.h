#pragma once
/*
 * installation_service — which installation of the platform's GitHub App a user may use. A number proves nothing: the user's own
 * token has to show that the account is theirs, or an organization that they own. Floor: service.
 */
#include "credential.h"

/*
 * Finds the installation, asks for the proof, and keeps it for this user. ERR_APP_NOT_CONFIGURED; ERR_INSTALLATION_NOT_YOURS (also
 * where the user has connected no token of ACP_GITHUB_URL: then GitHub is not asked at all); ERR_INSTALLATION_NOT_FOUND,
 * ERR_INSTALLATION_SUSPENDED; what GitHub says of the token; the store's errors.
 */
bool installation_add(const struct credential_sources *s, const char *user_id, int64_t id, const char *request_id,
                      struct installation *ret, struct error *err) MUST_CHECK;
