#include "token_text.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#include "caps.h"

static const struct {
	const char *sentence;
	enum provider provider;
	const char *text;
	const char *token;
} accepted[] = {
        {"a usual token", PROVIDER_GITLAB, "glpat-abcdefghij0123456789", "glpat-abcdefghij0123456789"},
        {"blanks and line breaks around it", PROVIDER_GITLAB, " \tglpat-abcdefghij0123456789\r\n", "glpat-abcdefghij0123456789"},
        {"20 characters of old GitLab", PROVIDER_GITLAB, "abcdefghij0123456789", "abcdefghij0123456789"},
        {"a routable token with dots", PROVIDER_GITLAB, "glpat-rQxNabcdYZq2Kfe0BD.01.6z70tqjnm",
         "glpat-rQxNabcdYZq2Kfe0BD.01.6z70tqjnm"},
        {"an administrator's own prefix", PROVIDER_GITLAB, "mycorp-abcdefghij0123456789", "mycorp-abcdefghij0123456789"},
        {"an instance's prefix before the usual one", PROVIDER_GITLAB, "mycorp-glpat-abcdefghij", "mycorp-glpat-abcdefghij"},
        {"another kind's prefix before the usual one", PROVIDER_GITLAB, "glcbt-glpat-abcdefghij", "glcbt-glpat-abcdefghij"},
        {"a known prefix inside a word", PROVIDER_GITLAB, "myglrt-abcdefghij", "myglrt-abcdefghij"},
        {"the shortest", PROVIDER_GITLAB, "12345678", "12345678"},
        {"all other marks", PROVIDER_GITLAB, "!#$%&()*+,-./:;<=>?@[]^_`{|}~", "!#$%&()*+,-./:;<=>?@[]^_`{|}~"},
        {"a classic token of GitHub", PROVIDER_GITHUB, "ghp_abcdefghij0123456789\n", "ghp_abcdefghij0123456789"},
        {"a fine-grained token of GitHub", PROVIDER_GITHUB, "github_pat_11ABC_abcdefghij", "github_pat_11ABC_abcdefghij"},
        {"an OAuth token of GitHub", PROVIDER_GITHUB, "gho_abcdefghij0123456789", "gho_abcdefghij0123456789"},
        {"a user's token of a GitHub App", PROVIDER_GITHUB, "ghu_abcdefghij0123456789", "ghu_abcdefghij0123456789"},
        {"40 digits of old GitHub", PROVIDER_GITHUB, "0123456789abcdef0123456789abcdef01234567",
         "0123456789abcdef0123456789abcdef01234567"},
};

static void parse_takes_any_printable_token(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(accepted); i++) {
		CLEANUP(secret_release) struct secret token = SECRET_INIT;
		struct error err = ERROR_INIT;

		print_message("%s\n", accepted[i].sentence);
		if (!token_text_parse(accepted[i].provider, accepted[i].text, &token, &err))
			fail_msg("%s", err.message);
		assert_string_equal(secret_bytes(&token), accepted[i].token);
		assert_int_equal(token.length, strlen(accepted[i].token));
	}
}

static const struct {
	const char *sentence;
	const char *text;
} malformed[] = {
        {"nothing", NULL},
        {"empty", ""},
        {"blanks only", " \r\n\t"},
        {"seven characters", "s3cret7"},
        {"a blank inside", "glpat-s3cret s3cret"},
        {"a line break inside would add a header", "glpat-s3cret\r\nX-Evil: s3cret"},
        {"a control character", "glpat-s3cret\x01s3cret"},
        {"double quotes from a file", "\"glpat-s3cretabcdefgh\""},
        {"single quotes", "'glpat-s3cretabcdefgh'"},
        {"a backslash", "glpat-s3cret\\n"},
        {"letters that are not ASCII", "glpat-s3cretäöü"},
        {"a blank that is not ASCII", "glpat-s3cret\xc2\xa0"},
};

static void parse_refuses_what_cannot_be_a_token(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(malformed); i++) {
		struct secret token = SECRET_INIT;
		struct error err = ERROR_INIT;

		print_message("%s\n", malformed[i].sentence);
		assert_false(token_text_parse(PROVIDER_GITLAB, malformed[i].text, &token, &err));
		assert_int_equal(err.code, ERR_TOKEN_MALFORMED);
		assert_null(token.bytes_);
		assert_null(strstr(err.message, "s3cret"));
	}
}

static void parse_has_a_length_limit(void **state)
{
	CLEANUP(secret_release) struct secret token = SECRET_INIT;
	struct error err = ERROR_INIT;
	char text[LIMIT_TOKEN_MAX + 2] = {0};

	(void)state;
	memset(text, 'x', LIMIT_TOKEN_MAX);
	assert_true(token_text_parse(PROVIDER_GITLAB, text, &token, &err));
	text[LIMIT_TOKEN_MAX] = 'x';
	assert_false(token_text_parse(PROVIDER_GITLAB, text, &token, &err));
	assert_int_equal(err.code, ERR_TOKEN_MALFORMED);
}

