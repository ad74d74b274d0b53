/* The cache of status answers is right, bounded, or silent. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "alloc.h"
#include "status_cache.h"

static bool known(struct status_cache *cache, const char *user, uint64_t version, int64_t day, const char *text)
{
	CLEANUP(strbuf_release) struct strbuf got = STRBUF_INIT(STATUS_CACHE_TEXT_MAX);
	bool found = status_cache_get(cache, user, version, day, &got);

	return found && strcmp(got.data, text) == 0;
}

static void answer_is_known_for_its_user_version_and_day(void **state)
{
	CLEANUP(status_cache_freep) struct status_cache *cache = status_cache_new();

	(void)state;
	assert_false(known(cache, "ann", 1, 10, "A"));
	status_cache_put(cache, "ann", 1, 10, "A", 1);
	assert_true(known(cache, "ann", 1, 10, "A"));
	assert_false(known(cache, "bob", 1, 10, "A"));
	assert_false(known(cache, "ann", 2, 10, "A"));
	assert_false(known(cache, "ann", 1, 11, "A"));
	status_cache_put(cache, "ann", 2, 10, "B", 1);
	assert_true(known(cache, "ann", 2, 10, "B"));
	assert_false(known(cache, "ann", 1, 10, "A"));
}

static void many_users_never_get_each_others_answer(void **state)
{
	CLEANUP(status_cache_freep) struct status_cache *cache = status_cache_new();
	size_t kept = 0;

	(void)state;
	for (unsigned i = 0; i < 4 * STATUS_CACHE_PLACES; i++) {
		CLEANUP(freep) char *user = xasprintf("user-%u", i);

		status_cache_put(cache, user, 1, 1, user, strlen(user));
	}
	for (unsigned i = 0; i < 4 * STATUS_CACHE_PLACES; i++) {
		CLEANUP(freep) char *user = xasprintf("user-%u", i);
		CLEANUP(strbuf_release) struct strbuf got = STRBUF_INIT(64);

		if (!status_cache_get(cache, user, 1, 1, &got))
			continue;
		assert_string_equal(got.data, user);
		kept++;
	}
	assert_in_range(kept, STATUS_CACHE_PLACES / 2, STATUS_CACHE_PLACES);
}

static void very_long_answer_is_not_kept(void **state)
{
	CLEANUP(status_cache_freep) struct status_cache *cache = status_cache_new();
	CLEANUP(freep) char *text = xcalloc(1, STATUS_CACHE_TEXT_MAX + 1);
	CLEANUP(strbuf_release) struct strbuf got = STRBUF_INIT(64);

	(void)state;
	status_cache_put(cache, "ann", 1, 1, text, STATUS_CACHE_TEXT_MAX + 1);
	assert_false(status_cache_get(cache, "ann", 1, 1, &got));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(answer_is_known_for_its_user_version_and_day),
	        cmocka_unit_test(many_users_never_get_each_others_answer),
	        cmocka_unit_test(very_long_answer_is_not_kept),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
