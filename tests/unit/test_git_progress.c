#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "git_progress.h"

static void reads_gits_lines_and_nothing_else(void **state)
{
	static const struct {
		const char *why, *line, *stage;
		int64_t done, total, bytes;
	} rows[] = {
	        {"the first line knows no bytes yet", "Receiving objects:   0% (1/3000)", "receiving", 1, 3000, 0},
	        {"bytes and a rate", "Receiving objects:  45% (450/1000), 1.25 MiB | 2.00 MiB/s", "receiving", 450, 1000, 1310720},
	        {"the last line", "Receiving objects: 100% (3/3), 873 bytes | 873.00 KiB/s, done.", "receiving", 3, 3, 873},
	        {"one byte", "Receiving objects: 100% (3/3), 1 byte | 1.00 KiB/s, done.", "receiving", 3, 3, 1},
	        {"gigabytes", "Receiving objects:  99% (99/100), 4.50 GiB | 2.00 MiB/s", "receiving", 99, 100, 4831838208},
	        {"deltas", "Resolving deltas:   7% (7/100)", "resolving", 7, 100, 0},
	        {"all deltas", "Resolving deltas: 100% (20/20), done.", "resolving", 20, 20, 0},
	        {"what a server says is no progress of ours", "remote: Receiving objects:  45% (450/1000)", NULL, 0, 0, 0},
	        {"another stage", "Unpacking objects: 100% (3/3)", NULL, 0, 0, 0},
	        {"no numbers", "Receiving objects: many", NULL, 0, 0, 0},
	        {"more than all", "Receiving objects:  50% (5/3)", NULL, 0, 0, 0},
	        {"more than a hundred per cent", "Receiving objects: 101% (3/3)", NULL, 0, 0, 0},
	        {"a number that does not fit", "Receiving objects:   1% (1/99999999999999999999)", NULL, 0, 0, 0},
	        {"a size without a unit", "Receiving objects:   1% (1/9), 12.34", NULL, 0, 0, 0},
	        {"a size with a sign", "Receiving objects:   1% (1/9), -1.00 MiB", NULL, 0, 0, 0},
	        {"cut off", "Receiving objects:   1% (1/", NULL, 0, 0, 0},
	        {"nothing", "", NULL, 0, 0, 0},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct git_progress progress = {0};
		if (git_progress_parse(rows[i].line, &progress) != (rows[i].stage != NULL))
			fail_msg("%s", rows[i].why);
		if (!rows[i].stage)
			continue;
		if (strcmp(progress.stage, rows[i].stage) != 0 || progress.done != rows[i].done ||
		    progress.total != rows[i].total || progress.bytes != rows[i].bytes)
			fail_msg("%s: %lld of %lld, %lld bytes", rows[i].why, (long long)progress.done, (long long)progress.total,
			         (long long)progress.bytes);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(reads_gits_lines_and_nothing_else)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
