#pragma once
/*
 * project_document — the list of a project's repositories as JSON: what is accepted and kept of one that was sent, and which
 * project was found at which address. No I/O. Floor: service, private.
 */
#include "json.h"
#include "repo_url.h"

/*
 * A copy of what was sent, judged and fit to be kept: members that nobody knows stay, those that only this service says go (the
 * reports of an answer that comes back), credentials are dropped from addresses and tokens masked wherever they stand.
 * ERR_FIELD_MISSING, ERR_FIELD_INVALID, ERR_REPO_URL_INVALID, ERR_BRANCH_INVALID say which member ("repositories[2].provider").
 * Caller decrefs.
 */
bool project_document_keep(const json_t *given, json_t **ret, struct error *err) MUST_CHECK;

/* What the store keeps as text: a JSON object. NULL gives an empty one. ERR_INTERNAL: the text is none. Caller decrefs. */
bool project_document_load(const char *text, json_t **ret, struct error *err) MUST_CHECK;

/* The entries, borrowed; an empty document has none (NULL, which jansson takes for an empty array). */
json_t *project_document_entries(const json_t *document);

/* A member of an entry, borrowed; "" and null count as absent: NULL. */
const char *project_entry_text(const json_t *entry, const char *name);

/* The id that was found at an address before; 0: none, or the address is none. */
int64_t project_identity_at(const json_t *identities, const struct repo_url *url);
int64_t project_identity_at_text(const json_t *identities, const char *address);

/* Remembers it, unless one is known: an id never changes while its address is kept. */
void project_identity_learn(json_t *identities, const char *address, int64_t id);
