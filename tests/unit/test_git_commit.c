#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <sys/stat.h>
#include <unistd.h>

#include "alloc.h"
#include "file.h"
#include "git_clone.h"
#include "git_commit.h"
#include "workspace.h"

/* libgit2 1.5.1 keeps pcre2's match data when it reads the names of submodules; it is the library's, and a job's process ends at
 * once. */
const char *__lsan_default_suppressions(void);
const char *__lsan_default_suppressions(void)
{
	return "leak:libpcre2\n";
}

struct place {
	char root[64];
	char *path; /* the working copy; begins as an empty repository */
	char start[COMMIT_SIZE];
	struct git_left left; /* of the last commit */
};

static void git_object_free_(git_object **object)
{
	git_object_free(*object);
}

static void put(const struct place *p, const char *name, const char *text)
{
	CLEANUP(freep) char *path = xasprintf("%s/%s", p->path, name);

	assert_true(file_write_atomically(path, text, strlen(text), 0644, NULL));
}

static bool commit(struct place *p, char ret[COMMIT_SIZE])
{
	const struct git_commit_work work = {.path = p->path,
	                                     .branch = "ambient/s",
	                                     .start_commit = p->start,
	                                     .name = "John Doe",
	                                     .email = "john@example.com",
	                                     .message = "Add it\n\nAgenticSession: s\n"};
	struct error err = ERROR_INIT;
	bool changed = false;

	if (!git_commit_changes(&work, &changed, ret, &p->left, &err))
		fail_msg("%s (%s)", err.message, err.detail);
	return changed;
}

/* "mode path" lines of the commit's tree. */
static int list_entry(const char *folder, const git_tree_entry *entry, void *to)
{
	if (git_tree_entry_type(entry) != GIT_OBJECT_TREE)
		strbuf_addf(to, "%o %s%s\n", git_tree_entry_filemode(entry), folder, git_tree_entry_name(entry));
	return 0;
}

static void assert_tree(const struct place *p, const char *commit_id, const char *expected)
{
	CLEANUP(git_repository_freep) git_repository *repository = NULL;
	CLEANUP(git_commit_freep) git_commit *found = NULL;
	CLEANUP(git_tree_freep) git_tree *tree = NULL;
	CLEANUP(strbuf_release) struct strbuf text = STRBUF_INIT(65536);
	git_oid id;

	assert_int_equal(git_repository_open(&repository, p->path), 0);
	assert_int_equal(git_oid_fromstr(&id, commit_id), 0);
	assert_int_equal(git_commit_lookup(&found, repository, &id), 0);
	assert_int_equal(git_commit_tree(&tree, found), 0);
	assert_int_equal(git_tree_walk(tree, GIT_TREEWALK_PRE, list_entry, &text), 0);
	assert_string_equal(text.data, expected);
	assert_string_equal(git_commit_author(found)->email, "john@example.com");
	assert_string_equal(git_commit_committer(found)->name, "John Doe");
	assert_string_equal(git_commit_message(found), "Add it\n\nAgenticSession: s\n");
}

static int set_up(void **state)
{
	struct place *p = xcalloc(1, sizeof(*p));

	snprintf(p->root, sizeof(p->root), "/tmp/test-commit-XXXXXX");
	assert_non_null(mkdtemp(p->root));
	p->path = xasprintf("%s/api", p->root);
	const struct git_clone clone = {.path = p->path,
	                                .clone_url = "https://gitlab.com/team/api.git",
	                                .work_branch = "ambient/s",
	                                .commit_name = "John Doe",
	                                .commit_email = "john@example.com"};
	struct git_tree_survey survey;
	struct error err = ERROR_INIT;
	if (!git_clone_branch(&clone, NULL, p->start, &survey, &err))
		fail_msg("%s (%s)", err.message, err.detail);
	*state = p;
	return 0;
}

/* A repository with one commit: a, b and run. */
static int set_up_filled(void **state)
{
	set_up(state);
	struct place *p = *state;

	put(p, "a", "a\n");
	put(p, "b", "bbbbbbbb\n");
	put(p, "run", "#!/bin/sh\n");
	put(p, ".gitignore", "*.log\n");
	char first[COMMIT_SIZE];
	assert_true(commit(p, first));
	snprintf(p->start, sizeof(p->start), "%s", first);
	return 0;
}

static int tear_down(void **state)
{
	struct place *p = *state;

	assert_true(remove_tree(p->root, NULL));
	free(p->path);
	free(p);
	return 0;
}

