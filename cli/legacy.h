#pragma once
/*
 * legacy — what the Go implementation left in the cluster: its Secrets gitlab-credentials (a JSON object a user) and
 * gitlab-user-tokens (the bare token a user), and its ConfigMap gitlab-connections (what is known about each), as kubectl prints
 * them with -o json.
 *
 * Its names for users are not the users' ids: every character but A-Z a-z 0-9 - _ . became '-', and then some were removed, so that
 * "a@b" and "a:b" are one name. An id is known only where the value tells it, and it is not merely the name again; everything else
 * is for a person to decide.
 */
#include "json.h"
#include "secret.h"

struct legacy_entry {
	char *name;           /* the key in the Secret */
	char *user_id;        /* NULL: nobody can tell */
	char *instance_url;   /* NULL: https://gitlab.com */
	char *username;       /* NULL: not known */
	char *gitlab_user_id; /* NULL: not known */
	struct secret token;
	char *secret; /* the Secret it is in */
	bool whole;   /* from gitlab-credentials, which its program used last */
};

struct legacy_list {
	struct legacy_entry *items;
	size_t count;
	size_t ours; /* records of this program, which share a Secret's name with the old ones */
};
#define LEGACY_LIST_INIT ZERO_INIT
void legacy_list_release(struct legacy_list *list);

/* Adds what a Secret, a ConfigMap or a List of them holds. ERR_BAD_JSON, ERR_FIELD_INVALID; no message quotes a value. */
bool legacy_read(const json_t *object, struct legacy_list *to, struct error *err) MUST_CHECK;

/* Puts in what ConfigMaps told, and those that the program used last first. After the last legacy_read(). */
void legacy_arrange(struct legacy_list *list);

/* The name that the Go implementation made of a user's id. Caller frees. */
char *legacy_name_of(const char *user_id) MUST_CHECK;
