#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "forge_api.h"
#include "github_rules.h"

static void rules_refuse_pushes_by_their_type(void **state)
{
	static const struct {
		const char *what, *rules;
		bool exists, refused, unclear;
	} rows[] = {
	        {"no rule", "[]", true, false, false},
	        {"history is kept, pushing goes on", "[{\"type\":\"deletion\"},{\"type\":\"non_fast_forward\"}]", true, false,
	         false},
	        {"a pull request for what exists", "[{\"type\":\"pull_request\",\"ruleset_id\":1}]", true, true, false},
	        {"a pull request for what is new", "[{\"type\":\"pull_request\",\"ruleset_id\":1}]", false, true, false},
	        {"updates are restricted, creating is not", "[{\"type\":\"update\",\"ruleset_id\":1}]", false, false, false},
	        {"updates are restricted", "[{\"type\":\"update\",\"ruleset_id\":1}]", true, true, false},
	        {"creating is restricted, updates are not", "[{\"type\":\"creation\",\"ruleset_id\":1}]", true, false, false},
	        {"creating is restricted", "[{\"type\":\"creation\",\"ruleset_id\":1}]", false, true, false},
	        {"signatures that we do not make", "[{\"type\":\"required_signatures\",\"ruleset_id\":1}]", true, true, false},
	        {"checks that no new commit has passed", "[{\"type\":\"required_status_checks\",\"ruleset_id\":1}]", true, true,
	         false},
	        {"checks that are waived for new branches",
	         "[{\"type\":\"required_status_checks\",\"parameters\":{\"do_not_enforce_on_create\":true},\"ruleset_id\":1}]",
	         false, false, false},
	        {"checks that are waived for new branches only",
	         "[{\"type\":\"required_status_checks\",\"parameters\":{\"do_not_enforce_on_create\":true},\"ruleset_id\":1}]",
	         true, true, false},
	        {"a pattern for names", "[{\"type\":\"branch_name_pattern\",\"ruleset_id\":1}]", false, false, true},
	        {"a pattern for a name that exists", "[{\"type\":\"branch_name_pattern\",\"ruleset_id\":1}]", true, false, false},
	        {"a rule of the future", "[{\"type\":\"moon_phase\"}]", true, false, false},
	        {"not a list", "{\"type\":\"update\"}", true, false, false},
	        {"odd entries", "[1,null,\"update\",{}]", true, false, false},
	};
	(void)state;

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		CLEANUP(json_decrefp) json_t *rules = json_parse_answer(rows[i].rules, strlen(rows[i].rules));
		struct rules_verdict verdict = github_rules_judge(rules, rows[i].exists);
		if (verdict.refused != rows[i].refused || verdict.unclear != rows[i].unclear)
			fail_msg("%s: refused %d, unclear %d", rows[i].what, verdict.refused, verdict.unclear);
	}
}

static void rulesets_that_refuse_are_remembered_once(void **state)
{
	static const char text[] = "[{\"type\":\"update\",\"ruleset_id\":7},{\"type\":\"pull_request\",\"ruleset_id\":7},"
	                           "{\"type\":\"deletion\",\"ruleset_id\":8},{\"type\":\"merge_queue\",\"ruleset_id\":9}]";
	CLEANUP(json_decrefp) json_t *rules = json_parse_answer(text, strlen(text)), *many = json_array();
	struct rules_verdict verdict = github_rules_judge(rules, true);
	(void)state;

	assert_int_equal(verdict.count, 2);
	assert_int_equal(verdict.rulesets[0], 7);
	assert_int_equal(verdict.rulesets[1], 9);
	assert_false(verdict.more);
	for (int i = 1; i <= RULESETS_MAX + 1; i++)
		json_array_append_new(many, json_pack("{s:s,s:i}", "type", "update", "ruleset_id", i));
	verdict = github_rules_judge(many, true);
	assert_int_equal(verdict.count, RULESETS_MAX);
	assert_true(verdict.more);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(rules_refuse_pushes_by_their_type),
	        cmocka_unit_test(rulesets_that_refuse_are_remembered_once),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
