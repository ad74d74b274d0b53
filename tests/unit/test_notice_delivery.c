#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "clock.h"
#include "encoding.h"
#include "http_peer.h"
#include "notice_delivery.h"
#include "notice_signature.h"
#include "store_fixture.h"

#define CALL(store, function, ...) ((store).ops->function((store).state, __VA_ARGS__))
#define KEY                        "a-key-of-sixteen-or-more"

/* The receiver: answers as a test wants, and keeps what came last. */
struct receiver {
	const char *status, *headers;
	char id[64], timestamp[32], signature[128], type[64], body[512];
	unsigned count;
};

static void receive(struct peer_exchange *exchange, void *context)
{
	struct receiver *r = context;

	(void)peer_header(exchange, "webhook-id", r->id, sizeof(r->id));
	(void)peer_header(exchange, "webhook-timestamp", r->timestamp, sizeof(r->timestamp));
	(void)peer_header(exchange, "webhook-signature", r->signature, sizeof(r->signature));
	(void)peer_header(exchange, "Content-Type", r->type, sizeof(r->type));
	peer_read_body(exchange, r->body, sizeof(r->body));
	r->count++;
	peer_answer(exchange, r->status, r->headers, "no more to say");
}

struct fixture {
	struct store_fixture store;
	struct receiver receiver;
	struct http_peer *peer;
	struct address_policy *policy;
	struct http_client *client;
	struct notice_sender sender;
	char url[64];
};

static void must(bool ok, const struct error *err)
{
	if (!ok)
		fail_msg("%s: %s (%s)", error_name(err->code), err->message, err->detail);
}

static void make(struct fixture *f, enum peer_certificate certificate, bool allowed)
{
	struct http_client_options options = {.user_agent = "test"};
	struct error err = ERROR_INIT;
	char address[32];

	*f = (struct fixture){.receiver = {.status = "204 No Content", .headers = ""}};
	fixture_make(&f->store);
	f->peer = http_peer_start(certificate, receive, &f->receiver);
	snprintf(address, sizeof(address), "127.0.0.1:%u", http_peer_port(f->peer));
	snprintf(f->url, sizeof(f->url), "https://%s/hooks/acp", address);
	f->policy = address_policy_new();
	if (allowed)
		must(address_policy_add(f->policy, address, &err), &err);
	options.policy = f->policy;
	options.ca_file = http_peer_ca_file(f->peer);
	must(http_client_new(&options, &f->client, &err), &err);
	must(notice_sender_init(&f->sender, f->client, database_notices(f->store.db), f->url, KEY, &err), &err);
}

static void release(struct fixture *f)
{
	notice_sender_release(&f->sender);
	http_client_freep(&f->client);
	address_policy_freep(&f->policy);
	http_peer_stop(f->peer);
	fixture_remove(&f->store);
}

static void put(struct fixture *f, const char *body, int64_t created_at)
{
	CLEANUP(session_row_release) struct session_row row = SESSION_ROW_INIT, made = SESSION_ROW_INIT;
	CLEANUP(notice_release) struct notice notice = NOTICE_INIT;
	const char hash[GATE_HASH_SIZE] = "hash";
	struct error err = ERROR_INIT;
	bool flag;

	make_uuid(notice.id);
	notice.type = xstrdup("session.finished");
	notice.body = xstrdup(body);
	notice.created_at = created_at;
	row.id = xstrdup(notice.id);
	row.project = xstrdup("alpha");
	row.name = xstrdup(notice.id);
	row.owner = xstrdup("john");
	row.object = xstrdup("{}");
	row.status = xstrdup("{}");
	must(CALL(f->store.sessions, create, &row, NULL, &made, &flag, &err), &err);
	must(CALL(f->store.sessions, claim, "worker", row.id, 60, hash, &made, &flag, &err), &err);
	must(CALL(f->store.sessions, save_status, row.id, made.attempt, PHASE_COMPLETED, "{}", &notice, &err), &err);
}

static struct notice_delivery deliver(struct fixture *f)
{
	struct notice_delivery delivery;
	struct error err = ERROR_INIT;

	must(notice_deliver(&f->sender, &delivery, &err), &err);
	return delivery;
}

