#pragma once
/*
 * rows — what the files with the tables' SQL give each other. One file knows one table: connection_rows.c with sealed_rows.c,
 * intent_rows.c, session_rows.c (as users see it) with session_claims.c (as workers see it) and session_repositories.c,
 * session_phases.c (what they went through), session_gate.c (bindings and outcomes), session_pushes.c (what was sent),
 * project_rows.c (repositories of projects, installations), project_access_rows.c (whether they can be reached), notice_rows.c (the
 * outbox). The operations over several tables are in connection_changes.c. Floor: store, private.
 */
#include "transaction.h"

extern const struct connection_store_ops connection_rows; /* connection_rows.c */
extern const struct session_store_ops session_rows;       /* session_rows.c */
extern const struct project_store_ops project_rows;       /* project_rows.c */
extern const struct notice_store_ops notice_rows;         /* notice_rows.c */
extern const struct secret_store_ops sealed_rows;         /* sealed_rows.c */

/* database.c */
bool rows_ready(void *state, struct error *err);
uint64_t rows_version(void *state);

/* connection_rows.c: the table connections */
#define CONNECTION_COLUMNS                                                                                                         \
	"record_key, user_id, provider, instance_url, gitlab_user_id, username, token_name, scopes, expires_at, fingerprint, "     \
	"is_bot, "                                                                                                                 \
	"generation, connected_at, updated_at, valid, last_checked_at, check_code "
#define CONNECTION_COLUMN_COUNT 17
/* Reads CONNECTION_COLUMNS, which come first, into an empty connection. */
void connection_row_read(const struct query *q, struct connection *c);

/* *ret_generation 0: there is no row. */
bool connection_row_look(struct handle *handle, const char *record_key, int64_t *ret_generation, bool *ret_live,
                         struct error *err) MUST_CHECK;
/* ERR_TOKEN_IN_USE when a live record of another user has this fingerprint. */
bool connection_row_check_token(struct handle *handle, const char *user_id, const char *fingerprint, struct error *err) MUST_CHECK;
bool connection_row_put(struct handle *handle, const struct connection *c, const struct sealed_value *value,
                        struct error *err) MUST_CHECK;
/* The user's records of this provider, hidden or not, as disconnect intents. `instance_url` NULL: all. */
bool connection_row_select(struct handle *handle, const char *user_id, const char *provider, const char *instance_url,
                           struct intent_list *ret, bool *ret_any_live, struct error *err) MUST_CHECK;
/* A live row of the intent's generation becomes a hidden one of the generation `change`, which the intent gets too. */
bool connection_row_hide(struct handle *handle, struct intent *intent, int64_t change, struct error *err) MUST_CHECK;
/* Only a hidden row of this generation. */
bool connection_row_delete(struct handle *handle, const char *record_key, int64_t generation, bool *ret_changed,
                           struct error *err) MUST_CHECK;

/* intent_rows.c: the table intents */
void intent_list_add(struct intent_list *list, const struct intent *intent);
/* An intent that is there already keeps its age. */
bool intent_row_add(struct handle *handle, const struct intent *intent, struct error *err) MUST_CHECK;
bool intent_row_remove(struct handle *handle, const char *record_key, enum intent_action action, int64_t generation,
                       struct error *err) MUST_CHECK;
/* *ret_current: the connect intent exists and no newer connect was committed. */
bool intent_row_is_current(struct handle *handle, const char *record_key, int64_t generation, bool *ret_current,
                           struct error *err) MUST_CHECK;
/* Connects that began before can no longer be committed. */
bool intent_row_overtake(struct handle *handle, const char *record_key, int64_t generation, struct error *err) MUST_CHECK;
/* A connect was committed: older connects can no longer win, older disconnects have nothing left to do. */
bool intent_row_settle(struct handle *handle, const char *record_key, int64_t generation, struct error *err) MUST_CHECK;
bool intents_due(void *state, int64_t before, struct intent_list *ret, struct error *err);

/* connection_changes.c */
bool connect_begin(void *state, const struct secret_place *place, const char *user_id, const char *fingerprint,
                   int64_t *ret_generation, struct error *err);
bool connect_commit(void *state, const struct connection *connection, const struct sealed_value *value, struct error *err);
bool connect_abandon(void *state, const char *record_key, int64_t generation, struct error *err);
bool connect_in_row(void *state, struct connection *connection, connection_make_value *make_value, void *context,
                    struct error *err);
bool disconnect_begin(void *state, const char *user_id, const char *provider, const char *instance_url, struct intent_list *ret,
                      struct error *err);
bool disconnect_finish(void *state, const char *record_key, int64_t generation, struct error *err);

/* connection_restore.c */
bool connection_restore(void *state, const struct connection_list *list, bool record_wins, enum connection_restored *ret,
                        struct error *err);
