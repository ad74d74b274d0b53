#pragma once
/*
 * gitlab — GitLab's REST API and its git routes as far as this product needs them, and what their answers mean: the forge of
 * forge.h, and what is GitLab's alone.
 *
 * Every function classifies failures into the catalogue (failure modes F05–F28, F32–F38 of GitLab as measured; classifier order:
 * transport, redirect, content type, 429, 401/403 by error, error_description and message, 404, 5xx). `message` may be a string or
 * an object; GitLab's sentence is relayed masked. No retries. Floor: gitlab.
 */
#include "forge.h"

extern const struct forge gitlab_forge;

/* Role name for a level: "Developer". Static. */
const char *gitlab_role_name(int access_level);
