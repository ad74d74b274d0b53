#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "alloc.h"
#include "record.h"
#include "secret_store.h"
#include "temporary_folder.h"

#define ALL   (KEYRING_PUBLIC | KEYRING_SIGNING | KEYRING_PRIVATE)
#define TOKEN "glpat-AbCdEfGhIjKlMnOpQrSt"
#define USER  "system:serviceaccount:team/ä'\";--"

static struct keyring *make_keyring(unsigned parts)
{
	struct temporary_folder folder;
	char public_keys[PATH_SIZE], signing_key[PATH_SIZE], private_keys[PATH_SIZE];
	struct keyring *keyring = NULL;
	struct error err = ERROR_INIT;

	folder_make(&folder);
	const struct keyring_paths paths = {folder_file(&folder, "a", public_keys), folder_file(&folder, "b", signing_key),
	                                    folder_file(&folder, "c", private_keys)};
	if (!keyring_generate(&paths, &err) || !keyring_load(&paths, parts, &keyring, &err))
		fail_msg("%s", err.message);
	folder_remove(&folder);
	return keyring;
}

static struct seal_binding sample_binding(const struct keyring *keyring, int64_t generation)
{
	return (struct seal_binding){
	        .installation = keyring_installation(keyring),
	        .record_key = "k1-abcdefghijklmnopqrstuvwxyz234567abcdefghijklmnopqrst",
	        .provider = "gitlab",
	        .user_id = USER,
	        .instance_url = "https://gitlab.company.com",
	        .generation = generation,
	};
}

static void make_record(const struct keyring *keyring, int64_t generation, struct sealed_value *ret)
{
	CLEANUP(seal_payload_release) struct seal_payload payload = SEAL_PAYLOAD_INIT;
	const struct seal_binding binding = sample_binding(keyring, generation);
	struct error err = ERROR_INIT;

	secret_set(&payload.token, TOKEN, strlen(TOKEN));
	payload.instance_url = xstrdup(binding.instance_url);
	payload.gitlab_user_id = xstrdup("4711");
	payload.username = xstrdup("john");
	payload.generation = generation;
	if (!record_seal(keyring, &binding, &payload, ret, &err))
		fail_msg("%s %s", err.message, err.detail);
}

static void a_record_tells_generation_and_key_to_everyone_and_its_owner_to_the_opener(void **state UNUSED)
{
	CLEANUP(keyring_freep) struct keyring *keyring = make_keyring(ALL);
	CLEANUP(sealed_value_release) struct sealed_value record = SEALED_VALUE_INIT;
	CLEANUP(record_owner_release) struct record_owner owner = RECORD_OWNER_INIT;
	CLEANUP(seal_payload_release) struct seal_payload payload = SEAL_PAYLOAD_INIT;
	const struct seal_binding binding = sample_binding(keyring, 1234567890123);
	struct error err = ERROR_INIT;
	int64_t generation = 0;
	char kid[17];

	make_record(keyring, binding.generation, &record);
	assert_true(record_generation(&record, &generation));
	assert_int_equal(generation, binding.generation);
	assert_true(record_kid(&record, kid));
	assert_string_equal(kid, keyring_active_kid(keyring));
	assert_true(record_open_owner(keyring, &record, &owner, &err));
	assert_string_equal(owner.provider, "gitlab");
	assert_string_equal(owner.user_id, USER);
	assert_string_equal(owner.instance_url, "https://gitlab.company.com");
	assert_true(record_open(keyring, &binding, &record, &payload, &err));
	assert_string_equal(secret_bytes(&payload.token), TOKEN);
	for (size_t i = 0; i + 4 < record.length; i++) /* neither stands there readable */
		assert_true(memcmp(record.bytes + i, "glpat", 5) != 0 && memcmp(record.bytes + i, "system", 5) != 0);
}

static void a_record_opens_for_an_index_that_is_behind_but_never_for_one_that_is_ahead(void **state UNUSED)
{
	static const struct {
		const char *sentence;
		int64_t index, record;
		bool opens;
	} rows[] = {
	        {"both are at the same change", 7, 7, true},
	        {"a connect has put its record and not yet committed its row", 7, 9, true},
	        {"an old record was put back", 9, 7, false},
	};
	CLEANUP(keyring_freep) struct keyring *keyring = make_keyring(ALL);

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		CLEANUP(sealed_value_release) struct sealed_value record = SEALED_VALUE_INIT;
		CLEANUP(seal_payload_release) struct seal_payload payload = SEAL_PAYLOAD_INIT;
		const struct seal_binding binding = sample_binding(keyring, rows[i].index);
		struct error err = ERROR_INIT;

		print_message("  %s\n", rows[i].sentence);
		make_record(keyring, rows[i].record, &record);
		assert_int_equal(record_open(keyring, &binding, &record, &payload, &err), rows[i].opens);
		assert_int_equal(err.code, rows[i].opens ? ERR_NONE : ERR_SEAL_BROKEN);
	}
}

