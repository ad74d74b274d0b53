/* The only room that knows libyaml. Aliases are references in its documents, so that a small file stays small. */
#include "kube_config.h"

#include "alloc.h"
#include "caps.h"
#include "encoding.h"
#include "kube_private.h"

#include <string.h>
#include <yaml.h>

/* A file that was parsed. */
struct document {
	yaml_parser_t parser;
	yaml_document_t document;
	bool has_parser, has_document;
};

static void document_release(struct document *d)
{
	if (d->has_document)
		yaml_document_delete(&d->document);
	if (d->has_parser)
		yaml_parser_delete(&d->parser);
}

/* libyaml's words quote the file, which holds tokens: only its line is told. */
static bool document_load(struct document *d, const char *text, size_t length, struct error *err)
{
	d->has_parser = yaml_parser_initialize(&d->parser);
	if (!d->has_parser)
		abort();
	yaml_parser_set_input_string(&d->parser, (const unsigned char *)text, length);
	d->has_document = yaml_parser_load(&d->parser, &d->document);
	if (d->has_document)
		return true;
	return error_set(err, ERR_CONFIG_INVALID, "line %zu is not YAML.", d->parser.problem_mark.line + 1);
}

static const char *scalar(const yaml_node_t *node)
{
	if (!node || node->type != YAML_SCALAR_NODE)
		return NULL;
	const char *value = (const char *)node->data.scalar.value;
	return strlen(value) == node->data.scalar.length ? value : NULL;
}

static yaml_node_t *member(struct document *d, const yaml_node_t *map, const char *name)
{
	if (!map || map->type != YAML_MAPPING_NODE)
		return NULL;
	for (const yaml_node_pair_t *pair = map->data.mapping.pairs.start; pair < map->data.mapping.pairs.top; pair++) {
		const char *key = scalar(yaml_document_get_node(&d->document, pair->key));
		if (key && strcmp(key, name) == 0)
			return yaml_document_get_node(&d->document, pair->value);
	}
	return NULL;
}

/* Absent and empty are one. */
static const char *text_of(struct document *d, const yaml_node_t *map, const char *name)
{
	const char *text = scalar(member(d, map, name));

	return text && *text ? text : NULL;
}

/* `clusters: [{name, cluster: {…}}]` and its like: the `inner` map of the entry called `name`. */
static yaml_node_t *named(struct document *d, const yaml_node_t *root, const char *list, const char *inner, const char *name)
{
	const yaml_node_t *items = member(d, root, list);

	if (!items || items->type != YAML_SEQUENCE_NODE || !name)
		return NULL;
	for (const yaml_node_item_t *item = items->data.sequence.items.start; item < items->data.sequence.items.top; item++) {
		const yaml_node_t *entry = yaml_document_get_node(&d->document, *item);
		const char *its_name = text_of(d, entry, "name");
		if (its_name && strcmp(its_name, name) == 0)
			return member(d, entry, inner);
	}
	return NULL;
}

static char *path_below(const char *folder, const char *path)
{
	return path[0] == '/' ? xstrdup(path) : xasprintf("%s/%s", folder, path);
}

static bool take_ca_data(const char *base64, struct kube_config *config, struct error *err)
{
	size_t length = strlen(base64), decoded = 0;
	CLEANUP(freep) char *pem = xmalloc(length + 1);

	if (!decode_base64(base64, length, pem, length, &decoded) || memchr(pem, '\0', decoded))
		return error_set(err, ERR_CONFIG_INVALID, "certificate-authority-data is not base64 of PEM.");
	pem[decoded] = '\0';
	config->ca_pem = TAKE(pem);
	return true;
}

static bool read_cluster(struct document *d, const yaml_node_t *cluster, const char *folder, struct kube_config *config,
                         struct error *err)
{
	const char *server = text_of(d, cluster, "server"), *data = text_of(d, cluster, "certificate-authority-data");
	const char *file = text_of(d, cluster, "certificate-authority"),
	           *unverified = text_of(d, cluster, "insecure-skip-tls-verify");

	if (!server)
		return error_set(err, ERR_CONFIG_INVALID, "the current context names no cluster with a server.");
	if (unverified && strcmp(unverified, "false") != 0)
		return error_set(err, ERR_CONFIG_INVALID,
		                 "insecure-skip-tls-verify is not supported; name the cluster's certificate-authority.");
	if (text_of(d, cluster, "proxy-url") || text_of(d, cluster, "tls-server-name"))
		return error_set(err, ERR_CONFIG_INVALID, "proxy-url and tls-server-name are not supported.");
	if (!kube_config_take_server(server, config, err))
		return false;
	if (data)
		return take_ca_data(data, config, err);
	if (file)
		config->ca_file = path_below(folder, file);
	return true;
}

static bool lacks(struct document *d, const yaml_node_t *user, const char *const names[], size_t count, struct error *err)
{
	for (size_t i = 0; i < count; i++)
		if (member(d, user, names[i]))
			return error_set(
			        err, ERR_CONFIG_INVALID,
			        "the user of the current context has '%s', which is not supported; use a token or tokenFile "
			        "('kubectl create token' makes one).",
			        names[i]);
	return true;
}

static bool read_user(struct document *d, const yaml_node_t *user, const char *folder, struct kube_config *config,
                      struct error *err)
{
	/* What would make somebody else of the token's owner is never passed over. */
	static const char *const impersonation[] = {"as", "as-uid", "as-groups", "as-user-extra"};
	static const char *const others[] = {"exec", "auth-provider", "client-certificate", "client-certificate-data", "username"};
	const char *file = text_of(d, user, "tokenFile"), *token = text_of(d, user, "token");

	if (!lacks(d, user, impersonation, ARRAY_SIZE(impersonation), err))
		return false;
	if (file) {
		config->token_file = path_below(folder, file);
		return true;
	}
	if (token && strlen(token) <= LIMIT_BEARER_MAX) {
		secret_set(&config->token, token, strlen(token));
		return secret_is_one_line(&config->token) ||
		       error_set(err, ERR_CONFIG_INVALID, "the user's token is not one line.");
	}
	if (!lacks(d, user, others, ARRAY_SIZE(others), err))
		return false;
	return error_set(err, ERR_CONFIG_INVALID, "the current context names no user with a token or tokenFile.");
}

bool kube_config_parse(const char *text, size_t length, const char *folder, struct kube_config *ret, struct error *err)
{
	CLEANUP(document_release) struct document d = {.has_parser = false};
	CLEANUP(kube_config_release) struct kube_config config = KUBE_CONFIG_INIT;

	if (!document_load(&d, text, length, err))
		return false;
	const yaml_node_t *root = yaml_document_get_root_node(&d.document);
	const yaml_node_t *context = named(&d, root, "contexts", "context", text_of(&d, root, "current-context"));
	if (!context)
		return error_set(err, ERR_CONFIG_INVALID, "there is no current-context, or no context of its name.");
	const yaml_node_t *cluster = named(&d, root, "clusters", "cluster", text_of(&d, context, "cluster"));
	const yaml_node_t *user = named(&d, root, "users", "user", text_of(&d, context, "user"));
	if (!read_cluster(&d, cluster, folder, &config, err) || !read_user(&d, user, folder, &config, err))
		return false;
	config.namespace_ = xstrdup(text_of(&d, context, "namespace"));
	*ret = config;
	config = (struct kube_config)KUBE_CONFIG_INIT;
	return true;
}
