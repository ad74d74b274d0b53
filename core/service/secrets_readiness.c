#include "secrets_readiness.h"

#include "alloc.h"
#include "clock.h"

#include <pthread.h>

enum { FRESH_MS = 5000, LOOK_MS = 2000 };

struct secrets_readiness {
	struct kube_secrets *secrets;
	pthread_mutex_t lock; /* guards what follows */
	bool looking;         /* somebody is */
	bool looked;
	int64_t looked_at_ms;
	enum kube_look verdict;
	struct error reason;
};

bool secrets_readiness_new(const struct kube_secrets_options *options, struct secrets_readiness **ret, struct error *err)
{
	CLEANUP(secrets_readiness_freep) struct secrets_readiness *r = xcalloc(1, sizeof(*r));

	pthread_mutex_init(&r->lock, NULL);
	r->verdict = KUBE_LOOK_UNKNOWN;
	error_set(&r->reason, ERR_SECRET_STORE_UNAVAILABLE, "Nobody has looked at the Secrets yet.");
	if (!kube_secrets_new(options, &r->secrets, err))
		return false;
	*ret = TAKE(r);
	return true;
}

void secrets_readiness_freep(struct secrets_readiness **slot)
{
	struct secrets_readiness *r = *slot;

	if (!r)
		return;
	kube_secrets_freep(&r->secrets);
	pthread_mutex_destroy(&r->lock);
	freep(slot);
}

static void look_now(struct secrets_readiness *r)
{
	struct error reason = ERROR_INIT;
	enum kube_look verdict = kube_secrets_look(r->secrets, LOOK_MS, &reason);

	pthread_mutex_lock(&r->lock);
	/* What was certain stays so while nobody answers. */
	if (verdict != KUBE_LOOK_UNKNOWN || r->verdict != KUBE_LOOK_BAD) {
		r->verdict = verdict;
		r->reason = reason;
	}
	r->looked = true;
	r->looked_at_ms = clock_monotonic_ms();
	r->looking = false;
	pthread_mutex_unlock(&r->lock);
}

enum kube_look secrets_readiness_look(struct secrets_readiness *r, struct error *err)
{
	enum kube_look verdict;
	bool mine;

	if (!r)
		return KUBE_LOOK_GOOD;
	pthread_mutex_lock(&r->lock);
	mine = !r->looking && (!r->looked || clock_monotonic_ms() - r->looked_at_ms >= FRESH_MS);
	r->looking = r->looking || mine;
	pthread_mutex_unlock(&r->lock);
	if (mine)
		look_now(r);
	pthread_mutex_lock(&r->lock);
	verdict = r->verdict;
	if (verdict != KUBE_LOOK_GOOD && err)
		*err = r->reason;
	pthread_mutex_unlock(&r->lock);
	return verdict;
}
