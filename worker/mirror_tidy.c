#include "mirror_tidy.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "alloc.h"
#include "mirror_private.h"
#include "record_key.h"
#include "workspace.h"

enum { UUID_LENGTH = 36 };

/* One mirror that could go. */
struct candidate {
	char *folder; /* of the project. Owned */
	uint64_t bytes;
	struct timespec used;
};

struct tidying {
	const struct mirror_limits *limits;
	char **sessions; /* ids that the workspaces' folder has something of. Owned, as all */
	size_t session_count;
	struct candidate *candidates;
	size_t candidate_count;
	uint64_t total, freed;
};

static void forget_sessions(struct tidying *t)
{
	for (size_t i = 0; i < t->session_count; i++)
		free(t->sessions[i]);
	free(t->sessions);
	t->sessions = NULL;
	t->session_count = 0;
}

static void tidying_release(struct tidying *t)
{
	forget_sessions(t);
	for (size_t i = 0; i < t->candidate_count; i++)
		free(t->candidates[i].folder);
	free(t->candidates);
}

/* Calls `each` for the entries of a folder, without the dotted ones. */
static void for_each_entry(const char *path, void (*each)(void *context, const char *folder, const char *name), void *context)
{
	DIR *folder = opendir(path);

	for (struct dirent *entry; folder && (entry = readdir(folder));)
		if (entry->d_name[0] != '.')
			each(context, path, entry->d_name);
	if (folder)
		closedir(folder);
}

static void remember_session(void *context, const char *folder, const char *name)
{
	struct tidying *t = context;

	(void)folder;
	if (strlen(name) < UUID_LENGTH)
		return;
	t->sessions = xrealloc(t->sessions, (t->session_count + 1) * sizeof(*t->sessions));
	t->sessions[t->session_count++] = xstrndup(name, UUID_LENGTH);
}

/* Adds up regular files, two folders deep: that is how deep objects lie. */
static void add_size(void *context, const char *folder, const char *name)
{
	CLEANUP(freep) char *path = xasprintf("%s/%s", folder, name);
	uint64_t *bytes = context;
	struct stat info;

	if (lstat(path, &info) != 0)
		return;
	if (S_ISREG(info.st_mode))
		*bytes += (uint64_t)info.st_size;
	else if (S_ISDIR(info.st_mode))
		for_each_entry(path, add_size, bytes);
}

static uint64_t size_of(const char *path)
{
	uint64_t bytes = 0;

	for_each_entry(path, add_size, &bytes);
	return bytes;
}

static bool is_known(const struct tidying *t, const char *borrower)
{
	for (size_t i = 0; i < t->session_count; i++)
		if (strncmp(t->sessions[i], borrower, UUID_LENGTH) == 0)
			return true;
	return false;
}

/* Its folder may be younger than what was read, or being renamed while it was: dead is who is missing in two fresh looks. */
static bool lives(struct tidying *t, const char *borrower)
{
	bool known = is_known(t, borrower);

	for (int look = 0; !known && look < 2; look++) {
		forget_sessions(t);
		for_each_entry(t->limits->workspaces, remember_session, t);
		known = is_known(t, borrower);
	}
	return known;
}

struct borrowers {
	struct tidying *tidying;
	size_t count;
};

static void count_borrower(void *context, const char *folder, const char *name)
{
	CLEANUP(freep) char *path = xasprintf("%s/%s", folder, name);
	struct borrowers *b = context;

	if (lives(b->tidying, name))
		b->count++;
	else
		unlink(path);
}

/* Drops the dead ones on the way. The project's lock is held. */
static bool is_borrowed(struct tidying *t, const char *generation)
{
	CLEANUP(freep) char *path = xasprintf("%s/borrowers", generation);
	struct borrowers b = {.tidying = t};

	for_each_entry(path, count_borrower, &b);
	return b.count > 0;
}

static void remove_and_count(struct tidying *t, const char *path)
{
	uint64_t bytes = size_of(path);

	if (remove_tree(path, NULL))
		t->freed += bytes;
}

/* What is looked at of one project. */
struct project {
	struct tidying *tidying;
	struct mirror_state state;
	uint64_t bytes;
	bool borrowed; /* its current generation is */
};