static const struct {
	enum provider provider;
	const char *text;
	const char *kind;
} wrong[] = {
        {PROVIDER_GITLAB, "gldt-s3cretabcdefgh", "GitLab deploy token"},
        {PROVIDER_GITLAB, "glcbt-64_s3cretabcdefgh", "GitLab CI job token"},
        {PROVIDER_GITLAB, "glrt-s3cretabcdefgh", "GitLab runner authentication token"},
        {PROVIDER_GITLAB, "glrtr-s3cretabcdefgh", "GitLab runner authentication token"},
        {PROVIDER_GITLAB, "GR1348941s3cretabcdefgh", "GitLab runner registration token"},
        {PROVIDER_GITLAB, "glptt-s3cretabcdefgh", "GitLab pipeline trigger token"},
        {PROVIDER_GITLAB, "glft-s3cretabcdefgh", "GitLab feed token"},
        {PROVIDER_GITLAB, "glimt-s3cretabcdefgh", "GitLab incoming mail token"},
        {PROVIDER_GITLAB, "glagent-s3cretabcdefgh", "GitLab agent token"},
        {PROVIDER_GITLAB, "glsoat-s3cretabcdefgh", "GitLab SCIM token"},
        {PROVIDER_GITLAB, "gloas-s3cretabcdefgh", "GitLab OAuth application secret"},
        {PROVIDER_GITLAB, "glffct-s3cretabcdefgh", "GitLab feature flags client token"},
        {PROVIDER_GITLAB, "glwt-s3cretabcdefgh", "GitLab workspace token"},
        {PROVIDER_GITLAB, "mycorp-gldt-s3cretabcdefgh", "GitLab deploy token"},
        {PROVIDER_GITLAB, " my-corp-glrt-s3cretabcdefgh\n", "GitLab runner authentication token"},
        {PROVIDER_GITLAB, "ghp_s3cretabcdefgh", "GitHub personal access token"},
        {PROVIDER_GITLAB, "github_pat_s3cretabcdefgh", "GitHub fine-grained personal access token"},
        {PROVIDER_GITLAB, "gho_s3cretabcdefgh", "GitHub OAuth token"},
        {PROVIDER_GITLAB, "ghu_s3cretabcdefgh", "GitHub App user token"},
        {PROVIDER_GITLAB, "ghs_s3cretabcdefgh", "GitHub App installation token"},
        {PROVIDER_GITLAB, "ghr_s3cretabcdefgh", "GitHub refresh token"},
        {PROVIDER_GITHUB, "ghs_s3cretabcdefgh", "GitHub App installation token"},
        {PROVIDER_GITHUB, "ghr_s3cretabcdefgh", "GitHub refresh token"},
        {PROVIDER_GITHUB, "glpat-s3cretabcdefgh", "GitLab personal access token"},
        {PROVIDER_GITHUB, "mycorp-glpat-s3cretabcdefgh", "GitLab personal access token"},
        {PROVIDER_GITHUB, "gldt-s3cretabcdefgh", "GitLab deploy token"},
};

static void parse_names_other_kinds_of_token(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(wrong); i++) {
		struct secret token = SECRET_INIT;
		struct error err = ERROR_INIT;

		assert_false(token_text_parse(wrong[i].provider, wrong[i].text, &token, &err));
		assert_int_equal(err.code, ERR_TOKEN_WRONG_KIND);
		assert_non_null(strstr(err.message, wrong[i].kind));
		assert_null(strstr(err.message, "s3cret"));
	}
}

static void what_is_needed_is_told_in_the_providers_words(void **state)
{
	static const struct {
		enum provider provider;
		const char *text, *message, *remedy;
	} rows[] = {
	        {PROVIDER_GITLAB, "ghp_abcdefgh",
	         "This is a GitHub personal access token. A GitLab personal access token (usually starting with glpat-) is needed.",
	         "Create a personal access token in GitLab under Preferences > Access tokens."},
	        {PROVIDER_GITHUB, "glpat-abcdefgh",
	         "This is a GitLab personal access token. A GitHub personal access token (starting with ghp_ or github_pat_) is "
	         "needed.",
	         "Create a personal access token in GitHub under Settings > Developer settings."},
	        {PROVIDER_GITLAB, "short", "The token has 5 characters; 8 to 512 are possible.",
	         "Copy the whole token again from GitLab, without spaces."},
	        {PROVIDER_GITHUB, "short", "The token has 5 characters; 8 to 512 are possible.",
	         "Copy the whole token again from GitHub, without spaces."},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct secret token = SECRET_INIT;
		struct error err = ERROR_INIT;

		assert_false(token_text_parse(rows[i].provider, rows[i].text, &token, &err));
		assert_string_equal(err.message, rows[i].message);
		assert_string_equal(error_remediation(&err), rows[i].remedy);
	}
}

static int set_up(void **state)
{
	(void)state;
	return secret_library_init() ? 0 : -1;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(parse_takes_any_printable_token),
	        cmocka_unit_test(parse_refuses_what_cannot_be_a_token),
	        cmocka_unit_test(parse_has_a_length_limit),
	        cmocka_unit_test(parse_names_other_kinds_of_token),
	        cmocka_unit_test(what_is_needed_is_told_in_the_providers_words),
	};
	return cmocka_run_group_tests(tests, set_up, NULL);
}
