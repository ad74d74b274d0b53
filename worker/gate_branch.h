#pragma once
/*
 * gate_branch — asks through the gate, in one round trip, where a branch is: protocol version 2's ls-refs, the part of a fetch that
 * finds out that there is nothing to fetch. The server judges the session's right to fetch exactly as for a fetch.
 */
#include "gate_client.h"
#include "repository.h"

/* False: the server does not say, whatever the reason; a real fetch will tell. */
bool gate_branch_commit(const struct gate_client *gate, const char *repository, const char *branch,
                        char ret_commit[COMMIT_SIZE]) MUST_CHECK;

/* The request, appended to `to`. */
void ls_refs_request(const char *ref, struct strbuf *to);
/* Reads pkt-lines "<commit> <ref>" up to the flush. False: not exactly such an answer, or the ref is not in it. */
bool ls_refs_answer(const char *bytes, size_t length, const char *ref, char ret_commit[COMMIT_SIZE]) MUST_CHECK;
