/* Repositories that join and leave a session after its creation. */
#include "session_private.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "alloc.h"
#include "ascii.h"
#include "caps.h"

/* The grammar of a path segment, and nothing that a file system or git reads specially. */
static bool is_folder_name(const char *name)
{
	static const char allowed[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_.-";
	size_t length = strlen(name);

	return length > 0 && length <= FOLDER_MAX && strspn(name, allowed) == length && ascii_is_alnum(name[0]) &&
	       (length < 4 || strcasecmp(name + length - 4, ".git") != 0);
}

static bool check_addition(const struct session_spec *spec, const struct session_addition *addition, const struct wish *wish,
                           unsigned *ret_clones, struct error *err)
{
	CLEANUP(repo_url_release) struct repo_url url = REPO_URL_INIT;

	if (addition->name && !is_folder_name(addition->name))
		return error_set(err, ERR_FIELD_INVALID,
		                 "name is not a folder's name: letters, digits, '_', '-' and '.' after a letter or digit.");
	if (addition->name && session_folder_is_taken(spec, addition->name))
		return error_set(err, ERR_CONFLICT, "The session has or had a repository called %s.", addition->name);
	if (!repo_url_parse(addition->url, &url, err))
		return false;
	const struct session_repository *same = session_wish_find(spec, &url, wish, NULL, ret_clones);
	if (same)
		return error_set(err, ERR_CONFLICT, "The session has this repository already, as %s.", same->name);
	if (spec->repository_count + spec->retired_count >= LIMIT_SESSION_REPOSITORIES)
		return error_set(err, ERR_SESSION_INVALID, "A session takes %d repositories, those that were removed among them.",
		                 LIMIT_SESSION_REPOSITORIES);
	return true;
}

bool session_spec_add(struct session_spec *spec, const struct session_addition *addition, struct error *err)
{
	const struct wish wish = {.url = addition->url,
	                          .start_branch = addition->start_branch,
	                          .provider = addition->provider,
	                          .push = addition->push};
	unsigned clones;

	if (!check_addition(spec, addition, &wish, &clones, err) || !session_wish_add(spec, &wish, false, err))
		return false;
	if (addition->name)
		set_string(&spec->repositories[spec->repository_count - 1].name, addition->name);
	return true;
}

const struct session_repository *session_spec_find(const struct session_spec *spec, const char *name)
{
	for (size_t i = 0; i < spec->repository_count; i++)
		if (strcmp(spec->repositories[i].name, name) == 0)
			return &spec->repositories[i];
	return NULL;
}

bool session_spec_remove(struct session_spec *spec, const char *name, struct error *err)
{
	const struct session_repository *found = session_spec_find(spec, name);

	if (!found)
		return error_set(err, ERR_NOT_FOUND, "The session has no repository called %.100s.", name);
	size_t at = (size_t)(found - spec->repositories);
	spec->retired_names = xrealloc(spec->retired_names, (spec->retired_count + 1) * sizeof(*spec->retired_names));
	spec->retired_names[spec->retired_count++] = xstrdup(name);
	session_repository_release(&spec->repositories[at]);
	memmove(&spec->repositories[at], &spec->repositories[at + 1],
	        (spec->repository_count - at - 1) * sizeof(*spec->repositories));
	spec->repositories[--spec->repository_count] = (struct session_repository)ZERO_INIT; /* where the next one goes */
	return true;
}
