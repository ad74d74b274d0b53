#include "project_adopt.h"

#include <string.h>

#include "caps.h"
#include "project_document.h"
#include "provider.h"

enum { ATTEMPTS = 8 };

static void fill_providers(json_t *entries)
{
	size_t i;
	json_t *entry;

	json_array_foreach(entries, i, entry)
	{
		CLEANUP(repo_url_release) struct repo_url url = REPO_URL_INIT;
		enum provider provider;

		if (project_entry_text(entry, "provider") || !repo_url_parse(json_string_or(entry, "url", ""), &url, NULL))
			continue;
		provider = provider_of_host(url.host);
		if (provider != PROVIDER_UNKNOWN)
			json_object_set_new(entry, "provider", json_string(provider_name(provider)));
	}
}

/* Another project in the place of a known one is noticed as long as its address stays in the list. */
static json_t *still_known(const json_t *entries, const json_t *identities)
{
	json_t *known = json_object(), *entry;
	size_t i;

	json_array_foreach(entries, i, entry)
	{
		const char *url = json_string_or(entry, "url", "");

		project_identity_learn(known, url, project_identity_at_text(identities, url));
	}
	return known;
}

static bool text_of(const json_t *value, char **ret, struct error *err)
{
	CLEANUP(strbuf_release) struct strbuf text = STRBUF_INIT(4 * (size_t)LIMIT_BODY_DEFAULT);

	json_write(&text, value);
	if (!strbuf_ok(&text))
		return error_set(err, ERR_BODY_TOO_LARGE, "The list of repositories is too large to be kept.");
	*ret = strbuf_detach(&text);
	return true;
}

static bool try_put(struct project_store *store, const char *project, const json_t *document, struct error *err)
{
	CLEANUP(project_list_release) struct project_list before = PROJECT_LIST_INIT, list = PROJECT_LIST_INIT;
	CLEANUP(json_decrefp) json_t *identities = NULL, *known = NULL, *stored = NULL;

	if (!store->ops->get(store->state, project, &before, err) || !project_document_load(before.identities, &identities, err) ||
	    !project_document_load(before.document, &stored, err))
		return false;
	if (json_equal(stored, document))
		return true;
	known = still_known(project_document_entries(document), identities);
	return text_of(document, &list.document, err) && text_of(known, &list.identities, err) &&
	       store->ops->put(store->state, project, before.version, &list, err);
}

bool project_adopt(struct project_store *store, const char *project, const json_t *settings, json_t **ret, struct error *err)
{
	CLEANUP(json_decrefp) json_t *given = json_object(), *document = NULL;
	const json_t *entries = json_object_get(json_object_get(settings, "spec"), "repositories");
	struct error failure = ERROR_INIT;

	json_object_set_new(given, "repositories", json_is_array(entries) ? json_deep_copy(entries) : json_array());
	if (!project_document_keep(given, &document, err))
		return false;
	fill_providers(project_document_entries(document));
	for (int attempt = 0; attempt < ATTEMPTS; attempt++) {
		failure.code = ERR_NONE;
		if (try_put(store, project, document, &failure)) {
			*ret = json_incref(project_document_entries(document));
			return true;
		}
		if (failure.code != ERR_PRECONDITION_FAILED)
			break;
	}
	if (failure.code == ERR_PRECONDITION_FAILED)
		return error_set(err, ERR_CONFLICT, "The project's repositories are being changed by others at this moment.");
	if (err)
		*err = failure;
	return false;
}
