#pragma once
/*
 * kube_secret_name — which Secrets there are, and in which of them a record is: for each provider a number that is a power of two,
 * among which high bits of the record key choose. Floor: kube.
 */
#include "macros.h"

#include <stdbool.h>
#include <stddef.h>

#define KUBE_SECRET_NAME_SIZE 64
enum { KUBE_PROVIDERS = 2, KUBE_SHARDS_MAX = 256 };

const char *kube_provider(size_t index); /* below KUBE_PROVIDERS */

/* "gitlab-user-tokens-003"; for messages, and for those who write Roles. False: no such provider or index. */
bool kube_secret_name(const char *provider, unsigned shard, char ret_name[KUBE_SECRET_NAME_SIZE]) MUST_CHECK;
/* Which of `shards` Secrets a record is in, by its valid key. */
unsigned kube_secret_shard(const char *record_key, unsigned shards);
