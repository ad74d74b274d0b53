#pragma once
/*
 * audit — one JSON line for every use of a credential, on a stream of its own: who did what with whose token, where, and what came
 * of it. Never the token: its keyed hash (keyring_fingerprint), by which whoever has the token and the key finds its uses. The hash
 * is made where tokens are connected; the pools that open them have not its key and take it from the connection's row.
 *
 * Written by the services, which know of every use: a program that forgot one would not be noticed. A line that the stream does not
 * take goes to standard error. Floor: service.
 */
#include "connection.h"
#include "log.h"

enum audit_action {
	AUDIT_CONNECT,          /* a token was given, asked about and kept */
	AUDIT_TEST,             /* a token was given and asked about */
	AUDIT_CHECK,            /* a kept token was asked about at its user's word */
	AUDIT_RECHECK,          /* … by housekeeping */
	AUDIT_DISCONNECT,       /* it was removed */
	AUDIT_PROVE,            /* it showed whose an installation of the GitHub App is */
	AUDIT_CHECK_REPOSITORY, /* reports: validate, the project's list, pre-flights */
	AUDIT_BROWSE,           /* branches, folders and files */
	AUDIT_FETCH,            /* the git gate: one request of a fetch */
	AUDIT_PUSH,             /* … of a push */
	AUDIT_MERGE_REQUEST
};
const char *audit_action_name(enum audit_action action); /* "git.push" */

/* One use. Borrowed; NULL is left out. */
struct audit_use {
	enum audit_action action;
	const char *user; /* whose credential; also who acted, unless audit.actor says otherwise */
	const char *provider;
	const char *instance_url;
	const char *repository; /* path below the instance */
	const char *credential; /* "installation:7", "project"; NULL: the user's connection */
	const char *fingerprint;
	int64_t generation; /* of the connection; 0: none */
	const char *session;
	const char *request_id;
	const struct error *failure; /* NULL: it worked. Without a code: it was broken off */
};

struct audit {
	struct logger logger; /* fd -1: there is no stream, and nothing is written */
	const char *actor;    /* NULL: the user. Borrowed */
	bool owns_fd;
};
/* clang-format off */
#define AUDIT_INIT {.logger = {.fd = -1}}
/* clang-format on */

/*
 * `where` is ACP_AUDIT_LOG: "stderr" or a file that is appended to and created (0660) if need be. Before the process confines
 * itself: it needs no way to the file afterwards. ERR_CONFIG_INVALID.
 */
bool audit_open(const char *where, const char *program, const char *pool, struct audit *ret, struct error *err) MUST_CHECK;
void audit_release(struct audit *audit);

/* `audit` NULL or closed: nothing happens. */
void audit_write(const struct audit *audit, const struct audit_use *use);
/* The use of a connection; what differs from it is in `more`. */
void audit_connection(const struct audit *audit, const struct connection *c, struct audit_use more);
