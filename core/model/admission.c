#include "admission.h"

#include <string.h>

#include "alloc.h"
#include "caps.h"
#include "clock.h"
#include "encoding.h"
#include "provider.h"
#include "session.h"

enum { PATH_MAX_LENGTH = 256, STATUS_FORBIDDEN = 403, STATUS_INVALID = 422 };

static const char *const groups[] = {"ambient-code.io", "vteam.ambient-code"};

/* One review on its way to its answer. */
struct admission {
	const json_t *request; /* borrowed, as the others but patch */
	const json_t *object, *old;
	const char *username;
	bool creates;
	bool own_kind; /* the group whose schema is ours, not the platform's */
	json_t *patch;
	int refused; /* HTTP status; 0: allowed */
	struct error why;
};

static void admission_release(struct admission *a)
{
	json_decref(a->patch);
}

static bool refuse(struct admission *a, int status, const struct error *why)
{
	a->refused = status;
	a->why = *why;
	return false;
}

/* ---- JSON patch (RFC 6902) ---- */

/* A name as a JSON pointer has it: '~' and '/' stand for something there. */
static void add_pointer_name(struct strbuf *path, const char *name)
{
	strbuf_add_char(path, '/');
	for (; *name; name++) {
		if (*name == '~')
			strbuf_add_string(path, "~0");
		else if (*name == '/')
			strbuf_add_string(path, "~1");
		else
			strbuf_add_char(path, *name);
	}
}

static void patch_add(json_t *patch, const char *path, json_t *value)
{
	json_t *operation = json_pack("{s:s, s:s}", "op", "add", "path", path);

	json_object_set_new(operation, "value", value);
	json_array_append_new(patch, operation);
}

static const json_t *annotations_of(const json_t *object)
{
	const json_t *annotations = json_object_get(json_object_get(object, "metadata"), "annotations");

	return json_is_object(annotations) ? annotations : NULL;
}

const char *admission_annotation(const json_t *object, const char *name)
{
	const char *value = json_string_or(annotations_of(object), name, "");

	return value[0] ? value : NULL;
}

/* `value` NULL: the annotation goes. */
static void set_annotation(struct admission *a, const char *name, const char *value)
{
	CLEANUP(strbuf_release) struct strbuf path = STRBUF_INIT(PATH_MAX_LENGTH);
	const json_t *annotations = annotations_of(a->object);
	const json_t *present = json_object_get(annotations, name);

	if (value ? json_is_string(present) && strcmp(json_string_value(present), value) == 0 : !present)
		return;
	strbuf_add_string(&path, "/metadata/annotations");
	if (!annotations) {
		patch_add(a->patch, path.data, json_pack("{s:s}", name, value));
		return;
	}
	add_pointer_name(&path, name);
	if (value)
		patch_add(a->patch, path.data, json_string(value));
	else
		json_array_append_new(a->patch, json_pack("{s:s, s:s}", "op", "remove", "path", path.data));
}

/* ---- Addresses ---- */

/* Fills the provider of one {url, provider?} in the copy, and says so in the patch. */
static bool fill_provider(struct admission *a, json_t *entry, const char *path)
{
	CLEANUP(repo_url_release) struct repo_url url = REPO_URL_INIT;
	CLEANUP(strbuf_release) struct strbuf place = STRBUF_INIT(PATH_MAX_LENGTH);
	const char *address = json_string_or(entry, "url", "");
	struct error err = ERROR_INIT;
	enum provider provider;

	if (!repo_url_parse(address, &url, NULL))
		return true; /* who reads the whole says it better */
	if (url.had_credentials) {
		error_set(&err, ERR_REPO_URL_INVALID, "%s.url: an address must not hold credentials; connect the account instead.",
		          path + 1);
		return refuse(a, STATUS_INVALID, &err);
	}
	provider = provider_of_host(url.host);
	if (json_string_or(entry, "provider", "")[0] || provider == PROVIDER_UNKNOWN)
		return true;
	strbuf_addf(&place, "%s/provider", path);
	patch_add(a->patch, place.data, json_string(provider_name(provider)));
	json_object_set_new(entry, "provider", json_string(provider_name(provider)));
	return true;
}

static bool fill_list(struct admission *a, json_t *spec, const char *name)
{
	size_t i;
	json_t *entry, *list = json_object_get(spec, name);

	json_array_foreach(list, i, entry)
	{
		CLEANUP(freep) char *path = xasprintf("/spec/%s/%zu", name, i);

		if (json_is_object(entry) && !fill_provider(a, entry, path))
			return false;
	}
	return true;
}

/* ---- The two kinds ---- */

static bool check_owner_unchanged(struct admission *a)
{
	const char *owner = admission_annotation(a->old, ADMISSION_OWNER),
	           *given = admission_annotation(a->object, ADMISSION_OWNER);
	struct error err = ERROR_INIT;

	if (owner && given ? strcmp(owner, given) == 0 : owner == given)
		return true;
	error_set(&err, ERR_FORBIDDEN, "The owner of a session is who created it: the annotation %s cannot be changed.",
	          ADMISSION_OWNER);
	return refuse(a, STATUS_FORBIDDEN, &err);
}