/* Makes what was postponed due now. */
static void hurry(struct fixture *f)
{
	CLEANUP(notice_release) struct notice notice = NOTICE_INIT;
	struct error err = ERROR_INIT;
	bool found;

	must(CALL(f->sender.notices, claim, INT32_MAX, 60, &notice, &found, &err), &err);
	assert_true(found);
	must(CALL(f->sender.notices, postpone, &notice, 0, &err), &err);
}

static void a_notice_arrives_signed_and_is_gone(void **state UNUSED)
{
	CLEANUP(release) struct fixture f;
	CLEANUP(strbuf_release) struct strbuf expected = STRBUF_INIT(200);
	CLEANUP(secret_release) struct secret key = SECRET_INIT;
	struct error err = ERROR_INIT;
	int64_t at;

	make(&f, PEER_TLS_GOOD, true);
	put(&f, "{\"text\":\"done\"}", clock_now_s());
	struct notice_delivery delivery = deliver(&f);
	assert_int_equal(delivery.result, NOTICE_DELIVERED);
	assert_int_equal(delivery.status, 204);
	assert_int_equal(delivery.attempt, 1);
	assert_string_equal(delivery.reason, "");
	assert_string_equal(f.receiver.body, "{\"text\":\"done\"}");
	assert_string_equal(f.receiver.type, "application/json");
	assert_string_equal(f.receiver.id, delivery.id);
	at = strtoll(f.receiver.timestamp, NULL, 10);
	assert_true(at > clock_now_s() - 60 && at <= clock_now_s());
	must(notice_key_parse(KEY, &key, &err), &err);
	notice_sign(&key, f.receiver.id, at, f.receiver.body, strlen(f.receiver.body), &expected);
	assert_string_equal(f.receiver.signature, expected.data);
	assert_int_equal(deliver(&f).result, NOTICE_NONE_DUE);
	assert_int_equal(f.receiver.count, 1);
}

static void answers_decide_what_follows(void **state UNUSED)
{
	static const struct {
		const char *status, *headers;
		enum notice_result result;
		int64_t wait_min, wait_max;
		const char *reason;
	} rows[] = {
	        {"200 OK", "", NOTICE_DELIVERED, 0, 0, ""},
	        {"299 Fine", "", NOTICE_DELIVERED, 0, 0, ""},
	        {"500 Internal Server Error", "", NOTICE_POSTPONED, 2, 4, "the receiver answered 500"},
	        {"404 Not Found", "", NOTICE_POSTPONED, 2, 4, "the receiver answered 404"},
	        {"302 Found", "Location: https://127.0.0.1:1/\r\n", NOTICE_POSTPONED, 2, 4, "the receiver answered 302"},
	        {"503 Service Unavailable", "Retry-After: 120\r\n", NOTICE_POSTPONED, 120, 120, "the receiver answered 503"},
	        {"429 Too Many Requests", "Retry-After: 1\r\n", NOTICE_POSTPONED, 2, 4, "the receiver answered 429"},
	        {"410 Gone", "", NOTICE_DROPPED, 0, 0, "the receiver answered 410"},
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		CLEANUP(release) struct fixture f;

		make(&f, PEER_TLS_GOOD, true);
		f.receiver.status = rows[i].status;
		f.receiver.headers = rows[i].headers;
		put(&f, "{}", clock_now_s());
		struct notice_delivery delivery = deliver(&f);
		if (delivery.result != rows[i].result || delivery.wait_s < rows[i].wait_min || delivery.wait_s > rows[i].wait_max ||
		    strcmp(delivery.reason, rows[i].reason) != 0)
			fail_msg("%s: %d, wait %d, %s", rows[i].status, (int)delivery.result, (int)delivery.wait_s,
			         delivery.reason);
		assert_int_equal(deliver(&f).result, NOTICE_NONE_DUE);
		assert_int_equal(f.receiver.count, 1);
	}
}

static void the_same_notice_comes_again_with_a_new_time(void **state UNUSED)
{
	CLEANUP(release) struct fixture f;
	char id[64];

	make(&f, PEER_TLS_GOOD, true);
	put(&f, "{}", clock_now_s());
	f.receiver.status = "500 Internal Server Error";
	assert_int_equal(deliver(&f).result, NOTICE_POSTPONED);
	memcpy(id, f.receiver.id, sizeof(id));
	hurry(&f);
	f.receiver.status = "200 OK";
	struct notice_delivery delivery = deliver(&f);
	assert_int_equal(delivery.result, NOTICE_DELIVERED);
	assert_int_equal(delivery.attempt, 3); /* hurry() had it once */
	assert_string_equal(f.receiver.id, id);
}

