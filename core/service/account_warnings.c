#include "account_service.h"

#include "clock.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

enum {
	EXPIRY_NEAR_DAYS = 14,
	EXPIRY_FAR_DAYS = 365, /* GitLab's own default maximum for a token's life */
};

const char *account_warning_name(enum account_warning_code code)
{
	switch (code) {
	case WARN_TOKEN_CANNOT_PUSH:
		return "token_cannot_push";
	case WARN_TOKEN_EXPIRING:
		return "token_expiring";
	case WARN_TOKEN_NEVER_EXPIRES:
		return "token_never_expires";
	case WARN_TOKEN_TOO_POWERFUL:
		return "token_too_powerful";
	case WARN_TOKEN_IS_BOT:
		return "token_is_bot";
	case WARN_SCOPES_UNKNOWN:
		return "scopes_unknown";
	case WARN_TOKEN_FINE_GRAINED:
		return "token_fine_grained";
	case WARN_ACCOUNT_CHANGED:
		return "account_changed";
	case WARN_COUNT:
		break;
	}
	return "unknown";
}

struct warnings {
	struct account_warning *items;
	size_t count;
};

static void PRINTF_LIKE(3, 4) warn(struct warnings *to, enum account_warning_code code, const char *format, ...)
{
	struct account_warning *warning = &to->items[to->count++];
	va_list args;

	warning->code = code;
	va_start(args, format);
	(void)vsnprintf(warning->message, sizeof(warning->message), format, args);
	va_end(args);
}

static void warn_of_expiry(struct warnings *to, const char *date, int64_t now_s)
{
	int64_t days;

	if (!date) {
		warn(to, WARN_TOKEN_NEVER_EXPIRES, "Token never expires. A date makes a lost token harmless in time.");
		return;
	}
	if (!clock_days_until(date, now_s, &days))
		return;
	/* Whether a token is dead is for GitLab to say; our clock may be wrong. */
	if (days <= 0)
		warn(to, WARN_TOKEN_EXPIRING, "Token expired on %s by the clock of this server.", date);
	else if (days <= EXPIRY_NEAR_DAYS)
		warn(to, WARN_TOKEN_EXPIRING, "Token expires on %s (%" PRId64 " day%s).", date, days, days == 1 ? "" : "s");
	else if (days > EXPIRY_FAR_DAYS)
		warn(to, WARN_TOKEN_NEVER_EXPIRES,
		     "Token expires on %s (%" PRId64 " days). A nearer date makes a lost token harmless sooner.", date, days);
}

static bool has_scope(const char *scopes, const char *scope)
{
	size_t length = strlen(scope);

	for (const char *at = scopes; (at = strstr(at, scope)) != NULL; at += length) {
		bool starts = at == scopes || at[-1] == ' ';
		bool ends = at[length] == '\0' || at[length] == ' ';

		if (starts && ends)
			return true;
	}
	return false;
}

static void warn_of_gitlab_scopes(struct warnings *to, const struct connection *c)
{
	struct scope_verdict verdict = forge_of(PROVIDER_GITLAB)->judge_scopes(c->scopes);

	if (verdict.granular) {
		warn(to, WARN_TOKEN_FINE_GRAINED,
		     "The token is fine-grained: what it may do is checked when a repository is added. "
		     "It needs User: Read, Project: Read, Code: Download and Push.");
		return;
	}
	if (!verdict.known) {
		warn(to, WARN_SCOPES_UNKNOWN,
		     "This GitLab cannot list token scopes (it is older than 15.5); they will be checked when a repository is "
		     "added.");
		return;
	}
	if (!verdict.can_push)
		warn(to, WARN_TOKEN_CANNOT_PUSH,
		     "The token can read but not push (scopes: %.200s). Add 'write_repository' or 'api'.", c->scopes);
	if (verdict.too_powerful) {
		bool both = has_scope(c->scopes, "sudo") && has_scope(c->scopes, "admin_mode");
		const char *one = has_scope(c->scopes, "sudo") ? "sudo" : "admin_mode";

		warn(to, WARN_TOKEN_TOO_POWERFUL, "The token also has %s; it is not needed.", both ? "sudo and admin_mode" : one);
	}
}

/* Only classic tokens have scopes there. */
static void warn_of_github_scopes(struct warnings *to, const struct connection *c)
{
	struct scope_verdict verdict = forge_of(PROVIDER_GITHUB)->judge_scopes(c->scopes);

	if (!verdict.known) {
		warn(to, WARN_TOKEN_FINE_GRAINED,
		     "The token is fine-grained: what it may do is checked when a repository is added. "
		     "It needs Metadata: Read, Contents: Read and write.");
		return;
	}
	if (!verdict.can_push)
		warn(to, WARN_TOKEN_CANNOT_PUSH, "The token can read but not push (scopes: %.200s). Add 'repo'.", c->scopes);
	if (verdict.too_powerful)
		warn(to, WARN_TOKEN_TOO_POWERFUL, "The token has scopes that are not needed (scopes: %.200s); 'repo' is enough.",
		     c->scopes);
}

static void warn_of_bot(struct warnings *to, const struct connection *c, enum provider provider)
{
	const char *username = c->username ? c->username : "";

	if (provider == PROVIDER_GITHUB)
		warn(to, WARN_TOKEN_IS_BOT, "Connected as bot %.200s; commits will show the bot.", username);
	else
		warn(to, WARN_TOKEN_IS_BOT,
		     "Connected as bot %.200s; commits will show the bot, and only its project or group is reachable.", username);
}

size_t account_warnings(const struct connection *c, int64_t now_s, struct account_warning ret[WARN_COUNT])
{
	struct warnings to = {.items = ret};
	enum provider provider = PROVIDER_UNKNOWN;

	if (!provider_parse(c->provider, &provider))
		return 0; /* written by a later program, which knows its words */
	if (provider == PROVIDER_GITHUB)
		warn_of_github_scopes(&to, c);
	else
		warn_of_gitlab_scopes(&to, c);
	/* Scopes and expiry come from the same answer: where one is unknown, a missing date says nothing. */
	if (c->scopes || c->expires_at)
		warn_of_expiry(&to, c->expires_at, now_s);
	if (c->is_bot)
		warn_of_bot(&to, c, provider);
	return to.count;
}