static void empty_repository_gets_its_first_commit_on_the_wanted_branch(void **state)
{
	struct place *p = *state;
	char id[COMMIT_SIZE], head[64] = "";
	CLEANUP(freep) char *head_path = xasprintf("%s/.git/HEAD", p->path);
	CLEANUP(strbuf_release) struct strbuf text = STRBUF_INIT(1024);

	assert_false(commit(p, id));
	assert_string_equal(id, "");
	put(p, "a", "a\n");
	assert_true(commit(p, id));
	assert_tree(p, id, "100644 a\n");
	assert_true(file_read(head_path, &text, NULL));
	snprintf(head, sizeof(head), "%.60s", text.data);
	assert_string_equal(head, "ref: refs/heads/ambient/s\n");
}

static void nothing_changed_makes_no_commit(void **state)
{
	struct place *p = *state;
	char id[COMMIT_SIZE];

	put(p, "debug.log", "ignored\n");
	assert_false(commit(p, id));
	assert_string_equal(id, p->start);
}

static void every_kind_of_change_is_taken(void **state)
{
	struct place *p = *state;
	char id[COMMIT_SIZE];
	CLEANUP(freep) char *a = xasprintf("%s/a", p->path);
	CLEANUP(freep) char *b = xasprintf("%s/b", p->path);
	CLEANUP(freep) char *run = xasprintf("%s/run", p->path);
	CLEANUP(freep) char *folder = xasprintf("%s/dir", p->path);
	CLEANUP(freep) char *moved = xasprintf("%s/dir/b", p->path);

	assert_int_equal(unlink(a), 0);
	assert_int_equal(chmod(run, 0755), 0);
	assert_int_equal(mkdir(folder, 0755), 0);
	assert_int_equal(rename(b, moved), 0);
	put(p, "new\x01name", "new\n");
	put(p, "debug.log", "ignored\n");
	assert_true(commit(p, id));
	assert_tree(p, id, "100644 .gitignore\n100644 dir/b\n100644 new\x01name\n100755 run\n");
}

static void agents_own_commit_on_its_own_branch_counts(void **state)
{
	struct place *p = *state;
	CLEANUP(git_repository_freep) git_repository *repository = NULL;
	char id[COMMIT_SIZE];
	git_oid branch;

	put(p, "a", "changed\n");
	assert_true(commit(p, id));
	assert_int_equal(git_repository_open(&repository, p->path), 0);
	assert_int_equal(git_repository_detach_head(repository), 0);
	char again[COMMIT_SIZE];
	assert_true(commit(p, again)); /* nothing new, but HEAD is not where the session started */
	assert_string_equal(again, id);
	assert_int_equal(git_reference_name_to_id(&branch, repository, "refs/heads/ambient/s"), 0);
	assert_int_equal(git_oid_streq(&branch, id), 0);
}

static void point(const struct place *p, const char *name, const char *commit_id)
{
	CLEANUP(git_repository_freep) git_repository *repository = NULL;
	CLEANUP(git_reference_freep) git_reference *reference = NULL;
	git_oid id;

	assert_int_equal(git_repository_open(&repository, p->path), 0);
	assert_int_equal(git_oid_fromstr(&id, commit_id), 0);
	assert_int_equal(git_reference_create(&reference, repository, name, &id, 1, NULL), 0);
}

/* `name` a branch's, or a commit's. */
static void check_out(const struct place *p, const char *name)
{
	CLEANUP(git_repository_freep) git_repository *repository = NULL;
	git_checkout_options options = GIT_CHECKOUT_OPTIONS_INIT;
	git_oid id;

	assert_int_equal(git_repository_open(&repository, p->path), 0);
	if (git_oid_fromstr(&id, name) == 0)
		assert_int_equal(git_repository_set_head_detached(repository, &id), 0);
	else
		assert_int_equal(git_repository_set_head(repository, name), 0);
	options.checkout_strategy = GIT_CHECKOUT_FORCE;
	assert_int_equal(git_checkout_head(repository, &options), 0);
}

static void agent_that_went_back_to_another_branch_has_worked_all_the_same(void **state)
{
	struct place *p = *state;
	char id[COMMIT_SIZE], again[COMMIT_SIZE];

	put(p, "a", "changed\n");
	assert_true(commit(p, id));
	point(p, "refs/heads/main", p->start);
	check_out(p, "refs/heads/main");
	assert_true(commit(p, again));
	assert_string_equal(again, id);
	assert_int_equal(p->left.branches, 0);
	/* What is changed there comes on top of what is there. */
	put(p, "b", "changed\n");
	assert_true(commit(p, again));
	assert_string_not_equal(again, id);
	assert_int_equal(p->left.branches, 1);
	assert_string_equal(p->left.first_branch, "ambient/s");
}

