#pragma once
/*
 * github — GitHub's REST API (2022-11-28) and its git routes as far as this product needs them: the forge of forge.h, and what is
 * GitHub's alone. github.com's API is at api.github.com, that of *.ghe.com at api.<host>, that of a GitHub Enterprise Server at
 * /api/v3 of its own host. Facts: docs.github.com/rest. Floor: github.
 */
#include "forge.h"

extern const struct forge github_forge;

/* What a classic token may do; NULL (a fine-grained or installation token): unknown. "repo": everything; "public_repo": pushing to
 * public repositories; neither: cloning public ones, since nobody is kept from that. */
struct scope_verdict github_judge_scopes(const char *scopes);

/* Whether the account behind `access` is an owner of this organization (GitHub: an active membership with the role admin). A 404 or
 * 403 is "no". */
bool github_is_owner(const struct forge_access *access, const char *organization, bool *ret, struct error *err) MUST_CHECK;
