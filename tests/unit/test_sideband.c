#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "macros.h"
#include "sideband.h"

static const char web[] = "https://gitlab.com/team/api";

static void chunks_that_break_anywhere_make_whole_lines(void **state)
{
	static const struct {
		const char *why;
		const char *chunks[6];
		const char *text;
	} rows[] = {
	        {"one chunk, one line", {"GitLab: no\n"}, "GitLab: no\n"},
	        {"a line over three chunks", {"Git", "Lab: ", "no\n"}, "GitLab: no\n"},
	        {"two lines in one chunk", {"one\ntwo\n"}, "one\ntwo\n"},
	        {"the last line needs no end", {"one\ntw", "o"}, "one\ntwo\n"},
	        {"progress ends with CR and is not kept", {"Counting: 1%\rCounting: 2%", "\rdone\n"}, "done\n"},
	        {"CR LF ends a line, also over two chunks", {"one\r\ntwo\r", "\nthree"}, "one\ntwo\nthree\n"},
	        {"empty lines are dropped", {"\n\none\n\n"}, "one\n"},
	        {"nothing said", {""}, ""},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		CLEANUP(sideband_release) struct sideband s;
		sideband_init(&s);
		for (size_t c = 0; c < ARRAY_SIZE(rows[i].chunks) && rows[i].chunks[c]; c++)
			sideband_add(&s, rows[i].chunks[c], strlen(rows[i].chunks[c]));
		sideband_finish(&s);
		if (strcmp(s.text.data, rows[i].text) != 0)
			fail_msg("%s: got \"%s\"", rows[i].why, s.text.data);
	}
}

static void endless_words_are_capped(void **state)
{
	CLEANUP(sideband_release) struct sideband s;
	char line[1024];

	(void)state;
	sideband_init(&s);
	memset(line, 'x', sizeof(line));
	line[sizeof(line) - 1] = '\n';
	for (int i = 0; i < 1000; i++)
		sideband_add(&s, line, sizeof(line));
	for (int i = 0; i < 1000; i++)
		sideband_add(&s, "no end ", 7);
	sideband_finish(&s);
	assert_true(s.text.length <= s.text.limit);
	assert_true(strbuf_ok(&s.text));
}

static void merge_request_address_is_found_only_below_the_project(void **state)
{
	static const struct {
		const char *why, *text, *url;
	} rows[] = {
	        {"GitLab's offer",
	         "To create a merge request for f, visit:\n  "
	         "https://gitlab.com/team/api/-/merge_requests/new?merge_request%5Bsource_branch%5D=f\n",
	         "https://gitlab.com/team/api/-/merge_requests/new?merge_request%5Bsource_branch%5D=f"},
	        {"GitLab 11 has no /-/", "  https://gitlab.com/team/api/merge_requests/new?x=f\n",
	         "https://gitlab.com/team/api/merge_requests/new?x=f"},
	        {"GitHub's offer",
	         "Create a pull request for 'f' on GitHub by visiting:\n     https://gitlab.com/team/api/pull/new/f\n",
	         "https://gitlab.com/team/api/pull/new/f"},
	        {"another project", "https://gitlab.com/team/other/-/merge_requests/1\n", NULL},
	        {"another host", "https://evil.example/team/api/-/merge_requests/1\n", NULL},
	        {"a project whose name only begins alike", "https://gitlab.com/team/api2/-/merge_requests/1\n", NULL},
	        {"an address that is no merge request", "https://gitlab.com/team/api/-/settings\n", NULL},
	        {"nothing", "", NULL},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		CLEANUP(sideband_release) struct sideband s;
		sideband_init(&s);
		sideband_add(&s, rows[i].text, strlen(rows[i].text));
		sideband_finish(&s);
		char *url = sideband_merge_request_url(&s, web);
		if (!url != !rows[i].url || (url && strcmp(url, rows[i].url) != 0))
			fail_msg("%s: got %s", rows[i].why, url ? url : "nothing");
		free(url);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(chunks_that_break_anywhere_make_whole_lines),
	        cmocka_unit_test(endless_words_are_capped),
	        cmocka_unit_test(merge_request_address_is_found_only_below_the_project),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
