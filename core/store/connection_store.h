#pragma once
/*
 * connection_store — connections and the intents that make their changes safe against a crash at any instruction.
 *
 * A connect whose value lies in the row is one transaction: connect_in_row. Otherwise its order is connect_begin (intent,
 * generation) → secret_put → connect_commit. Order of a disconnect: disconnect_begin (the record is invisible from here on) →
 * secret_store.remove → disconnect_finish. What a crash leaves over is
 * found by intents_due and put right by the service's reconcile. Nothing is ever deleted because a row is missing. A struct of
 * functions, so that PostgreSQL can stand beside SQLite. All functions are thread-safe. ERR_STORE_UNAVAILABLE (busy, I/O, full) and
 * ERR_STORE_NOT_READY (empty, older or foreign database) can come from any of them. Floor: store.
 */
#include "connection.h"
#include "secret_store.h"

enum intent_action { INTENT_CONNECT, INTENT_DISCONNECT };

#define PROVIDER_NAME_SIZE 16
#define FINGERPRINT_SIZE   65

struct intent {
	char key[RECORD_KEY_SIZE];
	char provider[PROVIDER_NAME_SIZE]; /* with key, the place of the value */
	enum intent_action action;
	int64_t generation;
	int64_t created_at;
	char fingerprint[FINGERPRINT_SIZE]; /* of a connect; "" otherwise */
};
/* Borrows from the intent. */
struct secret_place intent_place(const struct intent *intent);

struct intent_list {
	struct intent *items;
	size_t count;
};
#define INTENT_LIST_INIT ZERO_INIT
void intent_list_release(struct intent_list *list);

typedef bool connection_make_value(void *context, int64_t generation, struct sealed_value *ret, struct error *err);

/* What became of a row. */
enum connection_restored {
	CONNECTION_RESTORED,
	CONNECTION_KEPT,          /* it was the connection already */
	CONNECTION_NEWER,         /* it is of a newer connect, and stays */
	CONNECTION_DISCONNECTING, /* it was hidden since, and stays */
};

struct connection_store_ops {
	/* Whether the database is the one this installation wrote last: schema current, not empty, restored or foreign. */
	bool (*ready)(void *state, struct error *err);
	/* A number that changes with every committed change of any connection, project's list or installation; cheap. For caches.
	 */
	uint64_t (*version)(void *state);

	/* Newest first; records being disconnected are not listed. */
	bool (*list)(void *state, const char *user_id, struct connection_list *ret, struct error *err);
	/* All users, for housekeeping: at most `limit` whose last_checked_at is before `checked_before`, the longest unchecked
	 * first. `after` is the last of the page before (its last_checked_at and key count); NULL: from the beginning. */
	bool (*list_unchecked)(void *state, int64_t checked_before, const struct connection *after, size_t limit,
	                       struct connection_list *ret, struct error *err);
	bool (*find)(void *state, const char *record_key, struct connection *ret, bool *ret_found, struct error *err);

	/*
	 * Records the intent and gives the next generation of the record: greater than every one before, also after a disconnect or
	 * a restored database, and not consecutive. ERR_TOKEN_IN_USE when another user's connection has this fingerprint.
	 */
	bool (*connect_begin)(void *state, const struct secret_place *place, const char *user_id, const char *fingerprint,
	                      int64_t *ret_generation, struct error *err);
	/* The connection (its generation from connect_begin) becomes the truth; `value` only with an in-row secret store, else
	 * NULL. ERR_CONFLICT: a newer connect was committed before, or the intent was abandoned; the intent of the loser stays
	 * until connect_abandon. ERR_TOKEN_IN_USE: another user was faster with this token. Repeating a commit that succeeded
	 * succeeds. A record that was connected keeps its connected_at. */
	bool (*connect_commit)(void *state, const struct connection *connection, const struct sealed_value *value,
	                       struct error *err);
	/*
	 * All of a connect in one transaction, for an in-row secret store: there is nothing outside the database that could be left
	 * over, so no intent is needed. `make_value` seals for the generation it is given; it runs inside the transaction and must
	 * be quick. On success connection->generation is filled; any failure leaves everything as it was. ERR_TOKEN_IN_USE.
	 */
	bool (*connect_in_row)(void *state, struct connection *connection, connection_make_value *make_value, void *context,
	                       struct error *err);
	/* Forgets the intent; the old connection stays as it was. */
	bool (*connect_abandon)(void *state, const char *record_key, int64_t generation, struct error *err);

	/* Hides the user's connection of this provider to `instance_url` (NULL: all of them) and records the intents. None: true
	 * with an empty list. Connections that an unfinished disconnect hid before are in the list again. An intent's generation is
	 * greater than that of any connect that began before, and none of these can be committed any more: what they put is to be
	 * removed with the rest. */
	bool (*disconnect_begin)(void *state, const char *user_id, const char *provider, const char *instance_url,
	                         struct intent_list *ret, struct error *err);
	/* Deletes the row (and the value in it). A record that was connected again since stays. */
	bool (*disconnect_finish)(void *state, const char *record_key, int64_t generation, struct error *err);

	/* Intents older than `before` (unix seconds). */
	bool (*intents_due)(void *state, int64_t before, struct intent_list *ret, struct error *err);

	/*
	 * For rebuild-index, where values stand alone: each connection of the list becomes a row as its value says it; intents that
	 * this settles go. `record_wins`: also over a row of a greater generation, which an older or foreign database may have.
	 * `ret` has a place for each. One transaction.
	 */
	bool (*restore)(void *state, const struct connection_list *list, bool record_wins, enum connection_restored *ret,
	                struct error *err);
	/* Drops a row that leads to no value. One with a value in it stays. */
	bool (*forget)(void *state, const char *record_key, int64_t generation, struct error *err);
	/* Drops all intents: they are of an older or another database, about changes that are long over. */
	bool (*forget_intents)(void *state, struct error *err);

	/* Result of the last use: valid or the error's name. Ignored if the generation is no longer current, or a later check is
	 * known. */
	bool (*set_checked)(void *state, const char *record_key, int64_t generation, bool valid, const char *code,
	                    int64_t checked_at, struct error *err);
};

struct connection_store {
	const struct connection_store_ops *ops;
	void *state;
};
