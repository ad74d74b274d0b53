#pragma once
/*
 * gate_private — what the files of the gate's service share. Floor: service, private.
 */
#include "gate_service.h"

/* git's pkt-lines (gitprotocol-common), one after the other. */
enum gate_pkt_kind { PKT_INCOMPLETE, PKT_BROKEN, PKT_FLUSH, PKT_DATA };
struct gate_pkt {
	const char *text; /* borrowed from the bytes */
	size_t length;
};
enum gate_pkt_kind gate_pkt_next(const char *bytes, size_t length, size_t *at, struct gate_pkt *ret);

/* Length of the object id at the start of the line, followed by a blank; 0: none. */
size_t gate_oid_length(const struct gate_pkt *line);
/* Whether the word is one of a command list's capabilities. */
bool gate_has_capability(const char *capabilities, size_t length, const char *word);

static inline bool gate_use_pushes(enum gate_use use)
{
	return use == GATE_PUSH_BEGINS || use == GATE_PUSH;
}

/*
 * Asks the forge's API about a bound project: that it is still the one, and open to this use; for a push also, at the same time,
 * whether the push branch has become a protected one. `ret` is the project, also where that is refused; caller releases. The errors
 * of the forge's project_get and branch_get, ERR_REPO_IDENTITY_CHANGED, _DISABLED, _ARCHIVED, _DELETING, ERR_BRANCH_PROTECTED.
 */
bool gate_confirm(struct gate_service *s, const struct session_binding *binding, const struct credential *credential,
                  enum gate_use use, const char *request_id, struct forge_project *ret, struct error *err) MUST_CHECK;
