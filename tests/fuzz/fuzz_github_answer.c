/* Any answer that a server may send is classified into one of our errors, whether to an API call, a git request or a push; headers
 * and rules are read without harm. First two bytes: status and type. */
#include "fuzz.h"
#include "github_api.h"
#include "github_rules.h"

static void require_error(const struct error *err)
{
	FUZZ_ASSERT(err->code != ERR_NONE && err->message[0] != '\0' && strpbrk(err->message, "\r\n") == NULL);
}

static void try_answer(const struct http_call *call)
{
	struct error err = ERROR_INIT;
	json_t *json = NULL;

	if (github_answer(call, "github.example.com", &json, &err)) {
		github_rules_judge(json, true);
		github_rules_judge(json, false);
		json_decref(json);
	} else {
		require_error(&err);
	}
}

static void try_text(enum git_service service, int status, const char *text)
{
	struct error err = ERROR_INIT;

	github_classify_git(service, status, text, strlen(text), "", "github.example.com", "owner/repository", &err);
	require_error(&err);
	github_classify_push(text, "pre-receive hook declined", "main", "owner/repository", &err);
	require_error(&err);
	github_last_page(text);
	free(github_expiry_date(text));
	const char *slash = strchr(text, '/');
	FUZZ_ASSERT(!github_path_is_plain(text) ||
	            (slash && slash == strrchr(text, '/') && strcmp(slash, "/..") != 0 && !strpbrk(text, "?#%@:\\ \r\n")));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const int statuses[] = {200, 201, 301, 302, 400, 401, 403, 404, 409, 422, 429, 451, 500, 502, 503};
	static const char *const types[] = {"application/json", "text/html", "text/plain", ""};
	struct http_header_wanted wanted[HEADER_COUNT] = {{0}};
	struct http_call call = {.method = "GET",
	                         .url = "https://api.github.com/user",
	                         .answer = STRBUF_INIT(LIMIT_ANSWER),
	                         .wanted = wanted,
	                         .wanted_count = HEADER_COUNT};

	if (size < 2)
		return 0;
	CLEANUP(freep) char *text = fuzz_text(data + 2, size - 2);
	call.status = statuses[data[0] % ARRAY_SIZE(statuses)];
	snprintf(call.content_type_got, sizeof(call.content_type_got), "%s", types[data[1] % ARRAY_SIZE(types)]);
	for (size_t i = 0; i < HEADER_COUNT; i++) {
		wanted[i].present = data[1] & 4;
		snprintf(wanted[i].value, sizeof(wanted[i].value), "%s", text);
		wanted[i].value[strcspn(wanted[i].value, "\r\n")] = '\0'; /* a header is one line */
	}
	strbuf_add(&call.answer, data + 2, size - 2);
	try_answer(&call);
	try_text(data[0] & 16 ? GIT_RECEIVE_PACK : GIT_UPLOAD_PACK, call.status, text);
	http_call_release(&call);
	return 0;
}
