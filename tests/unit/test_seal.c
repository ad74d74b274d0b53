#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "alloc.h"
#include "seal.h"
#include "temporary_folder.h"

#define ALL   (KEYRING_PUBLIC | KEYRING_SIGNING | KEYRING_PRIVATE)
#define TOKEN "glpat-AbCdEfGhIjKlMnOpQrSt"

static struct keyring *make_keyring(void)
{
	struct temporary_folder folder;
	char public_keys[PATH_SIZE], signing_key[PATH_SIZE], private_keys[PATH_SIZE];
	struct keyring *keyring = NULL;
	struct error err = ERROR_INIT;

	folder_make(&folder);
	const struct keyring_paths paths = {folder_file(&folder, "a", public_keys), folder_file(&folder, "b", signing_key),
	                                    folder_file(&folder, "c", private_keys)};
	if (!keyring_generate(&paths, &err) || !keyring_load(&paths, ALL, &keyring, &err))
		fail_msg("%s", err.message);
	folder_remove(&folder);
	return keyring;
}

static struct seal_binding sample_binding(const struct keyring *keyring)
{
	return (struct seal_binding){
	        .installation = keyring_installation(keyring),
	        .record_key = "k1-abcdefghijklmnopqrstuvwxyz234567abcdefghijklmnopqrst",
	        .provider = "gitlab",
	        .user_id = "john@example.com",
	        .instance_url = "https://gitlab.company.com",
	        .generation = 7,
	};
}

static void sample_payload(struct seal_payload *payload)
{
	secret_set(&payload->token, TOKEN, strlen(TOKEN));
	payload->instance_url = xstrdup("https://gitlab.company.com");
	payload->gitlab_user_id = xstrdup("4711");
	payload->username = xstrdup("john");
	payload->scopes = NULL;
	payload->expires_at = xstrdup("2027-01-31");
	payload->sealed_at = 1795370400;
	payload->generation = 7;
}

static void make_sample(const struct keyring *keyring, struct sealed_value *ret)
{
	CLEANUP(seal_payload_release) struct seal_payload payload = SEAL_PAYLOAD_INIT;
	const struct seal_binding binding = sample_binding(keyring);

	sample_payload(&payload);
	assert_true(seal(keyring, &binding, &payload, ret, NULL));
}

static void expect_broken(const struct keyring *keyring, const struct seal_binding *binding, const struct sealed_value *value,
                          const char *why)
{
	CLEANUP(seal_payload_release) struct seal_payload payload = SEAL_PAYLOAD_INIT;
	struct error err = ERROR_INIT;
	char kid[17];
	/* Whoever has not the key cannot tell what else is wrong. */
	const bool locked = seal_kid(value, kid) && !keyring_can_open(keyring, kid);

	if (seal_open(keyring, binding, value, &payload, &err))
		fail_msg("opened: %s", why);
	assert_int_equal(err.code, locked ? ERR_SEAL_KEY_MISSING : ERR_SEAL_BROKEN);
	assert_string_equal(err.message, locked ? "The key of the stored token is missing." : "The stored token cannot be opened.");
	assert_true(err.detail[0] != '\0');
	assert_null(payload.instance_url);
}

static void open_gives_back_what_was_sealed(void **state UNUSED)
{
	CLEANUP(keyring_freep) struct keyring *keyring = make_keyring();
	CLEANUP(sealed_value_release) struct sealed_value value = SEALED_VALUE_INIT;
	CLEANUP(seal_payload_release) struct seal_payload payload = SEAL_PAYLOAD_INIT;
	const struct seal_binding binding = sample_binding(keyring);
	struct error err = ERROR_INIT;
	char kid[17];

	make_sample(keyring, &value);
	if (!seal_open(keyring, &binding, &value, &payload, &err))
		fail_msg("%s %s", err.message, err.detail);
	assert_string_equal(secret_bytes(&payload.token), TOKEN);
	assert_int_equal(payload.token.length, strlen(TOKEN));
	assert_string_equal(payload.instance_url, "https://gitlab.company.com");
	assert_string_equal(payload.gitlab_user_id, "4711");
	assert_string_equal(payload.username, "john");
	assert_null(payload.scopes);
	assert_string_equal(payload.expires_at, "2027-01-31");
	assert_int_equal(payload.sealed_at, 1795370400);
	assert_int_equal(payload.generation, 7);
	assert_true(seal_kid(&value, kid));
	assert_string_equal(kid, keyring_active_kid(keyring));
	assert_null(memmem(value.bytes, value.length, "glpat", 5));
	assert_null(memmem(value.bytes, value.length, "john", 4));
}

