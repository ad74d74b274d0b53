/* Any status, content type and body that a server may send is classified into one of our errors. First two bytes: status and type.
 */
#include "fuzz.h"
#include "gitlab_errors.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const int statuses[] = {200, 201, 301, 302, 400, 401, 403, 404, 405, 422, 429, 500, 502, 503};
	static const char *const types[] = {"application/json", "text/html", "text/plain", ""};
	struct http_call call = {
	        .method = "GET", .url = "https://gitlab.example.com/api/v4/user", .answer = STRBUF_INIT(LIMIT_ANSWER)};
	struct error err = ERROR_INIT;
	json_t *json = NULL;

	if (size < 2)
		return 0;
	call.status = statuses[data[0] % ARRAY_SIZE(statuses)];
	snprintf(call.content_type_got, sizeof(call.content_type_got), "%s", types[data[1] % ARRAY_SIZE(types)]);
	strbuf_add(&call.answer, data + 2, size - 2);
	if (gitlab_answer(&call, "gitlab.example.com", &json, &err))
		json_decref(json);
	else
		FUZZ_ASSERT(err.code != ERR_NONE && err.message[0] != '\0' && strpbrk(err.message, "\r\n") == NULL);
	http_call_release(&call);
	return 0;
}
