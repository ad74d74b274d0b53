#include "forge_api.h"

#include "alloc.h"
#include "clock.h"
#include "forge_sentence.h"
#include "redact.h"

enum { CALL_MIN_MS = 1000, CALL_MAX_MS = 60 * 1000 };

unsigned api_time_left_ms(const struct forge_access *access)
{
	int64_t left = access->until_ms - clock_monotonic_ms();

	if (access->until_ms == 0 || left > CALL_MAX_MS)
		return 0;
	return left < CALL_MIN_MS ? CALL_MIN_MS : (unsigned)left;
}

void api_call_init(struct api_call *call, const struct forge_access *access, const char *format, ...)
{
	struct strbuf url = STRBUF_INIT(4 * (size_t)LIMIT_URL_MAX); /* percent-encoding can triple a path */
	va_list args;

	access->forge->api_base(access->instance, &url);
	va_start(args, format);
	strbuf_vaddf(&url, format, args);
	va_end(args);
	if (!strbuf_ok(&url))
		strbuf_clear(&url);
	*call = (struct api_call){.url = url};
	call->http = (struct http_call){.method = "GET",
	                                .url = url.data,
	                                .bearer = access->token,
	                                .route = access->route,
	                                .request_id = access->request_id,
	                                .total_ms = api_time_left_ms(access)};
}

void api_call_run(struct api_call *call, const struct forge_access *access)
{
	http_client_run(access->client, &call->http, 1);
}

void api_call_run_pair(struct api_call *first, struct api_call *second, const struct forge_access *access)
{
	struct http_call calls[] = {first->http, second->http};

	http_client_run(access->client, calls, ARRAY_SIZE(calls));
	first->http = calls[0];
	second->http = calls[1];
}

void api_calls_run(struct api_call *calls, size_t count, const struct forge_access *access)
{
	CLEANUP(freep) struct http_call *batch = xcalloc(count, sizeof(*batch));

	for (size_t i = 0; i < count; i++)
		batch[i] = calls[i].http;
	http_client_run(access->client, batch, count);
	for (size_t i = 0; i < count; i++)
		calls[i].http = batch[i];
}

void api_call_release(struct api_call *call)
{
	http_call_release(&call->http);
	strbuf_release(&call->url);
}

char *api_segment(const char *text)
{
	struct strbuf segment = STRBUF_INIT(3 * strlen(text)); /* never cut: it would name something else */

	for (const char *dot; (dot = strchr(text, '.')); text = dot + 1) {
		CLEANUP(freep) char *before = xstrndup(text, (size_t)(dot - text));
		strbuf_add_percent_encoded(&segment, before, NULL);
		strbuf_add_string(&segment, "%2E");
	}
	strbuf_add_percent_encoded(&segment, text, NULL);
	return strbuf_detach(&segment);
}

char *api_host(const struct forge_access *access)
{
	return instance_url_authority(access->instance);
}

json_t *forge_json(const struct http_call *call)
{
	if (call->failure != HTTP_OK || !sentence_has(call->content_type_got, "json") || !call->answer.data)
		return NULL;
	return json_parse_answer(call->answer.data, call->answer.length);
}

void forge_mask(const struct http_call *call, struct error *err)
{
	const struct secret *token = call->bearer ? call->bearer : call->basic_password;
	CLEANUP(redactor_freep) struct redactor *redactor = NULL;

	if (!err || !token)
		return;
	redactor = redactor_new();
	redactor_add(redactor, token);
	redact_in_place(redactor, err->message, sizeof(err->message));
	redact_in_place(redactor, err->detail, sizeof(err->detail));
}
