#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>
#include <time.h>

#include "encoding.h"
#include "redact.h"

struct row {
	const char *says, *text, *expected;
};

static void check(const struct redactor *r, const struct row *rows, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		CLEANUP(strbuf_release) struct strbuf once = STRBUF_INIT(10000), twice = STRBUF_INIT(10000);
		redact(r, rows[i].text, strlen(rows[i].text), &once);
		if (strcmp(once.data, rows[i].expected) != 0)
			fail_msg("%s: %s", rows[i].says, once.data);
		redact(r, once.data, once.length, &twice);
		if (strcmp(once.data, twice.data) != 0)
			fail_msg("%s: not stable: %s", rows[i].says, twice.data);
	}
}

static void tokens_that_show_their_kind_are_masked(void **state)
{
	static const struct row rows[] = {
	        {"personal access token", "Using glpat-abcDEF123_456-789 now", "Using glpat-*** now"},
	        {"routable token with dots", "glpat-aBc_def-123.01.0w1x2y3z4", "glpat-***"},
	        {"the sentence's full stop stays", "It is glpat-abc.", "It is glpat-***."},
	        {"deploy token", "gldt-abc", "gldt-***"},
	        {"CI job token", "glcbt-64_abc", "glcbt-***"},
	        {"runner token", "glrt-t1_abc", "glrt-***"},
	        {"runner token, other kind", "glrtr-abc", "glrtr-***"},
	        {"trigger token", "glptt-abc", "glptt-***"},
	        {"feed token", "glft-abc", "glft-***"},
	        {"incoming mail token", "glimt-abc", "glimt-***"},
	        {"agent token", "glagent-abc", "glagent-***"},
	        {"SCIM token", "glsoat-abc", "glsoat-***"},
	        {"OAuth application secret", "gloas-abc", "gloas-***"},
	        {"feature flags token", "glffct-abc", "glffct-***"},
	        {"workspace token", "glwt-abc", "glwt-***"},
	        {"instance prefix", "x mycorp-glpat-abc y", "x glpat-*** y"},
	        {"instance prefix with underscore", "my_corp_glpat-abc", "glpat-***"},
	        {"inside a longer word, when long", "corpglpat-abcdefghij0123456789", "glpat-***"},
	        {"registration token", "GR1348941abcdef", "GR1348941***"},
	        {"GitHub, classic", "ghp_abc123", "ghp_***"},
	        {"GitHub, OAuth", "gho_abc", "gho_***"},
	        {"GitHub, user to server", "ghu_abc", "ghu_***"},
	        {"GitHub, installation", "ghs_abc", "ghs_***"},
	        {"GitHub, refresh", "ghr_abc", "ghr_***"},
	        {"GitHub, fine-grained", "github_pat_11ABC_def", "github_pat_***"},
	        {"our bearer", "as acp_0123456789abcdefghijABCDEFGHIJ-_0123456789a", "as acp_***"},
	        {"two in one text", "glpat-a,gldt-b", "glpat-***,gldt-***"},
	        {"after an escape of JSON", "a\\nglpat-abc\\nb", "a\\nglpat-***\\nb"},
	        {"after a \\u escape of JSON", "\\u0022glpat-abc\\u0022", "\\u0022glpat-***\\u0022"},
	        {"in quotes of JSON", "{\\\"t\\\":\\\"glpat-abc\\\"}", "{\\\"t\\\":\\\"glpat-***\\\"}"},
	        {"after a percent escape", "u%3Aglpat-abc%40h", "u%3Aglpat-***%40h"},
	        {"after a percent escape, blank", "a%20glpat-abc", "a%20glpat-***"},
	};
	(void)state;
	check(NULL, rows, ARRAY_SIZE(rows));
}

