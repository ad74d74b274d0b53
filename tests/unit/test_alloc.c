#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>

#include "alloc.h"

static void copies_of_null_are_null(void **state)
{
	(void)state;
	assert_null(xstrdup(NULL));
	assert_null(xstrndup(NULL, 5));
}

static void set_string_replaces_even_by_a_part_of_itself(void **state)
{
	(void)state;
	CLEANUP(freep) char *text = NULL;
	set_string(&text, "abcdef");
	set_string(&text, text + 3);
	assert_string_equal(text, "def");
	set_string(&text, NULL);
	assert_null(text);
}

static void take_leaves_null_behind(void **state)
{
	(void)state;
	CLEANUP(freep) char *owner = xasprintf("%s-%d", "owner", 1);
	char *taken = TAKE(owner);
	assert_null(owner);
	assert_string_equal(taken, "owner-1");
	free(taken);
}

static void nothing_is_an_allocation_too(void **state)
{
	(void)state;
	CLEANUP(freep) void *none = xmalloc(0);
	CLEANUP(freep) void *none_of_many = xcalloc(0, 8);
	assert_non_null(none);
	assert_non_null(none_of_many);
	none = xrealloc(none, 0);
	assert_non_null(none);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(copies_of_null_are_null),
	        cmocka_unit_test(set_string_replaces_even_by_a_part_of_itself),
	        cmocka_unit_test(take_leaves_null_behind),
	        cmocka_unit_test(nothing_is_an_allocation_too),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