/*
 * What a session is asked for is done with its owner's token: between its creation and its beginning nobody else may put other
 * words or repositories into it. (Our own schema lets not even the owner; the platform's has no such rule.)
 */
static bool check_wish_unchanged(struct admission *a, const json_t *spec)
{
	static const char *const members[] = {"description",  "initialPrompt", "outputRepo",
	                                      "repositories", "repos",         "mergeRequest"};
	const char *owner = admission_annotation(a->old, ADMISSION_OWNER);
	const json_t *before = json_object_get(a->old, "spec");
	struct error err = ERROR_INIT;

	if (!owner || strcmp(owner, a->username) == 0)
		return true;
	for (size_t i = 0; i < ARRAY_SIZE(members); i++) {
		const json_t *old = json_object_get(before, members[i]), *now = json_object_get(spec, members[i]);

		if (old && now ? json_equal(old, now) : old == now)
			continue;
		error_set(&err, ERR_FORBIDDEN,
		          "spec.%s is done with the token of who created the session; nobody else can change it.", members[i]);
		return refuse(a, STATUS_FORBIDDEN, &err);
	}
	return true;
}

/* What cannot be carried out is refused before it is stored. The platform's own resources may hold what only it understands. */
static bool check_session(struct admission *a)
{
	CLEANUP(session_spec_release) struct session_spec spec = SESSION_SPEC_INIT;
	struct error err = ERROR_INIT;

	return !a->own_kind || session_spec_parse(a->object, &spec, &err) || refuse(a, STATUS_INVALID, &err);
}

static bool admit_session(struct admission *a)
{
	CLEANUP(json_decrefp) json_t *spec = json_deep_copy(json_object_get(a->object, "spec"));
	json_t *output = json_object_get(spec, "outputRepo");

	if (!a->creates && !check_owner_unchanged(a))
		return false;
	if (a->creates)
		set_annotation(a, ADMISSION_OWNER, a->username);
	if (a->creates && !check_session(a))
		return false;
	if (a->own_kind && !((!json_is_object(output) || fill_provider(a, output, "/spec/outputRepo")) &&
	                     fill_list(a, spec, "repositories") && fill_list(a, spec, "repos")))
		return false;
	return a->creates || check_wish_unchanged(a, spec);
}

/* Who changes the list answers for it: what it reaches is asked with that user's rights. Another change keeps who that was. */
static bool admit_settings(struct admission *a)
{
	CLEANUP(json_decrefp) json_t *spec = json_deep_copy(json_object_get(a->object, "spec"));
	const json_t *before = json_object_get(a->old, "spec");

	if (!fill_list(a, spec, "repositories"))
		return false;
	if (a->creates || !(spec ? json_equal(spec, before) : !before))
		set_annotation(a, ADMISSION_EDITOR, a->username);
	else
		set_annotation(a, ADMISSION_EDITOR, admission_annotation(a->old, ADMISSION_EDITOR));
	return true;
}

/* ---- Review and answer ---- */

static bool is_ours(const struct admission *a, const char **ret_resource)
{
	const json_t *resource = json_object_get(a->request, "resource");
	const char *group = json_string_or(resource, "group", "");
	bool known = false;

	for (size_t i = 0; i < ARRAY_SIZE(groups); i++)
		known = known || strcmp(group, groups[i]) == 0;
	*ret_resource = json_string_or(resource, "resource", "");
	return known && json_string_or(a->request, "subResource", "")[0] == '\0';
}

static bool check_username(struct admission *a)
{
	const json_t *user = json_object_get(a->request, "userInfo");
	struct error err = ERROR_INIT;

	if (json_read_string(user, "username", JSON_REQUIRED, LIMIT_USER_ID_MAX, &a->username, &err))
		return true;
	error_set(&err, ERR_FORBIDDEN, "The name of the user who makes this request cannot be used.");
	return refuse(a, STATUS_FORBIDDEN, &err);
}

static void judge(struct admission *a)
{
	const char *operation = json_string_or(a->request, "operation", ""), *resource;
	struct error err = ERROR_INIT;

	a->creates = strcmp(operation, "CREATE") == 0;
	if (!is_ours(a, &resource) || (!a->creates && strcmp(operation, "UPDATE") != 0))
		return;
	a->object = json_object_get(a->request, "object");
	a->old = json_object_get(a->request, "oldObject");
	a->own_kind = strcmp(json_string_or(json_object_get(a->request, "resource"), "group", ""), groups[0]) == 0;
	if (!json_is_object(json_object_get(a->object, "metadata")) || (!a->creates && !json_is_object(a->old))) {
		error_set(&err, ERR_FIELD_INVALID, "The request holds no object.");
		(void)refuse(a, STATUS_INVALID, &err);
		return;
	}
	if (!check_username(a))
		return;
	if (strcmp(resource, "agenticsessions") == 0)
		(void)admit_session(a);
	else if (strcmp(resource, "projectsettings") == 0)
		(void)admit_settings(a);
}

