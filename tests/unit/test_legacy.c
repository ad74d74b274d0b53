#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "alloc.h"
#include "encoding.h"
#include "legacy.h"

static void names_are_made_as_the_go_implementation_made_them(void **state UNUSED)
{
	static const struct {
		const char *user_id, *name;
	} rows[] = {
	        {"alice", "alice"},
	        {"user@company.com", "user-company.com"},
	        {"user:company.com", "user-company.com"},
	        {"user-company.com", "user-company.com"},
	        {"kube:admin", "kube-admin"},
	        {"system:serviceaccount:ns:bot", "system-serviceaccount-ns-bot"},
	        {"--a--@@b--", "a-b"},
	        {"用户", ""},
	        {"j\xc3\xb6rg", "j-rg"},
	        {"a_b.c", "a_b.c"},
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		CLEANUP(freep) char *name = legacy_name_of(rows[i].user_id);

		assert_string_equal(name, rows[i].name);
	}
}

static json_t *secret_of(const char *secret, const char *name, const char *value)
{
	CLEANUP(strbuf_release) struct strbuf encoded = STRBUF_INIT(4096);

	encode_base64(&encoded, value, strlen(value));
	return json_pack("{s:s, s:{s:s}, s:{s:s}}", "kind", "Secret", "metadata", "name", secret, "data", name, encoded.data);
}

static bool read_one(json_t *object, struct legacy_list *to, struct error *err)
{
	bool ok = legacy_read(object, to, err);

	json_decref(object);
	return ok;
}

static void an_id_counts_only_where_the_value_tells_it(void **state UNUSED)
{
	static const struct {
		const char *sentence, *name, *value, *user_id;
	} rows[] = {
	        {"the value has the id, and the name is made of it", "john-company.com",
	         "{\"userId\":\"john@company.com\",\"token\":\"glpat-1\",\"instanceUrl\":\"https://gitlab.company.com\"}",
	         "john@company.com"},
	        {"the value has the name again: it may be john@company.com or john:company.com", "john-company.com",
	         "{\"userId\":\"john-company.com\",\"token\":\"glpat-1\"}", NULL},
	        {"the value has another's id", "john-company.com", "{\"userId\":\"mallory@x\",\"token\":\"glpat-1\"}", NULL},
	        {"the value has none", "john-company.com", "{\"token\":\"glpat-1\"}", NULL},
	        {"the bare token", "john-company.com", "glpat-1", NULL},
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		CLEANUP(legacy_list_release) struct legacy_list list = LEGACY_LIST_INIT;
		struct error err = ERROR_INIT;

		print_message("  %s\n", rows[i].sentence);
		assert_true(read_one(secret_of("gitlab-credentials", rows[i].name, rows[i].value), &list, &err));
		legacy_arrange(&list);
		assert_int_equal(list.count, 1);
		assert_string_equal(list.items[0].name, rows[i].name);
		assert_string_equal(secret_bytes(&list.items[0].token), "glpat-1");
		if (rows[i].user_id)
			assert_string_equal(list.items[0].user_id, rows[i].user_id);
		else
			assert_null(list.items[0].user_id);
	}
}

static void a_list_brings_the_old_secret_its_connections(void **state UNUSED)
{
	CLEANUP(legacy_list_release) struct legacy_list list = LEGACY_LIST_INIT;
	struct error err = ERROR_INIT;
	json_t *items = json_array();
	json_t *map = json_pack("{s:s, s:{s:s}, s:{s:s, s:s}}", "kind", "ConfigMap", "metadata", "name", "gitlab-connections",
	                        "data", "john-company.com",
	                        "{\"username\":\"john\",\"gitlabUserId\":\"7\",\"instanceUrl\":\"https://gitlab.company.com\"}",
	                        "nobody", "not json");

	json_array_append_new(items, map); /* before the Secret that it is about */
	json_array_append_new(items, secret_of("gitlab-user-tokens", "john-company.com", "glpat-old"));
	json_array_append_new(items, secret_of("gitlab-credentials", "john-company.com", "{\"token\":\"glpat-new\"}"));
	json_array_append_new(items,
	                      secret_of("gitlab-user-tokens", "k1-aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", "ACPR"));
	assert_true(read_one(json_pack("{s:s, s:o}", "kind", "List", "items", items), &list, &err));
	legacy_arrange(&list);
	assert_int_equal(list.count, 2);
	assert_int_equal(list.ours, 1);
	assert_string_equal(secret_bytes(&list.items[0].token), "glpat-new"); /* what was used last comes first */
	assert_string_equal(secret_bytes(&list.items[1].token), "glpat-old");
	for (size_t i = 0; i < list.count; i++) {
		assert_string_equal(list.items[i].instance_url, "https://gitlab.company.com");
		assert_string_equal(list.items[i].username, "john");
		assert_string_equal(list.items[i].gitlab_user_id, "7");
	}
}

static void what_is_no_such_thing_is_refused_without_quoting_it(void **state UNUSED)
{
	json_t *const rows[] = {
	        json_pack("{s:s}", "kind", "Pod"),
	        json_pack("{s:s, s:{s:s}}", "kind", "Secret", "data", "a", "glpat-not-base64!"),
	        json_pack("{s:s, s:{s:i}}", "kind", "Secret", "data", "a", 1),
	        secret_of("gitlab-credentials", "a", "{\"password\":\"glpat-x\"}"),
	        secret_of("gitlab-credentials", "a", "{\"token\":"),
	        json_pack("{s:s, s:{s:s}}", "kind", "Secret", "data", "a", "AA=="), /* a NUL */
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		CLEANUP(legacy_list_release) struct legacy_list list = LEGACY_LIST_INIT;
		struct error err = ERROR_INIT;

		assert_false(read_one(rows[i], &list, &err));
		assert_true(err.code == ERR_BAD_JSON || err.code == ERR_FIELD_INVALID);
		assert_null(strstr(err.message, "glpat"));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(names_are_made_as_the_go_implementation_made_them),
	        cmocka_unit_test(an_id_counts_only_where_the_value_tells_it),
	        cmocka_unit_test(a_list_brings_the_old_secret_its_connections),
	        cmocka_unit_test(what_is_no_such_thing_is_refused_without_quoting_it),
	};

	if (!secret_library_init())
		return 1;
	json_library_init();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
