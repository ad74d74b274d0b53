#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "account_service.h"

#include <stdio.h>
#include <string.h>

static void warnings_say_what_the_token_deserves(void **state UNUSED)
{
	static const struct {
		const char *sentence, *provider, *scopes, *expires_at;
		bool is_bot;
		const char *expected; /* names, joined by blanks */
		const char *message;  /* of the first one; NULL: not looked at */
	} rows[] = {
	        {"a good token", "gitlab", "api", "2027-01-20", false, "", NULL},
	        {"three days left", "gitlab", "api", "2026-11-25", false, "token_expiring",
	         "Token expires on 2026-11-25 (3 days)."},
	        {"tomorrow", "gitlab", "api", "2026-11-23", false, "token_expiring", "Token expires on 2026-11-23 (1 day)."},
	        {"fourteen days still warn", "gitlab", "api", "2026-12-06", false, "token_expiring", NULL},
	        {"fifteen do not", "gitlab", "api", "2026-12-07", false, "", NULL},
	        {"past by our clock", "gitlab", "api", "2026-11-20", false, "token_expiring",
	         "Token expired on 2026-11-20 by the clock of this server."},
	        {"no end", "gitlab", "api", NULL, false, "token_never_expires", NULL},
	        {"an end too far away", "gitlab", "api", "2028-11-22", false, "token_never_expires", NULL},
	        {"reading only", "gitlab", "read_api read_repository", "2027-01-20", false, "token_cannot_push",
	         "The token can read but not push (scopes: read_api read_repository). Add 'write_repository' or 'api'."},
	        {"too much", "gitlab", "api sudo", "2027-01-20", false, "token_too_powerful",
	         "The token also has sudo; it is not needed."},
	        {"a bot", "gitlab", "api", "2027-01-20", true, "token_is_bot", NULL},
	        {"an old GitLab tells nothing", "gitlab", NULL, NULL, false, "scopes_unknown", NULL},
	        {"fine-grained", "gitlab", "granular", "2027-01-20", false, "token_fine_grained", NULL},
	        {"a good token of GitHub", "github", "repo workflow", "2027-01-20", false, "", NULL},
	        {"for public repositories it can push, too", "github", "public_repo", "2027-01-20", false, "", NULL},
	        {"GitHub's own words", "github", "read:user", "2027-01-20", false, "token_cannot_push",
	         "The token can read but not push (scopes: read:user). Add 'repo'."},
	        {"a classic token without an end", "github", "repo", NULL, false, "token_never_expires", NULL},
	        {"GitHub lists no scopes of a fine-grained token", "github", NULL, NULL, false, "token_fine_grained", NULL},
	        {"more than is needed", "github", "repo delete_repo", "2027-01-20", false, "token_too_powerful",
	         "The token has scopes that are not needed (scopes: repo delete_repo); 'repo' is enough."},
	        {"a bot of GitHub is not bound to a project", "github", "repo", "2027-01-20", true, "token_is_bot",
	         "Connected as bot project_1_bot; commits will show the bot."},
	        {"a provider that this program does not know", "forgejo", NULL, NULL, true, "", NULL},
	};
	const int64_t now_s = 1795370400; /* 2026-11-22 18:00 UTC */

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		char provider[16], scopes[64], expires_at[16], username[] = "project_1_bot";
		struct connection c = {.provider = provider, .username = username, .is_bot = rows[i].is_bot};
		struct account_warning warnings[WARN_COUNT];
		char names[256] = "";
		size_t count;

		(void)snprintf(provider, sizeof(provider), "%s", rows[i].provider);
		(void)snprintf(scopes, sizeof(scopes), "%s", rows[i].scopes ? rows[i].scopes : "");
		(void)snprintf(expires_at, sizeof(expires_at), "%s", rows[i].expires_at ? rows[i].expires_at : "");
		c.scopes = rows[i].scopes ? scopes : NULL;
		c.expires_at = rows[i].expires_at ? expires_at : NULL;
		count = account_warnings(&c, now_s, warnings);
		for (size_t w = 0; w < count; w++) {
			size_t used = strlen(names);

			(void)snprintf(names + used, sizeof(names) - used, "%s%s", w ? " " : "",
			               account_warning_name(warnings[w].code));
		}
		print_message("  %s\n", rows[i].sentence);
		assert_string_equal(names, rows[i].expected);
		if (rows[i].message)
			assert_string_equal(warnings[0].message, rows[i].message);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(warnings_say_what_the_token_deserves),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