static void the_length_says_little_about_the_token(void **state UNUSED)
{
	CLEANUP(keyring_freep) struct keyring *keyring = make_keyring();
	const struct seal_binding binding = sample_binding(keyring);
	static const struct {
		size_t length;
		size_t block;
	} rows[] = {{8, 1}, {20, 1}, {63, 1}, {64, 2}, {127, 2}, {512, 9}};
	size_t shortest = 0;

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		CLEANUP(sealed_value_release) struct sealed_value value = SEALED_VALUE_INIT;
		CLEANUP(seal_payload_release) struct seal_payload payload = SEAL_PAYLOAD_INIT, again = SEAL_PAYLOAD_INIT;
		char text[513];

		memset(text, 'x', sizeof(text));
		sample_payload(&payload);
		secret_set(&payload.token, text, rows[i].length);
		assert_true(seal(keyring, &binding, &payload, &value, NULL));
		shortest = i == 0 ? value.length : shortest;
		assert_int_equal(value.length, shortest + (rows[i].block - 1) * 64);
		assert_true(seal_open(keyring, &binding, &value, &again, NULL));
		assert_true(secret_equals(&payload.token, &again.token));
	}
}

static void two_seals_of_one_token_differ(void **state UNUSED)
{
	CLEANUP(keyring_freep) struct keyring *keyring = make_keyring();
	CLEANUP(sealed_value_release) struct sealed_value first = SEALED_VALUE_INIT, second = SEALED_VALUE_INIT;

	make_sample(keyring, &first);
	make_sample(keyring, &second);
	assert_int_equal(first.length, second.length);
	assert_memory_not_equal(first.bytes + 14, second.bytes + 14, 80); /* wrapped key */
	assert_memory_not_equal(first.bytes + 94, second.bytes + 94, 24); /* nonce */
	assert_memory_not_equal(first.bytes + 118, second.bytes + 118, 64);
}

static void every_flipped_byte_is_noticed(void **state UNUSED)
{
	CLEANUP(keyring_freep) struct keyring *keyring = make_keyring();
	CLEANUP(sealed_value_release) struct sealed_value value = SEALED_VALUE_INIT;
	const struct seal_binding binding = sample_binding(keyring);
	char why[32];

	make_sample(keyring, &value);
	for (size_t i = 0; i < value.length; i++) {
		snprintf(why, sizeof(why), "byte %zu", i);
		value.bytes[i] ^= 0x01;
		expect_broken(keyring, &binding, &value, why);
		value.bytes[i] ^= 0x81;
		expect_broken(keyring, &binding, &value, why);
		value.bytes[i] ^= 0x80;
	}
}

static void every_truncation_is_noticed(void **state UNUSED)
{
	CLEANUP(keyring_freep) struct keyring *keyring = make_keyring();
	CLEANUP(sealed_value_release) struct sealed_value value = SEALED_VALUE_INIT;
	const struct seal_binding binding = sample_binding(keyring);

	make_sample(keyring, &value);
	for (size_t length = 0; length < value.length; length++) {
		/* An exact copy, so that reading beyond its end is found. */
		CLEANUP(sealed_value_release) struct sealed_value cut = {xmalloc(length + (length == 0)), length};
		char why[32];

		memcpy(cut.bytes, value.bytes, length);
		snprintf(why, sizeof(why), "%zu bytes", length);
		expect_broken(keyring, &binding, &cut, why);
	}
	expect_broken(keyring, &binding, &(struct sealed_value)SEALED_VALUE_INIT, "no value at all");
}

