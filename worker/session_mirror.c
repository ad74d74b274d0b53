#include "session_mirror.h"

#include "alloc.h"
#include "gate_branch.h"
#include "git_fetch.h"
#include "git_mirror.h"
#include "mirror.h"
#include "mirror_tidy.h"

enum {
	BUILD_WAIT_MS = 10 * 60 * 1000, /* for another session's first transfer; after that it is quicker to go without */
	TRIES = 3,                      /* each time another session was faster */
	PACKS_MAX = 40,                 /* of a generation; every look-up may ask all of them */
	GIB_SHIFT = 30,
};

static struct mirror_limits limits_of(const struct session_run *run)
{
	const struct settings *s = run->worker->settings;

	return (struct mirror_limits){.root = settings_get(s, MIRRORS),
	                              .workspaces = settings_get(s, WORKSPACES),
	                              .max_bytes = (uint64_t)settings_number(s, MIRRORS_MAX) << GIB_SHIFT};
}

static bool is_wanted(const struct session_run *run, const struct repository *r)
{
	return *settings_get(run->worker->settings, MIRRORS) && !r->empty && r->default_branch && r->api_base &&
	       r->project_id > 0 && mirror_can_be_shared();
}

/* Shown while another session receives the project for the first time. */
static void show_waiting(struct session_run *run, struct repository *r)
{
	snprintf(r->progress.stage, sizeof(r->progress.stage), "waiting");
	if (!session_save(run, false, NULL))
		return; /* remembered in run->lost */
}

static bool receive(struct session_run *run, struct repository *r, const struct mirror *m, const struct mirror_incoming *in,
                    json_t **ret_result, struct error *err)
{
	CLEANUP(freep) char *gate_url = gate_repository_url(&run->gate, r->name);
	const struct git_mirror_refresh refresh = {
	        .gate = {.url = gate_url, .credential = run->credential},
	        .path = in->path,
	        .objects = m->objects,
	        .tip = m->tip,
	        .branch = r->default_branch,
	        .gather = m->packs >= PACKS_MAX,
	};
	const struct session_job job = {
	        .work = git_mirror_refresh_job, .input = &refresh, .operation = "fetch", .writable = in->path, .runs_git = true};

	return session_job_run(run, r, &job, ret_result, err);
}

/* The access check where nothing is new: one question instead of four processes. Anything but a clear yes is left to a fetch. */
static bool is_up_to_date(const struct session_run *run, const struct repository *r, const struct mirror *m)
{
	char commit[COMMIT_SIZE];

	return m->generation != 0 && m->packs < PACKS_MAX && gate_branch_commit(&run->gate, r->name, r->default_branch, commit) &&
	       strcmp(commit, m->tip) == 0;
}

/* How one refresh ended, besides well. */
struct refresh_end {
	bool overtaken; /* to be done again */
	bool refused;   /* the transfer itself failed: no mirror makes up for that */
};

/* One refresh of what is borrowed. */
static bool refresh(struct session_run *run, struct repository *r, struct mirror *m, struct refresh_end *end, struct error *err)
{
	CLEANUP(mirror_incoming_release) struct mirror_incoming in = MIRROR_INCOMING_INIT;
	const struct mirror_limits limits = limits_of(run);
	int64_t generation = m->generation;
	json_t *result = NULL;

	if (is_up_to_date(run, r, m))
		return true;
	if (!mirror_incoming_open(m, &in, err))
		return false;
	set_string(&r->mirror, m->objects); /* for the job to read */
	end->refused = !receive(run, r, m, &in, &result, err);
	if (end->refused)
		return false;
	const char *tip = json_string_or(result, "tip", "");
	bool grew = strcmp(tip, m->tip) != 0;
	bool ok = strlen(tip) == COMMIT_SIZE - 1
	                  ? mirror_publish(m, &in, tip, json_bool_or(result, "fresh", false), &end->overtaken, err)
	                  : error_set(err, ERR_GIT_FAILED, "The branch does not lead to a commit.");
	json_decref(result);
	if (ok && (grew || m->generation != generation))
		mirror_tidy(&limits, false);
	return ok;
}

/* Borrows, making a generation where there is none. m->generation is 0 afterwards when that is somebody else's work in hand. */
static bool borrow(struct session_run *run, struct repository *r, struct mirror *m, struct error *err)
{
	bool ready = true;

	if (!mirror_borrow(m, err))
		return false;
	if (m->generation == 0)
		show_waiting(run, r);
	return m->generation != 0 ||
	       (mirror_start_building(m, BUILD_WAIT_MS, run->interrupt_fd, &ready, err) &&
	        (ready || error_set(err, ERR_WORKSPACE_FAILED, "Another session is still fetching this project.")));
}

static bool use(struct session_run *run, struct repository *r, struct mirror *m, bool *ret_refused, struct error *err)
{
	for (int tries = 0; tries < TRIES; tries++) {
		struct refresh_end end = {0};
		bool ok = borrow(run, r, m, err) && refresh(run, r, m, &end, err);
		*ret_refused = end.refused;
		if (!ok || !end.overtaken)
			return ok;
	}
	return error_set(err, ERR_WORKSPACE_FAILED, "Other sessions were always faster.");
}

bool session_mirror_refresh(struct session_run *run, struct repository *r, char ret_tip[COMMIT_SIZE], struct error *err)
{
	const struct mirror_use what = {.root = settings_get(run->worker->settings, MIRRORS),
	                                .instance = r->api_base,
	                                .provider = r->provider,
	                                .project_id = r->project_id,
	                                .session_id = run->row->id,
	                                .repository = r->name,
	                                .workspaces = settings_get(run->worker->settings, WORKSPACES)};
	CLEANUP(mirror_release) struct mirror m = MIRROR_INIT;
	struct error trouble = ERROR_INIT;
	bool refused = false;

	ret_tip[0] = '\0';
	set_string(&r->mirror, NULL);
	if (!is_wanted(run, r))
		return true;
	bool ok = mirror_open(&what, &m, &trouble) && use(run, r, &m, &refused, &trouble);
	r->progress = (struct repository_progress){0};
	set_string(&r->mirror, ok ? m.objects : NULL);
	if (ok) {
		memcpy(ret_tip, m.tip, COMMIT_SIZE);
		return true;
	}
	if (m.folder)
		mirror_return(&m);
	if (refused || trouble.code == ERR_SESSION_LOST || git_found_disk_full(&trouble)) {
		*err = trouble;
		return false;
	}
	session_log(run, LOG_WARNING, r, &trouble, "The repository is fetched without the shared copy");
	return true;
}

bool session_mirror_make_room(const struct session_run *run)
{
	const struct mirror_limits limits = limits_of(run);

	return *limits.root && mirror_tidy(&limits, true) > 0;
}
