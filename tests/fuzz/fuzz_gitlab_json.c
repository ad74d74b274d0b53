/*
 * JSON of any shape where GitLab's answers are read: user, token, project, branch, rules, lists of branches, tags and entries.
 * First byte: which of them, '0' to '7'.
 */
#include "forge_sentence.h"
#include "fuzz.h"
#include "gitlab_api.h"
#include "gitlab_branch.h"

static const char pasted[] = "feature/a/docs/x.md";

static struct http_call answer_of(const void *body, size_t length)
{
	struct http_call call = {.method = "GET",
	                         .url = "https://gitlab.example.com/api/v4/x",
	                         .status = 200,
	                         .content_type_got = "application/json",
	                         .answer = STRBUF_INIT(LIMIT_ANSWER)};

	strbuf_add(&call.answer, body, length);
	return call;
}

/* The input is one of the two answers about an account; the other one is in order. */
static void check_account(const uint8_t *data, size_t size, bool is_user)
{
	static const char good_user[] = "{\"id\":7,\"username\":\"ada\"}", good_self[] = "{\"active\":true,\"scopes\":[\"api\"]}";
	const char *other = is_user ? good_self : good_user;
	struct http_call input = answer_of(data, size), rest = answer_of(other, strlen(other));
	struct forge_account account = FORGE_ACCOUNT_INIT;
	struct error err = ERROR_INIT;

	if (account_judge(is_user ? &input : &rest, is_user ? &rest : &input, "gitlab.example.com", &account, &err))
		FUZZ_ASSERT(account.id && account.username && account.username[0]);
	else
		FUZZ_ASSERT(err.code != ERR_NONE && strpbrk(err.message, "\r\n") == NULL && !account.id);
	forge_account_release(&account);
	http_call_release(&input);
	http_call_release(&rest);
}

static void check_project(const json_t *answer)
{
	struct forge_project project = FORGE_PROJECT_INIT;
	struct instance_url instance = INSTANCE_URL_INIT;

	FUZZ_ASSERT(instance_url_parse("https://gitlab.example.com", &instance, NULL));
	if (project_fill(&instance, answer, &project)) {
		FUZZ_ASSERT(project.id > 0 && project.role && strpbrk(project.path, "?#%\\@: \r\n") == NULL);
		FUZZ_ASSERT(strncmp(project.clone_url, "https://gitlab.example.com/", 27) == 0 &&
		            !strstr(project.clone_url, "/../"));
		FUZZ_ASSERT(!project.empty || !project.default_branch);
	}
	forge_project_release(&project);
	instance_url_release(&instance);
}

static void check_branch(const json_t *answer)
{
	struct forge_branch branch;

	branch_fill(answer, 30, &branch);
	FUZZ_ASSERT(branch.state == FORGE_BRANCH_OPEN || branch.state == FORGE_BRANCH_PROTECTED);
	FUZZ_ASSERT(strnlen(branch.commit, sizeof(branch.commit)) < sizeof(branch.commit));
}

static void check_branch_list(const json_t *rows)
{
	struct forge_branch_list list = FORGE_BRANCH_LIST_INIT;
	size_t index, taken = 0;
	const json_t *row;

	json_array_foreach(rows, index, row) taken += branch_row_take(row, &list);
	FUZZ_ASSERT(list.count == taken);
	for (size_t i = 0; i < list.count; i++)
		FUZZ_ASSERT(list.items[i].name[0] && list.items[i].sha && strpbrk(list.items[i].message, "\r\n") == NULL);
	forge_branch_list_release(&list);
}

static void check_tree(const json_t *rows)
{
	struct forge_tree tree = FORGE_TREE_INIT;
	size_t index, taken = 0;
	const json_t *row;

	json_array_foreach(rows, index, row) taken += tree_row_take(row, &tree);
	FUZZ_ASSERT(tree.count == taken);
	for (size_t i = 0; i < tree.count; i++)
		FUZZ_ASSERT(tree.items[i].name[0] && tree.items[i].path[0] && tree.items[i].type[0] && tree.items[i].sha);
	forge_tree_release(&tree);
}

static void check_names(const json_t *rows, bool tags)
{
	struct ref_search search = {.pasted = pasted};
	size_t index;
	const json_t *row;

	json_array_foreach(rows, index, row)(void) !(tags ? tag_name_take(row, &search) : branch_name_take(row, &search));
	FUZZ_ASSERT(search.length < sizeof(pasted) &&
	            (pasted[search.length] == '\0' || pasted[search.length] == '/' || !search.length));
	FUZZ_ASSERT(!search.is_tag || (tags && search.length > 0));
}

static void check_json(unsigned which, const json_t *answer)
{
	switch (which) {
	case 2:
		check_project(answer);
		break;
	case 3:
		check_branch(answer);
		break;
	case 4:
		FUZZ_ASSERT(branch_state_of_rules(answer, "release/1", 0, 0) != FORGE_BRANCH_OPEN);
		FUZZ_ASSERT(branch_state_of_rules(answer, "release/1", 40, 7) != FORGE_BRANCH_OPEN);
		break;
	case 5:
		check_branch_list(answer);
		break;
	case 6:
		check_tree(answer);
		break;
	default:
		check_names(answer, false);
		check_names(answer, true);
		break;
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (size < 1 || size > LIMIT_ANSWER)
		return 0;
	unsigned which = data[0] % 8u;
	if (which < 2) {
		check_account(data + 1, size - 1, which == 0);
		return 0;
	}
	CLEANUP(json_decrefp) json_t *answer = json_parse_answer((const char *)data + 1, size - 1);
	if (answer)
		check_json(which, answer);
	return 0;
}
