#pragma once
/*
 * instances — what the operator says about GitLab instances (ACP_INSTANCES_FILE): a JSON array of
 * {"name", "url", "caFile"?, "networks"? [..], "insecureHttp"? bool}. Instances that are not listed work too, by the defaults.
 * Floor: model.
 */
#include "address_policy.h"
#include "instance_url.h"

struct instance_entry {
	char *name;
	struct instance_url url;
	char *ca_file;
	bool insecure_http;
};
struct instances {
	struct instance_entry *items;
	size_t count;
};
#define INSTANCES_INIT ZERO_INIT

/* `path` "" gives none. Adds the listed networks to `policy` for the instance's host. ERR_CONFIG_INVALID names entry and member. */
bool instances_load(const char *path, struct address_policy *policy, struct instances *ret, struct error *err) MUST_CHECK;
void instances_release(struct instances *instances);

/* The entry of this canonical instance URL; NULL if none. */
const struct instance_entry *instances_find(const struct instances *instances, const char *canonical_url);
