/* The plain text of a sealed value. Both directions go through one list of fields. */
#include "seal_private.h"

#include "alloc.h"
#include "caps.h"
#include "secret_pool.h"

enum payload_field {
	PAYLOAD_TOKEN,
	PAYLOAD_INSTANCE,
	PAYLOAD_GITLAB_USER_ID,
	PAYLOAD_USERNAME,
	PAYLOAD_SCOPES,
	PAYLOAD_EXPIRES_AT,
	PAYLOAD_SEALED_AT,
	PAYLOAD_GENERATION,
	PAYLOAD_FIELDS
};

bool protected_bytes_make(size_t length, struct protected_bytes *ret)
{
	ret->bytes = secret_pool_take(length ? length : 1);
	ret->length = length;
	return true;
}

void protected_bytes_release(struct protected_bytes *p)
{
	secret_pool_give(p->bytes, p->length ? p->length : 1);
	*p = (struct protected_bytes){0};
}

void seal_payload_release(struct seal_payload *payload)
{
	secret_release(&payload->token);
	freep(&payload->instance_url);
	freep(&payload->gitlab_user_id);
	freep(&payload->username);
	freep(&payload->scopes);
	freep(&payload->expires_at);
	payload->sealed_at = 0;
	payload->generation = 0;
}

static bool pad_token(const struct secret *token, struct protected_bytes *ret)
{
	size_t padded;

	if (token->length == 0 || token->length > LIMIT_TOKEN_MAX)
		return false;
	if (!protected_bytes_make((token->length / SEAL_PADDING + 1) * SEAL_PADDING, ret))
		return false;
	memcpy(ret->bytes, secret_bytes(token), token->length);
	return sodium_pad(&padded, ret->bytes, token->length, SEAL_PADDING, ret->length) == 0 && padded == ret->length;
}

bool payload_encode(const struct seal_payload *payload, struct protected_bytes *ret)
{
	CLEANUP(protected_bytes_release) struct protected_bytes token = {0};
	unsigned char sealed_at[8], generation[8];
	struct field fields[PAYLOAD_FIELDS];

	if (!pad_token(&payload->token, &token))
		return false;
	fields[PAYLOAD_TOKEN] = (struct field){token.bytes, token.length};
	fields[PAYLOAD_INSTANCE] = field_of_text(payload->instance_url);
	fields[PAYLOAD_GITLAB_USER_ID] = field_of_text(payload->gitlab_user_id);
	fields[PAYLOAD_USERNAME] = field_of_text(payload->username);
	fields[PAYLOAD_SCOPES] = field_of_text(payload->scopes);
	fields[PAYLOAD_EXPIRES_AT] = field_of_text(payload->expires_at);
	fields[PAYLOAD_SEALED_AT] = field_of_number(payload->sealed_at, sealed_at);
	fields[PAYLOAD_GENERATION] = field_of_number(payload->generation, generation);
	for (size_t i = 0; i < PAYLOAD_FIELDS; i++)
		if (fields[i].length > SEAL_FIELD_MAX)
			return false;
	if (!protected_bytes_make(fields_size(fields, PAYLOAD_FIELDS), ret))
		return false;
	fields_write(ret->bytes, fields, PAYLOAD_FIELDS);
	return true;
}

bool payload_decode(const unsigned char *bytes, size_t length, struct seal_payload *ret)
{
	struct field fields[PAYLOAD_FIELDS];
	const struct field *token = &fields[PAYLOAD_TOKEN];
	int64_t sealed_at, generation;
	size_t token_length;

	if (!fields_read(bytes, length, fields, PAYLOAD_FIELDS))
		return false;
	if (!token->bytes || sodium_unpad(&token_length, token->bytes, token->length, SEAL_PADDING) != 0)
		return false;
	if (!field_to_number(&fields[PAYLOAD_SEALED_AT], &sealed_at) || !field_to_number(&fields[PAYLOAD_GENERATION], &generation))
		return false;
	secret_set(&ret->token, token->bytes, token_length);
	ret->instance_url = field_to_text(&fields[PAYLOAD_INSTANCE]);
	ret->gitlab_user_id = field_to_text(&fields[PAYLOAD_GITLAB_USER_ID]);
	ret->username = field_to_text(&fields[PAYLOAD_USERNAME]);
	ret->scopes = field_to_text(&fields[PAYLOAD_SCOPES]);
	ret->expires_at = field_to_text(&fields[PAYLOAD_EXPIRES_AT]);
	ret->sealed_at = sealed_at;
	ret->generation = generation;
	return true;
}
