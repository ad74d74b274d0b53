#include "github_rules.h"

#include "forge_sentence.h"
#include <string.h>

enum { ON_UPDATE = 1, ON_CREATION = 2, NAME_ONLY = 4 };

/* The other rules (deletion, non_fast_forward, linear history, limits for files and messages) let an ordinary push to the branch
 * through. */
static const struct rule {
	const char *type;
	unsigned refuses;
} rules_known[] = {
        {"update", ON_UPDATE},
        {"creation", ON_CREATION},
        {"pull_request", ON_UPDATE | ON_CREATION},
        {"merge_queue", ON_UPDATE},
        {"required_status_checks", ON_UPDATE | ON_CREATION},
        {"required_deployments", ON_UPDATE},
        {"workflows", ON_UPDATE | ON_CREATION},
        {"required_signatures", ON_UPDATE | ON_CREATION}, /* the commits that are pushed here have none */
        {"branch_name_pattern", NAME_ONLY},
};

static unsigned refuses(const json_t *rule)
{
	const char *type = json_string_or(rule, "type", "");

	for (size_t i = 0; i < ARRAY_SIZE(rules_known); i++)
		if (strcmp(rules_known[i].type, type) == 0)
			return rules_known[i].refuses;
	return 0;
}

static bool is_waived_on_creation(const json_t *rule)
{
	return json_bool_or(json_object_get(rule, "parameters"), "do_not_enforce_on_create", false);
}

static void remember_ruleset(const json_t *rule, struct rules_verdict *verdict)
{
	int64_t id = json_int_or(rule, "ruleset_id", 0);

	for (size_t i = 0; i < verdict->count; i++)
		if (verdict->rulesets[i] == id)
			return;
	if (id <= 0 || verdict->count == RULESETS_MAX)
		verdict->more = true;
	else
		verdict->rulesets[verdict->count++] = id;
}

struct rules_verdict github_rules_judge(const json_t *rules, bool branch_exists)
{
	struct rules_verdict verdict = {0};
	size_t index;
	const json_t *rule;

	json_array_foreach(rules, index, rule)
	{
		unsigned what = refuses(rule);
		if (what & NAME_ONLY)
			verdict.unclear = verdict.unclear || !branch_exists;
		if (!(what & (branch_exists ? ON_UPDATE : ON_CREATION)) || (!branch_exists && is_waived_on_creation(rule)))
			continue;
		verdict.refused = true;
		remember_ruleset(rule, &verdict);
	}
	return verdict;
}

bool github_ruleset_is_bypassed(const json_t *ruleset)
{
	const char *bypass = json_string_or(ruleset, "current_user_can_bypass", "");

	return strcmp(bypass, "always") == 0 || strcmp(bypass, "exempt") == 0;
}
