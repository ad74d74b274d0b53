#include "workspace.h"

#include <dirent.h>
#include <errno.h>
#include <sys/stat.h>
#include <unistd.h>

#include "alloc.h"
#include "caps.h"
#include "file.h"

enum { UUID_LENGTH = 36, PERMISSIONS = 07777 };

/* Lower-case RFC 9562 form; keeps every name that is not a workspace's out of removal. */
static bool is_uuid(const char *text, size_t length)
{
	if (length != UUID_LENGTH)
		return false;
	for (size_t i = 0; i < length; i++) {
		bool dash = i == 8 || i == 13 || i == 18 || i == 23;
		bool hex = (text[i] >= '0' && text[i] <= '9') || (text[i] >= 'a' && text[i] <= 'f');
		if (dash ? text[i] != '-' : !hex)
			return false;
	}
	return true;
}

static bool failed(struct error *err, const char *what, const char *path)
{
	int code = errno;

	error_set(err, ERR_WORKSPACE_FAILED, "The session's workspace cannot be %s.", what);
	return error_detail(err, "%s: %s", path, strerror(code));
}

bool workspace_locate(const char *root, const char *session_id, struct workspace *ret, struct error *err)
{
	if (!is_uuid(session_id, strlen(session_id)))
		return error_set(err, ERR_WORKSPACE_FAILED, "The session has no usable id.");
	ret->root = xstrdup(root);
	ret->path = xasprintf("%s/%s", root, session_id);
	ret->home = xasprintf("%s/+home", ret->path);
	ret->tmp = xasprintf("%s/+tmp", ret->path);
	ret->record = xasprintf("%s.json", ret->path);
	return true;
}

void workspace_release(struct workspace *w)
{
	free(w->root);
	free(w->path);
	free(w->home);
	free(w->tmp);
	free(w->record);
	*w = (struct workspace)WORKSPACE_INIT;
}

void workspace_take_back(const char *path, mode_t needed)
{
	struct stat info;

	if (lstat(path, &info) == 0 && !S_ISLNK(info.st_mode) && info.st_uid == geteuid() && (info.st_mode & needed) != needed &&
	    chmod(path, (info.st_mode & PERMISSIONS) | needed) != 0)
		errno = 0; /* whoever opens it will say so */
}

bool workspace_open_root(const char *root, struct error *err)
{
	CLEANUP(freep) char *above = xstrdup(root);

	for (char *slash = strchr(above + 1, '/'); slash; slash = strchr(slash + 1, '/')) {
		*slash = '\0';
		workspace_take_back(above, S_IXUSR);
		*slash = '/';
	}
	if (mkdir(root, 0711) != 0 && errno != EEXIST)
		return failed(err, "created", root);
	workspace_take_back(root, S_IRWXU);
	return true;
}

bool workspace_create(const struct workspace *w, struct error *err)
{
	if (!workspace_open_root(w->root, err))
		return false;
	if (!workspace_remove(w, err))
		return false;
	if (mkdir(w->path, 0700) != 0)
		return failed(err, "created", w->path);
	if (mkdir(w->home, 0700) != 0)
		return failed(err, "created", w->home);
	if (mkdir(w->tmp, 0700) != 0)
		return failed(err, "created", w->tmp);
	return true;
}

bool workspace_exists(const struct workspace *w)
{
	struct stat info;

	return lstat(w->path, &info) == 0 && S_ISDIR(info.st_mode);
}

bool workspace_remove(const struct workspace *w, struct error *err)
{
	CLEANUP(freep) char *unfinished = xasprintf("%s.tmp", w->record); /* of a worker that was ended while it wrote */

	if (unlink(w->record) != 0 && errno != ENOENT)
		return failed(err, "removed", w->record);
	if (unlink(unfinished) != 0 && errno != ENOENT)
		return failed(err, "removed", unfinished);
	return remove_tree(w->path, err);
}

char *workspace_repository(const struct workspace *w, const char *name)
{
	return xasprintf("%s/%s", w->path, name);
}

json_t *workspace_read_record(const struct workspace *w)
{
	CLEANUP(strbuf_release) struct strbuf text = STRBUF_INIT(LIMIT_FILE_CONFIG);

	workspace_take_back(w->root, S_IRWXU);
	workspace_take_back(w->path, S_IRWXU);
	workspace_take_back(w->record, S_IRUSR | S_IWUSR);
	if (!workspace_exists(w) || !file_read(w->record, &text, NULL))
		return NULL;
	json_t *record = json_parse_answer(text.data, text.length);
	if (record && !json_is_object(record)) {
		json_decref(record);
		return NULL;
	}
	return record;
}

bool workspace_write_record(const struct workspace *w, json_t *record, struct error *err)
{
	CLEANUP(strbuf_release) struct strbuf text = STRBUF_INIT(LIMIT_FILE_CONFIG);

	json_write(&text, record);
	json_decref(record);
	if (!strbuf_ok(&text) || !file_write_atomically(w->record, text.data, text.length, 0600, err))
		return error_set(err, ERR_WORKSPACE_FAILED, "The session's record cannot be written.");
	return true;
}

static bool is_listed(const char *id, char *const *ids, size_t count)
{
	for (size_t i = 0; i < count; i++)
		if (strcmp(ids[i], id) == 0)
			return true;
	return false;
}

/* Whether anything of a session's is called so. */
static bool is_of_a_session(const char *name)
{
	static const char *const endings[] = {"", ".json", ".json.tmp", ".lock"};

	for (size_t i = 0; i < ARRAY_SIZE(endings); i++)
		if (strlen(name) >= UUID_LENGTH && strcmp(name + UUID_LENGTH, endings[i]) == 0)
			return is_uuid(name, UUID_LENGTH);
	return false;
}

bool workspace_list_ids(const char *root, char ***ret_ids, size_t *ret_count, struct error *err)
{
	workspace_take_back(root, S_IRWXU);
	DIR *folder = opendir(root);
	char **ids = NULL;
	size_t count = 0;

	if (!folder && errno != ENOENT)
		return failed(err, "listed", root);
	for (struct dirent *entry; folder && (entry = readdir(folder));) {
		if (!is_of_a_session(entry->d_name))
			continue;
		CLEANUP(freep) char *id = xstrndup(entry->d_name, UUID_LENGTH);
		if (is_listed(id, ids, count))
			continue;
		ids = xrealloc(ids, (count + 1) * sizeof(*ids));
		ids[count++] = TAKE(id);
	}
	if (folder)
		closedir(folder);
	*ret_ids = ids;
	*ret_count = count;
	return true;
}

void workspace_free_ids(char **ids, size_t count)
{
	for (size_t i = 0; i < count; i++)
		free(ids[i]);
	free(ids);
}
