#pragma once
/*
 * provider_probe — asks an unknown host, once and without any credential, whether it is GitLab or GitHub: one HEAD of
 * /api/v4/version (GitLab answers 401 with X-Gitlab-Meta, GitHub anything with X-GitHub-Request-Id), at most 2 s, through the
 * egress policy. The answer, unknown too, is kept for ten minutes. It is a hint for the user and decides about no token.
 * Thread-safe. Floor: service.
 */
#include "http_client.h"
#include "provider.h"

struct provider_probe;

struct provider_probe *provider_probe_new(struct http_client *client);
void provider_probe_freep(struct provider_probe **probe);

/* `origin` is "https://host[:port]", with a root where that is known. */
enum provider provider_probe_ask(struct provider_probe *probe, const char *origin, struct instance_route route,
                                 const char *request_id);
