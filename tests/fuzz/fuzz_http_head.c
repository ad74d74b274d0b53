/* Header lines of any server: the status is a number, every value ends inside its field and holds no control character. */
#include "caps.h"
#include "fuzz.h"
#include "http_head.h"

static void check_value(const char *value, size_t capacity)
{
	size_t length = strnlen(value, capacity);

	FUZZ_ASSERT(length < capacity);
	for (size_t i = 0; i < length; i++)
		FUZZ_ASSERT((unsigned char)value[i] >= 0x20 && value[i] != 0x7f);
}

static void check(const struct http_head *head)
{
	FUZZ_ASSERT(head->status >= 0 && head->bytes <= LIMIT_ANSWER_HEADERS);
	FUZZ_ASSERT(!head->complete || head->status >= 200);
	check_value(head->content_type, sizeof(head->content_type));
	check_value(head->location, sizeof(head->location));
	check_value(head->retry_after, sizeof(head->retry_after));
	check_value(head->ratelimit_reset, sizeof(head->ratelimit_reset));
	check_value(head->ratelimit_name, sizeof(head->ratelimit_name));
	check_value(head->server, sizeof(head->server));
	check_value(head->request_id, sizeof(head->request_id));
	check_value(head->next_page, sizeof(head->next_page));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct http_head head = {0}, before;

	while (size > 0) {
		const uint8_t *end = memchr(data, '\n', size);
		size_t length = end ? (size_t)(end - data) + 1 : size;
		CLEANUP(freep) char *line = xcalloc(1, length);

		memcpy(line, data, length);
		memcpy(&before, &head, sizeof(head)); /* with its padding, which is compared below */
		if (!http_head_add(&head, line, length)) {
			FUZZ_ASSERT(before.bytes + length > LIMIT_ANSWER_HEADERS);
			return 0;
		}
		FUZZ_ASSERT(head.bytes == before.bytes + length);
		check(&head);
		if (before.complete) {
			/* Trailers change nothing. */
			before.bytes = head.bytes;
			FUZZ_ASSERT(memcmp(&before, &head, sizeof(head)) == 0);
		}
		data += length;
		size -= length;
	}
	return 0;
}