static void judge_entry(void *context, const char *folder, const char *name)
{
	CLEANUP(freep) char *path = xasprintf("%s/%s", folder, name);
	struct project *p = context;
	int64_t generation = mirror_generation_of(name);

	if (strncmp(name, "incoming-", 9) == 0) {
		int owner = mirror_lock(path, "owner", 0, -1);
		if (owner >= 0) { /* nobody's any more */
			remove_and_count(p->tidying, path);
			close(owner);
		}
	} else if (strncmp(name, "removed-", 8) == 0 ||
	           (generation != 0 && generation != p->state.generation && !is_borrowed(p->tidying, path))) {
		remove_and_count(p->tidying, path);
	} else if (generation != 0) {
		p->borrowed = p->borrowed || (generation == p->state.generation && is_borrowed(p->tidying, path));
		p->bytes += size_of(path);
	}
}

static void look_at_project(void *context, const char *folder, const char *name)
{
	CLEANUP(freep) char *path = xasprintf("%s/%s", folder, name);
	struct project project = {.tidying = context};
	struct tidying *t = context;
	struct stat info;
	int lock = mirror_generation_of(name) != 0 ? mirror_lock(path, "lock", 0, -1) : -1; /* a project's id, too, is digits */

	if (lock < 0) {
		t->total += size_of(path);
		return;
	}
	mirror_state_read(path, &project.state);
	for_each_entry(path, judge_entry, &project);
	t->total += project.bytes;
	if (project.state.generation != 0 && !project.borrowed && fstat(lock, &info) == 0) {
		t->candidates = xrealloc(t->candidates, (t->candidate_count + 1) * sizeof(*t->candidates));
		t->candidates[t->candidate_count++] =
		        (struct candidate){.folder = TAKE(path), .bytes = project.bytes, .used = info.st_mtim};
	}
	close(lock);
}

static void look_at_instance(void *context, const char *folder, const char *name)
{
	CLEANUP(freep) char *path = xasprintf("%s/%s", folder, name);

	if (record_key_is_valid(name))
		for_each_entry(path, look_at_project, context);
}

static int compare_use(const void *a, const void *b)
{
	const struct candidate *first = a, *second = b;

	if (first->used.tv_sec != second->used.tv_sec)
		return first->used.tv_sec < second->used.tv_sec ? -1 : 1;
	return (first->used.tv_nsec > second->used.tv_nsec) - (first->used.tv_nsec < second->used.tv_nsec);
}

/* Out of sight first, under the lock; a removal takes longer than anybody should wait. */
static void evict(struct tidying *t, const struct candidate *c)
{
	CLEANUP(freep) char *current = xasprintf("%s/current", c->folder);
	struct mirror_state state;
	int lock = mirror_lock(c->folder, "lock", 0, -1);

	if (lock < 0)
		return;
	mirror_state_read(c->folder, &state);
	CLEANUP(freep) char *path = xasprintf("%s/%lld", c->folder, (long long)state.generation);
	CLEANUP(freep) char *removed = xasprintf("%s/removed-%lld", c->folder, (long long)state.generation);
	bool gone = state.generation != 0 && !is_borrowed(t, path) && unlink(current) == 0 && rename(path, removed) == 0;
	close(lock);
	if (!gone)
		return;
	t->total -= c->bytes < t->total ? c->bytes : t->total;
	remove_and_count(t, removed);
}

uint64_t mirror_tidy(const struct mirror_limits *limits, bool make_room)
{
	CLEANUP(tidying_release) struct tidying t = {.limits = limits};
	int lock = mirror_lock(limits->root, "tidying", 0, -1);

	if (lock < 0) /* another worker is at it */
		return 0;
	for_each_entry(limits->root, look_at_instance, &t);
	if (t.candidate_count > 1)
		qsort(t.candidates, t.candidate_count, sizeof(*t.candidates), compare_use);
	for (size_t i = 0; i < t.candidate_count && (make_room || t.total > limits->max_bytes); i++)
		evict(&t, &t.candidates[i]);
	close(lock);
	return t.freed;
}
