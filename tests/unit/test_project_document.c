#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "caps.h"
#include "json_row.h"
#include "project_document.h"
#include "secret.h"

#include <string.h>

static bool keep(const char *sent, json_t **ret, struct error *err)
{
	json_t *given = json_row(sent), *before = json_deep_copy(given);
	bool ok = project_document_keep(given, ret, err);

	assert_true(json_equal(given, before));
	json_decref(given);
	json_decref(before);
	return ok;
}

static void what_is_sent_is_kept_but_for_secrets_and_our_own_words(void **state UNUSED)
{
	static const struct {
		const char *sentence, *sent, *kept;
	} rows[] = {
	        {"nothing to change", "{'repositories':[{'url':'https://g.org/a/b','branch':'main','provider':'gitlab'}]}",
	         "{'repositories':[{'url':'https://g.org/a/b','branch':'main','provider':'gitlab'}]}"},
	        {"members that nobody knows stay, in the list and in its entries",
	         "{'repositories':[{'url':'https://g.org/a/b','color':{'r':1}}],'layout':[1,null,'https://docs.org/x?y#z']}",
	         "{'repositories':[{'url':'https://g.org/a/b','color':{'r':1}}],'layout':[1,null,'https://docs.org/x?y#z']}"},
	        {"empty texts count as absent", "{'repositories':[{'url':'https://g.org/a/b','branch':'','provider':null}]}",
	         "{'repositories':[{'url':'https://g.org/a/b'}]}"},
	        {"credentials and queries of an address go",
	         "{'repositories':[{'url':'https://oauth2:glpat-0123456789abcdefghij@g.org/a/b?private_token=x'}]}",
	         "{'repositories':[{'url':'https://g.org/a/b'}]}"},
	        {"a branch behind the address stays", "{'repositories':[{'url':'https://u:pw@g.org/a/b.git#dev/x'}]}",
	         "{'repositories':[{'url':'https://g.org/a/b.git#dev/x'}]}"},
	        {"tokens elsewhere are masked, however deep",
	         "{'repositories':[{'url':'https://g.org/a/b','note':[['glpat-0123456789abcdefghij']]}],'x':'https://u:pw@g.org/"
	         "a'}",
	         "{'repositories':[{'url':'https://g.org/a/b','note':[['glpat-***']]}],'x':'https://u:***@g.org/a'}"},
	        {"and in the names of members",
	         "{'repositories':[{'url':'https://g.org/a/"
	         "b','by':{'glpat-0123456789abcdefghij':{'glpat-0123456789abcdefghij':1},'z':2}}]}",
	         "{'repositories':[{'url':'https://g.org/a/b','by':{'glpat-***':{'glpat-***':1},'z':2}}]}"},
	        {"the reports of an answer that comes back go", "{'repositories':[],'reports':[{'valid':true}]}",
	         "{'repositories':[]}"},
	        {"no answer has a member 'data'", "{'repositories':[],'data':{}}", "{'repositories':[]}"},
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct error err = ERROR_INIT;
		json_t *kept = NULL, *expected = json_row(rows[i].kept);

		print_message("  %s\n", rows[i].sentence);
		assert_true(keep(rows[i].sent, &kept, &err));
		if (!json_equal(kept, expected)) {
			CLEANUP(strbuf_release) struct strbuf shown = STRBUF_INIT(LIMIT_BODY_DEFAULT);

			json_write(&shown, kept);
			fail_msg("%s", shown.data);
		}
		json_decref(kept);
		json_decref(expected);
	}
}

