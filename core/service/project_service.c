#include "project_service.h"

#include "alloc.h"
#include "caps.h"
#include "clock.h"
#include "project_document.h"
#include "secret.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Writers of one project at the same time are people: after so many of them something else is wrong. */
enum {
	WRITE_ATTEMPTS = 16,
	PAUSE_STEP_US = 4000, /* a write takes a few milliseconds */
};

static void drop_reports(struct project_view *view)
{
	for (size_t i = 0; view->reports && i < view->count; i++)
		check_report_release(&view->reports[i]);
	free(view->reports);
	view->reports = NULL;
	view->count = 0;
}

void project_view_release(struct project_view *view)
{
	if (!view)
		return;
	drop_reports(view);
	json_decref(view->document);
	*view = (struct project_view)PROJECT_VIEW_INIT;
}

/* ---- Reading ---- */

/* Who asks. Borrowed. */
struct asker {
	const char *user_id;
	const char *project;
	const char *request_id;
	int64_t until_ms; /* the reports' */
};

static bool load(struct project_store *store, const char *project, json_t **ret_document, json_t **ret_identities,
                 int64_t *ret_version, struct error *err)
{
	CLEANUP(project_list_release) struct project_list list = PROJECT_LIST_INIT;
	CLEANUP(json_decrefp) json_t *document = NULL, *identities = NULL;

	if (!store->ops->get(store->state, project, &list, err) || !project_document_load(list.document, &document, err) ||
	    !project_document_load(list.identities, &identities, err))
		return false;
	if (!project_document_entries(document))
		json_object_set_new(document, "repositories", json_array());
	*ret_document = TAKE(document);
	*ret_identities = TAKE(identities);
	*ret_version = list.version;
	return true;
}

/* One report for each entry, in their order. */
static bool check_entries(struct check_service *checks, const struct asker *asker, const json_t *entries, const json_t *identities,
                          struct project_view *view, struct error *err)
{
	size_t count = json_array_size(entries), i;
	CLEANUP(freep) struct check_request *requests = xcalloc(count, sizeof(*requests));
	json_t *entry;

	json_array_foreach(entries, i, entry)
	{
		const char *url = json_string_or(entry, "url", "");

		requests[i] = (struct check_request){
		        .user_id = asker->user_id,
		        .project = asker->project,
		        .url = url,
		        .provider = project_entry_text(entry, "provider"),
		        .access = CHECK_ACCESS_WRITE,
		        .start_branch = project_entry_text(entry, "branch"),
		        .expected_id = project_identity_at_text(identities, url),
		        .request_id = asker->request_id,
		        .until_ms = asker->until_ms,
		};
	}
	drop_reports(view);
	view->reports = xcalloc(count, sizeof(*view->reports));
	view->count = count;
	return count == 0 || check_repositories(checks, requests, view->reports, count, err);
}

bool project_read(struct project_service *s, const char *project, const char *user_id, bool with_reports, const char *request_id,
                  struct project_view *ret, struct error *err)
{
	CLEANUP(project_view_release) struct project_view view = PROJECT_VIEW_INIT;
	CLEANUP(json_decrefp) json_t *identities = NULL;
	const struct asker asker = {user_id, project, request_id, check_until_ms()};

	if (!load(&s->store, project, &view.document, &identities, &view.version, err))
		return false;
	if (with_reports && !check_entries(s->checks, &asker, project_document_entries(view.document), identities, &view, err))
		return false;
	*ret = view;
	view = (struct project_view)PROJECT_VIEW_INIT;
	return true;
}

bool project_expected_id(struct project_service *s, const char *project, const struct repo_url *url, int64_t *ret,
                         struct error *err)
{
	CLEANUP(project_list_release) struct project_list list = PROJECT_LIST_INIT;
	CLEANUP(json_decrefp) json_t *identities = NULL;

	if (!s->store.ops->get(s->store.state, project, &list, err) || !project_document_load(list.identities, &identities, err))
		return false;
	*ret = project_identity_at(identities, url);
	return true;
}

/* ---- Writing ---- */

/* A list on its way into the store. */
struct writing {
	struct project_service *service;
	const char *project;
	struct asker asker;
	const json_t *given;      /* as it was sent: reports tell of the credentials that are dropped */
	json_t *kept;             /* what is fit to be kept of it */
	json_t *identities;       /* those that the view's reports were made with; NULL: none were made */
	struct project_view view; /* what comes of it */
};

static void writing_release(struct writing *w)
{
	json_decref(w->kept);
	json_decref(w->identities);
	project_view_release(&w->view);
}

static bool was_found(const struct check_report *report)
{
	return report->checks.states[CHECK_REPOSITORY] == CHECK_OK;
}

/*
 * Whether the new address can stand for the old one. A pasted page says where to start from and the new address does not: then the
 * branch of that page has to be known. A tag, a commit or a branch that is gone stay in the page that was pasted.
 */