static void announced_credentials_are_masked(void **state)
{
	static const struct row rows[] = {
	        {"bearer", "Authorization: Bearer x", "Authorization: Bearer ***"},
	        {"bearer in lower case", "authorization: bearer aB3/+=", "authorization: bearer ***"},
	        {"bearer, a JWT", "Bearer eyJh.eyJz.c-_g end", "Bearer *** end"},
	        {"bearer in quotes", "'Authorization: Bearer abc'", "'Authorization: Bearer ***'"},
	        {"bearer, percent-encoded", "Bearer%20abc", "Bearer%20***"},
	        {"basic", "Basic b2F1dGgyOnh5eg==", "Basic ***"},
	        {"basic, short", "Basic x", "Basic ***"},
	        {"header", "PRIVATE-TOKEN: abc", "PRIVATE-TOKEN: ***"},
	        {"header without a blank", "Private-Token:abc\r\nHost: x", "Private-Token:***\r\nHost: x"},
	        {"job header", "JOB-TOKEN: abc", "JOB-TOKEN: ***"},
	        {"query", "https://h/p?private_token=abc&x=1", "https://h/p?private_token=***&x=1"},
	        {"query, OAuth", "?access_token=abc#frag", "?access_token=***#frag"},
	        {"query, plain", "?token=abc", "?token=***"},
	        {"query, job", "?job_token=abc", "?job_token=***"},
	        {"query inside a parameter", "u=%3Fprivate_token%3Dabc%26x", "u=%3Fprivate_token%3D***%26x"},
	        {"field of JSON", "{\"personalAccessToken\": \"abc\"}", "{\"personalAccessToken\": \"***\"}"},
	        {"field of JSON in JSON", "{\\\"token\\\":\\\"abc\\\"}", "{\\\"token\\\":\\\"***\\\"}"},
	        {"password", "password=abc", "password=***"},
	        {"a known kind behind a name", "private_token=glpat-abc", "private_token=***"},
	};
	(void)state;
	check(NULL, rows, ARRAY_SIZE(rows));
}

static void credentials_in_addresses_are_masked(void **state)
{
	static const struct row rows[] = {
	        {"user and password", "https://oauth2:glpat-abc@gitlab.com/a.git", "https://oauth2:***@gitlab.com/a.git"},
	        {"token alone", "https://abc@gitlab.com/a", "https://***@gitlab.com/a"},
	        {"at sign in the password", "https://u:p@ss@h/a", "https://u:***@h/a"},
	        {"colon in the password", "https://u:a:b@h/a", "https://u:***@h/a"},
	        {"token as user", "https://glpat-abc:x-oauth-basic@h/", "https://***@h/"},
	        {"token as user, empty password", "https://abc:@h/", "https://***@h/"},
	        {"known token as user", "https://glpat-abc:x@h/", "https://glpat-***:***@h/"},
	        {"scheme misspelt", "htps://oauth2:abc@h", "htps://oauth2:***@h"},
	        {"percent-encoded address", "url=https%3A%2F%2Fu%3Apw%40h%2Fp", "url=https%3A%2F%2Fu%3A***%40h%2Fp"},
	        {"in quotes", "unable to access 'https://u:p@h/': x", "unable to access 'https://u:***@h/': x"},
	        {"ssh user", "ssh://git@h/a", "ssh://git@h/a"},
	        {"no user", "https://h/a@b", "https://h/a@b"},
	        {"no user, at sign in the query", "https://h?q=a@b", "https://h?q=a@b"},
	        {"mail address", "john@example.com", "john@example.com"},
	};
	(void)state;
	check(NULL, rows, ARRAY_SIZE(rows));
}

static void ordinary_text_survives(void **state)
{
	static const char *const texts[] = {
	        "glpat-***",
	        "[GitLab] Using token glpat-*** for user john",
	        "single-handed, english-language, english-speaking people",
	        "englpat-ish is no word, nor is eagle-glpat",
	        "Tokens begin with 'glpat-'.",
	        "Send 'Authorization: Bearer <token>' with a token of this platform.",
	        "The Bearer token is missing. Basic authentication is off.",
	        "WWW-Authenticate: Basic realm=\"GitLab\"",
	        "the bearer of this note; basic rules",
	        "Invalid token: it has expired",
	        "{\"token\":null,\"token\":{\"name\":\"x\"},\"code\":\"token_expired\"}",
	        "acp_requests_total acp_http_request_duration_seconds_bucket acp_hardening",
	        "View changes in GitLab:\nhttps://gitlab.com/myteam/backend/-/tree/feature/add-feature-x",
	        "100% sure; C:\\new\\runner; a\\",
	        "ghp_ and github_pat_ and GR1348941",
	        "\xff\xfe broken \x80 bytes ü€",
	        "",
	};
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(texts); i++)
		check(NULL, &(struct row){texts[i], texts[i], texts[i]}, 1);
}

static struct redactor *redactor_of(const char *value)
{
	struct redactor *r = redactor_new();
	CLEANUP(secret_release) struct secret s = SECRET_INIT;
	secret_set(&s, value, strlen(value));
	redactor_add(r, &s);
	return r;
}

