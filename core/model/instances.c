#include "instances.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "alloc.h"
#include "caps.h"
#include "file.h"
#include "host_name.h"
#include "json.h"

enum { INSTANCES_MAX = 1000, NETWORKS_MAX = 100, NAME_MAX_BYTES = 200 };

static void entry_release(struct instance_entry *e)
{
	free(e->name);
	instance_url_release(&e->url);
	free(e->ca_file);
	free(e->proxy);
}

void instances_release(struct instances *instances)
{
	for (size_t i = 0; i < instances->count; i++)
		entry_release(&instances->items[i]);
	free(instances->items);
	*instances = (struct instances)INSTANCES_INIT;
}

/* ---- Finding ---- */

const struct instance_entry *instances_find(const struct instances *instances, const char *canonical_url)
{
	for (size_t i = 0; instances && i < instances->count; i++) {
		if (strcmp(instances->items[i].url.text, canonical_url) == 0)
			return &instances->items[i];
	}
	return NULL;
}

const struct instance_entry *instances_find_for(const struct instances *instances, const struct repo_url *url)
{
	const struct instance_entry *best = NULL;

	for (size_t i = 0; instances && i < instances->count; i++) {
		const struct instance_entry *e = &instances->items[i];

		if (!repo_url_is_on(url, &e->url) || (best && strlen(e->url.root) <= strlen(best->url.root)))
			continue;
		CLEANUP(freep) char *path = repo_url_project_path(url, &e->url);
		if (path)
			best = e;
	}
	return best;
}

static bool is_same_server(const struct instance_url *a, const struct instance_url *b)
{
	return a->https == b->https && a->port == b->port && strcmp(a->host, b->host) == 0;
}

static const struct instance_entry *find_server(const struct instances *instances, const struct instance_url *url)
{
	for (size_t i = 0; instances && i < instances->count; i++) {
		if (is_same_server(&instances->items[i].url, url))
			return &instances->items[i];
	}
	return NULL;
}

struct instance_route instances_route(const struct instances *instances, const struct instance_url *url)
{
	const struct instance_entry *e = find_server(instances, url);

	return e ? (struct instance_route){.ca_file = e->ca_file, .proxy = e->proxy} : (struct instance_route)INSTANCE_ROUTE_INIT;
}

static bool is_listed(const void *context, const char *canonical_url)
{
	return instances_find(context, canonical_url) != NULL;
}

bool instances_parse_url(const struct instances *instances, const char *text, struct instance_url *ret, struct error *err)
{
	const struct instance_roots roots = {.knows = is_listed, .context = instances};

	return instance_url_parse_among(&roots, text, ret, err);
}

/* ---- Reading ---- */

/* Any error below becomes one about the configuration that names the entry. */
static bool in_entry(struct error *err, size_t number, const char *name, const struct error *cause)
{
	if (name)
		return error_set(err, ERR_CONFIG_INVALID, "The instances file, entry %zu ('%s'): %s", number, name, cause->message);
	return error_set(err, ERR_CONFIG_INVALID, "The instances file, entry %zu: %s", number, cause->message);
}

static bool refuse_unknown_members(json_t *object, struct error *err)
{
	static const char *const known[] = {"name", "url", "provider", "caFile", "networks", "proxy", "insecureHttp"};
	const char *member;
	json_t *value;

	json_object_foreach(object, member, value)
	{
		size_t i = 0;
		while (i < ARRAY_SIZE(known) && strcmp(member, known[i]) != 0)
			i++;
		if (i == ARRAY_SIZE(known))
			return error_set(err, ERR_CONFIG_INVALID, "'%.100s' is not a member of an instance.", member);
	}
	return true;
}

static bool add_networks(const json_t *networks, const struct instance_url *url, struct address_policy *policy, struct error *err)
{
	size_t i;
	json_t *network;

	json_array_foreach(networks, i, network)
	{
		if (!json_is_string(network))
			return error_set(err, ERR_CONFIG_INVALID, "'networks' is not a list of texts.");
		if (!address_policy_add_for_host(policy, url->host, json_string_value(network), err))
			return false;
	}
	return true;
}

/* An operator who lists https://10.1.2.3 or https://127.0.0.1:8443 lists that very address and port. */
static bool add_own_address(const struct instance_url *url, struct address_policy *policy, struct error *err)
{
	bool brackets = host_name_needs_brackets(url->host);
	CLEANUP(freep) char *entry = xasprintf("%s%s%s:%u", brackets ? "[" : "", url->host, brackets ? "]" : "", url->port);
	bool is_name = !brackets && strspn(url->host, "0123456789.") != strlen(url->host);

	return is_name || address_policy_add_for_host(policy, url->host, entry, err);
}

static bool read_url(const char *text, struct instance_entry *e, struct error *err)
{
	if (text[0] == '\0')
		return error_set(err, ERR_CONFIG_INVALID, "'url' is empty.");
	if (!instance_url_parse_stored(text, &e->url, err))
		return false;
	if (!e->url.https && !e->insecure_http)
		return error_set(err, ERR_CONFIG_INVALID, "'url' is not https; set 'insecureHttp' to true to allow that.");
	return true;
}

