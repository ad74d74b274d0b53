#pragma once
/*
 * notice_store — the outbox: what ACP_NOTIFY_URL is to be told and has not taken yet.
 *
 * A notice is written in the transaction of what it tells: the end of a session (session_store.save_status) or that a token's user
 * was told (tell). So nothing is lost, and nothing is told that is not so. Each is handed out under a lease: two programs never
 * send the same one at the same time, and one that died in the middle is followed by another, so that a receiver may see a notice
 * twice. A struct of functions like connection_store; thread-safe; ERR_STORE_UNAVAILABLE and ERR_STORE_NOT_READY from any.
 * Floor: store.
 */
#include "connection.h"

#define NOTICE_ID_SIZE 37

struct notice {
	char id[NOTICE_ID_SIZE]; /* UUID, the same in every attempt */
	char *type;              /* "session.finished". Owned, as `body` */
	char *body;              /* JSON; no token in it. NULL: there is no notice */
	int64_t created_at;      /* unix seconds */
	int64_t attempts;        /* how often it was handed out: the fencing number of its lease */
};
#define NOTICE_INIT ZERO_INIT
void notice_release(struct notice *notice);

/* What can be told of a token, each once for a generation of its connection; of the days to its expiry only the smallest. */
enum token_finding {
	TOKEN_REFUSED = -1, /* told again when it was accepted in between; not where TOKEN_EXPIRED has been told */
	TOKEN_EXPIRED = 0,
	TOKEN_EXPIRES_IN_1_DAY = 1,
	TOKEN_EXPIRES_IN_7_DAYS = 7, /* or less */
	TOKEN_EXPIRES_IN_30_DAYS = 30,
};
struct token_state {
	struct connection connection;
	enum token_finding finding;
};
struct token_state_list {
	struct token_state *items;
	size_t count;
};
#define TOKEN_STATE_LIST_INIT ZERO_INIT
void token_state_list_release(struct token_state_list *list);

struct notice_store_ops {
	/* At most `limit` connections whose users are to be told something that they have not been told. Days are those of UTC. */
	bool (*untold)(void *state, int64_t now_s, size_t limit, struct token_state_list *ret, struct error *err);
	/* Keeps that it was told, and the notice that tells it. *ret_told false: somebody else was faster, or the connection is
	 * another one by now. */
	bool (*tell)(void *state, const struct token_state *token, const struct notice *notice, bool *ret_told, struct error *err);

	/* Hands out the notice that is due for longest, for lease_s seconds. *ret_found false: none is due. */
	bool (*claim)(void *state, int64_t now_s, int64_t lease_s, struct notice *ret, bool *ret_found, struct error *err);
	/* It is due again at `due_at`. Nothing happens where the lease ran out and somebody else has it. */
	bool (*postpone)(void *state, const struct notice *notice, int64_t due_at, struct error *err);
	/* It was delivered or given up. */
	bool (*remove)(void *state, const struct notice *notice, struct error *err);
};

struct notice_store {
	const struct notice_store_ops *ops;
	void *state;
};