static void agent_that_looked_at_an_older_commit_has_changed_nothing(void **state)
{
	struct place *p = *state;
	char first[COMMIT_SIZE], id[COMMIT_SIZE];

	memcpy(first, p->start, sizeof(first));
	put(p, "a", "changed\n");
	assert_true(commit(p, id));
	memcpy(p->start, id, sizeof(id));
	check_out(p, first);
	assert_false(commit(p, id));
	assert_string_equal(id, p->start);
}

static void commits_that_are_not_pushed_are_told(void **state)
{
	static const struct {
		const char *why, *name, *also, *told;
	} rows[] = {
	        {"on another branch", "refs/heads/side", NULL, "side"},
	        {"on two", "refs/heads/side", "refs/heads/wild", "side"},
	        {"in a stash", "refs/stash", NULL, "stash"},
	        {"of the remote's own", "refs/remotes/origin/side", "refs/heads/side", NULL},
	};
	struct place *p = *state;
	char work[COMMIT_SIZE], id[COMMIT_SIZE];

	put(p, "a", "changed\n");
	assert_true(commit(p, work));
	assert_int_equal(p->left.branches, 0);
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		CLEANUP(git_repository_freep) git_repository *repository = NULL;

		print_message("  %s\n", rows[i].why);
		point(p, rows[i].name, work);
		if (rows[i].also)
			point(p, rows[i].also, work);
		point(p, "refs/heads/ambient/s", p->start);
		check_out(p, "refs/heads/ambient/s");
		assert_false(commit(p, id));
		assert_int_equal(p->left.branches, rows[i].told ? 1 + (rows[i].also != NULL) : 0);
		assert_string_equal(p->left.first_branch, rows[i].told ? rows[i].told : "");
		assert_int_equal(git_repository_open(&repository, p->path), 0);
		assert_int_equal(git_reference_remove(repository, rows[i].name), 0);
		if (rows[i].also)
			assert_int_equal(git_reference_remove(repository, rows[i].also), 0);
	}
}

static void hostile_configuration_has_no_effect(void **state)
{
	static const struct {
		const char *why, *file, *text;
	} rows[] = {
	        {"a working copy elsewhere", ".git/config", "[core]\n\tworktree = /etc\n"},
	        {"an included file", ".git/config", "[include]\n\tpath = /etc/passwd\n"},
	        {"another repository's configuration", ".git/commondir", "/tmp\n"},
	        {"objects of another repository", ".git/objects/info/alternates", "/tmp\n"},
	        {"a forgotten lock", ".git/index.lock", ""},
	};
	struct place *p = *state;
	char id[COMMIT_SIZE];

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		put(p, rows[i].file, rows[i].text);
		if (commit(p, id))
			fail_msg("%s: something was committed", rows[i].why);
	}
}

static void git_folder_that_is_a_link_or_a_file_is_refused(void **state)
{
	struct place *p = *state;
	CLEANUP(freep) char *git = xasprintf("%s/.git", p->path);
	CLEANUP(freep) char *away = xasprintf("%s/away", p->root);
	const struct git_commit_work work = {
	        .path = p->path, .branch = "b", .start_commit = "", .name = "n", .email = "e", .message = "m"};
	struct error err = ERROR_INIT;
	char id[COMMIT_SIZE];
	bool changed;

	assert_int_equal(rename(git, away), 0);
	assert_int_equal(symlink(away, git), 0);
	assert_false(git_commit_changes(&work, &changed, id, &p->left, &err));
	assert_int_equal(err.code, ERR_WORKSPACE_FAILED);
	assert_int_equal(unlink(git), 0);
	put(p, ".git", "gitdir: ../away\n");
	assert_false(git_commit_changes(&work, &changed, id, &p->left, &err));
}

static void nested_repository_is_left_out(void **state)
{
	struct place *p = *state;
	CLEANUP(freep) char *nested = xasprintf("%s/vendor", p->path);
	const struct git_clone clone = {.path = nested, .clone_url = "https://x/y.git", .work_branch = "main"};
	struct place inner = {.path = nested};
	struct git_tree_survey survey;
	char id[COMMIT_SIZE];

	assert_true(git_clone_branch(&clone, NULL, id, &survey, NULL));
	put(&inner, "file", "x\n");
	assert_true(commit(&inner, id));
	assert_false(commit(p, id));
	assert_int_equal(p->left.nested, 1);
	assert_string_equal(p->left.first_nested, "vendor");
}

