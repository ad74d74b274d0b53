#pragma once
/*
 * forge_pasted — the text behind "/tree/" of a pasted address: "main/docs/guide.md". Which part of it is a name only the server can
 * tell. For the floors that know a forge. Floor: forge.
 */
#include "macros.h"

#include <stddef.h>

/* Without the slashes it may begin with. */
const char *pasted_begin(const char *pasted);
/* What follows a name of that length, without the slashes around it. Caller frees. */
char *pasted_rest(const char *pasted, size_t length) MUST_CHECK;
/* Whether the first `length` bytes are a commit id in full: SHA-1 or SHA-256. */
bool pasted_is_commit_id(const char *text, size_t length);
