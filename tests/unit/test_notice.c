#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "alloc.h"
#include "clock.h"
#include "notice.h"
#include "notice_signature.h"

static void a_finished_session_is_told_as_its_status_has_it(void **state UNUSED)
{
	static const char status[] =
	        "{\"phase\":\"PartiallyCompleted\",\"message\":\"It failed.\",\"startTime\":\"2026-01-01T00:00:00Z\","
	        "\"completionTime\":\"2026-01-01T00:01:00Z\",\"notification\":\"AgenticSession completed partially.\\nView…\","
	        "\"conditions\":[],\"agent\":{\"output\":\"long\"},\"repositories\":[{\"name\":\"api\",\"url\":\"https://x/api\","
	        "\"provider\":\"gitlab\",\"phase\":\"Pushed\",\"commit\":\"abc\",\"branch\":\"b\",\"branchUrl\":\"https://x/b\","
	        "\"mergeRequestUrl\":\"https://x/mr\",\"progress\":{\"done\":1}},{\"name\":\"web\",\"phase\":\"Failed\","
	        "\"error\":{\"code\":\"git_failed\",\"message\":\"It failed.\"}}]}";
	const struct session_row row = {.id = (char[]){"id-1"},
	                                .name = (char[]){"add-x"},
	                                .project = (char[]){"alpha"},
	                                .owner = (char[]){"alice@company.com"}};
	CLEANUP(notice_release) struct notice notice = NOTICE_INIT;
	CLEANUP(freep) char *expected = NULL;

	notice_of_session(&row, status, 1000, &notice);
	expected = xasprintf(
	        "{\"id\":\"%s\",\"type\":\"session.finished\",\"createdAt\":\"1970-01-01T00:16:40Z\","
	        "\"text\":\"AgenticSession completed partially.\\nView…\","
	        "\"session\":{\"id\":\"id-1\",\"name\":\"add-x\",\"project\":\"alpha\",\"owner\":\"alice@company.com\","
	        "\"phase\":\"PartiallyCompleted\",\"message\":\"It failed.\",\"startTime\":\"2026-01-01T00:00:00Z\","
	        "\"completionTime\":\"2026-01-01T00:01:00Z\",\"repositories\":[{\"name\":\"api\",\"url\":\"https://x/api\","
	        "\"provider\":\"gitlab\",\"phase\":\"Pushed\",\"commit\":\"abc\",\"branch\":\"b\",\"branchUrl\":\"https://x/b\","
	        "\"mergeRequestUrl\":\"https://x/mr\"},{\"name\":\"web\",\"phase\":\"Failed\","
	        "\"error\":{\"code\":\"git_failed\",\"message\":\"It failed.\"}}]}}",
	        notice.id);
	assert_string_equal(notice.body, expected);
	assert_string_equal(notice.type, "session.finished");
	assert_int_equal(notice.created_at, 1000);
	assert_int_equal(strlen(notice.id), 36);
}

static void tokens_are_told_in_one_sentence(void **state UNUSED)
{
	static const struct {
		enum token_finding finding;
		const char *expires_at, *code, *type, *text, *more;
	} rows[] = {
	        {TOKEN_EXPIRES_IN_30_DAYS, "1970-01-21", NULL, "token.expiring",
	         "The token of alice expires in 20 days (john at https://gitlab.com, on 1970-01-21).", "\"daysToExpiry\":20"},
	        {TOKEN_EXPIRES_IN_1_DAY, "1970-01-02", NULL, "token.expiring",
	         "The token of alice expires in 1 day (john at https://gitlab.com, on 1970-01-02).", "\"daysToExpiry\":1"},
	        {TOKEN_EXPIRED, "1970-01-01", NULL, "token.expired", "The token of alice has expired (john at https://gitlab.com).",
	         "\"daysToExpiry\":0"},
	        {TOKEN_REFUSED, NULL, "token_revoked", "token.refused",
	         "The token of alice is no longer accepted (john at https://gitlab.com).", "\"code\":\"token_revoked\""},
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		CLEANUP(notice_release) struct notice notice = NOTICE_INIT;
		struct token_state token = {.finding = rows[i].finding};

		token.connection.user_id = xstrdup("alice");
		token.connection.provider = xstrdup("gitlab");
		token.connection.instance_url = xstrdup("https://gitlab.com");
		token.connection.username = xstrdup("john");
		token.connection.fingerprint = xstrdup("feedc0de");
		token.connection.expires_at = xstrdup(rows[i].expires_at);
		token.connection.check_code = xstrdup(rows[i].code);
		notice_of_token(&token, 1000, &notice);
		connection_release(&token.connection);
		if (strcmp(notice.type, rows[i].type) != 0 || !strstr(notice.body, rows[i].text) ||
		    !strstr(notice.body, rows[i].more))
			fail_msg("%s: %s %s", rows[i].text, notice.type, notice.body);
		assert_null(strstr(notice.body, "feedc0de")); /* what finds a token is nobody else's either */
	}
}

static void the_signature_is_that_of_standard_webhooks(void **state UNUSED)
{
	/* The example of the specification (standard-webhooks, spec/standard-webhooks.md). */
	static const char body[] = "{\"test\": 2432232314}";
	CLEANUP(secret_release) struct secret key = SECRET_INIT;
	CLEANUP(strbuf_release) struct strbuf text = STRBUF_INIT(100);
	struct error err = ERROR_INIT;

	assert_true(notice_key_parse("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", &key, &err));
	notice_sign(&key, "msg_p5jXN8AQM9LWM0D4loKWxJek", 1614265330, body, strlen(body), &text);
	assert_string_equal(text.data, "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=");
}

static void keys_that_can_be_guessed_are_refused(void **state UNUSED)
{
	static const struct {
		const char *text;
		const char *says; /* NULL: good */
	} rows[] = {
	        {"", "must be set"},
	        {"short", "at least 16"},
	        {"fifteen-letters", "at least 16"},
	        {"sixteen-letters!", NULL},
	        {"whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", NULL},
	        {"whsec_AAAA", "at least 16"},
	        {"whsec_not base64 at all!", "must be base64"},
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		CLEANUP(secret_release) struct secret key = SECRET_INIT;
		struct error err = ERROR_INIT;
		bool ok = notice_key_parse(rows[i].text, &key, &err);

		if (ok != !rows[i].says || (!ok && !strstr(err.message, rows[i].says)))
			fail_msg("%s: %s", rows[i].text, ok ? "accepted" : err.message);
		if (!ok)
			assert_int_equal(err.code, ERR_CONFIG_INVALID);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(a_finished_session_is_told_as_its_status_has_it),
	        cmocka_unit_test(tokens_are_told_in_one_sentence),
	        cmocka_unit_test(the_signature_is_that_of_standard_webhooks),
	        cmocka_unit_test(keys_that_can_be_guessed_are_refused),
	};

	return secret_library_init() ? cmocka_run_group_tests(tests, NULL, NULL) : 1;
}
