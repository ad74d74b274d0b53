#include "session.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#include "branch_name.h"
#include "caps.h"
#include "json_row.h"
#include "secret.h"

/* name|url|provider|start|push; a line for each repository. */
static void describe(const struct session_spec *spec, struct strbuf *to)
{
	for (size_t i = 0; i < spec->repository_count; i++) {
		const struct session_repository *r = &spec->repositories[i];
		strbuf_addf(to, "%s|%s|%s|%s|%s\n", r->name, r->url, r->provider ? r->provider : "-",
		            r->start_branch ? r->start_branch : "-", r->push_branch ? r->push_branch : "-");
	}
}

static const struct {
	const char *sentence;
	const char *spec;
	const char *repositories;
} accepted[] = {
        {"no repository: the project's are meant", "{'description': 'x'}", ""},
        {"outputRepo's branch is where to push",
         "{'outputRepo': {'url': 'https://gitlab.com/myteam/backend.git', 'branch': 'feature/x'}}",
         "backend|https://gitlab.com/myteam/backend.git|-|-|feature/x\n"},
        {"outputRepo without a branch", "{'outputRepo': {'url': 'https://gitlab.com/a/b'}}",
         "b|https://gitlab.com/a/b|-|-|ambient/s1\n"},
        {"repositories start from their branch and are pushed",
         "{'repositories': [{'url': 'https://gitlab.com/a/b', 'branch': 'develop', 'provider': 'gitlab'}, {'url': "
         "'git@g.corp:c/d.git'}]}",
         "b|https://gitlab.com/a/b|gitlab|develop|ambient/s1\nd|git@g.corp:c/d.git|-|-|ambient/s1\n"},
        {"of repos only those with autoPush are pushed",
         "{'repos': [{'url': 'https://g.corp/a/b', 'branch': 'main', 'autoPush': true}, {'url': 'https://g.corp/a/c', 'autoPush': "
         "false},"
         " {'url': 'https://g.corp/a/d'}]}",
         "b|https://g.corp/a/b|-|main|ambient/s1\nc|https://g.corp/a/c|-|-|-\nd|https://g.corp/a/d|-|-|-\n"},
        {"one repository in both places: start here, push there",
         "{'outputRepo': {'url': 'https://g.corp/a/b.git', 'branch': 'feature/x'},"
         " 'repositories': [{'url': 'git@g.corp:a/b.git', 'branch': 'main', 'provider': 'gitlab'}]}",
         "b|https://g.corp/a/b.git|gitlab|main|feature/x\n"},
        {"the same twice is once", "{'repositories': [{'url': 'https://g.corp/a/b'}, {'url': 'https://G.corp/A/B.git/'}]}",
         "b|https://g.corp/a/b|-|-|ambient/s1\n"},
        {"autoPush of the second mention counts",
         "{'repos': [{'url': 'https://g.corp/a/b'}, {'url': 'https://g.corp/a/b', 'autoPush': true}]}",
         "b|https://g.corp/a/b|-|-|ambient/s1\n"},
        {"a page of the project and its address are one repository",
         "{'repositories': [{'url': 'https://g.corp/a/b/-/merge_requests/3'}, {'url': 'git@g.corp:a/b.git'}]}",
         "b|https://g.corp/a/b/-/merge_requests/3|-|-|ambient/s1\n"},
        {"a page of a branch is kept as pasted", "{'repositories': [{'url': 'https://g.corp/a/b/-/tree/v1/docs'}]}",
         "b|https://g.corp/a/b/-/tree/v1/docs|-|-|ambient/s1\n"},
        {"a page of a branch and that branch are once",
         "{'repositories': [{'url': 'https://g.corp/a/b/-/tree/v1/docs'}, {'url': 'https://g.corp/a/b', 'branch': 'v1'}]}",
         "b|https://g.corp/a/b/-/tree/v1/docs|-|v1|ambient/s1\n"},
        {"the other way round too",
         "{'repositories': [{'url': 'https://g.corp/a/b', 'branch': 'v1'}, {'url': 'https://g.corp/a/b/-/blob/v1/README.md'}]}",
         "b|https://g.corp/a/b|-|v1|ambient/s1\n"},
        {"two pages of one branch are once",
         "{'repositories': [{'url': 'https://g.corp/a/b/-/tree/v1'}, {'url': 'https://g.corp/a/b/-/tree/v1/docs'}]}",
         "b|https://g.corp/a/b/-/tree/v1|-|-|ambient/s1\n"},
        {"a page of a branch and the default branch are two",
         "{'repositories': [{'url': 'https://g.corp/a/b/-/tree/v1'}, {'url': 'https://g.corp/a/b'}]}",
         "b|https://g.corp/a/b/-/tree/v1|-|-|ambient/s1\nb-2|https://g.corp/a/b|-|-|ambient/s1-2\n"},
        {"names that only begin alike are two",
         "{'repositories': [{'url': 'https://g.corp/a/b/-/tree/v10'}, {'url': 'https://g.corp/a/b', 'branch': 'v1'}]}",
         "b|https://g.corp/a/b/-/tree/v10|-|-|ambient/s1\nb-2|https://g.corp/a/b|-|v1|ambient/s1-2\n"},
        {"branches that git cannot have both are two all the same: one of them is missing, and that is to be told",
         "{'repositories': [{'url': 'https://g.corp/a/b', 'branch': 'v1'}, {'url': 'https://g.corp/a/b', 'branch': 'v1/x'}]}",
         "b|https://g.corp/a/b|-|v1|ambient/s1\nb-2|https://g.corp/a/b|-|v1/x|ambient/s1-2\n"},
        {"a branch that is given goes before the page's",
         "{'repositories': [{'url': 'https://g.corp/a/b/-/tree/v1', 'branch': 'v2'}, {'url': 'https://g.corp/a/b', 'branch': "
         "'v2'}]}",
         "b|https://g.corp/a/b/-/tree/v1|-|v2|ambient/s1\n"},
        {"a branch behind the address is one as that of a page",
         "{'repositories': [{'url': 'https://u:s3cret@g.corp/a/b.git#v1'}, {'url': 'https://g.corp/a/b', 'branch': 'v1'},"
         " {'url': 'git@g.corp:a/b.git#v2'}]}",
         "b|https://g.corp/a/b.git#v1|-|v1|ambient/s1\nb-2|git@g.corp:a/b.git#v2|-|-|ambient/s1-2\n"},
        {"a page tells where outputRepo starts from",
         "{'outputRepo': {'url': 'https://g.corp/a/b', 'branch': 'x'}, 'repositories': [{'url': 'https://g.corp/a/b/-/tree/v1'}]}",
         "b|https://g.corp/a/b/-/tree/v1|-|-|x\n"},
        {"two start branches are two clones and two pushes",
         "{'repositories': [{'url': 'https://g.corp/a/b', 'branch': 'v1'}, {'url': 'https://g.corp/a/b', 'branch': 'v2'}]}",
         "b|https://g.corp/a/b|-|v1|ambient/s1\nb-2|https://g.corp/a/b|-|v2|ambient/s1-2\n"},
        {"two projects with one last name",
         "{'repositories': [{'url': 'https://g.corp/a/api'}, {'url': 'https://g.corp/b/api'}, {'url': 'https://g.corp/c/API'},"
         " {'url': 'https://g.corp/c/api-2'}]}",
         "api|https://g.corp/a/api|-|-|ambient/s1\napi-2|https://g.corp/b/api|-|-|ambient/s1\n"
         "API-3|https://g.corp/c/API|-|-|ambient/s1\napi-2-2|https://g.corp/c/api-2|-|-|ambient/s1\n"},
        {"a name with a leading dot is no hidden folder", "{'repositories': [{'url': 'https://g.corp/a/.config'}]}",
         "_config|https://g.corp/a/.config|-|-|ambient/s1\n"},
        {"credentials are dropped", "{'outputRepo': {'url': 'https://oauth2:s3cret@g.corp/a/b.git', 'branch': 'x'}}",
         "b|https://g.corp/a/b.git|-|-|x\n"},
        {"empty texts count as absent",
         "{'outputRepo': {'url': 'https://g.corp/a/b', 'branch': '', 'provider': ''}, 'repos': null}",
         "b|https://g.corp/a/b|-|-|ambient/s1\n"},
};

