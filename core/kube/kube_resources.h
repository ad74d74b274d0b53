#pragma once
/*
 * kube_resources — namespaced objects of any kind: get, list, watch, create, patch. Not for Secrets (kube_secrets.h).
 *
 * Errors: ERR_KUBERNETES_UNAVAILABLE (also 403: a right is missing, the detail says which), ERR_CONFLICT (409), ERR_FIELD_INVALID
 * (422 and 400: the server's sentence is in the message). Thread-safe. Floor: kube.
 */
#include "kube_client.h"

struct kube_kind {
	const char *group;   /* "ambient-code.io"; "": the core's */
	const char *version; /* "v1alpha1" */
	const char *plural;  /* "agenticsessions" */
};

/* *ret NULL: there is none. Caller: json_decref, as for all that follow. */
bool kube_get(struct kube_client *client, const struct kube_kind *kind, const char *namespace_, const char *name, json_t **ret,
              struct error *err) MUST_CHECK;

/* One object of a list; borrowed. False ends the walk, which fails with this error. */
typedef bool kube_visit(void *context, json_t *object, struct error *err);

/*
 * Every object, page by page (namespace_ NULL: of all namespaces). A list that expired on the way begins again, so that objects may
 * be visited twice. *ret_version: where a watch goes on; caller frees. ERR_NOT_FOUND: the server does not know the kind.
 */
bool kube_list(struct kube_client *client, const struct kube_kind *kind, const char *namespace_, kube_visit *visit, void *context,
               char **ret_version, struct error *err) MUST_CHECK;

/* ret may be NULL. ERR_CONFLICT: there is one of this name. */
bool kube_create(struct kube_client *client, const struct kube_kind *kind, const char *namespace_, const json_t *object,
                 json_t **ret, struct error *err) MUST_CHECK;

/*
 * A merge patch of the object or, with subresource "status", of its status. With metadata.resourceVersion in the patch ERR_CONFLICT
 * says that the object is another by now. *ret NULL: the object is gone. ret may be NULL; then a missing object is ERR_NOT_FOUND.
 */
bool kube_patch(struct kube_client *client, const struct kube_kind *kind, const char *namespace_, const char *name,
                const char *subresource, const json_t *patch, json_t **ret, struct error *err) MUST_CHECK;

enum kube_event_type { KUBE_ADDED, KUBE_MODIFIED, KUBE_DELETED };
struct kube_watch {
	/* borrowed; NULL namespace: all */
	const struct kube_kind *kind;
	const char *namespace_;
	unsigned timeout_s; /* the server ends the watch then; 0: 300 to 600, at random */
	/* An object as it is now (DELETED: as it was last). False ends the watch. */
	bool (*on_event)(void *context, enum kube_event_type type, json_t *object);
	/* About once a second; false ends the watch. NULL: nobody asks. */
	bool (*goes_on)(void *context);
	void *context;
};

enum kube_watch_end {
	KUBE_WATCH_ENDED,   /* as agreed: watch on from *version */
	KUBE_WATCH_EXPIRED, /* the version is too old (410, also within 200): list again */
	KUBE_WATCH_STOPPED, /* a callback said so */
};

/*
 * Follows the kind from *version on (kube_list), which moves with every event and bookmark; owned by the caller. False:
 * ERR_KUBERNETES_UNAVAILABLE; *version still stands: watch on after a pause. A server that says nothing for a minute and a half,
 * not even a bookmark, may be gone without a word: the watch then ends as if agreed.
 */
bool kube_watch_run(struct kube_client *client, const struct kube_watch *watch, char **version, enum kube_watch_end *ret,
                    struct error *err) MUST_CHECK;
