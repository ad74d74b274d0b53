#pragma once
/*
 * resource_private — what the rooms of resource_session.h share: the resources that are known and what is known of each. For
 * resource_session.c (what becomes of a resource), resource_entry.c (what is known of it), resource_owner.c (whose it is),
 * resource_status.c (claims, and writing its status) and resource_events.c (Events about it) alone.
 */
#include "resource_guard.h"
#include "resource_session.h"

enum {
	LOOK_MS = 500,        /* at a session that runs */
	LOOK_KEPT_MS = 5000,  /* at one that has ended and may be pushed again */
	LOOK_AGAIN_MS = 2000, /* after a refusal that passes */
};

/* A resource and what we know of it. Times are monotonic milliseconds. */
struct entry {
	char *uid;
	json_t *object;   /* as it was seen last */
	json_t *written;  /* the status that was written last; NULL: another may have written since */
	char *row_status; /* of the row, when the status was made of it */
	enum session_phase row_phase;
	bool row_stopping;
	char *claim;           /* worker.id and leaseUntil of another, as they were seen */
	int64_t claim_seen_ms; /* when they last moved */
	int64_t renew_at_ms;   /* our own claim; 0: we have none */
	int64_t look_at_ms;    /* INT64_MAX: not before it changes */
	int64_t write_at_ms;
	bool untold; /* the last that entry_tell was asked for */
};

struct resource_sessions {
	struct resource_sessions_options o;
	char *id; /* of this claimant: a worker's name may come again */
	struct entry *entries;
	size_t count;
	json_t *places; /* uid → place in entries */

	struct resource_guard guard; /* resource_owner.c */

	/* resource_events.c */
	int64_t events_left, event_at_ms, events_again_at_ms;
};

/* ---- resource_entry.c: what is known of a resource ---- */

/* Borrowed, until the next call that takes an entry that may change. */
struct entry *entry_find(struct resource_sessions *s, const char *uid);
struct entry *entry_add(struct resource_sessions *s, const char *uid);
/* The last entry takes its place. */
void entry_drop(struct resource_sessions *s, struct entry *e);
void entry_release(struct entry *e);

/* The resource as it is now; what was to wait until it changes is looked at. */
void entry_see(struct resource_sessions *s, struct entry *e, json_t *object);
/* The same of our own write: nothing new. Takes the object over. */
void entry_take_written(struct resource_sessions *s, struct entry *e, json_t *object);

const json_t *entry_metadata(const struct entry *e);
const json_t *entry_status(const struct entry *e); /* NULL: it has none */
const char *entry_name(const struct entry *e);
const char *entry_namespace(const struct entry *e);
/* Whether the resource's phase is that of this status. */
bool entry_shows(const struct entry *e, const json_t *status);
const char *entry_version(const struct entry *e);
struct resource_view entry_view(const struct resource_sessions *s, const struct entry *e);

/* A log line about a resource, in the words that those about sessions have. `err` may be NULL. */
void entry_log(const struct resource_sessions *s, const struct entry *e, enum log_level level, const struct error *err,
               const char *message);

/* ---- resource_status.c: claims, and writing a status ---- */

/* Whether the resource is ours to write: it was, or nobody has it. */
bool entry_may_write(const struct resource_sessions *s, const struct entry *e);
/* Takes the resource, before anything is made of it. False: another was faster, or it cannot be written now. */
bool entry_claim(struct resource_sessions *s, struct entry *e);
/* Gives it back. */
void entry_leave(struct resource_sessions *s, struct entry *e);
/*
 * Brings the resource's status to `wanted` if it differs. `claims`: the resource stays ours; without a running session it is
 * nobody's. False: it is to be written later.
 */
bool entry_publish(struct resource_sessions *s, struct entry *e, json_t *wanted, bool claims);

/* ---- resource_owner.c: whose session it is ---- */

/* The verified owner; caller frees. NULL: it cannot be known now (*ret_why without a code), or is not proven: *ret_why says why,
 * and *ret_reason in a word. */
char *entry_owner(struct resource_sessions *s, const struct entry *e, const char **ret_reason, struct error *ret_why) MUST_CHECK;

/* ---- resource_events.c: Events ---- */

/*
 * Tells of every phase that the session entered and of which nobody has told, in their order. False: something is left to be told
 * later.
 */
bool entry_tell_passed(struct resource_sessions *s, struct entry *e);
/* Tells of a phase that a resource is about to show although no session entered it. One that was told is not told again; what could
 * not be told now is e->untold. */
void entry_tell(struct resource_sessions *s, struct entry *e, enum session_phase phase, const json_t *status);