static void parse_gives_one_list_of_repositories(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(accepted); i++) {
		CLEANUP(session_spec_release) struct session_spec spec = SESSION_SPEC_INIT;
		CLEANUP(strbuf_release) struct strbuf text = STRBUF_INIT(LIMIT_BODY_DEFAULT);
		CLEANUP(strbuf_release) struct strbuf found = STRBUF_INIT(LIMIT_BODY_DEFAULT);
		struct error err = ERROR_INIT;

		print_message("%s\n", accepted[i].sentence);
		strbuf_addf(&text, "{'metadata': {'name': 's1'}, 'spec': %s}", accepted[i].spec);
		json_t *object = json_row(text.data);
		if (!session_spec_parse(object, &spec, &err))
			fail_msg("%s", err.message);
		json_decref(object);
		describe(&spec, &found);
		assert_string_equal(found.data, accepted[i].repositories);
	}
}

static void parse_reads_the_seeds_shape(void **state)
{
	CLEANUP(session_spec_release) struct session_spec spec = SESSION_SPEC_INIT;
	json_t *object =
	        json_row("{'apiVersion': 'ambient-code.io/v1alpha1', 'kind': 'AgenticSession',"
	                 " 'metadata': {'name': 'add-feature-x', 'namespace': 'my-project', 'labels': {'a': 'b'}},"
	                 " 'spec': {'description': 'Add feature X\\nto the backend service', 'userContext': {'userId': 'mallory'},"
	                 " 'outputRepo': {'url': 'https://gitlab.com/myteam/backend.git', 'branch': 'feature/add-feature-x'},"
	                 " 'mergeRequest': {'title': 'X', 'draft': true}}}");

	(void)state;
	assert_true(session_spec_parse(object, &spec, NULL));
	json_decref(object);
	assert_string_equal(spec.name, "add-feature-x");
	assert_string_equal(spec.project, "my-project");
	assert_string_equal(spec.description, "Add feature X\nto the backend service");
	assert_null(spec.display_name);
	assert_int_equal(spec.repository_count, 1);
	assert_string_equal(json_string_or(spec.merge_request, "title", ""), "X");
}

