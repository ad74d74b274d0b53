#include "git_library.h"

#include <sys/stat.h>

#include "alloc.h"

static bool configure(void)
{
	static const int levels[] = {GIT_CONFIG_LEVEL_PROGRAMDATA, GIT_CONFIG_LEVEL_SYSTEM, GIT_CONFIG_LEVEL_XDG,
	                             GIT_CONFIG_LEVEL_GLOBAL};
	int failed = 0;

	for (size_t i = 0; i < ARRAY_SIZE(levels); i++)
		failed |= git_libgit2_opts(GIT_OPT_SET_SEARCH_PATH, levels[i], "");
	failed |= git_libgit2_opts(GIT_OPT_SET_TEMPLATE_PATH, "");
	failed |= git_libgit2_opts(GIT_OPT_SET_PACK_MAX_OBJECTS, (size_t)GIT_LIMIT_OBJECTS);
	/* The workspace is ours by its folder's mode; an agent under another id may own files in it. */
	failed |= git_libgit2_opts(GIT_OPT_SET_OWNER_VALIDATION, 0);
	return failed == 0;
}

bool git_library_open(struct error *err)
{
	int code = git_libgit2_init();

	if (code >= 0 && configure())
		return true;
	return git_failure(code, ERR_INTERNAL, "The git library cannot be used.", err);
}

void git_library_close(void)
{
	git_libgit2_shutdown();
}

bool git_failure(int code, enum error_code as, const char *message, struct error *err)
{
	const git_error *last = git_error_last();

	error_set(err, as, "%s", message);
	return error_detail(err, "libgit2 %d/%d: %s", code, last ? last->klass : 0,
	                    last && last->message ? last->message : "(no text)");
}

#define DEFINE_FREEP(type)                                                                                                         \
	void git_##type##_freep(git_##type **p)                                                                                    \
	{                                                                                                                          \
		git_##type##_free(*p);                                                                                             \
	}
DEFINE_FREEP(repository)
DEFINE_FREEP(remote)
DEFINE_FREEP(reference)
DEFINE_FREEP(commit)
DEFINE_FREEP(tree)
DEFINE_FREEP(index)
DEFINE_FREEP(signature)
DEFINE_FREEP(config)

void git_headers_make(struct git_headers *h, const struct git_gate *gate)
{
	h->lines[0] = xasprintf("Authorization: Bearer %s", secret_bytes(gate->credential));
	h->array = (git_strarray){.strings = h->lines, .count = 1};
}

void git_headers_release(struct git_headers *h)
{
	if (h->lines[0])
		wipe(h->lines[0], strlen(h->lines[0]));
	free(h->lines[0]);
	h->lines[0] = NULL;
}

bool git_gate_remote(git_repository *repository, const struct git_gate *gate, git_remote **ret, struct error *err)
{
	git_remote_create_options options = GIT_REMOTE_CREATE_OPTIONS_INIT;

	if (strncmp(gate->url, "http://", 7) != 0 &&
	    strncmp(gate->url, "https://", 8) != 0) /* libgit2 would open a local path, too */
		return error_set(err, ERR_GIT_FAILED, "The address of the git gate is not http.");
	options.repository = repository;
	options.flags = GIT_REMOTE_CREATE_SKIP_INSTEADOF | GIT_REMOTE_CREATE_SKIP_DEFAULT_FETCHSPEC;
	int code = git_remote_create_with_opts(ret, gate->url, &options);
	return code == 0 || git_failure(code, ERR_GIT_FAILED, "The git transfer could not be started.", err);
}

bool git_gate_connect(git_remote *remote, git_direction direction, const struct git_gate *gate, struct error *err)
{
	CLEANUP(git_headers_release) struct git_headers headers = {0};
	git_remote_connect_options options = GIT_REMOTE_CONNECT_OPTIONS_INIT;

	git_headers_make(&headers, gate);
	options.custom_headers = headers.array;
	options.follow_redirects = GIT_REMOTE_REDIRECT_NONE;
	options.proxy_opts.type = GIT_PROXY_NONE;
	int code = git_remote_connect_ext(remote, direction, &options);
	return code == 0 || git_failure(code, ERR_GIT_FAILED, "The remote could not be asked for its branches.", err);
}

bool git_open_workspace(const char *path, git_repository **ret, struct error *err)
{
	CLEANUP(freep) char *git_folder = xasprintf("%s/.git", path);
	struct stat info;

	if (lstat(git_folder, &info) != 0 || !S_ISDIR(info.st_mode))
		return error_set(err, ERR_WORKSPACE_FAILED, "The workspace's repository has lost its .git folder.");
	int code = git_repository_open_ext(ret, path, GIT_REPOSITORY_OPEN_NO_SEARCH, NULL);
	return code == 0 || git_failure(code, ERR_WORKSPACE_FAILED, "The workspace's repository cannot be opened.", err);
}
