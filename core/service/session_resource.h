#pragma once
/*
 * session_resource — an AgenticSession resource beside its session: what its status has to say, and how to say it to a server that
 * has an older one. No I/O. Floor: service.
 */
#include "session_store.h"

/* In which words a status is written: those of our own resources, or of the platform's, whose schema knows fewer phases. */
enum resource_shape { RESOURCE_OURS, RESOURCE_PLATFORM };

/* What every status of a resource needs. Borrowed. */
struct resource_view {
	enum resource_shape shape;
	int64_t generation; /* metadata.generation, of which the status tells */
	const json_t *seen; /* the status that the resource has; NULL: none */
	int64_t now;        /* unix seconds */
};

/* The status of a resource whose session is in the store. Texts are masked. Caller decrefs. */
json_t *resource_status(const struct resource_view *view, const struct session_row *row) MUST_CHECK;

/*
 * The status of a resource that has no session: PHASE_OWNER_UNVERIFIED, PHASE_FAILED (it cannot be carried out) or PHASE_STOPPED
 * (its session was removed). `reason` is a word, the message a sentence. Caller decrefs.
 */
json_t *resource_status_without(const struct resource_view *view, enum session_phase phase, const char *reason,
                                const struct error *why) MUST_CHECK;

/*
 * What a merge patch has to say so that `seen` becomes `wanted`; members of ours that are no longer wanted become null. NULL:
 * nothing. `worker` is not compared. Caller decrefs.
 */
json_t *resource_status_patch(const json_t *seen, const json_t *wanted) MUST_CHECK;

/* Whether the status says that a session was made of the resource. */
bool resource_was_accepted(const json_t *status);