static void parse_reads_the_platforms_shape(void **state)
{
	CLEANUP(session_spec_release) struct session_spec spec = SESSION_SPEC_INIT;
	json_t *object =
	        json_row("{'apiVersion': 'vteam.ambient-code/v1alpha1', 'kind': 'AgenticSession',"
	                 " 'metadata': {'generateName': 'work-'}, 'spec': {'initialPrompt': 'Do it', 'displayName': 'My work',"
	                 " 'environmentVariables': {'MODEL': 'large', 'NOTE': 'two\\nlines'},"
	                 " 'timeout': 300, 'repos': [{'url': 'https://gitlab.com/a/b', 'autoPush': true}]}}");

	(void)state;
	assert_true(session_spec_parse(object, &spec, NULL));
	json_decref(object);
	assert_int_equal(strlen(spec.name), strlen("work-") + 8);
	assert_memory_equal(spec.name, "work-", 5);
	assert_null(spec.project);
	assert_string_equal(spec.description, "Do it");
	assert_string_equal(spec.display_name, "My work");
	assert_string_equal(json_string_or(spec.environment, "MODEL", ""), "large");
	assert_string_equal(json_string_or(spec.environment, "NOTE", ""), "two\nlines");
	assert_null(spec.merge_request);
	assert_memory_equal(spec.repositories[0].push_branch, "ambient/work-", 13);
}

