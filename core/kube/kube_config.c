#include "kube_config.h"

#include "alloc.h"
#include "caps.h"
#include "file.h"
#include "host_name.h"
#include "kube_private.h"
#include "url_parts.h"

#include <string.h>

#define SERVICE_ACCOUNT "/var/run/secrets/kubernetes.io/serviceaccount"

void kube_config_release(struct kube_config *config)
{
	free(config->server);
	free(config->host);
	free(config->ca_file);
	free(config->ca_pem);
	free(config->token_file);
	secret_release(&config->token);
	free(config->namespace_);
	*config = (struct kube_config)KUBE_CONFIG_INIT;
}

static const char *look_up(char *const *environ_, const char *name)
{
	size_t length = strlen(name);

	for (; *environ_; environ_++)
		if (strncmp(*environ_, name, length) == 0 && (*environ_)[length] == '=' && (*environ_)[length + 1])
			return *environ_ + length + 1;
	return NULL;
}

struct kube_sources kube_sources_of(char *const *environ_)
{
	return (struct kube_sources){
	        .service_host = look_up(environ_, "KUBERNETES_SERVICE_HOST"),
	        .service_port = look_up(environ_, "KUBERNETES_SERVICE_PORT"),
	        .service_account = SERVICE_ACCOUNT,
	        .kubeconfig = look_up(environ_, "KUBECONFIG"),
	};
}

static bool take_host(const char *text, struct kube_config *config, struct error *err)
{
	CLEANUP(freep) char *host = NULL;
	const char *problem = NULL;

	if (!host_name_read(text, strlen(text), &host, &problem))
		return error_set(err, ERR_CONFIG_INVALID, "The Kubernetes API server's address cannot be used: %s", problem);
	free(config->host);
	config->host = TAKE(host);
	return true;
}

bool kube_config_take_server(const char *text, struct kube_config *config, struct error *err)
{
	CLEANUP(url_parts_release) struct url_parts parts = URL_PARTS_INIT;

	if (url_has_forbidden_byte(text) || strlen(text) > LIMIT_URL_MAX || !url_split(text, &parts) || parts.has_query ||
	    parts.has_fragment || parts.has_user_info)
		return error_set(err, ERR_CONFIG_INVALID, "The Kubernetes API server's address is not a plain URL.");
	if (strcmp(parts.scheme, "https") != 0)
		return error_set(err, ERR_CONFIG_INVALID, "The Kubernetes API server's address must begin with https://.");
	config->port = 443;
	if (parts.port && !url_port_parse(parts.port, &config->port))
		return error_set(err, ERR_CONFIG_INVALID, "The port of the Kubernetes API server's address is not a number.");
	if (!take_host(parts.host, config, err))
		return false;
	size_t path = strlen(parts.path);
	while (path > 0 && parts.path[path - 1] == '/')
		path--;
	bool brackets = host_name_needs_brackets(config->host);
	free(config->server);
	config->server = xasprintf("https://%s%s%s:%u%.*s", brackets ? "[" : "", config->host, brackets ? "]" : "", config->port,
	                           (int)path, parts.path);
	return true;
}

static char *file_in(const char *folder, const char *name)
{
	return xasprintf("%s/%s", folder, name);
}

/* Where a pod is, as the kubelet wrote it; none is no error: the caller's own setting says where things are. */
static char *read_namespace(const char *folder)
{
	CLEANUP(freep) char *path = file_in(folder, "namespace");
	CLEANUP(strbuf_release) struct strbuf text = STRBUF_INIT(LIMIT_PROJECT_NAME_MAX + 2);

	return file_read(path, &text, NULL) ? url_trim(text.data) : NULL;
}

static bool load_pod(const struct kube_sources *sources, struct kube_config *config, struct error *err)
{
	bool ipv6 = strchr(sources->service_host, ':') && sources->service_host[0] != '[';
	CLEANUP(freep)
	char *server = xasprintf("https://%s%s%s:%s", ipv6 ? "[" : "", sources->service_host, ipv6 ? "]" : "",
	                         sources->service_port ? sources->service_port : "443");

	if (!kube_config_take_server(server, config, err))
		return false;
	config->ca_file = file_in(sources->service_account, "ca.crt");
	config->token_file = file_in(sources->service_account, "token");
	config->namespace_ = read_namespace(sources->service_account);
	return true;
}

static bool load_file(const char *path, struct kube_config *config, struct error *err)
{
	CLEANUP(strbuf_release_secret) struct strbuf text = STRBUF_INIT(LIMIT_FILE_CONFIG);
	const char *slash = strrchr(path, '/');
	CLEANUP(freep) char *folder = slash ? xstrndup(path, slash == path ? 1 : (size_t)(slash - path)) : xstrdup(".");
	struct error why = ERROR_INIT;

	if (!file_read(path, &text, err))
		return false;
	if (kube_config_parse(text.data, text.length, folder, config, &why))
		return true;
	return error_set(err, ERR_CONFIG_INVALID, "KUBECONFIG (%s): %s", path, why.message);
}

bool kube_config_load(const struct kube_sources *sources, struct kube_config *ret, struct error *err)
{
	CLEANUP(kube_config_release) struct kube_config config = KUBE_CONFIG_INIT;

	if (sources->service_host ? !load_pod(sources, &config, err)
	    : sources->kubeconfig ? !load_file(sources->kubeconfig, &config, err)
	                          : !error_set(err, ERR_CONFIG_INVALID,
	                                       "There is no Kubernetes API server: this is no pod (KUBERNETES_SERVICE_HOST), "
	                                       "and KUBECONFIG is not set."))
		return false;
	*ret = config;
	config = (struct kube_config)KUBE_CONFIG_INIT;
	return true;
}
