#include "token_text.h"

#include <string.h>

#include "ascii.h"
#include "caps.h"

static const struct token_kind {
	const char *prefix;
	const char *kind;
	bool behind_prefix; /* an instance may put a prefix of its own before it */
} kinds[] = {
        {"gldt-", "GitLab deploy token", true},
        {"glcbt-", "GitLab CI job token", true},
        {"glrt-", "GitLab runner authentication token", true},
        {"glrtr-", "GitLab runner authentication token", true},
        {"GR1348941", "GitLab runner registration token", false},
        {"glptt-", "GitLab pipeline trigger token", true},
        {"glft-", "GitLab feed token", true},
        {"glimt-", "GitLab incoming mail token", true},
        {"glagent-", "GitLab agent token for Kubernetes", true},
        {"glsoat-", "GitLab SCIM token", true},
        {"gloas-", "GitLab OAuth application secret", true},
        {"glffct-", "GitLab feature flags client token", true},
        {"glwt-", "GitLab workspace token", true},
        {"ghp_", "GitHub personal access token", false},
        {"github_pat_", "GitHub fine-grained personal access token", false},
        {"gho_", "GitHub OAuth token", false},
        {"ghu_", "GitHub App user token", false},
        {"ghs_", "GitHub App installation token", false},
        {"ghr_", "GitHub refresh token", false},
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

bool token_text_parse(const char *text, struct secret *ret, struct error *err)
{
	if (!text)
		text = "";
	while (ascii_is_blank(*text))
		text++;
	size_t length = strlen(text);
	while (length > 0 && ascii_is_blank(text[length - 1]))
		length--;

	if (length == 0)
		return error_set(err, ERR_TOKEN_MALFORMED, "The token is empty or contains only spaces or line breaks.");
	if (!judge_bytes(text, length, err))
		return false;
	if (length < LIMIT_TOKEN_MIN || length > LIMIT_TOKEN_MAX)
		return error_set(err, ERR_TOKEN_MALFORMED, "The token has %zu characters; 8 to 512 are possible.", length);
	for (size_t i = 0; i < ARRAY_SIZE(kinds) && !strstr(text, "glpat-"); i++) {
		if (is_of_kind(text, &kinds[i]))
			return error_set(err, ERR_TOKEN_WRONG_KIND,
			                 "This is a %s. A GitLab personal access token (usually starting with glpat-) is needed.",
			                 kinds[i].kind);
	}
	secret_set(ret, text, length);
	return true;
}