static void parse_makes_a_name_where_there_is_none(void **state)
{
	CLEANUP(session_spec_release) struct session_spec one = SESSION_SPEC_INIT;
	CLEANUP(session_spec_release) struct session_spec two = SESSION_SPEC_INIT;
	json_t *object = json_row("{'spec': {}}");

	(void)state;
	assert_true(session_spec_parse(object, &one, NULL));
	assert_true(session_spec_parse(object, &two, NULL));
	json_decref(object);
	assert_memory_equal(one.name, "session-", 8);
	assert_int_equal(strlen(one.name), 16);
	assert_string_not_equal(one.name, two.name);
	assert_string_equal(one.description, "");
	assert_int_equal(one.repository_count, 0);
}

static void push_branch_is_one_that_git_accepts(void **state)
{
	char long_name[LIMIT_SESSION_NAME_MAX + 1] = {0};
	const char *const names[] = {"a.lock", "a.b", long_name};

	(void)state;
	memset(long_name, 'a', LIMIT_SESSION_NAME_MAX);
	long_name[199] = '.';
	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		CLEANUP(session_spec_release) struct session_spec spec = SESSION_SPEC_INIT;
		CLEANUP(strbuf_release) struct strbuf text = STRBUF_INIT(4096);
		struct error err = ERROR_INIT;

		strbuf_addf(&text, "{'metadata': {'name': '%s'}, 'spec': {'outputRepo': {'url': 'https://g.corp/a/b'}}}", names[i]);
		json_t *object = json_row(text.data);
		if (!session_spec_parse(object, &spec, &err))
			fail_msg("%s", err.message);
		json_decref(object);
		if (!branch_name_check(spec.repositories[0].push_branch, &err))
			fail_msg("%s", err.message);
	}
}

static const struct {
	const char *sentence;
	const char *object;
	enum error_code code;
	const char *named;
} refused[] = {
        {"no spec", "{}", ERR_FIELD_MISSING, "spec"},
        {"spec is a list", "{'spec': []}", ERR_FIELD_INVALID, "spec"},
        {"another apiVersion", "{'apiVersion': 'v1', 'spec': {}}", ERR_SESSION_INVALID, "apiVersion"},
        {"another kind", "{'kind': 'Pod', 'spec': {}}", ERR_SESSION_INVALID, "Pod"},
        {"a name in capitals", "{'metadata': {'name': 'Add X'}, 'spec': {}}", ERR_SESSION_INVALID, "metadata.name"},
        {"a generateName that gives no name", "{'metadata': {'generateName': '-x'}, 'spec': {}}", ERR_SESSION_INVALID,
         "metadata.generateName"},
        {"a namespace with a dot", "{'metadata': {'namespace': 'a.b'}, 'spec': {}}", ERR_SESSION_INVALID, "metadata.namespace"},
        {"a description that is a number", "{'spec': {'description': 1}}", ERR_SESSION_INVALID, "description"},
        {"environmentVariables that are a list", "{'spec': {'environmentVariables': ['A=b']}}", ERR_SESSION_INVALID,
         "environmentVariables"},
        {"a variable without a text", "{'spec': {'environmentVariables': {'A': 1}}}", ERR_SESSION_INVALID, "environmentVariables"},
        {"a name that is none", "{'spec': {'environmentVariables': {'A=B': 'c'}}}", ERR_SESSION_INVALID, "'A=B' is no name"},
        {"an empty name", "{'spec': {'environmentVariables': {'': 'c'}}}", ERR_SESSION_INVALID, "is no name"},
        {"a mergeRequest that is a text", "{'spec': {'mergeRequest': 'x'}}", ERR_SESSION_INVALID, "mergeRequest"},
        {"outputRepo without url", "{'spec': {'outputRepo': {'branch': 'x'}}}", ERR_SESSION_INVALID, "spec.outputRepo"},
        {"an address that is none", "{'spec': {'repositories': [{'url': 'https://g.corp/a/b'}, {'url': 'x'}]}}",
         ERR_REPO_URL_INVALID, "spec.repositories[1]"},
        {"a branch that is none", "{'spec': {'outputRepo': {'url': 'https://g.corp/a/b', 'branch': 'a..b'}}}", ERR_BRANCH_INVALID,
         "spec.outputRepo"},
        {"a provider that is none", "{'spec': {'repos': [{'url': 'https://g.corp/a/b', 'provider': 'svn'}]}}", ERR_SESSION_INVALID,
         "provider"},
        {"autoPush that is a text", "{'spec': {'repos': [{'url': 'https://g.corp/a/b', 'autoPush': 'yes'}]}}", ERR_SESSION_INVALID,
         "autoPush"},
        {"a repository that is a text", "{'spec': {'repos': ['https://g.corp/a/b']}}", ERR_SESSION_INVALID, "spec.repos[0]"},
};

