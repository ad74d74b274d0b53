#pragma once
/*
 * settings_resource — what the status of a ProjectSettings resource says: which repositories were kept of its list, and whether
 * they can be reached. No I/O. Floor: service.
 */
#include "json.h"
#include "project_store.h"

/* Borrowed. */
struct settings_view {
	const json_t *object;                /* the resource as it was seen */
	const json_t *entries;               /* as they were kept; NULL: the list was refused */
	const struct error *refused;         /* why; code ERR_NONE: it was not */
	const struct project_access *access; /* of these entries; NULL: nothing is known */
	int64_t now;                         /* unix seconds */
};

/* Caller decrefs. */
json_t *settings_status(const struct settings_view *view) MUST_CHECK;

/* Whether the resource's status says the same already; times of conditions that are as they were do not count. */
bool settings_status_is(const json_t *object, const json_t *wanted);
