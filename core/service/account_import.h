#pragma once
/*
 * account_import — a connection that another program held, taken over as it is: sealed and stored for exactly the user that is
 * named, without asking its server. A connection that the user has made here is newer and stays. Floor: service.
 */
#include "account_service.h"

/* Borrowed. */
struct account_import {
	const char *user_id;
	const char *instance_url; /* NULL: https://gitlab.com */
	const struct secret *token;
	const char *username;       /* NULL: not known; the next recheck does not need it, a reconnect brings it */
	const char *gitlab_user_id; /* NULL: not known */
};

enum account_imported {
	IMPORT_DONE,
	IMPORT_PRESENT, /* this very token is connected already */
	IMPORT_NEWER,   /* the user has connected another one since */
};

/* `dry_run`: everything but storing. Needs KEYRING_PUBLIC and KEYRING_SIGNING. ERR_INSTANCE_URL_INVALID, ERR_INSTANCE_INSECURE,
 * those of the token's text, ERR_TOKEN_IN_USE, those of the stores. */
bool account_import(struct account_service *s, const struct account_import *import, bool dry_run, enum account_imported *ret,
                    struct error *err) MUST_CHECK;
