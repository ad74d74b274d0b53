#pragma once
/*
 * kube_secret_value — one value of a Secret that is not ours, as somebody gave it to us: read when it is needed and never kept. The
 * Secrets of sealed tokens are kube_secrets.h's. Floor: kube.
 */
#include "kube_client.h"
#include "secret.h"

enum { KUBE_SECRET_VALUE_MAX = 4096 };

/*
 * The bytes under `key`. *ret_found false: there is no such Secret, no such key, nothing in it, more than KUBE_SECRET_VALUE_MAX, or
 * no right to read it; `ret` is empty then. The server's words are dropped. ERR_KUBERNETES_UNAVAILABLE: the server did not say.
 */
bool kube_secret_value(struct kube_client *client, const char *namespace_, const char *name, const char *key, struct secret *ret,
                       bool *ret_found, struct error *err) MUST_CHECK;
