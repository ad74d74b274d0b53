#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "alloc.h"
#include "http_head.h"

static void head_lines_are_read_with_care(void **state)
{
	static const char early[] = "HTTP/1.1 103 Early Hints\r\n", early_location[] = "Location: /early\r\n", blank[] = "\r\n";
	struct http_head head = {0};
	CLEANUP(freep) char *address = xmalloc(2 * LIMIT_URL_MAX);
	(void)state;

	assert_true(http_head_add(&head, early, strlen(early)));
	assert_true(http_head_add(&head, early_location, strlen(early_location)));
	assert_true(http_head_add(&head, blank, 2));
	assert_false(head.complete);
	assert_true(http_head_add(&head, "HTTP/1.1 301 Moved\r\n", 20));
	assert_string_equal(head.location, "");
	int length = snprintf(address, 2 * LIMIT_URL_MAX, "Location: https://x/%0*d\r\n", LIMIT_URL_MAX, 0);
	assert_true(http_head_add(&head, address, (size_t)length));
	assert_string_equal(head.location, "");
	assert_true(http_head_add(&head, "no colon\r\n", 10));
	assert_true(http_head_add(&head, blank, 2));
	assert_true(head.complete);
	assert_int_equal(head.status, 301);
	assert_true(http_head_add(&head, "Retry-After: 5\r\n", 16));
	assert_string_equal(head.retry_after, "");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(head_lines_are_read_with_care),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