static bool keeps_start(const json_t *entry, const struct check_report *report)
{
	const char *start = report->start_branch, *shown = report->url.ref;
	size_t length = start ? strlen(start) : 0;

	if (!shown || project_entry_text(entry, "branch"))
		return true;
	return length > 0 && strncmp(shown, start, length) == 0 && (shown[length] == '\0' || shown[length] == '/');
}

/* An address where another project is known is not taken over. */
static void follow_move(json_t *entry, const struct check_report *report, const json_t *identities)
{
	int64_t known;

	if (!was_found(report) || !report->project.moved || !report->clone_url || !keeps_start(entry, report))
		return;
	known = project_identity_at_text(identities, report->clone_url);
	if (known != 0 && known != report->project.id)
		return;
	if (report->url.ref && !project_entry_text(entry, "branch"))
		json_object_set_new(entry, "branch", json_string(report->start_branch));
	json_object_set_new(entry, "url", json_string(report->clone_url));
}

/* Writes into the entries what their reports know. Returns the identities at the addresses that are in the list now. */
static json_t *apply_reports(struct project_view *view, const json_t *identities)
{
	json_t *entry, *learned = json_object();
	size_t i;

	json_array_foreach(project_document_entries(view->document), i, entry)
	{
		const struct check_report *report = &view->reports[i];
		const char *url;

		if (report->provider != PROVIDER_UNKNOWN)
			json_object_set_new(entry, "provider", json_string(provider_name(report->provider)));
		follow_move(entry, report, identities);
		url = json_string_or(entry, "url", "");
		project_identity_learn(learned, url, project_identity_at_text(identities, url));
		if (was_found(report))
			project_identity_learn(learned, url, report->project.id);
	}
	return learned;
}

static bool compact_text(const json_t *value, char **ret, struct error *err)
{
	CLEANUP(strbuf_release) struct strbuf text = STRBUF_INIT(4 * (size_t)LIMIT_BODY_DEFAULT);

	json_write(&text, value);
	if (!strbuf_ok(&text))
		return error_set(err, ERR_BODY_TOO_LARGE, "The list of repositories is too large to be kept.");
	*ret = strbuf_detach(&text);
	return true;
}

static bool store_list(struct writing *w, const json_t *identities, int64_t version, struct error *err)
{
	CLEANUP(project_list_release) struct project_list list = PROJECT_LIST_INIT;
	struct project_store *store = &w->service->store;

	if (!compact_text(w->view.document, &list.document, err) || !compact_text(identities, &list.identities, err) ||
	    !store->ops->put(store->state, w->project, version, &list, err))
		return false;
	w->view.version = list.version;
	return true;
}

/* Reads, checks and writes once. Reports are made again only where the identities that they were judged by have changed since. */
static bool try_write(struct writing *w, int64_t expected, struct error *err)
{
	CLEANUP(json_decrefp) json_t *before = NULL, *identities = NULL, *learned = NULL;
	int64_t version;

	if (!load(&w->service->store, w->project, &before, &identities, &version, err))
		return false;
	/* Said before the network is asked, which takes a while; the store has the last word. */
	if (expected != PROJECT_VERSION_ANY && expected != version)
		return error_set(err, ERR_PRECONDITION_FAILED,
		                 "The project's repositories were changed by someone else meanwhile.");
	if (!w->identities || !json_equal(w->identities, identities)) {
		if (!check_entries(w->service->checks, &w->asker, project_document_entries(w->given), identities, &w->view, err))
			return false;
		json_decref(w->identities);
		w->identities = json_incref(identities);
	}
	json_decref(w->view.document);
	w->view.document = json_deep_copy(w->kept);
	learned = apply_reports(&w->view, identities);
	return store_list(w, learned, version, err);
}

/* Writers that met once are kept from meeting again in step. */
static void step_back(int attempt)
{
	uint32_t chance;

	random_bytes(&chance, sizeof(chance));
	(void)usleep(chance % (unsigned)(PAUSE_STEP_US * (attempt + 1)));
}

bool project_write(struct project_service *s, const char *project, const char *user_id, const json_t *document, int64_t expected,
                   const char *request_id, struct project_view *ret, struct error *err)
{
	CLEANUP(writing_release)
	struct writing w = {
	        .service = s, .project = project, .asker = {user_id, project, request_id, check_until_ms()}, .given = document};
	struct error failure = ERROR_INIT;

	if (!project_document_keep(document, &w.kept, err))
		return false;
	for (int attempt = 0; attempt < WRITE_ATTEMPTS && clock_monotonic_ms() < w.asker.until_ms; attempt++) {
		if (try_write(&w, expected, &failure)) {
			*ret = w.view;
			w.view = (struct project_view)PROJECT_VIEW_INIT;
			return true;
		}
		/* Whoever names no version replaces whatever there is, but for what another writer learned meanwhile. */
		if (failure.code != ERR_PRECONDITION_FAILED || expected != PROJECT_VERSION_ANY) {
			if (err)
				*err = failure;
			return false;
		}
		step_back(attempt);
	}
	return error_set(err, ERR_CONFLICT, "The project's repositories are being changed by others at this moment.");
}
