#pragma once
/*
 * github_app_private — what github_app.c (the App and its JWT) and github_app_tokens.c (its installations and their tokens) share.
 * Private to github. Floor: github.
 */
#include "github_app.h"
#include <openssl/evp.h>
#include <pthread.h>

enum { INSTALLED_TOKENS_MAX = 64 }; /* kept at once; the one that ends first makes room */

/* One installation's place in the cache. */
struct installed_token {
	int64_t id;           /* 0: free */
	int64_t expires_at_s; /* 0: no token */
	struct secret token;
	unsigned users;       /* threads that ask or wait; the place is not given away meanwhile */
	bool asking;          /* one of them is asking GitHub */
	uint64_t attempts;    /* that ended, so that those who waited know the outcome that is theirs */
	struct error failure; /* of the last attempt; code ERR_NONE: it succeeded */
};

struct github_app {
	char *id;
	EVP_PKEY *key;
	pthread_mutex_t lock; /* guards what follows */
	pthread_cond_t changed;
	struct installed_token tokens[INSTALLED_TOKENS_MAX];
};
