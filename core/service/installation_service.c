#include "installation_service.h"

#include <inttypes.h>
#include <string.h>

#include "alloc.h"
#include "clock.h"

/* The user's token of the App's own instance, moved out of the list. ERR_INSTALLATION_NOT_YOURS. */
static bool find_token(const struct credential_sources *s, const char *user_id, struct connection *ret, struct error *err)
{
	CLEANUP(connection_list_release) struct connection_list list = CONNECTION_LIST_INIT;

	if (!account_list(s->accounts, PROVIDER_GITHUB, user_id, &list, err))
		return false;
	for (size_t i = 0; i < list.count; i++)
		if (strcmp(list.items[i].instance_url, s->github->text) == 0) {
			connection_copy(ret, &list.items[i]);
			return true;
		}
	return error_set(err, ERR_INSTALLATION_NOT_YOURS,
	                 "Nothing shows that the installation is yours: you have connected no token of %s.", s->github->text);
}

static bool is_own_account(const struct forge_access *access, const struct github_installation *installation, bool *ret,
                           struct error *err)
{
	CLEANUP(forge_account_release) struct forge_account account = FORGE_ACCOUNT_INIT;
	CLEANUP(freep) char *id = xasprintf("%" PRId64, installation->account_id);

	if (!access->forge->account_get(access, &account, err))
		return false;
	*ret = account.id && strcmp(account.id, id) == 0;
	return true;
}

/* Asks GitHub with the user's token, now: what was true when it was connected may be so no longer. */
static bool prove(const struct credential_sources *s, const struct connection *connection, struct forge_access access,
                  const struct github_installation *installation, struct error *err)
{
	CLEANUP(seal_payload_release) struct seal_payload opened = SEAL_PAYLOAD_INIT;
	struct error failure = ERROR_INIT;
	bool proven = false, answered;

	if (!account_open(s->accounts, connection, &opened, err))
		return false;
	access.token = &opened.token;
	answered = installation->is_organization ? github_is_owner(&access, installation->account, &proven, &failure)
	                                         : is_own_account(&access, installation, &proven, &failure);
	account_note_use(s->accounts, connection, answered ? NULL : &failure);
	audit_connection(
	        s->accounts->audit, connection,
	        (struct audit_use){.action = AUDIT_PROVE, .request_id = access.request_id, .failure = answered ? NULL : &failure});
	if (!answered) {
		if (err)
			*err = failure;
		return false;
	}
	if (proven)
		return true;
	/* The account is not named: whose installation a number is concerns its members alone. */
	error_set(err, ERR_INSTALLATION_NOT_YOURS,
	          "The installation's account is neither the GitHub account %s nor an organization that it owns.",
	          connection->username ? connection->username : "that is connected");
	return error_remedy(err,
	                    "Install the App for your own account, or ask an owner of the organization to add the installation. A "
	                    "token may need 'read:org' (fine-grained: Members: Read) to show an ownership.");
}

static bool keep(const struct credential_sources *s, const char *user_id, const struct github_installation *found,
                 struct installation *ret, struct error *err)
{
	const int64_t now_s = clock_now_s();
	struct installation kept = {.user_id = xstrdup(user_id),
	                            .instance_url = xstrdup(s->github->text),
	                            .installation_id = found->id,
	                            .account = xstrdup(found->account),
	                            .installed_at = now_s,
	                            .updated_at = now_s};

	if (!s->projects.ops->installation_put(s->projects.state, &kept, err)) {
		installation_release(&kept);
		return false;
	}
	*ret = kept;
	return true;
}

bool installation_add(const struct credential_sources *s, const char *user_id, int64_t id, const char *request_id,
                      struct installation *ret, struct error *err)
{
	CLEANUP(connection_release) struct connection connection = CONNECTION_INIT;
	CLEANUP(instance_url_release) struct instance_url instance = INSTANCE_URL_INIT;
	CLEANUP(github_installation_release) struct github_installation found = GITHUB_INSTALLATION_INIT;
	struct forge_access access = {
	        .forge = &github_forge, .client = s->accounts->client, .instance = &instance, .request_id = request_id};

	if (!s->app)
		return error_set(err, ERR_APP_NOT_CONFIGURED, "This service has no GitHub App.");
	if (!find_token(s, user_id, &connection, err) ||
	    !account_instance(s->accounts, s->github->text, &instance, &access.route, err) ||
	    !github_app_installation(s->app, &access, id, &found, err) || !prove(s, &connection, access, &found, err))
		return false;
	/* Told only to those whose installation it is. */
	if (found.suspended)
		return error_set(err, ERR_INSTALLATION_SUSPENDED, "The GitHub App's installation for %s is suspended.",
		                 found.account);
	return keep(s, user_id, &found, ret, err);
}