static void known_values_are_masked_in_every_spelling(void **state)
{
	static const struct row rows[] = {
	        {"raw", "say legacy+Tok/en\"1\\x loud", "say *** loud"},
	        {"twice", "legacy+Tok/en\"1\\xlegacy+Tok/en\"1\\x", "******"},
	        {"percent-encoded", "q=legacy%2BTok%2Fen%221%5Cx&", "q=***&"},
	        {"percent-encoded, lower hex", "q=legacy%2bTok%2fen%221%5cx&", "q=***&"},
	        {"JSON-escaped", "\"legacy+Tok/en\\\"1\\\\x\"", "\"***\""},
	        {"JSON-escaped, slashes too", "\"legacy+Tok\\/en\\\"1\\\\x\"", "\"***\""},
	        {"cut at the end of the text", "say legacy+Tok", "say ***"},
	        {"a short beginning is no match", "say legacy", "say legacy"},
	        {"nothing of it", "say nothing", "say nothing"},
	};
	(void)state;
	CLEANUP(redactor_freep) struct redactor *r = redactor_of("legacy+Tok/en\"1\\x");
	check(r, rows, ARRAY_SIZE(rows));
}

/* Every digit that holds a bit of the value goes, every other stays. */
static void check_base64(const char *value, size_t before, size_t after, bool url)
{
	CLEANUP(redactor_freep) struct redactor *r = redactor_of(value);
	CLEANUP(strbuf_release) struct strbuf bytes = STRBUF_INIT(99), text = STRBUF_INIT(99);
	CLEANUP(strbuf_release) struct strbuf expected = STRBUF_INIT(99), masked = STRBUF_INIT(99);
	strbuf_addf(&bytes, "%.*s%s%.*s", (int)before, "username-is:", value, (int)after, "\n\n");
	(url ? encode_base64url : encode_base64)(&text, bytes.data, bytes.length);
	size_t first = before * 8 / 6, end = ((before + strlen(value)) * 8 + 5) / 6;
	strbuf_addf(&expected, "%.*s***%s", (int)first, text.data, text.data + end);
	redact(r, text.data, text.length, &masked);
	if (strcmp(masked.data, expected.data) != 0)
		fail_msg("%zu before, %zu after: %s", before, after, masked.data);
}

static void known_values_are_masked_in_base64_at_every_alignment(void **state)
{
	static const char *const values[] = {"0123456789abcdefghij", "0123456789abcdefghi", "0123456789abcdefgh",
	                                     "~~~?>?>>>\xff\xfe\xfd\xfc"};
	(void)state;
	for (size_t v = 0; v < ARRAY_SIZE(values); v++)
		for (size_t before = 0; before < 12; before++)
			for (size_t after = 0; after < 3; after++) {
				check_base64(values[v], before, after, false);
				check_base64(values[v], before, after, true);
			}
}

static void value_that_follows_its_base64_at_once_is_masked(void **state)
{
	static const char value[] = "s3cr3t.Value_of-a-token+9";
	CLEANUP(redactor_freep) struct redactor *r = redactor_new();
	CLEANUP(secret_release) struct secret secret = SECRET_INIT;
	CLEANUP(strbuf_release) struct strbuf text = STRBUF_INIT(1000), out = STRBUF_INIT(1000);
	(void)state;
	secret_set(&secret, value, strlen(value));
	redactor_add(r, &secret);
	encode_base64url(&text, value, strlen(value));
	text.data[--text.length] = '\0'; /* without the last digit, whose bits are shared with what would follow */
	strbuf_add_string(&text, value);
	redact(r, text.data, text.length, &out);
	assert_null(strstr(out.data, value + 1));
}

static void short_and_binary_values_do_no_harm(void **state)
{
	(void)state;
	CLEANUP(redactor_freep) struct redactor *r = redactor_new();
	CLEANUP(secret_release) struct secret s = SECRET_INIT;
	redactor_add(r, &s);
	secret_set(&s, "abc", 3);
	redactor_add(r, &s);
	secret_set(&s, "a\0key\0bytes", 11);
	redactor_add(r, &s);
	check(r, &(struct row){"text with their letters", "abc a key", "abc a key"}, 1);
	CLEANUP(strbuf_release) struct strbuf masked = STRBUF_INIT(99);
	redact(r, "\0a\0key\0bytes\0", 13, &masked);
	assert_int_equal(masked.length, 5);
	assert_memory_equal(masked.data, "\0***\0", 5);
}

static void in_place_masking_stays_in_its_buffer(void **state)
{
	static const struct {
		const char *says, *text;
		size_t capacity;
		const char *expected;
	} rows[] = {
	        {"shorter", "glpat-abcdefghijklmnop", 30, "glpat-***"},
	        {"growing is cut", "://a@bcdef", 11, "://***@bcd"},
	        {"full buffer without NUL", "glpat-abcd", 10, "glpat-***"},
	        {"room for the NUL alone", "x", 1, ""},
	};
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		char buffer[32];
		memset(buffer, 'Z', sizeof(buffer));
		size_t length = strlen(rows[i].text) + 1;
		memcpy(buffer, rows[i].text, length < rows[i].capacity ? length : rows[i].capacity);
		redact_in_place(NULL, buffer, rows[i].capacity);
		if (strcmp(buffer, rows[i].expected) != 0)
			fail_msg("%s: %s", rows[i].says, buffer);
		for (size_t at = strlen(buffer); at < rows[i].capacity; at++)
			assert_int_equal(buffer[at], 0);
		assert_int_equal(buffer[rows[i].capacity], 'Z');
	}
}

