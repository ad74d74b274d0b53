#include "gitlab_api.h"

#include "alloc.h"

void api_call_init(struct api_call *call, const struct gitlab_access *access, const char *format, ...)
{
	struct strbuf url = STRBUF_INIT(4 * (size_t)LIMIT_URL_MAX); /* percent-encoding can triple a path */
	va_list args;

	strbuf_add_string(&url, access->instance->text);
	strbuf_add_string(&url, "/api/v4");
	va_start(args, format);
	strbuf_vaddf(&url, format, args);
	va_end(args);
	*call = (struct api_call){.url = url};
	call->http = (struct http_call){.method = "GET",
	                                .url = url.data,
	                                .bearer = access->token,
	                                .ca_file = access->ca_file,
	                                .request_id = access->request_id};
}

void api_call_run(struct api_call *call, const struct gitlab_access *access)
{
	http_client_run(access->client, &call->http, 1);
}

void api_call_release(struct api_call *call)
{
	http_call_release(&call->http);
	strbuf_release(&call->url);
}

char *api_segment(const char *text)
{
	struct strbuf segment = STRBUF_INIT(3 * (size_t)LIMIT_URL_MAX);

	for (const char *dot; (dot = strchr(text, '.')); text = dot + 1) {
		CLEANUP(freep) char *before = xstrndup(text, (size_t)(dot - text));
		strbuf_add_percent_encoded(&segment, before, NULL);
		strbuf_add_string(&segment, "%2E");
	}
	strbuf_add_percent_encoded(&segment, text, NULL);
	return strbuf_detach(&segment);
}

char *api_host(const struct gitlab_access *access)
{
	return instance_url_authority(access->instance);
}

void release_json(json_t **value)
{
	json_decref(*value);
}
