#include "session_service.h"

#include "alloc.h"
#include "caps.h"
#include "clock.h"
#include "encoding.h"
#include "project_session.h"
#include "redact_json.h"
#include "session_changes.h"

#include <sodium.h>
#include <stdlib.h>
#include <string.h>

static const char SEED_VERSION[] = "ambient-code.io/v1alpha1";
static const char PLATFORM_VERSION[] = "vteam.ambient-code/v1alpha1";

/* ---- What is kept of a request ---- */

/* 64 bits of owner and key: long enough that two keys of one owner never give one name. */
static char *name_from_key(const char *prefix, const char *owner, const char *key)
{
	unsigned char hash[crypto_generichash_BYTES_MIN];
	char hex[17];
	crypto_generichash_state state;

	crypto_generichash_init(&state, NULL, 0, sizeof(hash));
	crypto_generichash_update(&state, (const unsigned char *)owner, strlen(owner) + 1);
	crypto_generichash_update(&state, (const unsigned char *)key, strlen(key));
	crypto_generichash_final(&state, hash, sizeof(hash));
	sodium_bin2hex(hex, sizeof(hex), hash, 8);
	return xasprintf("%s%s", prefix, hex);
}

/* Addresses are kept without credentials wherever they stand in the specification. */
static void clean_addresses(json_t *value)
{
	const char *name;
	json_t *member;
	size_t i;

	if (json_is_array(value)) {
		json_array_foreach(value, i, member) clean_addresses(member);
		return;
	}
	json_object_foreach(value, name, member)
	{
		if (json_is_string(member) && strcmp(name, "url") == 0) {
			CLEANUP(freep) char *clean = session_kept_address(json_string_value(member));

			json_string_set(member, clean);
		} else {
			clean_addresses(member);
		}
	}
}

static json_t *kept_metadata(const json_t *given, const char *owner, const char *key)
{
	/* Labels and annotations are the caller's notes; everything else in metadata is ours to fill. */
	static const char *const kept[] = {"labels", "annotations", "name", "generateName"};
	json_t *metadata = json_object();
	const char *prefix = json_string_or(given, "generateName", "session-");

	for (size_t i = 0; i < ARRAY_SIZE(kept); i++) {
		json_t *member = json_object_get(given, kept[i]);

		if (member && !json_is_null(member))
			json_object_set_new(metadata, kept[i], json_deep_copy(member));
	}
	if (key && json_string_or(given, "name", "")[0] == '\0') {
		CLEANUP(freep) char *name = name_from_key(prefix[0] ? prefix : "session-", owner, key);

		json_object_set_new(metadata, "name", json_string(name));
	}
	return metadata;
}

/* Not yet checked: session_spec_parse() judges the result. */
static json_t *kept_object(const json_t *given, const char *owner, const char *key)
{
	const json_t *spec = json_object_get(given, "spec");
	bool platform = json_object_get(spec, "repos") || json_object_get(spec, "initialPrompt");
	json_t *object = json_object(), *copy = json_deep_copy(spec);

	json_object_set_new(object, "apiVersion",
	                    json_string(json_string_or(given, "apiVersion", platform ? PLATFORM_VERSION : SEED_VERSION)));
	json_object_set_new(object, "kind", json_string("AgenticSession"));
	json_object_set_new(object, "metadata", kept_metadata(json_object_get(given, "metadata"), owner, key));
	if (copy) {
		clean_addresses(copy);
		json_object_set_new(object, "spec", copy);
	}
	return object;
}

static char *compact_text(const json_t *value)
{
	CLEANUP(strbuf_release) struct strbuf text = STRBUF_INIT(4 * (size_t)LIMIT_BODY_DEFAULT);

	json_write(&text, value);
	return strbuf_detach(&text);
}

static json_t *parse_or_empty(const char *text)
{
	json_t *value = text ? json_parse_answer(text, strlen(text)) : NULL;

	if (json_is_object(value))
		return value;
	json_decref(value);
	return json_object();
}

/* ---- The specification ---- */

/* The object with the project's repositories in it, where the session took them. Caller decrefs. */
static json_t *whole_object(const struct session_row *row)
{
	json_t *object = parse_or_empty(row->object);

	if (row->project_repositories) {
		json_t *taken = json_parse_answer(row->project_repositories, strlen(row->project_repositories));

		/* An array that cannot be read is null here, and the session names no repository. */
		json_object_set_new(json_object_get(object, "spec"), "repositories", taken ? taken : json_null());
	}
	return object;
}

