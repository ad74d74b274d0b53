/* The use of stored tokens: opening them, and keeping what the use showed. */
#include "account_service.h"

#include "account_internal.h"
#include "alloc.h"
#include "clock.h"
#include "stored_value.h"

#include <string.h>

/* ---- Opening ---- */

static bool open_value(struct account_service *s, const struct connection *c, struct seal_payload *ret, struct error *err)
{
	CLEANUP(sealed_value_release) struct sealed_value value = SEALED_VALUE_INIT;
	const struct secret_place place = account_place(c);

	if (!s->secrets.ops->get(s->secrets.state, &place, &value, err))
		return false;
	if (value.length == 0) {
		error_set(err, ERR_SEAL_BROKEN, "The stored token of %s cannot be used any more.", c->instance_url);
		return error_detail(err, "no sealed value for %s", c->key);
	}
	return stored_value_open(s, c, &value, ret, err);
}

bool account_open(struct account_service *s, const struct connection *c, struct seal_payload *ret, struct error *err)
{
	CLEANUP(connection_release) struct connection now = CONNECTION_INIT;
	struct error first = ERROR_INIT;
	bool found = false;

	if (!s->keyring)
		return error_set(err, ERR_INTERNAL, "This process cannot open stored tokens.");
	if (open_value(s, c, ret, &first))
		return true;
	/* Value and row are read one after the other: a reconnect in between is no broken seal. */
	if (first.code == ERR_SEAL_BROKEN) {
		if (!s->connections.ops->find(s->connections.state, c->key, &now, &found, err))
			return false;
		if (!found)
			return error_set(err, ERR_NOT_CONNECTED, "The connection to %s was removed meanwhile.", c->instance_url);
		if (now.generation != c->generation)
			return open_value(s, &now, ret, err);
	}
	if (err)
		*err = first;
	return false;
}

void account_follow(struct account_service *s, struct connection *c, int64_t generation)
{
	CLEANUP(connection_release) struct connection now = CONNECTION_INIT;
	bool found = false;

	if (c->generation == generation)
		return;
	c->generation = generation;
	if (!s->connections.ops->find(s->connections.state, c->key, &now, &found, NULL) || !found || now.generation != generation)
		set_string(&c->fingerprint, NULL);
	else
		set_string(&c->fingerprint, now.fingerprint);
}

/* ---- What a use showed ---- */

bool account_error_condemns_token(enum error_code code)
{
	switch (code) {
	case ERR_TOKEN_WRONG_KIND:
	case ERR_TOKEN_INVALID:
	case ERR_TOKEN_EXPIRED:
	case ERR_TOKEN_REVOKED:
	case ERR_ACCOUNT_BLOCKED:
	case ERR_ACCOUNT_TERMS:
	case ERR_ACCOUNT_PASSWORD_EXPIRED:
	case ERR_ACCOUNT_UNCONFIRMED:
	case ERR_ACCOUNT_DEACTIVATED:
		return true;
	default:
		return false;
	}
}

/* Each write takes the writers' lock and makes every kept answer of every user old. */
static bool is_known(const struct connection *c, const char *code, int64_t now_s)
{
	enum { NOTE_EVERY_S = 600 };
	bool same = code ? !c->valid && c->check_code && strcmp(c->check_code, code) == 0 : c->valid;

	return same && now_s - c->last_checked_at < NOTE_EVERY_S;
}

void account_note_use(struct account_service *s, const struct connection *c, const struct error *failure)
{
	CLEANUP(connection_release) struct connection now = CONNECTION_INIT;
	const struct connection_store *store = &s->connections;
	const char *code = failure ? error_name(failure->code) : NULL;
	int64_t now_s = clock_now_s();
	bool found = false;

	if ((failure && !account_error_condemns_token(failure->code)) || is_known(c, code, now_s))
		return;
	/* A git transfer may have read *c long ago; another one may have written the same since. */
	if (!store->ops->find(store->state, c->key, &now, &found, NULL) || !found || is_known(&now, code, now_s))
		return;
	if (!store->ops->set_checked(store->state, c->key, c->generation, !failure, code, now_s, NULL))
		return; /* the next use or the daily recheck writes it */
}
