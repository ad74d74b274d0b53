#include "account_import.h"

#include "account_internal.h"
#include "alloc.h"
#include "clock.h"

#include <string.h>

/* Never checked: the recheck's turn comes first to those that were not. */
static void describe_import(const struct account_service *s, const struct candidate *c, const char *user_id,
                            struct account_verdict *ret)
{
	struct connection *connection = &ret->connection;
	char fingerprint[FINGERPRINT_SIZE];

	candidate_describe(c, user_id, clock_now_s(), ret);
	keyring_fingerprint(s->keyring, &c->token, fingerprint);
	set_string(&connection->fingerprint, fingerprint);
	connection->connected_at = connection->updated_at = clock_now_s();
	connection->valid = true;
	connection->last_checked_at = 0;
}

bool account_import(struct account_service *s, const struct account_import *import, bool dry_run, enum account_imported *ret,
                    struct error *err)
{
	CLEANUP(candidate_release) struct candidate candidate = CANDIDATE_INIT;
	CLEANUP(account_verdict_release) struct account_verdict verdict = ACCOUNT_VERDICT_INIT;
	const struct account_request request = {.provider = PROVIDER_GITLAB,
	                                        .user_id = import->user_id,
	                                        .instance_url = import->instance_url,
	                                        .token = import->token};

	if (!candidate_parse(s, &request, &candidate, &verdict.checks, err))
		return false;
	candidate.account.id = xstrdup(import->gitlab_user_id ? import->gitlab_user_id : "");
	candidate.account.username = xstrdup(import->username ? import->username : "");
	describe_import(s, &candidate, import->user_id, &verdict);
	*ret = IMPORT_DONE;
	if (candidate.had_old)
		*ret = strcmp(candidate.old.fingerprint, verdict.connection.fingerprint) == 0 ? IMPORT_PRESENT : IMPORT_NEWER;
	return candidate.had_old || dry_run || account_store_candidate(s, &candidate, &verdict.connection, err);
}