bool session_row_spec(const struct session_row *row, struct session_spec *ret, struct error *err)
{
	CLEANUP(json_decrefp) json_t *object = whole_object(row);
	CLEANUP(session_spec_release) struct session_spec spec = SESSION_SPEC_INIT;
	struct error cause = ERROR_INIT;

	if (session_spec_parse(object, &spec, &cause) && session_changes_apply(row->repository_changes, &spec, &cause) &&
	    spec.repository_count == 0)
		error_set(&cause, ERR_SESSION_NO_REPOSITORY, "It has no repository.");
	if (cause.code != ERR_NONE) {
		error_set(err, ERR_INTERNAL, "The stored session %s cannot be read.", row->name);
		return error_detail(err, "%s", cause.message);
	}
	*ret = spec;
	spec = (struct session_spec)SESSION_SPEC_INIT;
	return true;
}

/* ---- Create ---- */

static bool check_project(const struct session_spec *spec, const char *project, struct error *err)
{
	if (spec->project && strcmp(spec->project, project) != 0)
		return error_set(err, ERR_SESSION_INVALID, "metadata.namespace is '%.63s', but the session is created in '%.63s'.",
		                 spec->project, project);
	return true;
}

/* Fills row->project_repositories with what a session without repositories is given. */
static bool take_project_repositories(struct project_store *projects, struct session_row *row, struct error *err)
{
	CLEANUP(json_decrefp) json_t *repositories = NULL;
	CLEANUP(session_spec_release) struct session_spec spec = SESSION_SPEC_INIT;
	struct error cause = ERROR_INIT;

	if (!project_session_repositories(projects, row->project, &repositories, err))
		return false;
	if (!repositories)
		return error_set(err, ERR_SESSION_NO_REPOSITORY, "The session names no repository, and its project has none.");
	if (json_array_size(repositories) > LIMIT_SESSION_REPOSITORIES) {
		error_set(err, ERR_SESSION_INVALID, "The session names no repository, and its project has %zu; a session takes %d.",
		          json_array_size(repositories), LIMIT_SESSION_REPOSITORIES);
		return error_remedy(err, "Name those that the session needs in spec.repositories.");
	}
	row->project_repositories = compact_text(repositories);
	if (session_row_spec(row, &spec, &cause))
		return true;
	error_set(err, ERR_SESSION_INVALID, "The session names no repository, and those of its project cannot be used.");
	error_remedy(err, "Correct the project's list, or name repositories in spec.repositories.");
	return error_detail(err, "%s", cause.detail);
}

/* A repeated request means the session that it made, whatever has become of the project's list since. */
static bool take_from_earlier(struct session_store *sessions, struct session_row *row)
{
	CLEANUP(session_row_release) struct session_row earlier = SESSION_ROW_INIT;

	if (!sessions->ops->find(sessions->state, row->project, row->name, &earlier, NULL) ||
	    strcmp(earlier.owner, row->owner) != 0)
		return false;
	row->project_repositories = xstrdup(earlier.project_repositories);
	return row->project_repositories != NULL;
}

/* Fills the row of a session that is asked for by `kept`, which becomes its object. */
static void fill_row(struct session_row *row, const char *id, const char *project, const char *name, const char *owner,
                     const json_t *kept)
{
	row->id = xstrdup(id);
	row->project = xstrdup(project);
	row->name = xstrdup(name);
	row->owner = xstrdup(owner);
	row->object = compact_text(kept);
	row->status = xstrdup("{\"phase\":\"Pending\"}");
	row->phase = PHASE_PENDING;
	row->created_at = clock_now_s();
}

bool session_create(struct session_store *sessions, struct project_store *projects, const char *project, const char *owner,
                    const json_t *object, const char *idempotency_key, struct session_row *ret, bool *ret_created,
                    struct error *err)
{
	CLEANUP(session_spec_release) struct session_spec given = SESSION_SPEC_INIT, spec = SESSION_SPEC_INIT;
	CLEANUP(session_row_release) struct session_row row = SESSION_ROW_INIT;
	CLEANUP(json_decrefp) json_t *kept = NULL;
	char id[37];

	/* The request first, so that errors speak of what was sent; then what is kept, whose name and branches count. */
	if (!session_spec_parse(object, &given, err) || !check_project(&given, project, err))
		return false;
	kept = kept_object(object, owner, idempotency_key);
	if (!session_spec_parse(kept, &spec, err))
		return false;
	json_object_set_new(json_object_get(kept, "metadata"), "name", json_string(spec.name));
	make_uuid(id);
	fill_row(&row, id, project, spec.name, owner, kept);
	if (given.repository_count == 0 && !take_from_earlier(sessions, &row) && !take_project_repositories(projects, &row, err))
		return false;
	return sessions->ops->create(sessions->state, &row, idempotency_key, ret, ret_created, err);
}

