#pragma once
/*
 * token_text — what a pasted token may look like. Nothing is assumed of its shape beyond the contract: 8 to 512 printable ASCII
 * characters without blanks, quotes and backslash; known prefixes of other kinds of token are refused by name.
 * Prefixes: GitLab doc/security/tokens; GitHub's ghp_, github_pat_ … Floor: model.
 */
#include "provider.h"
#include "secret.h"

/*
 * Trims blanks at both ends into `ret`. ERR_TOKEN_MALFORMED; ERR_TOKEN_WRONG_KIND names the kind ("deploy token"), also behind
 * an instance prefix ("mycorp-gldt-…"), but not when "glpat-" is in it. For GitHub its classic, fine-grained, OAuth and
 * user-to-server tokens pass (ghp_, github_pat_, gho_, ghu_, and without a prefix), those of installations and for refreshing do
 * not. The text of the token is in no message.
 */
bool token_text_parse(enum provider provider, const char *text, struct secret *ret, struct error *err) MUST_CHECK;