bool connection_forget(void *state, const char *record_key, int64_t generation, struct error *err);
bool connection_forget_intents(void *state, struct error *err);

/* session_rows.c: the table sessions */
#define SESSION_COLUMNS_WITH(status)                                                                                               \
	"id, project, name, owner, object, " status ", phase, created_at, attempt, stop_requested, push_requested, "               \
	"project_repositories, work_kept_until, repository_changes, pod_uid, attempt - settled_attempt, rests_until IS NOT NULL "
#define SESSION_COLUMNS SESSION_COLUMNS_WITH("status")
/* The first column of every row that is left, for other tables of sessions, too. */
bool query_ids(struct query *q, struct id_list *ret, struct error *err) MUST_CHECK;
/* Reads SESSION_COLUMNS or the like, which come first. */
void session_row_read(const struct query *q, struct session_row *ret);
/* ERR_SESSION_NOT_FOUND. */
bool session_row_check_exists(struct handle *handle, const char *id, struct error *err) MUST_CHECK;

/* session_claims.c: the same table */
bool session_claim(void *state, const char *worker, const char *only_id, int64_t lease_s, const char gate_hash[GATE_HASH_SIZE],
                   struct session_row *ret, bool *ret_found, struct error *err);
bool session_rest(void *state, const char *id, int64_t attempt, enum session_phase phase, const char *status_json, int64_t until_s,
                  const char *changes_seen, struct error *err);
bool session_rested(void *state, struct id_list *ret, struct error *err);
bool session_queue_of(void *state, struct session_queue *ret, struct error *err);
bool session_give_back(void *state, const char *id, int64_t attempt, int64_t after_s, bool settled, bool *ret_stop,
                       struct error *err);
bool session_renew(void *state, const char *id, int64_t attempt, int64_t lease_s, bool *ret_stop, bool *ret_push,
                   struct error *err);
bool session_save_status(void *state, const char *id, int64_t attempt, enum session_phase phase, const char *status_json,
                         const struct notice *notice, struct error *err);
bool session_keep_work(void *state, const char *id, int64_t attempt, int64_t until_s, struct error *err);
bool session_clear_push(void *state, const char *id, int64_t attempt, struct error *err);
bool session_forget(void *state, const char *id, int64_t attempt, struct error *err);
bool session_find_by_gate(void *state, const char *id, const char gate_hash[GATE_HASH_SIZE], struct session_row *ret,
                          struct error *err);

/* session_phases.c: the table session_phases */
/* After every statement that may have given a session another phase, in its transaction. */
bool session_phase_note(struct handle *handle, const char *id, struct error *err) MUST_CHECK;
bool session_phases_untold(void *state, const char *id, struct session_phases *ret, struct error *err);
bool session_phase_told(void *state, const char *id, int64_t number, struct error *err);

/* session_repositories.c: the table sessions */
bool session_change_repositories(void *state, const char *id, const char *before, const char *after,
                                 const struct session_binding *binding, struct error *err);

/* session_gate.c: the tables session_bindings and gate_outcomes */
bool session_binding_put(struct handle *handle, const char *id, const struct session_binding *binding,
                         struct error *err) MUST_CHECK;
bool session_bind(void *state, const char *id, const struct session_binding *bindings, size_t count, struct error *err);
bool session_binding_confirm(void *state, const char *id, const char *repository, const char *project_path, bool for_push,
                             int64_t at, struct error *err);
bool session_binding_of(void *state, const char *id, const char *repository, struct session_binding *ret, bool *ret_found,
                        struct error *err);
bool session_add_outcome(void *state, const char *id, const struct gate_outcome *outcome, struct error *err);
bool session_outcomes(void *state, const char *id, struct gate_outcome_list *ret, struct error *err);

/* session_pushes.c: the table session_pushes */
bool session_add_push(void *state, const char *id, const char *repository, const char *commit, struct error *err);
bool session_pushes_of(void *state, const char *id, const char *repository, struct id_list *ret, struct error *err);

/* project_access_rows.c: the table project_access */
bool project_access_get(void *state, const char *project, struct project_access *ret, bool *ret_found, struct error *err);
bool project_access_ask(void *state, const struct project_access *access, struct error *err);
bool project_access_take(void *state, int64_t until_s, struct project_access *ret, bool *ret_found, struct error *err);
bool project_access_found(void *state, const struct project_access *access, int64_t due_at, struct error *err);

/* notice_rows.c: the tables notices and token_notices */
bool notice_row_add(struct handle *handle, const struct notice *notice, struct error *err) MUST_CHECK;
/* The token was accepted: should it be refused again, its user is told again. */
bool token_notice_row_rearm(struct handle *handle, const char *record_key, struct error *err) MUST_CHECK;