bool session_adopt(struct session_store *sessions, struct project_store *projects, const char *owner, const json_t *resource,
                   struct session_row *ret, struct error *err)
{
	CLEANUP(session_spec_release) struct session_spec spec = SESSION_SPEC_INIT;
	CLEANUP(session_row_release) struct session_row row = SESSION_ROW_INIT, result = SESSION_ROW_INIT;
	CLEANUP(json_decrefp) json_t *kept = kept_object(resource, owner, NULL);
	json_t *metadata = json_object_get(kept, "metadata");
	const char *uid = json_string_or(json_object_get(resource, "metadata"), "uid", "");
	const char *project = json_string_or(json_object_get(resource, "metadata"), "namespace", "");
	bool created = false;

	if (!session_spec_parse(kept, &spec, err))
		return false;
	/* Annotations repeat the whole object (kubectl's own does); the uid tells a resource's session from one of the API. */
	json_object_del(metadata, "annotations");
	json_object_set_new(metadata, "uid", json_string(uid));
	fill_row(&row, uid, project, spec.name, owner, kept);
	if (spec.repository_count == 0 && !take_project_repositories(projects, &row, err))
		return false;
	if (!sessions->ops->create(sessions->state, &row, NULL, &result, &created, err))
		return false;
	if (strcmp(result.id, uid) != 0)
		return error_set(err, ERR_CONFLICT, "The project has a session of this name already.");
	session_row_release(ret);
	*ret = result;
	result = (struct session_row)SESSION_ROW_INIT;
	return true;
}

/* ---- Show ---- */

static json_t *entry_of(const json_t *listed, const char *name)
{
	size_t i;
	json_t *entry;

	json_array_foreach(listed, i, entry)
	{
		if (strcmp(json_string_or(entry, "name", ""), name) == 0)
			return entry;
	}
	return NULL;
}

/* What no worker has looked at yet. */
static json_t *pending_entry(const struct session_repository *r)
{
	const char *branch = r->push_branch ? r->push_branch : r->start_branch;
	json_t *entry = json_pack("{s:s, s:s, s:s}", "name", r->name, "url", r->url, "phase", "Pending");

	if (r->provider)
		json_object_set_new(entry, "provider", json_string(r->provider));
	if (branch)
		json_object_set_new(entry, "branch", json_string(branch));
	return entry;
}

json_t *session_shown_repositories(const struct session_row *row)
{
	CLEANUP(json_decrefp) json_t *status = parse_or_empty(row->status);
	CLEANUP(session_spec_release) struct session_spec spec = SESSION_SPEC_INIT;
	const json_t *listed = json_object_get(status, "repositories");
	json_t *shown = json_array();

	/* Of an ended session the worker has said all there is to say. */
	if (session_phase_is_final(row->phase) || !session_row_spec(row, &spec, NULL)) {
		if (json_is_array(listed))
			json_array_extend(shown, (json_t *)(uintptr_t)listed);
		return shown;
	}
	for (size_t i = 0; i < spec.repository_count; i++) {
		json_t *entry = entry_of(listed, spec.repositories[i].name);

		json_array_append_new(shown, entry ? json_incref(entry) : pending_entry(&spec.repositories[i]));
	}
	return shown;
}

enum session_phase session_shown_phase(const struct session_row *row)
{
	return row->stop_requested && !session_phase_is_final(row->phase) ? PHASE_STOPPED : row->phase;
}

static json_t *shown_status(const struct session_row *row)
{
	json_t *status = parse_or_empty(row->status);

	json_object_set_new(status, "phase", json_string(session_phase_name(session_shown_phase(row))));
	if (row->repository_changes)
		json_object_set_new(status, "repositories", session_shown_repositories(row));
	return status;
}

json_t *session_to_json(const struct session_row *row)
{
	json_t *object = parse_or_empty(row->object), *metadata = json_object_get(object, "metadata");
	char created[CLOCK_TEXT_SIZE];

	if (!json_is_object(metadata)) {
		metadata = json_object();
		json_object_set_new(object, "metadata", metadata);
	}
	/* The status was masked as it was written; what was asked for the worker needs as it is, and nobody else. */
	redact_json(metadata);
	redact_json(json_object_get(object, "spec"));
	clock_format(row->created_at, created);
	json_object_set_new(metadata, "name", json_string(row->name));
	json_object_set_new(metadata, "namespace", json_string(row->project));
	json_object_set_new(metadata, "uid", json_string(row->id));
	json_object_set_new(metadata, "creationTimestamp", json_string(created));
	json_object_set_new(object, "status", shown_status(row));
	return object;
}
