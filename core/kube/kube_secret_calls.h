#pragma once
/*
 * kube_secret_calls — the few calls that are made about Secrets. Answers of writes are metadata, and the server's words about a
 * refused one are dropped. Errors: ERR_SECRET_STORE_UNAVAILABLE, ERR_SECRET_STORE_FULL. Private to kube. Floor: kube.
 */
#include "kube_secrets.h"
#include "kube_turns.h"

enum {
	KUBE_WRITES_MAX = 4,          /* patches at once from a process: more only take the server's time from each other */
	KUBE_VALUE_MAX = 1024 * 1024, /* more than a whole Secret */
};

struct kube_secrets {
	struct kube_client *client;
	char *namespace_, *installation;
	unsigned shards;
	struct kube_turns turns; /* of patches */
	pthread_mutex_t lock;    /* guards what follows */
	bool checked;
	struct kube_write_queue *queues[KUBE_PROVIDERS][KUBE_SHARDS_MAX]; /* NULL: nothing was written there yet */
};

#define ANNOTATION_SHARDS       "ambient-code.io/secret-shards"
#define ANNOTATION_INSTALLATION "ambient-code.io/installation"

/* A value as `data` has it. Caller decrefs. */
json_t *kube_secret_base64(const struct sealed_value *value) MUST_CHECK;

/* *ret NULL: there is none. */
bool kube_secret_read(struct kube_secrets *s, const char *name, enum kube_form form, json_t **ret, struct error *err) MUST_CHECK;

enum kube_written {
	KUBE_WRITTEN,
	KUBE_ABSENT,  /* the Secret is not there */
	KUBE_CHANGED, /* a test failed, or the version of a merge patch is another; or the Secret is full */
	KUBE_FULL,
	KUBE_CONFLICT, /* a JSON patch that others overtook as often as the server tries: nothing is known of its tests */
};
/* `patch` an array: JSON patch; an object: merge patch. */
bool kube_secret_patch(struct kube_secrets *s, const char *name, const json_t *patch, enum kube_written *ret,
                       struct error *err) MUST_CHECK;

/* Makes the Secret where it is missing, with name, labels, type and, of the first, the annotations; never touches data. */
bool kube_secret_ensure(struct kube_secrets *s, const char *name, bool first, struct error *err) MUST_CHECK;

/*
 * kube_installation.c: whether a Secret's annotations are this installation's; *ret_marked false: nobody has written on it yet, as
 * on a new one or one that another program left. ERR_CONFIG_INVALID.
 */
bool kube_installation_compare(const struct kube_secrets *s, const char *name, const json_t *secret, bool *ret_marked,
                               struct error *err) MUST_CHECK;
