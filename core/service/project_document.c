#include "project_document.h"

#include "alloc.h"
#include "branch_name.h"
#include "caps.h"
#include "provider.h"
#include "redact_json.h"
#include "session.h"

#include <ctype.h>
#include <string.h>

enum { HTTPS_PORT = 443 };

/* What a client that sends an answer back may leave in; and "data", which no answer may have. */
static const char *const ours[] = {"reports", "data"};

/* ---- What is kept ---- */

/* "In repositories[2].url: …"; the code stays, so that clients can tell the cases apart. */
static bool in_member(size_t number, const char *member, const struct error *cause, struct error *err)
{
	error_set(err, cause->code, "In repositories[%zu].%s: %s", number, member, cause->message);
	return cause->remediation[0] ? error_remedy(err, "%s", cause->remediation) : false;
}

static bool check_url(const json_t *entry, struct error *cause)
{
	CLEANUP(repo_url_release) struct repo_url url = REPO_URL_INIT;
	const char *text = NULL;

	return json_read_string(entry, "url", JSON_REQUIRED, LIMIT_URL_MAX, &text, cause) && repo_url_parse(text, &url, cause);
}

static bool check_branch(const json_t *entry, struct error *cause)
{
	const char *text = "";

	return json_read_string(entry, "branch", JSON_OPTIONAL, LIMIT_BRANCH_MAX, &text, cause) &&
	       (text[0] == '\0' || branch_name_check(text, cause));
}

static bool check_provider(const json_t *entry, struct error *cause)
{
	const char *text = "";
	enum provider provider;

	if (!json_read_string(entry, "provider", JSON_OPTIONAL, LIMIT_PROJECT_NAME_MAX, &text, cause))
		return false;
	return text[0] == '\0' || provider_parse(text, &provider) ||
	       error_set(cause, ERR_FIELD_INVALID, "It is neither gitlab nor github.");
}

/* The address is judged as it came, all else as it is kept. */
static bool check_entry(const json_t *given, const json_t *kept, size_t number, struct error *err)
{
	struct error cause = ERROR_INIT;

	if (!json_is_object(given))
		return error_set(err, ERR_FIELD_INVALID, "repositories[%zu] is not an object.", number);
	if (!check_url(given, &cause))
		return in_member(number, "url", &cause, err);
	if (!check_branch(kept, &cause))
		return in_member(number, "branch", &cause, err);
	if (!check_provider(kept, &cause))
		return in_member(number, "provider", &cause, err);
	return true;
}

/* From the text as it came: a mask in it would be part of the address. */
static void clean_address(const json_t *given, json_t *kept)
{
	CLEANUP(freep) char *clean = session_kept_address(json_string_or(given, "url", ""));

	json_object_set_new(kept, "url", json_string(clean));
}

static void drop_empty(json_t *entry, const char *name)
{
	if (!project_entry_text(entry, name))
		json_object_del(entry, name);
}

bool project_document_keep(const json_t *given, json_t **ret, struct error *err)
{
	CLEANUP(json_decrefp) json_t *kept = NULL;
	const json_t *entries = NULL;
	json_t *entry;
	size_t i;

	if (!json_is_object(given))
		return error_set(err, ERR_FIELD_INVALID, "The list of repositories is not an object.");
	if (!json_read_array(given, "repositories", JSON_REQUIRED, LIMIT_PROJECT_REPOSITORIES, &entries, err))
		return false;
	kept = json_deep_copy(given);
	for (i = 0; i < ARRAY_SIZE(ours); i++)
		json_object_del(kept, ours[i]);
	redact_json(kept);
	json_array_foreach(project_document_entries(kept), i, entry)
	{
		const json_t *sent = json_array_get(entries, i);

		if (!check_entry(sent, entry, i, err))
			return false;
		clean_address(sent, entry);
		drop_empty(entry, "branch");
		drop_empty(entry, "provider");
	}
	*ret = TAKE(kept);
	return true;
}

/* ---- Reading ---- */

bool project_document_load(const char *text, json_t **ret, struct error *err)
{
	json_t *value = text ? json_parse_answer(text, strlen(text)) : json_object();

	if (!json_is_object(value)) {
		json_decref(value);
		return error_set(err, ERR_INTERNAL, "The project's stored list of repositories cannot be read.");
	}
	*ret = value;
	return true;
}

json_t *project_document_entries(const json_t *document)
{
	return json_object_get(document, "repositories");
}

const char *project_entry_text(const json_t *entry, const char *name)
{
	const char *text = json_string_or(entry, name, NULL);

	return text && text[0] ? text : NULL;
}

/* ---- Identities ---- */

/* "<host>[:port]/<path>" in lower case. Without the port of https, which addresses in ssh's forms mean too. */
static char *key_of(const struct repo_url *url)
{
	CLEANUP(strbuf_release) struct strbuf key = STRBUF_INIT(2 * (size_t)LIMIT_URL_MAX);
	bool is_ipv6 = strchr(url->host, ':') != NULL;

	strbuf_addf(&key, is_ipv6 ? "[%s]" : "%s", url->host);
	if (url->port != 0 && url->port != HTTPS_PORT)
		strbuf_addf(&key, ":%u", url->port);
	strbuf_addf(&key, "/%s", url->path);
	for (size_t i = 0; i < key.length; i++)
		key.data[i] = (char)tolower((unsigned char)key.data[i]);
	return strbuf_detach(&key);
}

int64_t project_identity_at(const json_t *identities, const struct repo_url *url)
{
	CLEANUP(freep) char *key = key_of(url);

	return json_int_or(identities, key, 0);
}

int64_t project_identity_at_text(const json_t *identities, const char *address)
{
	CLEANUP(repo_url_release) struct repo_url url = REPO_URL_INIT;

	return repo_url_parse(address, &url, NULL) ? project_identity_at(identities, &url) : 0;
}

void project_identity_learn(json_t *identities, const char *address, int64_t id)
{
	CLEANUP(repo_url_release) struct repo_url url = REPO_URL_INIT;

	if (id <= 0 || !repo_url_parse(address, &url, NULL) || project_identity_at(identities, &url) != 0)
		return;
	CLEANUP(freep) char *key = key_of(&url);
	json_object_set_new(identities, key, json_integer(id));
}