static void add_patch(json_t *response, const json_t *patch)
{
	/* A provider for each of a session's or project's repositories, and the annotation. */
	CLEANUP(strbuf_release) struct strbuf text = STRBUF_INIT(LIMIT_BODY_DEFAULT);
	CLEANUP(strbuf_release) struct strbuf encoded = STRBUF_INIT(2 * (size_t)LIMIT_BODY_DEFAULT);

	json_write(&text, patch);
	encode_base64(&encoded, text.data, text.length);
	json_object_set_new(response, "patchType", json_string("JSONPatch"));
	json_object_set_new(response, "patch", json_string(encoded.data));
}

static json_t *answer(const struct admission *a)
{
	json_t *response = json_pack("{s:s, s:b}", "uid", json_string_or(a->request, "uid", ""), "allowed", a->refused == 0);

	if (a->refused)
		json_object_set_new(response, "status", json_pack("{s:i, s:s}", "code", a->refused, "message", a->why.message));
	else if (json_array_size(a->patch) > 0)
		add_patch(response, a->patch);
	return json_pack("{s:s, s:s, s:o}", "apiVersion", "admission.k8s.io/v1", "kind", "AdmissionReview", "response", response);
}

bool admission_answer(const json_t *review, json_t **ret, struct error *err)
{
	CLEANUP(admission_release) struct admission a = {.request = json_object_get(review, "request"), .patch = json_array()};

	if (strcmp(json_string_or(review, "apiVersion", ""), "admission.k8s.io/v1") != 0 ||
	    strcmp(json_string_or(review, "kind", ""), "AdmissionReview") != 0 || !json_is_object(a.request) ||
	    json_string_or(a.request, "uid", "")[0] == '\0')
		return error_set(err, ERR_FIELD_INVALID, "This is no AdmissionReview of admission.k8s.io/v1 with a request.");
	judge(&a);
	*ret = answer(&a);
	return true;
}

/* ---- Whether the annotations prove anything ---- */

static bool lists(const json_t *rule, const char *member, const char *wanted)
{
	size_t i;
	json_t *item;

	json_array_foreach(json_object_get(rule, member), i, item)
	{
		const char *text = json_string_value(item);

		if (text && (strcmp(text, "*") == 0 || strcmp(text, wanted) == 0))
			return true;
	}
	return false;
}

/* In which each resource is served. */
static const char *version_of(const char *group, const char *resource)
{
	return strcmp(group, groups[0]) == 0 && strcmp(resource, "projectsettings") == 0 ? "v1" : "v1alpha1";
}

static bool rules_cover(const json_t *webhook, const char *group, const char *resource, const char *operation)
{
	size_t i;
	json_t *rule;

	json_array_foreach(json_object_get(webhook, "rules"), i, rule)
	{
		const char *scope = json_string_or(rule, "scope", "*");

		if (lists(rule, "apiGroups", group) && lists(rule, "apiVersions", version_of(group, resource)) &&
		    lists(rule, "resources", resource) && lists(rule, "operations", operation) &&
		    (strcmp(scope, "*") == 0 || strcmp(scope, "Namespaced") == 0))
			return true;
	}
	return false;
}

/* A selector selects everything when it says nothing. */
static bool selects_all(const json_t *webhook, const char *selector)
{
	const json_t *value = json_object_get(webhook, selector);

	return json_object_size(json_object_get(value, "matchLabels")) == 0 &&
	       json_array_size(json_object_get(value, "matchExpressions")) == 0;
}

static bool webhook_guards(const json_t *webhook, const char *group, const char *resource)
{
	return strcmp(json_string_or(webhook, "failurePolicy", "Fail"), "Fail") == 0 && selects_all(webhook, "namespaceSelector") &&
	       selects_all(webhook, "objectSelector") && json_array_size(json_object_get(webhook, "matchConditions")) == 0 &&
	       rules_cover(webhook, group, resource, "CREATE") && rules_cover(webhook, group, resource, "UPDATE");
}

/* The last time that anybody changed it: before, it may have said something else. */
static bool changed_at(const json_t *metadata, int64_t *ret)
{
	size_t i;
	json_t *entry;
	int64_t at;

	if (!clock_parse(json_string_or(metadata, "creationTimestamp", ""), ret))
		return false;
	json_array_foreach(json_object_get(metadata, "managedFields"), i, entry)
	{
		if (clock_parse(json_string_or(entry, "time", ""), &at) && at > *ret)
			*ret = at;
	}
	return true;
}

bool admission_guards(const json_t *configuration, const char *group, const char *resource, int64_t *ret_since)
{
	size_t i;
	json_t *webhook;

	if (!changed_at(json_object_get(configuration, "metadata"), ret_since))
		return false;
	json_array_foreach(json_object_get(configuration, "webhooks"), i, webhook)
	{
		if (webhook_guards(webhook, group, resource))
			return true;
	}
	return false;
}