static void a_longer_value_is_noticed(void **state UNUSED)
{
	CLEANUP(keyring_freep) struct keyring *keyring = make_keyring();
	CLEANUP(sealed_value_release) struct sealed_value value = SEALED_VALUE_INIT;
	const struct seal_binding binding = sample_binding(keyring);

	make_sample(keyring, &value);
	value.bytes = xrealloc(value.bytes, value.length + 1);
	value.bytes[value.length++] = 0;
	expect_broken(keyring, &binding, &value, "a byte behind the end");
}

static void a_value_opens_only_in_its_place(void **state UNUSED)
{
	CLEANUP(keyring_freep) struct keyring *keyring = make_keyring();
	CLEANUP(sealed_value_release) struct sealed_value value = SEALED_VALUE_INIT;
	const struct seal_binding right = sample_binding(keyring);
	struct seal_binding wrong[] = {right, right, right, right, right, right, right, right};
	static const char *const why[] = {
	        "installation", "record key",       "provider",         "user",
	        "instance",     "older generation", "newer generation", "fields that run into each other"};

	make_sample(keyring, &value);
	wrong[0].installation = "00000000-0000-4000-8000-000000000000";
	wrong[1].record_key = "k1-bbcdefghijklmnopqrstuvwxyz234567abcdefghijklmnopqrst";
	wrong[2].provider = "github";
	wrong[3].user_id = "jane@example.com";
	wrong[4].instance_url = "https://gitlab.evil.com";
	wrong[5].generation = 6;
	wrong[6].generation = 8;
	wrong[7].provider = "gitlabj";
	wrong[7].user_id = "ohn@example.com";
	for (size_t i = 0; i < ARRAY_SIZE(wrong); i++)
		expect_broken(keyring, &wrong[i], &value, why[i]);
}

static void a_payload_that_contradicts_its_place_does_not_open(void **state UNUSED)
{
	CLEANUP(keyring_freep) struct keyring *keyring = make_keyring();
	const struct seal_binding binding = sample_binding(keyring);

	for (int i = 0; i < 2; i++) {
		CLEANUP(sealed_value_release) struct sealed_value value = SEALED_VALUE_INIT;
		CLEANUP(seal_payload_release) struct seal_payload payload = SEAL_PAYLOAD_INIT;

		sample_payload(&payload);
		if (i == 0)
			set_string(&payload.instance_url, "https://gitlab.evil.com");
		else
			payload.generation = 6;
		assert_true(seal(keyring, &binding, &payload, &value, NULL));
		expect_broken(keyring, &binding, &value, i == 0 ? "another instance inside" : "another generation inside");
	}
}

static void other_keys_do_not_open(void **state UNUSED)
{
	CLEANUP(keyring_freep) struct keyring *keyring = make_keyring();
	CLEANUP(keyring_freep) struct keyring *other = make_keyring();
	CLEANUP(sealed_value_release) struct sealed_value value = SEALED_VALUE_INIT;
	const struct seal_binding binding = sample_binding(keyring);

	make_sample(keyring, &value);
	expect_broken(other, &binding, &value, "keys of another installation");
}