static bool read_provider(const char *name, enum provider *ret, struct error *err)
{
	if (!name || provider_parse(name, ret))
		return true;
	return error_set(err, ERR_CONFIG_INVALID, "'provider' is neither 'gitlab' nor 'github'.");
}

static bool read_ca_file(const char *ca_file, char **ret, struct error *err)
{
	if (ca_file && access(ca_file, R_OK) != 0)
		return error_set(err, ERR_CONFIG_INVALID, "'caFile' %s cannot be read.", ca_file);
	*ret = xstrdup(ca_file);
	return true;
}

static bool read_proxy(const char *text, struct address_policy *policy, struct instance_entry *e, struct error *err)
{
	CLEANUP(proxy_url_release) struct proxy_url proxy = PROXY_URL_INIT;

	if (!text)
		return true;
	if (!e->url.https)
		return error_set(err, ERR_CONFIG_INVALID,
		                 "'proxy' is for https alone: with http the proxy could read every token.");
	if (!proxy_url_parse(text, &proxy, err))
		return false;
	address_policy_add_proxy(policy, proxy.text, proxy.host, proxy.port);
	e->proxy = TAKE(proxy.text);
	return true;
}

static bool read_entry(json_t *object, struct address_policy *policy, struct instance_entry *e, struct error *err)
{
	const char *name = NULL, *url = NULL, *provider = NULL, *ca_file = NULL, *proxy = NULL;
	const json_t *networks = NULL;

	if (!json_is_object(object))
		return error_set(err, ERR_CONFIG_INVALID, "It is not an object.");
	if (!json_read_string(object, "name", JSON_REQUIRED, NAME_MAX_BYTES, &name, err))
		return false;
	e->name = xstrdup(name);
	if (!refuse_unknown_members(object, err) || !json_read_string(object, "url", JSON_REQUIRED, LIMIT_URL_MAX, &url, err) ||
	    !json_read_string(object, "provider", JSON_OPTIONAL, NAME_MAX_BYTES, &provider, err) ||
	    !json_read_string(object, "caFile", JSON_OPTIONAL, LIMIT_URL_MAX, &ca_file, err) ||
	    !json_read_array(object, "networks", JSON_OPTIONAL, NETWORKS_MAX, &networks, err) ||
	    !json_read_string(object, "proxy", JSON_OPTIONAL, LIMIT_URL_MAX, &proxy, err) ||
	    !json_read_bool(object, "insecureHttp", JSON_OPTIONAL, &e->insecure_http, err))
		return false;
	return read_url(url, e, err) && read_provider(provider, &e->provider, err) && read_ca_file(ca_file, &e->ca_file, err) &&
	       add_own_address(&e->url, policy, err) && add_networks(networks, &e->url, policy, err) &&
	       read_proxy(proxy, policy, e, err);
}

static bool is_same_text(const char *a, const char *b)
{
	return a && b ? strcmp(a, b) == 0 : a == b;
}

/* Kept connections, and the rest of a server that fails, are a server's: two ways to it would get into each other's. */
static bool fits(const struct instances *instances, const struct instance_entry *e, struct error *err)
{
	const struct instance_entry *other = find_server(instances, &e->url);

	if (instances_find(instances, e->url.text))
		return error_set(err, ERR_CONFIG_INVALID, "The instances file lists %s twice.", e->url.text);
	if (!other || (is_same_text(other->ca_file, e->ca_file) && is_same_text(other->proxy, e->proxy)))
		return true;
	return error_set(err, ERR_CONFIG_INVALID,
	                 "The instances file lists %s and %s, which are one server, with different 'caFile' or 'proxy'.",
	                 other->url.text, e->url.text);
}

static bool read_all(const json_t *list, struct address_policy *policy, struct instances *instances, struct error *err)
{
	size_t count = json_array_size(list);

	if (count > INSTANCES_MAX)
		return error_set(err, ERR_CONFIG_INVALID, "The instances file lists more than %d instances.", (int)INSTANCES_MAX);
	instances->items = xcalloc(count ? count : 1, sizeof(*instances->items));
	for (size_t i = 0; i < count; i++) {
		CLEANUP(entry_release) struct instance_entry e = {0};
		struct error cause = ERROR_INIT;
		if (!read_entry(json_array_get(list, i), policy, &e, &cause))
			return in_entry(err, i + 1, e.name, &cause);
		if (!fits(instances, &e, err))
			return false;
		instances->items[instances->count++] = e;
		e = (struct instance_entry){0};
	}
	return true;
}

static void decref(json_t **value)
{
	json_decref(*value);
}

bool instances_load(const char *path, struct address_policy *policy, struct instances *ret, struct error *err)
{
	CLEANUP(strbuf_release) struct strbuf text = STRBUF_INIT(LIMIT_FILE_CONFIG);
	CLEANUP(instances_release) struct instances instances = INSTANCES_INIT;

	if (path[0] != '\0') {
		if (!file_read(path, &text, err))
			return false;
		CLEANUP(decref) json_t *list = json_parse_answer(text.data, text.length);
		if (!json_is_array(list))
			return error_set(err, ERR_CONFIG_INVALID, "The instances file %s is not a JSON array.", path);
		if (!read_all(list, policy, &instances, err))
			return false;
	}
	*ret = instances;
	instances = (struct instances)INSTANCES_INIT;
	return true;
}
