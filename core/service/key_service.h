#pragma once
/*
 * key_service — which keys the stored tokens are sealed to, and sealing them anew to the active one while the service runs.
 *
 * Both walk over the secret store and hold nothing meanwhile; neither deletes anything. A value is replaced only where it is still
 * the one that was opened, so that a connect in between wins; one that is sealed to the active key already is passed by, so that a
 * walk that was stopped can be begun again. Floor: service.
 */
#include "account_service.h"

struct key_use {
	struct keyring_key key; /* of a key that the keyring does not have: the id alone */
	size_t values;
};

/* A value that does not open, and why. Strings owned. */
struct key_problem {
	char *provider;
	char *record_key;
	char *user_id; /* NULL: nobody can tell */
	char kid[17];  /* "": the value is none of ours */
	enum error_code code;
	char *reason;
};

enum { KEY_PROBLEMS_MAX = 1000 /* as many are told one by one */ };

enum key_census_flags {
	KEY_CENSUS_OPEN_EACH = 1, /* else a value whose key the keyring can open with counts as one that opens */
	KEY_CENSUS_ROWS = 2,      /* looks for the row of each, where values stand apart from rows */
};

struct key_census {
	struct key_use *keys; /* those of the keyring in its order, then those that are missing from it */
	size_t key_count;
	size_t values; /* all that were seen */
	size_t broken; /* of them, those that do not open */
	/* Of them, those without a row: of a connect under way, or the index is behind. Nothing is ever deleted for it. */
	size_t orphans;
	struct key_problem *problems;
	size_t problem_count;
};
#define KEY_CENSUS_INIT ZERO_INIT
void key_census_release(struct key_census *census);

/* Counts the values per key. Needs KEYRING_PUBLIC and KEYRING_PRIVATE. Errors of the stores. */
bool key_census_take(const struct account_service *s, unsigned flags, struct key_census *ret, struct error *err) MUST_CHECK;

struct key_reseal {
	size_t seen;
	size_t sealed;    /* anew, by this walk */
	size_t overtaken; /* changed or gone between reading and writing */
	size_t broken;    /* do not open, and stay as they are */
};
typedef void key_reseal_progress(void *context, const struct key_reseal *so_far);

/* One walk, at most `per_second` values (0: as fast as it goes); `progress` (NULL: none) is called after each. Needs all parts of
 * the keyring. Errors of the secret store; *ret tells how far it came in any case. */
bool key_reseal_all(const struct account_service *s, unsigned per_second, key_reseal_progress *progress, void *context,
                    struct key_reseal *ret, struct error *err) MUST_CHECK;