static void unusable_lists_are_refused_and_the_member_is_named(void **state UNUSED)
{
	static const struct {
		const char *sentence, *sent;
		enum error_code code;
		const char *named;
	} rows[] = {
	        {"no list", "{}", ERR_FIELD_MISSING, "repositories"},
	        {"a list that is none", "{'repositories':{}}", ERR_FIELD_INVALID, "repositories"},
	        {"an entry that is a text", "{'repositories':['https://gitlab.com/a/b']}", ERR_FIELD_INVALID, "repositories[0]"},
	        {"an entry without an address", "{'repositories':[{'branch':'x'}]}", ERR_FIELD_MISSING, "repositories[0].url"},
	        {"an address that is a number", "{'repositories':[{'url':1}]}", ERR_FIELD_INVALID, "repositories[0].url"},
	        {"an address of no repository",
	         "{'repositories':[{'url':'https://gitlab.com/a/b'},{'url':'https://gitlab.com/a'}]}", ERR_REPO_URL_INVALID,
	         "repositories[1].url"},
	        {"a provider that is none",
	         "{'repositories':[{'url':'https://g.org/a/b'},{'url':'https://g.org/a/c'},{'url':'https://g.org/a/"
	         "d','provider':'svn'}]}",
	         ERR_FIELD_INVALID, "repositories[2].provider"},
	        {"a provider that is a number", "{'repositories':[{'url':'https://g.org/a/b','provider':1}]}", ERR_FIELD_INVALID,
	         "repositories[0].provider"},
	        {"a branch that git refuses", "{'repositories':[{'url':'https://g.org/a/b','branch':'a..b'}]}", ERR_BRANCH_INVALID,
	         "repositories[0].branch"},
	        {"a token as a branch", "{'repositories':[{'url':'https://g.org/a/b','branch':'glpat-0123456789abcdefghij'}]}",
	         ERR_BRANCH_INVALID, "repositories[0].branch"},
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct error err = ERROR_INIT;
		json_t *kept = NULL;

		print_message("  %s\n", rows[i].sentence);
		assert_false(keep(rows[i].sent, &kept, &err));
		assert_int_equal(err.code, rows[i].code);
		if (!strstr(err.message, rows[i].named))
			fail_msg("%s", err.message);
		assert_null(strstr(err.message, "glpat-0"));
		assert_null(kept);
	}
}

static void list_has_a_limit(void **state UNUSED)
{
	for (int extra = 0; extra < 2; extra++) {
		CLEANUP(strbuf_release) struct strbuf text = STRBUF_INIT(LIMIT_BODY_DEFAULT);
		struct error err = ERROR_INIT;
		json_t *kept = NULL;

		strbuf_add_string(&text, "{'repositories':[{'url':'https://git.corp/a/0'}");
		for (int i = 1; i < LIMIT_PROJECT_REPOSITORIES + extra; i++)
			strbuf_addf(&text, ",{'url':'https://git.corp/a/%d'}", i);
		strbuf_add_string(&text, "]}");
		assert_int_equal(keep(text.data, &kept, &err), !extra);
		assert_int_equal(err.code, extra ? ERR_FIELD_INVALID : ERR_NONE);
		json_decref(kept);
	}
}

static void identity_belongs_to_host_port_and_path(void **state UNUSED)
{
	static const struct {
		const char *sentence, *learned, *asked;
		bool is_known;
	} rows[] = {
	        {"the same address", "https://g.org/a/b", "https://g.org/a/b", true},
	        {"in any case, as clone address or page", "https://g.org/a/b", "https://G.org/A/B.git", true},
	        {"a page of it", "https://g.org/a/b.git", "https://g.org/a/b/-/tree/main", true},
	        {"by ssh", "https://g.org/a/b", "git@g.org:a/b.git", true},
	        {"an IPv6 address", "https://[fd00::1]/a/b", "https://[fd00::1]:443/a/b", true},
	        {"another path", "https://g.org/a/b", "https://g.org/a/c", false},
	        {"another port", "https://g.org/a/b", "https://g.org:8443/a/b", false},
	        {"another scheme", "https://g.org/a/b", "http://g.org/a/b", false},
	        {"no address", "https://g.org/a/b", "nonsense", false},
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		json_t *identities = json_object();

		print_message("  %s\n", rows[i].sentence);
		project_identity_learn(identities, rows[i].learned, 7);
		project_identity_learn(identities, rows[i].learned, 8);
		assert_int_equal(project_identity_at_text(identities, rows[i].asked), rows[i].is_known ? 7 : 0);
		json_decref(identities);
	}
}

static void stored_text_is_an_object_or_an_error(void **state UNUSED)
{
	static const struct {
		const char *text;
		bool ok;
	} rows[] = {{NULL, true}, {"{}", true}, {"[]", false}, {"", false}, {"{", false}};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct error err = ERROR_INIT;
		json_t *value = NULL;

		assert_int_equal(project_document_load(rows[i].text, &value, &err), rows[i].ok);
		assert_int_equal(err.code, rows[i].ok ? ERR_NONE : ERR_INTERNAL);
		assert_int_equal(json_is_object(value), rows[i].ok);
		json_decref(value);
	}
}

static int set_up(void **state UNUSED)
{
	json_library_init();
	return secret_library_init() ? 0 : -1;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(what_is_sent_is_kept_but_for_secrets_and_our_own_words),
	        cmocka_unit_test(unusable_lists_are_refused_and_the_member_is_named),
	        cmocka_unit_test(list_has_a_limit),
	        cmocka_unit_test(identity_belongs_to_host_port_and_path),
	        cmocka_unit_test(stored_text_is_an_object_or_an_error),
	};

	return cmocka_run_group_tests(tests, set_up, NULL);
}
