#pragma once
/*
 * forge_sideband — what a remote said while it refused a push: the text of sideband 2 (git's gitprotocol-pack), made into one line.
 * For the floors that know a forge. Floor: forge.
 */
#include "strbuf.h"

/*
 * Appends the remote's lines, joined by blanks: without the prefixes ("remote: ", "GitLab: "), without frames of "====" or "————",
 * without progress that a carriage return replaced.
 */
void sideband_join(const char *sideband, const char *const *prefixes, size_t count, struct strbuf *to);

/* Whether the words say that the branch has moved on: from the remote's ref status as well as from its sentences, since a race
 * shows as a lock that failed or a value that is not the expected one. */
bool sideband_says_outdated(const char *said);