static void parse_names_the_member_that_is_wrong(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(refused); i++) {
		struct session_spec spec = SESSION_SPEC_INIT;
		struct error err = ERROR_INIT;
		json_t *object = json_row(refused[i].object);

		print_message("%s\n", refused[i].sentence);
		assert_false(session_spec_parse(object, &spec, &err));
		json_decref(object);
		assert_int_equal(err.code, refused[i].code);
		if (!strstr(err.message, refused[i].named))
			fail_msg("%s", err.message);
		assert_null(spec.name);
	}
}

static void errors_hold_no_credentials(void **state)
{
	struct session_spec spec = SESSION_SPEC_INIT;
	struct error err = ERROR_INIT;
	json_t *object = json_row("{'spec': {'outputRepo': {'url': 'https://oauth2:s3cret@g.corp/a'}}}");

	(void)state;
	assert_false(session_spec_parse(object, &spec, &err));
	json_decref(object);
	assert_null(strstr(err.message, "s3cret"));
}

static void parse_has_a_limit_of_repositories(void **state)
{
	(void)state;
	for (int extra = 0; extra < 2; extra++) {
		CLEANUP(session_spec_release) struct session_spec spec = SESSION_SPEC_INIT;
		CLEANUP(strbuf_release) struct strbuf text = STRBUF_INIT(LIMIT_BODY_DEFAULT);
		struct error err = ERROR_INIT;

		strbuf_add_string(&text, "{'spec': {'repositories': [{'url': 'https://g.corp/a/0'}");
		for (int i = 1; i < LIMIT_SESSION_REPOSITORIES; i++)
			strbuf_addf(&text, ",{'url': 'https://g.corp/a/%d'}", i);
		strbuf_add_string(&text, extra ? "], 'repos': [{'url': 'https://g.corp/a/more'}]}}" : "]}}");
		json_t *object = json_row(text.data);
		assert_int_equal(session_spec_parse(object, &spec, &err), !extra);
		json_decref(object);
	}
}

static int set_up(void **state)
{
	(void)state;
	json_library_init();
	return secret_library_init() ? 0 : -1;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(parse_gives_one_list_of_repositories), cmocka_unit_test(parse_reads_the_seeds_shape),
	        cmocka_unit_test(parse_reads_the_platforms_shape),      cmocka_unit_test(parse_makes_a_name_where_there_is_none),
	        cmocka_unit_test(push_branch_is_one_that_git_accepts),  cmocka_unit_test(parse_names_the_member_that_is_wrong),
	        cmocka_unit_test(errors_hold_no_credentials),           cmocka_unit_test(parse_has_a_limit_of_repositories),
	};
	return cmocka_run_group_tests(tests, set_up, NULL);
}