static void it_is_given_up_after_a_day(void **state UNUSED)
{
	CLEANUP(release) struct fixture f;

	make(&f, PEER_TLS_GOOD, true);
	f.receiver.status = "503 Service Unavailable";
	f.receiver.headers = "Retry-After: 7200\r\n";
	put(&f, "{}", clock_now_s() - 23 * 3600);
	struct notice_delivery delivery = deliver(&f);
	assert_int_equal(delivery.result, NOTICE_POSTPONED);
	assert_in_range(delivery.wait_s, 3590, 3600); /* a last attempt when the day is over */
	put(&f, "{}", clock_now_s() - 24 * 3600);
	delivery = deliver(&f);
	assert_int_equal(delivery.result, NOTICE_DROPPED);
	assert_int_equal(delivery.status, 503);
}

static void receivers_that_may_not_be_spoken_to_get_nothing(void **state UNUSED)
{
	static const struct {
		enum peer_certificate certificate;
		bool allowed;
		const char *says;
	} rows[] = {
	        {PEER_TLS_GOOD, false, "is not allowed"},
	        {PEER_TLS_WRONG_NAME, true, "not trusted"},
	        {PEER_TLS_EXPIRED, true, "not trusted"},
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		CLEANUP(release) struct fixture f;

		make(&f, rows[i].certificate, rows[i].allowed);
		put(&f, "{}", clock_now_s());
		struct notice_delivery delivery = deliver(&f);
		assert_int_equal(delivery.result, NOTICE_POSTPONED);
		assert_int_equal(delivery.status, 0);
		if (!strstr(delivery.reason, rows[i].says))
			fail_msg("%s: %s", rows[i].says, delivery.reason);
		assert_int_equal(f.receiver.count, 0);
	}
}

static void addresses_that_cannot_be_safe_are_refused(void **state UNUSED)
{
	static const char *const urls[] = {"http://hooks.company.com/x", "https://user:pw@hooks.company.com/x",
	                                   "hooks.company.com"};

	for (size_t i = 0; i < ARRAY_SIZE(urls); i++) {
		CLEANUP(notice_sender_release) struct notice_sender sender = NOTICE_SENDER_INIT;
		struct error err = ERROR_INIT;

		assert_false(notice_sender_init(&sender, NULL, (struct notice_store){0}, urls[i], KEY, &err));
		assert_int_equal(err.code, ERR_CONFIG_INVALID);
		assert_null(strstr(err.message, "pw"));
	}
	CLEANUP(notice_sender_release) struct notice_sender sender = NOTICE_SENDER_INIT;
	struct error err = ERROR_INIT;
	assert_true(notice_sender_init(&sender, NULL, (struct notice_store){0}, "https://hooks.company.com/a@b", KEY, &err));
}

static void waits_grow_to_an_hour(void **state UNUSED)
{
	static const struct {
		int64_t attempt, longest;
	} rows[] = {{1, 4}, {2, 8}, {3, 16}, {10, 2048}, {11, 3600}, {12, 3600}, {1000000, 3600}};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		assert_int_equal(notice_backoff_s(rows[i].attempt, 0), rows[i].longest);
		for (uint32_t random = 1; random < 100000; random += 997)
			assert_in_range(notice_backoff_s(rows[i].attempt, random), rows[i].longest / 2, rows[i].longest);
	}
	assert_int_not_equal(notice_backoff_s(5, 1), notice_backoff_s(5, 2));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(a_notice_arrives_signed_and_is_gone),
	        cmocka_unit_test(answers_decide_what_follows),
	        cmocka_unit_test(the_same_notice_comes_again_with_a_new_time),
	        cmocka_unit_test(it_is_given_up_after_a_day),
	        cmocka_unit_test(receivers_that_may_not_be_spoken_to_get_nothing),
	        cmocka_unit_test(addresses_that_cannot_be_safe_are_refused),
	        cmocka_unit_test(waits_grow_to_an_hour),
	};

	return secret_library_init() ? cmocka_run_group_tests(tests, NULL, NULL) : 1;
}
