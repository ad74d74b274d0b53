#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <sys/stat.h>

#include "agent_environment.h"
#include "alloc.h"
#include "caps.h"

static const char session_id[] = "0f0f0f0f-1111-4222-8333-444444444444";
static const char gate_of_api[] = "[url \"http://127.0.0.1:8080/git/0f0f0f0f-1111-4222-8333-444444444444/api.git\"]\n";

struct place {
	struct secret credential;
	struct gate_client gate;
	struct repository repository;
	struct repositories repositories;
};

static int set_up(void **state)
{
	struct place *p = xcalloc(1, sizeof(*p));

	secret_set(&p->credential, "session-credential", 18);
	assert_true(gate_client_open("http://127.0.0.1:8080/", session_id, &p->credential, &p->gate, NULL));
	p->repository.name = xstrdup("api");
	p->repository.clone_url = xstrdup("https://gitlab.company.com/team/api.git");
	p->repository.project_path = xstrdup("team/api");
	p->repository.commit_name = xstrdup("John \"J\" Doe\n[core]\n\tsshCommand = evil");
	p->repository.commit_email = xstrdup("john@example.com");
	p->repositories = (struct repositories){.items = &p->repository, .count = 1};
	*state = p;
	return 0;
}

static int tear_down(void **state)
{
	struct place *p = *state;

	free(p->repository.name);
	free(p->repository.clone_url);
	free(p->repository.project_path);
	free(p->repository.commit_name);
	free(p->repository.commit_email);
	gate_client_release(&p->gate);
	secret_release(&p->credential);
	free(p);
	return 0;
}

static void every_spelling_of_the_address_leads_to_the_gate(void **state)
{
	static const char *const parts[] = {
	        gate_of_api,
	        "insteadOf = \"https://gitlab.company.com/team/api.git\"\n",
	        "insteadOf = \"https://gitlab.company.com/team/api\"\n",
	        "insteadOf = \"git@gitlab.company.com:team/api.git\"\n",
	        "insteadOf = \"ssh://git@gitlab.company.com/team/api\"\n",
	        "[http \"http://127.0.0.1:8080/git/0f0f0f0f-1111-4222-8333-444444444444/\"]\n",
	        "extraHeader = \"Authorization: Bearer session-credential\"\n",
	        "directory = *\n",
	};
	const struct place *p = *state;
	CLEANUP(strbuf_release) struct strbuf text = STRBUF_INIT(65536);

	agent_git_config(&p->gate, &p->repositories, &text);
	for (size_t i = 0; i < ARRAY_SIZE(parts); i++)
		if (!strstr(text.data, parts[i]))
			fail_msg("%s is missing in %s", parts[i], text.data);
}

static void name_from_outside_cannot_add_settings(void **state)
{
	const struct place *p = *state;
	CLEANUP(strbuf_release) struct strbuf text = STRBUF_INIT(65536);

	agent_git_config(&p->gate, &p->repositories, &text);
	assert_non_null(strstr(text.data, "name = \"John \\\"J\\\" Doe\"\n"));
	assert_null(strstr(text.data, "sshCommand"));
}

static void credential_is_in_a_private_file_and_in_no_variable(void **state)
{
	const struct place *p = *state;
	char root[] = "/tmp/test-environment-XXXXXX";
	CLEANUP(workspace_release) struct workspace w = WORKSPACE_INIT;
	CLEANUP(agent_environment_release) struct agent_environment e = AGENT_ENVIRONMENT_INIT;
	const struct session_spec spec = {.name = (char *)(uintptr_t) "s", .description = (char *)(uintptr_t) "Do it"};
	struct stat info;

	assert_non_null(mkdtemp(root));
	assert_true(workspace_locate(root, session_id, &w, NULL) && workspace_create(&w, NULL));
	assert_true(agent_environment_make(&w, &spec, &p->gate, &p->repositories, &e, NULL));
	assert_null(e.variables[e.count]);
	bool told = false;
	for (size_t i = 0; i < e.count; i++) {
		assert_null(strstr(e.variables[i], "session-credential"));
		told = told || strcmp(e.variables[i], "ACP_SESSION_DESCRIPTION=Do it") == 0;
	}
	assert_true(told);
	CLEANUP(freep) char *config = xasprintf("%s/.gitconfig", w.home);
	assert_int_equal(stat(config, &info), 0);
	assert_int_equal(info.st_mode & 0777, 0600);
	assert_true(remove_tree(root, NULL));
}

static const char *variable(const struct agent_environment *e, const char *name)
{
	size_t length = strlen(name);

	for (size_t i = 0; i < e->count; i++)
		if (strncmp(e->variables[i], name, length) == 0 && e->variables[i][length] == '=')
			return e->variables[i] + length + 1;
	return NULL;
}

static void sessions_variables_reach_the_agent_and_replace_none_of_the_workers(void **state)
{
	const struct place *p = *state;
	char root[] = "/tmp/test-environment-XXXXXX";
	CLEANUP(workspace_release) struct workspace w = WORKSPACE_INIT;
	CLEANUP(agent_environment_release) struct agent_environment e = AGENT_ENVIRONMENT_INIT;
	struct session_spec spec = {.name = (char *)(uintptr_t) "s", .description = (char *)(uintptr_t) "Do it"};

	spec.environment = json_pack("{s:s, s:s, s:s, s:s, s:s}", "MODEL", "large", "HOME", "/", "GIT_CONFIG_COUNT", "1",
	                             "ACP_TOKEN", "x", "GIT_TERMINAL_PROMPT", "1");
	assert_non_null(mkdtemp(root));
	assert_true(workspace_locate(root, session_id, &w, NULL) && workspace_create(&w, NULL));
	assert_true(agent_environment_make(&w, &spec, &p->gate, &p->repositories, &e, NULL));
	assert_string_equal(variable(&e, "MODEL"), "large");
	assert_string_equal(variable(&e, "HOME"), w.home);
	assert_string_equal(variable(&e, "GIT_TERMINAL_PROMPT"), "0");
	assert_null(variable(&e, "GIT_CONFIG_COUNT"));
	assert_null(variable(&e, "ACP_TOKEN"));
	assert_null(e.variables[e.count]);
	json_decref(spec.environment);
	assert_true(remove_tree(root, NULL));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test_setup_teardown(every_spelling_of_the_address_leads_to_the_gate, set_up, tear_down),
	        cmocka_unit_test_setup_teardown(name_from_outside_cannot_add_settings, set_up, tear_down),
	        cmocka_unit_test_setup_teardown(credential_is_in_a_private_file_and_in_no_variable, set_up, tear_down),
	        cmocka_unit_test_setup_teardown(sessions_variables_reach_the_agent_and_replace_none_of_the_workers, set_up,
	                                        tear_down),
	};

	return secret_library_init() ? cmocka_run_group_tests(tests, NULL, NULL) : 1;
}
