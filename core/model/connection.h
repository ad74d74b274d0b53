#pragma once
/*
 * connection — what is known about one user's link to one instance; never the token itself. Floor: model.
 */
#include "record_key.h"
#include "scope.h"

struct connection {
	char key[RECORD_KEY_SIZE];
	char *user_id;        /* the caller's identity, never altered. Owned, as all strings here */
	char *provider;       /* "gitlab", "github" */
	char *instance_url;   /* canonical */
	char *gitlab_user_id; /* the account's number there, decimal text; GitHub's too */
	char *username;
	char *token_name;  /* NULL: unknown */
	char *scopes;      /* joined by blanks; NULL: unknown (GitLab < 15.5) */
	char *expires_at;  /* "YYYY-MM-DD"; NULL: never or unknown */
	char *fingerprint; /* hex of the keyed hash of the token */
	bool is_bot;
	int64_t generation;   /* grows with every connect of this record */
	int64_t connected_at; /* first connect, unix seconds */
	int64_t updated_at;   /* newest connect */
	/* the last real use or recheck */
	bool valid;
	int64_t last_checked_at;
	char *check_code; /* error name when not valid; NULL otherwise */
};
#define CONNECTION_INIT ZERO_INIT

void connection_release(struct connection *c);
/* `to` is initialised; what it held is released. */
void connection_copy(struct connection *to, const struct connection *from);

struct connection_list {
	struct connection *items; /* newest updated_at first */
	size_t count;
};
#define CONNECTION_LIST_INIT ZERO_INIT
void connection_list_release(struct connection_list *list);
/* Moves *c to the end of the list; *c is empty afterwards. */
void connection_list_take(struct connection_list *list, struct connection *c);
