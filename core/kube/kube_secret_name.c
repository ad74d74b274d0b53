#include "kube_secret_name.h"

#include <stdio.h>
#include <string.h>

static const struct {
	const char *provider, *name;
} providers[KUBE_PROVIDERS] = {{"gitlab", "gitlab-user-tokens"}, {"github", "github-user-tokens"}};

const char *kube_provider(size_t index)
{
	return providers[index].provider;
}

bool kube_secret_name(const char *provider, unsigned shard, char ret_name[KUBE_SECRET_NAME_SIZE])
{
	for (size_t i = 0; i < ARRAY_SIZE(providers); i++) {
		if (strcmp(providers[i].provider, provider) != 0 || shard >= KUBE_SHARDS_MAX)
			continue;
		if (shard == 0)
			snprintf(ret_name, KUBE_SECRET_NAME_SIZE, "%s", providers[i].name);
		else
			snprintf(ret_name, KUBE_SECRET_NAME_SIZE, "%s-%03u", providers[i].name, shard);
		return true;
	}
	return false;
}

/* A record key is "k1-" and base32 of a hash: its first two letters are ten even bits, its first eight of which are taken. */
unsigned kube_secret_shard(const char *record_key, unsigned shards)
{
	static const char alphabet[] = "abcdefghijklmnopqrstuvwxyz234567";
	unsigned bits = 0;

	for (size_t i = 3; i < 5; i++)
		bits = bits << 5 | (unsigned)(strchr(alphabet, record_key[i]) - alphabet);
	return (bits >> 2) * shards / KUBE_SHARDS_MAX;
}
