#pragma once
/*
 * secrets_readiness — whether the Secrets of Kubernetes can be used, for a probe that comes every few seconds.
 *
 * The API server is asked at most every five seconds and for two at most, by one caller at a time; the others get what was seen
 * last. What is certain makes it not ready: a right that is missing, Secrets of another installation or another number of them. A
 * server that does not answer is no reason: all that needs no Secret is still served, and would not be if the probe took the
 * service away. Thread-safe. Floor: service.
 */
#include "kube_secrets.h"

struct secrets_readiness;

/* `options` as of the Secrets; its client is borrowed. ERR_CONFIG_INVALID. */
bool secrets_readiness_new(const struct kube_secrets_options *options, struct secrets_readiness **ret,
                           struct error *err) MUST_CHECK;
void secrets_readiness_freep(struct secrets_readiness **slot);

/* KUBE_LOOK_BAD and KUBE_LOOK_UNKNOWN: *err says why. NULL (tokens lie in the database) is KUBE_LOOK_GOOD. */
enum kube_look secrets_readiness_look(struct secrets_readiness *readiness, struct error *err) MUST_CHECK;
