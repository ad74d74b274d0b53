#pragma once
/* account_internal — what the files of account_service share. Floor: service, private. */
#include "account_service.h"

/* What a connect needs on its way; nothing in it is stored before everything in it is known. */
struct candidate {
	const struct forge *forge;
	struct instance_url instance;
	struct instance_route route; /* borrowed from the service */
	struct secret token;
	struct forge_account account;
	char key[RECORD_KEY_SIZE];
	struct connection old; /* empty when had_old is false */
	bool had_old;
};
#define CANDIDATE_INIT ZERO_INIT
void candidate_release(struct candidate *c);

/* What can be refused without asking the server. */
bool candidate_parse(struct account_service *s, const struct account_request *request, struct candidate *c,
                     struct check_list *checks, struct error *err) MUST_CHECK;

/* Everything that can be refused is refused here, before anything is written. `checks` is filled either way. */
bool candidate_judge(struct account_service *s, const struct account_request *request, struct candidate *c,
                     struct check_list *checks, struct error *err) MUST_CHECK;

/* The connection it would be, and its warnings. */
void candidate_describe(const struct candidate *c, const char *user_id, int64_t now_s, struct account_verdict *ret);

/* Seals and stores; fills the generation. */
bool account_store_candidate(struct account_service *s, const struct candidate *c, struct connection *connection,
                             struct error *err) MUST_CHECK;

/* The given address, or the one that an account of this provider has when none is named. Borrowed. */
const char *account_instance_text(const struct account_service *s, enum provider provider, const char *given);

/* Borrows from the connection. */
struct secret_place account_place(const struct connection *c);

/* Borrows from service and connection. */
struct seal_binding account_binding(const struct account_service *s, const struct connection *c, int64_t generation);

/* How a token may go to this instance; borrowed. ERR_INSTANCE_INSECURE for http that no operator listed. */
bool account_route(const struct account_service *s, const struct instance_url *url, struct instance_route *ret,
                   struct error *err) MUST_CHECK;

/* account_test without its line in the audit log. */
bool account_try(struct account_service *s, const struct account_request *request, struct account_verdict *ret,
                 struct error *err) MUST_CHECK;

/* Removes the value, then the row. */
bool account_finish_disconnect(struct account_service *s, const struct intent *intent, struct error *err) MUST_CHECK;

/* What asking an instance about a stored token means for the connection; an instance that gave no answer condemns nobody. */
enum recheck_result { RECHECK_VALID, RECHECK_INVALID, RECHECK_NO_ANSWER };
enum recheck_result account_judge_recheck(const struct error *failure);
