#pragma once
/*
 * github_rules — what the active rules of rulesets mean for a push that goes straight to a branch, apart from asking for them.
 * Private to github. Floor: github.
 */
#include "json.h"

enum { RULESETS_MAX = 8 };

/* The rules that refuse such a push, by the rulesets that hold them: who may bypass a ruleset may push. */
struct rules_verdict {
	bool refused; /* by at least one rule */
	bool unclear; /* a rule is about something that is not known here, the name itself */
	int64_t rulesets[RULESETS_MAX];
	size_t count;
	bool more; /* a refusing rule without a ruleset, or more rulesets than fit */
};

/* `rules`: the answer of /rules/branches/{branch}, an array. */
struct rules_verdict github_rules_judge(const json_t *rules, bool branch_exists);

/* Whether an answer of /rulesets/{id} says that the caller may push in spite of it. */
bool github_ruleset_is_bypassed(const json_t *ruleset);