static void sentences_are_one_clean_line(void **state)
{
	static const struct {
		const char *says, *text;
		size_t max;
		const char *expected;
	} rows[] = {
	        {"line breaks", "remote: \r\n  You are not allowed\tto push\n", 100, "remote: You are not allowed to push"},
	        {"a token over two lines of a header", "PRIVATE-TOKEN:\r\n\tabc", 100, "PRIVATE-TOKEN: ***"},
	        {"terminal escapes", "a\x1b[31mred", 100, "a [31mred"},
	        {"C1 and line separators",
	         "a\xc2\x9b"
	         "b\xe2\x80\xa8"
	         "c",
	         100, "a b c"},
	        {"foreign bytes", "caf\xe9", 100, "caf?"},
	        {"cut between characters", "aüb", 2, "a"},
	        {"masked before it is cut", "glpat-abcdefgh", 8, "glpat-**"},
	};
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		CLEANUP(strbuf_release) struct strbuf to = STRBUF_INIT(200);
		redact_sentence(NULL, rows[i].text, strlen(rows[i].text), rows[i].max, &to);
		if (strcmp(to.data, rows[i].expected) != 0)
			fail_msg("%s: %s", rows[i].says, to.data);
	}
}

static void time_grows_with_length_only(void **state)
{
	static const char *const units[] = {"a",      "-",       "glpat-", "acp_",  "://a:",  "%3A%2F%2F", "\\",
	                                    "token ", "Bearer ", "g",      "://",   "token=", "ghp_",      "glpat-.",
	                                    "://a@",  "token\"", "%",      "acp_a", "a.",     "%3A"};
	(void)state;
	CLEANUP(redactor_freep) struct redactor *r = redactor_of("aaaaaaaaaaaaaaaaaaab");
	for (size_t i = 0; i < ARRAY_SIZE(units); i++) {
		CLEANUP(strbuf_release) struct strbuf text = STRBUF_INIT(500000), to = STRBUF_INIT(5000000);
		while (text.length < 400000)
			strbuf_add_string(&text, units[i]);
		clock_t before = clock(); /* of the processor: others may be busy */
		redact(r, text.data, text.length, &to);
		clock_t taken = clock() - before;
		if (taken > 2 * CLOCKS_PER_SEC)
			fail_msg("'%s' repeated takes %lld ms", units[i], (long long)taken * 1000 / CLOCKS_PER_SEC);
	}
}

static void any_bytes_are_safe(void **state)
{
	static const char alphabet[] = ":/@%2Fglpat-ghp_acp Bearertokn=\"\\\0\xff.3A40";
	(void)state;
	CLEANUP(redactor_freep) struct redactor *r = redactor_of("glpat-%2F@/:=token");
	for (int round = 0; round < 20000; round++) {
		unsigned char text[40];
		random_bytes(text, sizeof(text));
		size_t length = text[0] % sizeof(text);
		for (size_t i = 0; i < sizeof(text); i++)
			text[i] = (unsigned char)alphabet[text[i] % (sizeof(alphabet) - 1)];
		CLEANUP(strbuf_release) struct strbuf to = STRBUF_INIT(1000);
		redact(r, (const char *)text, length, &to);
		assert_true(strbuf_ok(&to));
	}
}

int main(void)
{
	assert_true(secret_library_init());
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(tokens_that_show_their_kind_are_masked),
	        cmocka_unit_test(announced_credentials_are_masked),
	        cmocka_unit_test(credentials_in_addresses_are_masked),
	        cmocka_unit_test(ordinary_text_survives),
	        cmocka_unit_test(known_values_are_masked_in_every_spelling),
	        cmocka_unit_test(known_values_are_masked_in_base64_at_every_alignment),
	        cmocka_unit_test(value_that_follows_its_base64_at_once_is_masked),
	        cmocka_unit_test(short_and_binary_values_do_no_harm),
	        cmocka_unit_test(in_place_masking_stays_in_its_buffer),
	        cmocka_unit_test(sentences_are_one_clean_line),
	        cmocka_unit_test(time_grows_with_length_only),
	        cmocka_unit_test(any_bytes_are_safe),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