static void nothing_that_was_changed_opens(void **state UNUSED)
{
	CLEANUP(keyring_freep) struct keyring *keyring = make_keyring(ALL);
	CLEANUP(sealed_value_release) struct sealed_value record = SEALED_VALUE_INIT;

	make_record(keyring, 7, &record);
	for (size_t i = 0; i < record.length; i++) {
		CLEANUP(record_owner_release) struct record_owner owner = RECORD_OWNER_INIT;
		CLEANUP(seal_payload_release) struct seal_payload payload = SEAL_PAYLOAD_INIT;
		struct seal_binding binding = sample_binding(keyring, 7);

		record.bytes[i] ^= 1;
		/* What the owner box says is what the value has to be bound to. */
		if (record_open_owner(keyring, &record, &owner, NULL)) {
			binding.provider = owner.provider;
			binding.user_id = owner.user_id;
			binding.instance_url = owner.instance_url;
			assert_false(record_open(keyring, &binding, &record, &payload, NULL));
		}
		record.bytes[i] ^= 1;
	}
	for (size_t length = 0; length < record.length; length++) {
		const struct sealed_value cut = {record.bytes, length};
		CLEANUP(seal_payload_release) struct seal_payload payload = SEAL_PAYLOAD_INIT;
		const struct seal_binding binding = sample_binding(keyring, 7);

		assert_false(record_open(keyring, &binding, &cut, &payload, NULL));
	}
}

static void a_planted_owner_does_not_get_another_users_token(void **state UNUSED)
{
	CLEANUP(keyring_freep) struct keyring *keyring = make_keyring(ALL);
	CLEANUP(sealed_value_release)
	struct sealed_value mine = SEALED_VALUE_INIT, theirs = SEALED_VALUE_INIT, mixed = SEALED_VALUE_INIT;
	CLEANUP(record_owner_release) struct record_owner owner = RECORD_OWNER_INIT;
	CLEANUP(seal_payload_release) struct seal_payload payload = SEAL_PAYLOAD_INIT;
	struct seal_binding binding = sample_binding(keyring, 7);
	struct error err = ERROR_INIT;

	make_record(keyring, 7, &theirs);
	payload = (struct seal_payload){.instance_url = xstrdup(binding.instance_url), .generation = 7};
	secret_set(&payload.token, TOKEN, strlen(TOKEN));
	binding.user_id = "mallory";
	assert_true(record_seal(keyring, &binding, &payload, &mine, &err));
	/* Both owner boxes are padded, here to different lengths: my head and owner before their value. */
	const size_t my_owner = 16 + (size_t)(mine.bytes[5] | mine.bytes[6] << 8);
	const size_t their_owner = 16 + (size_t)(theirs.bytes[5] | theirs.bytes[6] << 8);

	mixed.length = my_owner + theirs.length - their_owner;
	mixed.bytes = xmalloc(mixed.length);
	memcpy(mixed.bytes, mine.bytes, my_owner);
	memcpy(mixed.bytes + my_owner, theirs.bytes + their_owner, theirs.length - their_owner);
	assert_true(record_open_owner(keyring, &mixed, &owner, &err));
	assert_string_equal(owner.user_id, "mallory");
	assert_false(record_open(keyring, &binding, &mixed, &payload, &err));
	assert_int_equal(err.code, ERR_SEAL_BROKEN);
}

static void without_its_key_a_record_shows_no_owner(void **state UNUSED)
{
	CLEANUP(keyring_freep) struct keyring *keyring = make_keyring(ALL), *other = make_keyring(ALL);
	CLEANUP(sealed_value_release) struct sealed_value record = SEALED_VALUE_INIT;
	CLEANUP(record_owner_release) struct record_owner owner = RECORD_OWNER_INIT;
	struct error err = ERROR_INIT;

	make_record(keyring, 7, &record);
	assert_false(record_open_owner(other, &record, &owner, &err));
	assert_int_equal(err.code, ERR_SEAL_KEY_MISSING);
	assert_null(owner.user_id);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(a_record_tells_generation_and_key_to_everyone_and_its_owner_to_the_opener),
	        cmocka_unit_test(a_record_opens_for_an_index_that_is_behind_but_never_for_one_that_is_ahead),
	        cmocka_unit_test(nothing_that_was_changed_opens),
	        cmocka_unit_test(a_planted_owner_does_not_get_another_users_token),
	        cmocka_unit_test(without_its_key_a_record_shows_no_owner),
	};

	if (!secret_library_init())
		return 1;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
