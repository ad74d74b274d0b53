#include "gate_branch.h"

#include "alloc.h"
#include "http_client.h"

enum { LENGTH_DIGITS = 4, COMMIT_LENGTH = COMMIT_SIZE - 1, ANSWER_MAX = 64 * 1024, TOTAL_MS = 15 * 1000 };

static void add_line(struct strbuf *to, const char *text, const char *more)
{
	strbuf_addf(to, "%04zx%s%s\n", LENGTH_DIGITS + strlen(text) + strlen(more) + 1, text, more);
}

void ls_refs_request(const char *ref, struct strbuf *to)
{
	add_line(to, "command=ls-refs", "");
	strbuf_add_string(to, "0001");
	add_line(to, "ref-prefix ", ref);
	strbuf_add_string(to, "0000");
}

/* Four hex digits; -1: something else. */
static int read_length(const char *bytes)
{
	int length = 0;

	for (size_t i = 0; i < LENGTH_DIGITS; i++) {
		static const char digits[] = "0123456789abcdef";
		const char *digit = bytes[i] ? strchr(digits, bytes[i]) : NULL;
		if (!digit)
			return -1;
		length = 16 * length + (int)(digit - digits);
	}
	return length;
}

/* "<40 hex digits> <ref>\n", the ref exactly this one. */
static bool is_ref_line(const char *line, size_t length, const char *ref)
{
	size_t ref_length = strlen(ref);

	if (length > 0 && line[length - 1] == '\n')
		length--;
	return length == COMMIT_LENGTH + 1 + ref_length && strspn(line, "0123456789abcdef") == COMMIT_LENGTH &&
	       line[COMMIT_LENGTH] == ' ' && memcmp(line + COMMIT_LENGTH + 1, ref, ref_length) == 0;
}

bool ls_refs_answer(const char *bytes, size_t length, const char *ref, char ret_commit[COMMIT_SIZE])
{
	const char *found = NULL;

	while (length >= LENGTH_DIGITS) {
		int line = read_length(bytes);
		if (line == 0 && length == LENGTH_DIGITS && found) {
			memcpy(ret_commit, found, COMMIT_LENGTH);
			ret_commit[COMMIT_LENGTH] = '\0';
			return true;
		}
		if (line <= LENGTH_DIGITS || (size_t)line > length)
			return false;
		/* A prefix finds other branches, too: main, main2. */
		if (is_ref_line(bytes + LENGTH_DIGITS, (size_t)line - LENGTH_DIGITS, ref))
			found = bytes + LENGTH_DIGITS;
		bytes += line;
		length -= (size_t)line;
	}
	return false;
}

bool gate_branch_commit(const struct gate_client *gate, const char *repository, const char *branch, char ret_commit[COMMIT_SIZE])
{
	static const char *const headers[] = {"Git-Protocol: version=2", NULL};
	CLEANUP(freep) char *route = xasprintf("%s.git/git-upload-pack", repository);
	CLEANUP(freep) char *ref = xasprintf("refs/heads/%s", branch);
	CLEANUP(strbuf_release) struct strbuf request = STRBUF_INIT(LIMIT_URL_MAX);

	ls_refs_request(ref, &request);
	struct http_call call = {.method = "POST",
	                         .body = request.data,
	                         .body_length = request.length,
	                         .content_type = "application/x-git-upload-pack-request",
	                         .accept = "application/x-git-upload-pack-result",
	                         .headers = headers,
	                         .max_body = ANSWER_MAX,
	                         .total_ms = TOTAL_MS};
	bool ok = strbuf_ok(&request) && gate_client_send(gate, route, &call, NULL) && call.status == 200 &&
	          strcmp(call.content_type_got, "application/x-git-upload-pack-result") == 0 &&
	          ls_refs_answer(call.answer.data, call.answer.length, ref, ret_commit);
	http_call_release(&call);
	return ok;
}
