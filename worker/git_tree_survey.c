#include "git_tree_survey.h"

/* git-lfs: docs/spec.md. A pointer has at least an oid and a size, and is shorter than 1024 bytes. */
static const char pointer_begin[] = "version https://git-lfs.github.com/spec/v1\n";
enum { POINTER_MIN = 120, POINTER_MAX = 1023 };

struct walk {
	git_odb *odb;
	uint64_t max_files, max_bytes;
	struct git_tree_survey survey;
};

static bool is_pointer(git_odb *odb, const git_oid *id)
{
	git_odb_object *object = NULL;

	if (git_odb_read(&object, odb, id) != 0)
		return false;
	bool pointer = git_odb_object_size(object) >= POINTER_MIN &&
	               memcmp(git_odb_object_data(object), pointer_begin, sizeof(pointer_begin) - 1) == 0;
	git_odb_object_free(object);
	return pointer;
}

static void count_one(uint64_t *count, char first[SURVEY_PATH_SIZE], const char *folder, const git_tree_entry *entry)
{
	if ((*count)++ == 0)
		snprintf(first, SURVEY_PATH_SIZE, "%s%s", folder, git_tree_entry_name(entry));
}

static void look_at_blob(struct walk *w, const char *folder, const git_tree_entry *entry)
{
	struct git_tree_survey *s = &w->survey;
	size_t size = 0;
	git_object_t type;

	if (git_odb_read_header(&size, &type, w->odb, git_tree_entry_id(entry)) != 0)
		return;
	s->bytes += size;
	if (size >= POINTER_MIN && size <= POINTER_MAX && is_pointer(w->odb, git_tree_entry_id(entry)))
		count_one(&s->pointers, s->first_pointer, folder, entry);
}

/* Trees that refer to one another make a few kilobytes grow to millions of files, so each is counted as often as it would be
 * written. */
static int on_entry(const char *folder, const git_tree_entry *entry, void *context)
{
	struct walk *w = context;
	size_t depth = 0;

	switch (git_tree_entry_type(entry)) {
	case GIT_OBJECT_TREE:
		for (const char *at = folder; *at; at++)
			depth += *at == '/';
		break;
	case GIT_OBJECT_BLOB:
		look_at_blob(w, folder, entry);
		break;
	case GIT_OBJECT_COMMIT:
		count_one(&w->survey.submodules, w->survey.first_submodule, folder, entry);
		break;
	default:
		break;
	}
	w->survey.files++;
	return w->survey.files > w->max_files || w->survey.bytes > w->max_bytes || depth > GIT_LIMIT_TREE_DEPTH ? GIT_EUSER : 0;
}

bool git_survey_tree(git_repository *repository, const git_tree *tree, uint64_t max_files, uint64_t max_bytes,
                     struct git_tree_survey *ret, struct error *err)
{
	struct walk w = {.max_files = max_files, .max_bytes = max_bytes};
	int code = git_repository_odb(&w.odb, repository);

	if (code == 0)
		code = git_tree_walk(tree, GIT_TREEWALK_PRE, on_entry, &w);
	git_odb_free(w.odb);
	if (code == GIT_EUSER)
		return error_set(err, ERR_WORKSPACE_FAILED, "The repository has more files than this service takes.");
	if (code != 0)
		return git_failure(code, ERR_GIT_FAILED, "The repository's files cannot be read.", err);
	*ret = w.survey;
	return true;
}
