#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "secret.h"

enum { MORE_THAN_SLOTS = 600 };

static void many_secrets_live_at_once_and_do_not_touch_each_other(void **state)
{
	static struct secret secrets[MORE_THAN_SLOTS];
	(void)state;
	for (size_t round = 0; round < 2; round++) {
		for (size_t i = 0; i < MORE_THAN_SLOTS; i++) {
			char text[32];
			snprintf(text, sizeof(text), "secret %zu of round %zu", i, round);
			secret_set(&secrets[i], text, strlen(text));
		}
		for (size_t i = 0; i < MORE_THAN_SLOTS; i++) {
			char text[32];
			snprintf(text, sizeof(text), "secret %zu of round %zu", i, round);
			assert_string_equal(secret_bytes(&secrets[i]), text);
		}
		for (size_t i = 0; i < MORE_THAN_SLOTS; i++)
			secret_release(&secrets[(i * 7) % MORE_THAN_SLOTS]);
	}
}

static void a_released_secret_is_wiped(void **state)
{
	CLEANUP(secret_release) struct secret first = SECRET_INIT, second = SECRET_INIT;
	(void)state;
	secret_set(&first, "0123456789", 10);
	const char *where = secret_bytes(&first);
	secret_release(&first);
	/* The slot that was given back last is taken first: only its own bytes may be in it. */
	secret_set(&second, "ab", 2);
	assert_ptr_equal(secret_bytes(&second), where);
	for (size_t i = 3; i < 10; i++)
		assert_int_equal(where[i], 0);
}

static void values_larger_than_a_slot_are_kept_too(void **state)
{
	CLEANUP(secret_release) struct secret large = SECRET_INIT;
	char bytes[8000];
	(void)state;
	memset(bytes, 'x', sizeof(bytes));
	secret_set(&large, bytes, sizeof(bytes));
	assert_int_equal(large.length, sizeof(bytes));
	assert_memory_equal(secret_bytes(&large), bytes, sizeof(bytes));
}

static int start(void **state)
{
	(void)state;
	return secret_library_init() ? 0 : -1;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(many_secrets_live_at_once_and_do_not_touch_each_other),
	        cmocka_unit_test(a_released_secret_is_wiped),
	        cmocka_unit_test(values_larger_than_a_slot_are_kept_too),
	};
	return cmocka_run_group_tests(tests, start, NULL);
}