/* Public keys are public: whoever has them could seal a token of his own for somebody else, were it not for the signature. */
static void a_value_of_an_unlisted_signer_does_not_open(void **state UNUSED)
{
	struct temporary_folder ours, theirs;
	char paths[6][PATH_SIZE];
	CLEANUP(keyring_freep) struct keyring *keyring = NULL;
	CLEANUP(keyring_freep) struct keyring *forger = NULL;
	CLEANUP(sealed_value_release) struct sealed_value value = SEALED_VALUE_INIT;
	CLEANUP(seal_payload_release) struct seal_payload payload = SEAL_PAYLOAD_INIT;
	char our_line[512];
	FILE *file;
	long at;

	folder_make(&ours);
	folder_make(&theirs);
	const struct keyring_paths us = {folder_file(&ours, "a", paths[0]), folder_file(&ours, "b", paths[1]),
	                                 folder_file(&ours, "c", paths[2])};
	const struct keyring_paths them = {folder_file(&theirs, "a", paths[3]), folder_file(&theirs, "b", paths[4]),
	                                   folder_file(&theirs, "c", paths[5])};

	assert_true(keyring_generate(&us, NULL) && keyring_generate(&them, NULL));
	assert_true(keyring_load(&us, KEYRING_PUBLIC | KEYRING_PRIVATE, &keyring, NULL));
	/* The forger's public file gets our sealing key in place of its own. */
	file = fopen(us.public_keys, "re");
	assert_non_null(file);
	while (fgets(our_line, sizeof(our_line), file) && strncmp(our_line, "seal ", 5) != 0)
		;
	fclose(file);
	file = fopen(them.public_keys, "r+e");
	assert_non_null(file);
	for (char line[512];;) {
		at = ftell(file);
		assert_non_null(fgets(line, sizeof(line), file));
		if (strncmp(line, "seal ", 5) == 0)
			break;
	}
	fseek(file, at, SEEK_SET);
	fputs(our_line, file);
	fclose(file);
	assert_true(keyring_load(&them, KEYRING_PUBLIC | KEYRING_SIGNING, &forger, NULL));

	const struct seal_binding binding = sample_binding(keyring);
	sample_payload(&payload);
	assert_true(seal(forger, &binding, &payload, &value, NULL));
	expect_broken(keyring, &binding, &value, "a signer that the public file does not list");
	folder_remove(&ours);
	folder_remove(&theirs);
}

static void seal_refuses_what_is_over_its_caps(void **state UNUSED)
{
	CLEANUP(keyring_freep) struct keyring *keyring = make_keyring();
	CLEANUP(sealed_value_release) struct sealed_value value = SEALED_VALUE_INIT;
	CLEANUP(seal_payload_release) struct seal_payload payload = SEAL_PAYLOAD_INIT;
	struct seal_binding binding = sample_binding(keyring);
	struct error err = ERROR_INIT;
	char text[5000];

	memset(text, 'x', sizeof(text));
	text[sizeof(text) - 1] = '\0';
	sample_payload(&payload);
	secret_set(&payload.token, text, 513);
	assert_false(seal(keyring, &binding, &payload, &value, &err));
	assert_int_equal(err.code, ERR_INTERNAL);
	secret_set(&payload.token, "", 0);
	assert_false(seal(keyring, &binding, &payload, &value, &err));
	secret_set(&payload.token, TOKEN, strlen(TOKEN));
	set_string(&payload.scopes, text);
	assert_false(seal(keyring, &binding, &payload, &value, &err));
	set_string(&payload.scopes, "");
	binding.user_id = text;
	assert_false(seal(keyring, &binding, &payload, &value, &err));
	assert_null(value.bytes);
}

static void kid_is_read_only_from_sealed_values(void **state UNUSED)
{
	unsigned char bytes[400] = "ACP2";
	const struct sealed_value value = {bytes, sizeof(bytes)};
	char kid[17];

	assert_false(seal_kid(&value, kid));
	assert_false(seal_kid(&(struct sealed_value)SEALED_VALUE_INIT, kid));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(open_gives_back_what_was_sealed),
	        cmocka_unit_test(the_length_says_little_about_the_token),
	        cmocka_unit_test(two_seals_of_one_token_differ),
	        cmocka_unit_test(every_flipped_byte_is_noticed),
	        cmocka_unit_test(every_truncation_is_noticed),
	        cmocka_unit_test(a_longer_value_is_noticed),
	        cmocka_unit_test(a_value_opens_only_in_its_place),
	        cmocka_unit_test(a_payload_that_contradicts_its_place_does_not_open),
	        cmocka_unit_test(other_keys_do_not_open),
	        cmocka_unit_test(a_value_of_an_unlisted_signer_does_not_open),
	        cmocka_unit_test(seal_refuses_what_is_over_its_caps),
	        cmocka_unit_test(kid_is_read_only_from_sealed_values),
	};

	if (!secret_library_init())
		return 1;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
