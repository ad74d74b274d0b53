#include "token_text.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#include "caps.h"

static const struct {
	const char *sentence;
	const char *text;
	const char *token;
} accepted[] = {
        {"a usual token", "glpat-abcdefghij0123456789", "glpat-abcdefghij0123456789"},
        {"blanks and line breaks around it", " \tglpat-abcdefghij0123456789\r\n", "glpat-abcdefghij0123456789"},
        {"20 characters of old GitLab", "abcdefghij0123456789", "abcdefghij0123456789"},
        {"a routable token with dots", "glpat-rQxNabcdYZq2Kfe0BD.01.6z70tqjnm", "glpat-rQxNabcdYZq2Kfe0BD.01.6z70tqjnm"},
        {"an administrator's own prefix", "mycorp-abcdefghij0123456789", "mycorp-abcdefghij0123456789"},
        {"an instance's prefix before the usual one", "mycorp-glpat-abcdefghij", "mycorp-glpat-abcdefghij"},
        {"another kind's prefix before the usual one", "glcbt-glpat-abcdefghij", "glcbt-glpat-abcdefghij"},
        {"a known prefix inside a word", "myglrt-abcdefghij", "myglrt-abcdefghij"},
        {"the shortest", "12345678", "12345678"},
        {"all other marks", "!#$%&()*+,-./:;<=>?@[]^_`{|}~", "!#$%&()*+,-./:;<=>?@[]^_`{|}~"},
};

static void parse_takes_any_printable_token(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(accepted); i++) {
		CLEANUP(secret_release) struct secret token = SECRET_INIT;
		struct error err = ERROR_INIT;

		print_message("%s\n", accepted[i].sentence);
		if (!token_text_parse(accepted[i].text, &token, &err))
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
		assert_false(token_text_parse(malformed[i].text, &token, &err));
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
	assert_true(token_text_parse(text, &token, &err));
	text[LIMIT_TOKEN_MAX] = 'x';
	assert_false(token_text_parse(text, &token, &err));
	assert_int_equal(err.code, ERR_TOKEN_MALFORMED);
}

static const struct {
	const char *text;
	const char *kind;
} wrong[] = {
        {"gldt-s3cretabcdefgh", "GitLab deploy token"},
        {"glcbt-64_s3cretabcdefgh", "GitLab CI job token"},
        {"glrt-s3cretabcdefgh", "GitLab runner authentication token"},
        {"glrtr-s3cretabcdefgh", "GitLab runner authentication token"},
        {"GR1348941s3cretabcdefgh", "GitLab runner registration token"},
        {"glptt-s3cretabcdefgh", "GitLab pipeline trigger token"},
        {"glft-s3cretabcdefgh", "GitLab feed token"},
        {"glimt-s3cretabcdefgh", "GitLab incoming mail token"},
        {"glagent-s3cretabcdefgh", "GitLab agent token"},
        {"glsoat-s3cretabcdefgh", "GitLab SCIM token"},
        {"gloas-s3cretabcdefgh", "GitLab OAuth application secret"},
        {"glffct-s3cretabcdefgh", "GitLab feature flags client token"},
        {"glwt-s3cretabcdefgh", "GitLab workspace token"},
        {"mycorp-gldt-s3cretabcdefgh", "GitLab deploy token"},
        {" my-corp-glrt-s3cretabcdefgh\n", "GitLab runner authentication token"},
        {"ghp_s3cretabcdefgh", "GitHub personal access token"},
        {"github_pat_s3cretabcdefgh", "GitHub fine-grained personal access token"},
        {"gho_s3cretabcdefgh", "GitHub OAuth token"},
        {"ghu_s3cretabcdefgh", "GitHub App user token"},
        {"ghs_s3cretabcdefgh", "GitHub App installation token"},
        {"ghr_s3cretabcdefgh", "GitHub refresh token"},
};

static void parse_names_other_kinds_of_token(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(wrong); i++) {
		struct secret token = SECRET_INIT;
		struct error err = ERROR_INIT;

		assert_false(token_text_parse(wrong[i].text, &token, &err));
		assert_int_equal(err.code, ERR_TOKEN_WRONG_KIND);
		assert_non_null(strstr(err.message, wrong[i].kind));
		assert_null(strstr(err.message, "s3cret"));
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
	};
	return cmocka_run_group_tests(tests, set_up, NULL);
}
