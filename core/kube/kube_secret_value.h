#pragma once
/*
 * kube_secret_value — one value of a Secret that is not ours, as somebody gave it to us: read when it is needed and never kept. The
 * Secrets of sealed tokens are kube_secrets.h's. Floor: kube.
 */
#include "kube_client.h"
#include "secret.h"

enum { KUBE_SECRET_VALUE_MAX = 4096 };

enum kube_value {
	KUBE_VALUE_FOUND,
	KUBE_VALUE_FORBIDDEN, /* we have no right to read the Secret, if there is one */
	KUBE_VALUE_NO_SECRET,
	KUBE_VALUE_NO_KEY, /* or nothing under it, or more than KUBE_SECRET_VALUE_MAX */
};

/*
 * The bytes under `key`; `ret` is empty where they were not found, which is no failure. The server's words are dropped.
 * ERR_KUBERNETES_UNAVAILABLE: the server did not say.
 */
bool kube_secret_value(struct kube_client *client, const char *namespace_, const char *name, const char *key, struct secret *ret,
                       enum kube_value *ret_what, struct error *err) MUST_CHECK;
