#include "notice_delivery.h"

#include "alloc.h"
#include "clock.h"
#include "forge_sentence.h"
#include "notice_signature.h"
#include <inttypes.h>
#include <string.h>

enum {
	CALL_MS = 10000,
	LEASE_S = 30, /* a call and its bookkeeping take much less */
	LIFETIME_S = 24 * 3600,
	BACKOFF_FIRST_S = 4,
	BACKOFF_MAX_S = 3600,
	ANSWER_MAX = 4096, /* nobody reads it */
};

bool notice_sender_init(struct notice_sender *sender, struct http_client *client, struct notice_store notices, const char *url,
                        const char *secret, struct error *err)
{
	const char *authority = url + sizeof("https://") - 1;

	if (strncmp(url, "https://", sizeof("https://") - 1) != 0 || memchr(authority, '@', strcspn(authority, "/?#")))
		return error_set(err, ERR_CONFIG_INVALID, "ACP_NOTIFY_URL must begin with https:// and hold no user info.");
	if (!notice_key_parse(secret, &sender->key, err))
		return false;
	sender->client = client;
	sender->notices = notices;
	sender->url = url;
	return true;
}

void notice_sender_release(struct notice_sender *sender)
{
	secret_release(&sender->key);
}

int64_t notice_backoff_s(int64_t attempt, uint32_t random)
{
	int64_t wait = BACKOFF_FIRST_S;

	while (--attempt > 0 && wait < BACKOFF_MAX_S)
		wait *= 2;
	if (wait > BACKOFF_MAX_S)
		wait = BACKOFF_MAX_S;
	return wait - (int64_t)(random % (uint32_t)(wait / 2 + 1));
}

/* ---- The call ---- */

static const char *const failures[] = {
        [HTTP_OK] = "",
        [HTTP_REFUSED_BY_POLICY] = "its address is not allowed (ACP_EGRESS_ALLOW)",
        [HTTP_UNRESOLVABLE] = "its host name cannot be resolved",
        [HTTP_UNREACHABLE] = "it cannot be reached",
        [HTTP_TIMEOUT] = "it did not answer in time",
        [HTTP_TLS] = "its certificate is not trusted",
        [HTTP_PROXY] = "its proxy made no connection",
        [HTTP_TOO_LARGE] = "its answer is too large",
        [HTTP_BROKEN] = "it did not answer in HTTP",
        [HTTP_RESTING] = "it failed several times in a row and rests",
};

static void post(const struct notice_sender *sender, const struct notice *notice, struct http_call *call)
{
	CLEANUP(strbuf_release) struct strbuf signature = STRBUF_INIT(256);
	CLEANUP(freep) char *id = xasprintf("webhook-id: %s", notice->id);
	CLEANUP(freep) char *timestamp = NULL;
	int64_t now_s = clock_now_s();
	size_t length = strlen(notice->body);

	timestamp = xasprintf("webhook-timestamp: %" PRId64, now_s);
	strbuf_add_string(&signature, "webhook-signature: ");
	notice_sign(&sender->key, notice->id, now_s, notice->body, length, &signature);
	const char *const headers[] = {id, timestamp, signature.data, NULL};
	call->method = "POST";
	call->url = sender->url;
	call->body = notice->body;
	call->body_length = length;
	call->content_type = "application/json";
	call->headers = headers;
	call->accept = "*/*";
	call->max_body = ANSWER_MAX;
	call->stop_at_max = true;
	call->total_ms = CALL_MS;
	http_client_run(sender->client, call, 1);
	call->headers = NULL;
}

static bool was_taken(const struct http_call *call)
{
	return call->failure == HTTP_OK && call->status >= 200 && call->status < 300;
}

static void write_reason(const struct http_call *call, struct notice_delivery *ret)
{
	if (call->failure == HTTP_OK)
		snprintf(ret->reason, sizeof(ret->reason), "the receiver answered %d", call->status);
	else
		snprintf(ret->reason, sizeof(ret->reason), "%s%s%s", failures[call->failure], call->failure_text[0] ? ": " : "",
		         call->failure_text);
}

/* ---- What follows from it ---- */

static int64_t wait_after(const struct http_call *call, const struct notice *notice, int64_t now_s)
{
	uint32_t random;
	unsigned asked = call->failure == HTTP_RESTING ? call->rest_s : 0;
	int64_t wait, left = notice->created_at + LIFETIME_S - now_s;

	if (call->failure == HTTP_OK && !sentence_wait(call->retry_after, NULL, now_s, &asked))
		asked = 0;
	random_bytes(&random, sizeof(random));
	wait = notice_backoff_s(notice->attempts, random);
	wait = wait < asked ? asked : wait;
	return wait < left ? wait : left; /* a last attempt when its time is up */
}

static bool settle(struct notice_sender *sender, const struct notice *notice, const struct http_call *call,
                   struct notice_delivery *ret, struct error *err)
{
	const struct notice_store *store = &sender->notices;
	int64_t now_s = clock_now_s();
	bool gone = call->failure == HTTP_OK && call->status == 410;

	if (was_taken(call)) {
		ret->result = NOTICE_DELIVERED;
		return store->ops->remove(store->state, notice, err);
	}
	write_reason(call, ret);
	if (gone || now_s - notice->created_at >= LIFETIME_S) {
		ret->result = NOTICE_DROPPED;
		return store->ops->remove(store->state, notice, err);
	}
	ret->result = NOTICE_POSTPONED;
	ret->wait_s = wait_after(call, notice, now_s);
	return store->ops->postpone(store->state, notice, now_s + ret->wait_s, err);
}

bool notice_deliver(struct notice_sender *sender, struct notice_delivery *ret, struct error *err)
{
	CLEANUP(notice_release) struct notice notice = NOTICE_INIT;
	CLEANUP(http_call_release) struct http_call call = {0};
	bool found;

	*ret = (struct notice_delivery){0};
	if (!sender->notices.ops->claim(sender->notices.state, clock_now_s(), LEASE_S, &notice, &found, err))
		return false;
	if (!found)
		return true;
	snprintf(ret->id, sizeof(ret->id), "%s", notice.id);
	snprintf(ret->type, sizeof(ret->type), "%s", notice.type);
	ret->attempt = notice.attempts;
	post(sender, &notice, &call);
	ret->status = call.status;
	return settle(sender, &notice, &call, ret, err);
}
