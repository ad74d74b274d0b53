#include "token_text.h"

#include <string.h>

#include "ascii.h"
#include "caps.h"

static const struct token_kind {
	const char *prefix;
	const char *kind;
	bool behind_prefix; /* an instance may put a prefix of its own before it */
	enum provider good; /* for a connection to this provider it will do; UNKNOWN: for none */
} kinds[] = {
        {"glpat-", "GitLab personal access token", true, PROVIDER_GITLAB},
        {"gldt-", "GitLab deploy token", true, PROVIDER_UNKNOWN},
        {"glcbt-", "GitLab CI job token", true, PROVIDER_UNKNOWN},
        {"glrt-", "GitLab runner authentication token", true, PROVIDER_UNKNOWN},
        {"glrtr-", "GitLab runner authentication token", true, PROVIDER_UNKNOWN},
        {"GR1348941", "GitLab runner registration token", false, PROVIDER_UNKNOWN},
        {"glptt-", "GitLab pipeline trigger token", true, PROVIDER_UNKNOWN},
        {"glft-", "GitLab feed token", true, PROVIDER_UNKNOWN},
        {"glimt-", "GitLab incoming mail token", true, PROVIDER_UNKNOWN},
        {"glagent-", "GitLab agent token for Kubernetes", true, PROVIDER_UNKNOWN},
        {"glsoat-", "GitLab SCIM token", true, PROVIDER_UNKNOWN},
        {"gloas-", "GitLab OAuth application secret", true, PROVIDER_UNKNOWN},
        {"glffct-", "GitLab feature flags client token", true, PROVIDER_UNKNOWN},
        {"glwt-", "GitLab workspace token", true, PROVIDER_UNKNOWN},
        {"ghp_", "GitHub personal access token", false, PROVIDER_GITHUB},
        {"github_pat_", "GitHub fine-grained personal access token", false, PROVIDER_GITHUB},
        {"gho_", "GitHub OAuth token", false, PROVIDER_GITHUB},
        {"ghu_", "GitHub App user token", false, PROVIDER_GITHUB},
        {"ghs_", "GitHub App installation token", false, PROVIDER_UNKNOWN},
        {"ghr_", "GitHub refresh token", false, PROVIDER_UNKNOWN},
};

/* The prefix at the start, or after the hyphen that ends an instance's own prefix ("mycorp-gldt-…"). */
static bool is_of_kind(const char *token, const struct token_kind *kind)
{
	if (strncmp(token, kind->prefix, strlen(kind->prefix)) == 0)
		return true;
	if (!kind->behind_prefix)
		return false;
	for (const char *at = strstr(token, kind->prefix); at; at = strstr(at + 1, kind->prefix)) {
		if (at[-1] == '-')
			return true;
	}
	return false;
}

static bool judge_bytes(const char *token, size_t length, struct error *err)
{
	for (size_t i = 0; i < length; i++) {
		if (ascii_is_blank(token[i]) || ascii_is_control(token[i]))
			return error_set(err, ERR_TOKEN_MALFORMED, "The token contains spaces, line breaks or control characters.");
		if ((unsigned char)token[i] >= 0x80)
			return error_set(err, ERR_TOKEN_MALFORMED, "The token contains characters that are not ASCII.");
		if (strchr("\"'\\", token[i]))
			return error_set(err, ERR_TOKEN_MALFORMED, "The token contains a quote or a backslash.");
	}
	return true;
}

/* NULL: nothing speaks against it. */
static const struct token_kind *find_wrong_kind(enum provider provider, const char *token)
{
	/* The mark of the right kind outweighs whatever an administrator has put before it. */
	if (provider != PROVIDER_GITHUB && strstr(token, "glpat-"))
		return NULL;
	for (size_t i = 0; i < ARRAY_SIZE(kinds); i++)
		if (is_of_kind(token, &kinds[i]))
			return kinds[i].good == provider ? NULL : &kinds[i];
	return NULL;
}

static bool refuse_kind(enum provider provider, const struct token_kind *kind, struct error *err)
{
	if (provider != PROVIDER_GITHUB)
		return error_set(err, ERR_TOKEN_WRONG_KIND,
		                 "This is a %s. A GitLab personal access token (usually starting with glpat-) is needed.",
		                 kind->kind);
	error_set(err, ERR_TOKEN_WRONG_KIND,
	          "This is a %s. A GitHub personal access token (starting with ghp_ or github_pat_) is needed.", kind->kind);
	return error_remedy(err, "Create a personal access token in GitHub under Settings > Developer settings.");
}

static bool judge_length(size_t length, struct error *err)
{
	if (length == 0)
		return error_set(err, ERR_TOKEN_MALFORMED, "The token is empty or contains only spaces or line breaks.");
	if (length < LIMIT_TOKEN_MIN || length > LIMIT_TOKEN_MAX)
		return error_set(err, ERR_TOKEN_MALFORMED, "The token has %zu characters; 8 to 512 are possible.", length);
	return true;
}

bool token_text_parse(enum provider provider, const char *text, struct secret *ret, struct error *err)
{
	const struct token_kind *wrong;
	size_t length;

	if (!text)
		text = "";
	while (ascii_is_blank(*text))
		text++;
	length = strlen(text);
	while (length > 0 && ascii_is_blank(text[length - 1]))
		length--;
	if (!judge_bytes(text, length, err) || !judge_length(length, err)) {
		if (provider == PROVIDER_GITHUB)
			error_remedy(err, "Copy the whole token again from GitHub, without spaces.");
		return false;
	}
	wrong = find_wrong_kind(provider, text);
	if (wrong)
		return refuse_kind(provider, wrong, err);
	secret_set(ret, text, length);
	return true;
}
