#include "stored_value.h"

#include "account_internal.h"
#include "alloc.h"
#include "record.h"

#include <stdio.h>
#include <string.h>

bool stored_value_seal(const struct account_service *s, const struct connection *c, const struct seal_payload *payload,
                       struct sealed_value *ret, struct error *err)
{
	const struct seal_binding binding = account_binding(s, c, c->generation);

	if (s->secrets.ops->in_row)
		return seal(s->keyring, &binding, payload, ret, err);
	return record_seal(s->keyring, &binding, payload, ret, err);
}

bool stored_value_open(const struct account_service *s, const struct connection *c, const struct sealed_value *value,
                       struct seal_payload *ret, struct error *err)
{
	const struct seal_binding binding = account_binding(s, c, c->generation);

	if (s->secrets.ops->in_row)
		return seal_open(s->keyring, &binding, value, ret, err);
	return record_open(s->keyring, &binding, value, ret, err);
}

bool stored_value_kid(const struct account_service *s, const struct sealed_value *value, char ret_hex[17])
{
	return s->secrets.ops->in_row ? seal_kid(value, ret_hex) : record_kid(value, ret_hex);
}

void stored_value_describe(const struct seal_payload *payload, struct connection *c)
{
	set_string(&c->gitlab_user_id, payload->gitlab_user_id);
	set_string(&c->username, payload->username);
	set_string(&c->token_name, NULL); /* not sealed; a recheck brings it back */
	set_string(&c->scopes, payload->scopes);
	set_string(&c->expires_at, payload->expires_at);
	c->generation = payload->generation;
	c->updated_at = payload->sealed_at;
	c->valid = true;
	c->last_checked_at = payload->sealed_at;
	set_string(&c->check_code, NULL);
}

static bool read_owner(const struct account_service *s, const struct secret_record *record, struct connection *ret,
                       struct error *err)
{
	CLEANUP(record_owner_release) struct record_owner owner = RECORD_OWNER_INIT;
	char key[RECORD_KEY_SIZE];

	if (record->user_id) {
		set_string(&ret->provider, record->place.provider);
		set_string(&ret->user_id, record->user_id);
		set_string(&ret->instance_url, record->instance_url);
	} else {
		if (!record_open_owner(s->keyring, record->value, &owner, err))
			return false;
		ret->provider = TAKE(owner.provider);
		ret->user_id = TAKE(owner.user_id);
		ret->instance_url = TAKE(owner.instance_url);
	}
	record_key_make(ret->provider, ret->user_id, ret->instance_url, key);
	if (strcmp(key, record->place.record_key) != 0 || strcmp(ret->provider, record->place.provider) != 0) {
		error_set(err, ERR_SEAL_BROKEN, "The stored token cannot be opened.");
		return error_detail(err, "it is not in the place of its owner");
	}
	memcpy(ret->key, key, sizeof(key));
	return true;
}

bool stored_value_open_record(const struct account_service *s, const struct secret_record *record, struct connection *ret,
                              struct seal_payload *ret_payload, struct error *err)
{
	CLEANUP(connection_release) struct connection c = CONNECTION_INIT;

	if (!read_owner(s, record, &c, err))
		return false;
	c.generation = record->generation;
	if (!stored_value_open(s, &c, record->value, ret_payload, err))
		return false;
	stored_value_describe(ret_payload, &c);
	c.connected_at = ret_payload->sealed_at;
	connection_release(ret);
	*ret = c;
	c = (struct connection)CONNECTION_INIT;
	return true;
}