/* Submodules are not checked out: an empty folder, or none, is no change of theirs. */
static void submodule_stays_as_it_is(void **state)
{
	struct place *p = *state;
	CLEANUP(git_repository_freep) git_repository *repository = NULL;
	CLEANUP(git_index_freep) git_index *index = NULL;
	CLEANUP(freep) char *folder = xasprintf("%s/module", p->path);
	git_index_entry entry = {.mode = GIT_FILEMODE_COMMIT, .path = "module"};
	char id[COMMIT_SIZE], again[COMMIT_SIZE];

	put(p, ".gitmodules", "[submodule \"module\"]\n\tpath = module\n\turl = https://gitlab.com/team/module.git\n");
	assert_int_equal(mkdir(folder, 0755), 0);
	assert_int_equal(git_oid_fromstr(&entry.id, p->start), 0);
	assert_int_equal(git_repository_open(&repository, p->path), 0);
	assert_int_equal(git_repository_index(&index, repository), 0);
	assert_int_equal(git_index_add(index, &entry), 0);
	assert_int_equal(git_index_write(index), 0);
	assert_true(commit(p, id));
	assert_tree(p, id, "100644 .gitignore\n100644 .gitmodules\n100644 a\n100644 b\n160000 module\n100644 run\n");
	snprintf(p->start, sizeof(p->start), "%s", id);
	assert_false(commit(p, again));
	assert_int_equal(p->left.nested, 0);
}

/* A link in a tree is checked out as a file and goes back as the link it was. */
static void symbolic_link_survives_without_being_one(void **state)
{
	struct place *p = *state;
	CLEANUP(freep) char *link = xasprintf("%s/link", p->path);
	char id[COMMIT_SIZE], again[COMMIT_SIZE];

	assert_int_equal(symlink("/etc/passwd", link), 0);
	assert_true(commit(p, id));
	assert_tree(p, id, "100644 .gitignore\n100644 a\n100644 b\n120000 link\n100644 run\n");
	assert_int_equal(unlink(link), 0);
	put(p, "link", "/etc/passwd");
	snprintf(p->start, sizeof(p->start), "%s", id);
	assert_false(commit(p, again));
}

/* A file with CR LF in the repository, whose attributes ask for LF: git would turn all of it with the first commit. */
static void line_ends_that_nobody_touched_stay(void **state)
{
	struct place *p = *state;
	CLEANUP(git_repository_freep) git_repository *repository = NULL;
	CLEANUP(git_index_freep) git_index *index = NULL;
	CLEANUP(git_tree_freep) git_tree *tree = NULL;
	CLEANUP(git_commit_freep) git_commit *parent = NULL;
	CLEANUP(git_signature_freep) git_signature *who = NULL;
	git_checkout_options options = GIT_CHECKOUT_OPTIONS_INIT;
	git_index_entry entry = {.mode = GIT_FILEMODE_BLOB, .path = "crlf.txt"};
	static const char text[] = "one\r\ntwo\r\n";
	const git_commit *parents[1];
	char id[COMMIT_SIZE];
	git_oid oid;

	put(p, ".gitattributes", "* text=auto\n*.c ident\n");
	assert_true(commit(p, id));
	assert_int_equal(git_repository_open(&repository, p->path), 0);
	assert_int_equal(git_repository_index(&index, repository), 0);
	assert_int_equal(git_index_add_from_buffer(index, &entry, text, sizeof(text) - 1), 0);
	entry.path = "keyword.c";
	assert_int_equal(git_index_add_from_buffer(index, &entry, "/* $Id: abc $ */\n", 17), 0);
	assert_int_equal(git_index_write(index), 0);
	assert_int_equal(git_index_write_tree(&oid, index), 0);
	assert_int_equal(git_tree_lookup(&tree, repository, &oid), 0);
	assert_int_equal(git_signature_now(&who, "n", "e"), 0);
	assert_int_equal(git_oid_fromstr(&oid, id), 0);
	assert_int_equal(git_commit_lookup(&parent, repository, &oid), 0);
	parents[0] = parent;
	assert_int_equal(git_commit_create(&oid, repository, "HEAD", who, who, NULL, "m", tree, 1, parents), 0);
	git_oid_tostr(p->start, sizeof(p->start), &oid);
	options.checkout_strategy = GIT_CHECKOUT_FORCE;
	options.disable_filters = 1; /* as a clone is checked out */
	assert_int_equal(git_checkout_head(repository, &options), 0);
	git_settle_index(repository);
	assert_false(commit(p, id));
	put(p, "b", "another\n");
	assert_true(commit(p, id));
	CLEANUP(git_object_free_) git_object *blob = NULL;
	CLEANUP(freep) char *name = xasprintf("%s:crlf.txt", id);
	assert_int_equal(git_revparse_single(&blob, repository, name), 0);
	assert_int_equal(git_blob_rawsize((git_blob *)blob), sizeof(text) - 1);
}

