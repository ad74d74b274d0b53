/* If-Match against a version. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "entity_tag.h"

static void if_match_is_compared_strongly(void **state)
{
	static const struct {
		const char *sentence, *header;
		int64_t version;
		enum entity_tag_verdict verdict;
	} rows[] = {
	        {"the version itself", "\"7\"", 7, ETAG_MATCHES},
	        {"another", "\"8\"", 7, ETAG_DIFFERS},
	        {"a longer number", "\"77\"", 7, ETAG_DIFFERS},
	        {"a weak tag of the same version", "W/\"7\"", 7, ETAG_DIFFERS},
	        {"one of a list", "\"6\", \"7\"", 7, ETAG_MATCHES},
	        {"the first of a list", "\"7\",\"8\"", 7, ETAG_MATCHES},
	        {"a list with blanks and empty members", " ,\t\"6\" ,, \"7\" ", 7, ETAG_MATCHES},
	        {"weak and strong in one list", "W/\"7\", \"7\"", 7, ETAG_MATCHES},
	        {"none of a list", "\"5\", \"6\"", 7, ETAG_DIFFERS},
	        {"somebody else's tag", "\"abc-def\"", 7, ETAG_DIFFERS},
	        {"the empty tag", "\"\"", 7, ETAG_DIFFERS},
	        {"any version of what exists", "*", 7, ETAG_MATCHES},
	        {"any version of what was never written", "*", 0, ETAG_DIFFERS},
	        {"never written, as it was read", "\"0\"", 0, ETAG_MATCHES},
	        {"no quotes", "7", 7, ETAG_MALFORMED},
	        {"no closing quote", "\"7", 7, ETAG_MALFORMED},
	        {"no comma", "\"7\" \"8\"", 7, ETAG_MALFORMED},
	        {"a star in a list", "*, \"7\"", 7, ETAG_MALFORMED},
	        {"a match before a broken end", "\"7\", 8", 7, ETAG_MALFORMED},
	        {"nothing", "", 7, ETAG_MALFORMED},
	        {"commas alone", " , ", 7, ETAG_MALFORMED},
	        {"a lower-case weak mark", "w/\"7\"", 7, ETAG_MALFORMED},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		if (entity_tag_match(rows[i].header, rows[i].version) != rows[i].verdict)
			fail_msg("%s: %s", rows[i].sentence, rows[i].header);
}

static void longest_version_fits(void **state)
{
	char tag[ETAG_SIZE];

	(void)state;
	entity_tag_format(INT64_MAX, tag);
	assert_string_equal(tag, "\"9223372036854775807\"");
	assert_int_equal(entity_tag_match(tag, INT64_MAX), ETAG_MATCHES);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(if_match_is_compared_strongly),
	        cmocka_unit_test(longest_version_fits),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
