#pragma once
/*
 * project_adopt — the repositories of a ProjectSettings resource become the project's list. Beside project_service.h because the
 * worker, which follows resources, has no use for checks, forges and keys. Floor: service.
 */
#include "json.h"
#include "project_store.h"

/*
 * Replaces the project's list by `spec.repositories` of the settings, an absent one by an empty list; what is known of addresses
 * that stay is kept (project_service.h). Nothing is asked of a server: an entry gets the provider that its address tells. *ret: the
 * entries as they are kept; caller decrefs. The errors of project_write, ERR_CONFLICT among them.
 */
bool project_adopt(struct project_store *store, const char *project, const json_t *settings, json_t **ret,
                   struct error *err) MUST_CHECK;