static void tree_beyond_the_limits_is_not_written(void **state)
{
	struct place *p = *state;
	CLEANUP(git_repository_freep) git_repository *repository = NULL;
	CLEANUP(git_commit_freep) git_commit *head = NULL;
	CLEANUP(git_tree_freep) git_tree *tree = NULL;
	struct git_tree_survey survey;
	git_oid id;
	struct error err = ERROR_INIT;

	assert_int_equal(git_repository_open(&repository, p->path), 0);
	assert_int_equal(git_oid_fromstr(&id, p->start), 0);
	assert_int_equal(git_commit_lookup(&head, repository, &id), 0);
	assert_int_equal(git_commit_tree(&tree, head), 0);
	assert_true(git_survey_tree(repository, tree, 4, 1000, &survey, &err));
	assert_false(git_survey_tree(repository, tree, 3, 1000, &survey, &err));
	assert_int_equal(err.code, ERR_WORKSPACE_FAILED);
	assert_false(git_survey_tree(repository, tree, 4, 10, &survey, &err));
}

static void message_is_the_sessions_first_line(void **state)
{
	static const struct {
		const char *why, *title, *description, *message;
	} rows[] = {
	        {"the display name", "Fix login", "Other words", "Fix login\n\nAgenticSession: s\n"},
	        {"the description's first line", NULL, "Add a feature\nwith care", "Add a feature\n\nAgenticSession: s\n"},
	        {"a heading loses its mark", "", "# Plan\n", "Plan\n\nAgenticSession: s\n"},
	        {"nothing said", NULL, "", "Changes of the session s\n\nAgenticSession: s\n"},
	        {"at most 72 bytes, and no half character", NULL,
	         "0123456789012345678901234567890123456789012345678901234567890123456789x\xc3\xa4",
	         "0123456789012345678901234567890123456789012345678901234567890123456789x\n\nAgenticSession: s\n"},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		CLEANUP(strbuf_release) struct strbuf text = STRBUF_INIT(1024);
		commit_message_write(rows[i].title, rows[i].description, "s", &text);
		if (strcmp(text.data, rows[i].message) != 0)
			fail_msg("%s: got %s", rows[i].why, text.data);
	}
}

static int begin(void **state)
{
	(void)state;
	return git_library_open(NULL) ? 0 : -1;
}

static int end(void **state)
{
	(void)state;
	git_library_close();
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test_setup_teardown(empty_repository_gets_its_first_commit_on_the_wanted_branch, set_up, tear_down),
	        cmocka_unit_test_setup_teardown(nothing_changed_makes_no_commit, set_up_filled, tear_down),
	        cmocka_unit_test_setup_teardown(every_kind_of_change_is_taken, set_up_filled, tear_down),
	        cmocka_unit_test_setup_teardown(agents_own_commit_on_its_own_branch_counts, set_up_filled, tear_down),
	        cmocka_unit_test_setup_teardown(agent_that_went_back_to_another_branch_has_worked_all_the_same, set_up_filled,
	                                        tear_down),
	        cmocka_unit_test_setup_teardown(agent_that_looked_at_an_older_commit_has_changed_nothing, set_up_filled, tear_down),
	        cmocka_unit_test_setup_teardown(commits_that_are_not_pushed_are_told, set_up_filled, tear_down),
	        cmocka_unit_test_setup_teardown(line_ends_that_nobody_touched_stay, set_up_filled, tear_down),
	        cmocka_unit_test_setup_teardown(hostile_configuration_has_no_effect, set_up_filled, tear_down),
	        cmocka_unit_test_setup_teardown(git_folder_that_is_a_link_or_a_file_is_refused, set_up_filled, tear_down),
	        cmocka_unit_test_setup_teardown(nested_repository_is_left_out, set_up_filled, tear_down),
	        cmocka_unit_test_setup_teardown(submodule_stays_as_it_is, set_up_filled, tear_down),
	        cmocka_unit_test_setup_teardown(symbolic_link_survives_without_being_one, set_up_filled, tear_down),
	        cmocka_unit_test_setup_teardown(tree_beyond_the_limits_is_not_written, set_up_filled, tear_down),
	        cmocka_unit_test(message_is_the_sessions_first_line),
	};

	return cmocka_run_group_tests(tests, begin, end);
}
