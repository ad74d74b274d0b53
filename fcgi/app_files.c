#include "app_parts.h"

#include <errno.h>
#include <libgen.h>
#include <sys/stat.h>
#include <unistd.h>

#include "alloc.h"

unsigned app_keyring_parts(const struct app *app)
{
	unsigned parts = 0;

	if (app->pools == POOL_ALL) {
		/* A CGI process has the uid it was given: it gets what that uid may read. */
		parts |= access(settings_get(&app->settings, SEAL_PUBLIC_KEYS_FILE), R_OK) == 0 ? KEYRING_PUBLIC : 0;
		parts |= access(settings_get(&app->settings, SEAL_SIGNING_KEY_FILE), R_OK) == 0 ? KEYRING_SIGNING : 0;
		parts |= access(settings_get(&app->settings, SEAL_PRIVATE_KEYS_FILE), R_OK) == 0 ? KEYRING_PRIVATE : 0;
		return parts;
	}
	if (app->pools & POOL_CONNECT)
		parts |= KEYRING_PUBLIC | KEYRING_SIGNING;
	if (app->pools & (POOL_REPOSITORIES | POOL_GIT))
		parts |= KEYRING_PUBLIC | KEYRING_PRIVATE;
	return parts;
}

static struct file_seen look_at(const char *path, const struct stat *st)
{
	return (struct file_seen){path, st->st_dev, st->st_ino, st->st_mtim.tv_sec, st->st_mtim.tv_nsec};
}

void app_remember_file(struct app *app, const char *path)
{
	struct stat st;

	if (app->seen_count == FILES_SEEN_MAX)
		return;
	/* One that is not there is remembered, too: that it came is a change. */
	app->seen[app->seen_count++] = stat(path, &st) == 0 ? look_at(path, &st) : (struct file_seen){.path = path};
}

/* A file that others keep from us, or a folder that is not here, is not ours to judge; one that is gone from its folder is. */
static bool may_judge(const char *path)
{
	CLEANUP(freep) char *copy = xstrdup(path);

	return access(path, R_OK) == 0 || (errno == ENOENT && access(dirname(copy), F_OK) == 0);
}

/*
 * Pool status answers for the readiness of the whole, so it looks whether the public keys are usable. It keeps nothing of them, and
 * serves on without. Where it is not given the file, the pools that are have to be asked, by their own probes.
 */
static void judge_public_keys(struct app *app, const struct keyring_paths *paths)
{
	CLEANUP(keyring_freep) struct keyring *keyring = NULL;
	struct error failure = ERROR_INIT;

	if (!may_judge(paths->public_keys))
		return;
	app_remember_file(app, paths->public_keys);
	if (keyring_load(paths, KEYRING_PUBLIC, &keyring, &failure)) {
		app->installation = xstrdup(keyring_installation(keyring));
		return;
	}
	error_set(&app->keys_failure, ERR_KEYS_NOT_READY, "Tokens cannot be sealed at the moment.");
	error_detail(&app->keys_failure, "%s", failure.message);
}

bool app_keys_ready(const struct app *app, struct error *err)
{
	const char *path = settings_get(&app->settings, SEAL_PUBLIC_KEYS_FILE);
	struct stat st;

	if (app->pools != POOL_STATUS || !may_judge(path))
		return true;
	if (app->keys_failure.code != ERR_NONE) {
		*err = app->keys_failure;
		return false;
	}
	if (stat(path, &st) == 0 || errno != ENOENT)
		return true;
	error_set(err, ERR_KEYS_NOT_READY, "Tokens cannot be sealed at the moment.");
	return error_detail(err, "the key file %s is missing", path);
}

bool app_read_keys(struct app *app, struct error *err)
{
	const struct keyring_paths paths = {.public_keys = settings_get(&app->settings, SEAL_PUBLIC_KEYS_FILE),
	                                    .signing_key = settings_get(&app->settings, SEAL_SIGNING_KEY_FILE),
	                                    .private_keys = settings_get(&app->settings, SEAL_PRIVATE_KEYS_FILE)};
	unsigned parts = app_keyring_parts(app);

	if (app->pools == POOL_STATUS)
		judge_public_keys(app, &paths);
	if (parts & KEYRING_PUBLIC)
		app_remember_file(app, paths.public_keys);
	if (parts & KEYRING_SIGNING)
		app_remember_file(app, paths.signing_key);
	if (parts & KEYRING_PRIVATE)
		app_remember_file(app, paths.private_keys);
	return parts == 0 || keyring_load(&paths, parts, &app->keyring, err);
}

bool app_is_outdated(const struct app *app)
{
	for (size_t i = 0; i < app->seen_count; i++) {
		const struct file_seen *old = &app->seen[i];
		struct stat st;

		/* One that is gone says nothing yet: a fresh process could not start either. */
		if (stat(old->path, &st) != 0)
			continue;
		struct file_seen now = look_at(old->path, &st);
		if (now.device != old->device || now.inode != old->inode || now.modified_s != old->modified_s ||
		    now.modified_ns != old->modified_ns)
			return true;
	}
	return false;
}
