#pragma once
/*
 * kube_config — where the Kubernetes API server is, whose certificates vouch for it, and with which token we speak to it.
 *
 * In a pod: KUBERNETES_SERVICE_HOST and _PORT with the ServiceAccount's folder. Elsewhere: the current context of the file
 * KUBECONFIG (YAML; server, certificate-authority(-data), token, tokenFile). What it cannot do is refused with a line that says so:
 * plain http, unverified TLS, exec plugins, client certificates, proxies. Files of tokens and certificates are named here, not
 * read: they are replaced while we run. Floor: kube.
 */
#include "secret.h"

/* Where to look; strings borrowed, NULL: absent. */
struct kube_sources {
	const char *service_host, *service_port;
	const char *service_account; /* the mounted folder */
	const char *kubeconfig;
};
struct kube_sources kube_sources_of(char *const *environ_);

struct kube_config {
	char *server; /* "https://10.96.0.1:443", no slash at the end. Owned, as all */
	char *host;   /* lower case, IPv6 without brackets */
	unsigned port;
	char *ca_file;       /* PEM; NULL: ca_pem */
	char *ca_pem;        /* NULL, with ca_file NULL: the system's certificates */
	char *token_file;    /* NULL: token */
	struct secret token; /* empty: none */
	char *namespace_;    /* the pod's, or the context's; NULL: it has none */
};
#define KUBE_CONFIG_INIT ZERO_INIT
void kube_config_release(struct kube_config *config);

/* ERR_CONFIG_INVALID: neither a pod nor a KUBECONFIG, or what is wrong with it. */
bool kube_config_load(const struct kube_sources *sources, struct kube_config *ret, struct error *err) MUST_CHECK;

/* The text of a KUBECONFIG file; relative paths in it are below `folder`. */
bool kube_config_parse(const char *text, size_t length, const char *folder, struct kube_config *ret, struct error *err) MUST_CHECK;
