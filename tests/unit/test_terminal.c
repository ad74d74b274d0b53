#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>

#include "alloc.h"
#include "terminal.h"

static void clean_leaves_nothing_that_steers_a_terminal(void **state)
{
	static const struct {
		const char *why, *text, *expected, *ascii;
	} rows[] = {
	        {"plain text stays", "a b~", "a b~", "a b~"},
	        {"letters of other scripts stay where they can be shown", "gr\xc3\xbc\xc3\x9f \xe6\xbc\xa2",
	         "gr\xc3\xbc\xc3\x9f \xe6\xbc\xa2", "gr?? ?"},
	        {"an escape sequence loses its beginning", "\x1b[31mred\x1b]0;title\x07", " [31mred ]0;title ",
	         " [31mred ]0;title "},
	        {"a line break is a blank", "one\r\ntwo\tthree", "one  two three", "one  two three"},
	        {"DEL", "a\x7f", "a ", "a "},
	        {"a C1 control, which 8-bit terminals obey",
	         "\xc2\x9b"
	         "31m",
	         " 31m", " 31m"},
	        {"the byte of a C1 control alone is no UTF-8",
	         "\x9b"
	         "31m",
	         "?31m", "?31m"},
	        {"the override that turns text around",
	         "exe.\xe2\x80\xae"
	         "txt",
	         "exe. txt", "exe. txt"},
	        {"isolates and line separators", "\xe2\x81\xa6x\xe2\x80\xa8", " x ", " x "},
	        {"a character without width", "pay\xe2\x80\x8bpal", "pay pal", "pay pal"},
	        {"an overlong form", "\xc0\x9b", "??", "??"},
	        {"a character that is cut off", "\xe2\x80", "??", "??"},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		CLEANUP(strbuf_release) struct strbuf wide = STRBUF_INIT(256), narrow = STRBUF_INIT(256);

		terminal_clean(&wide, rows[i].text, strlen(rows[i].text), false);
		terminal_clean(&narrow, rows[i].text, strlen(rows[i].text), true);
		if (strcmp(wide.data, rows[i].expected) != 0 || strcmp(narrow.data, rows[i].ascii) != 0)
			fail_msg("%s: '%s' and '%s'", rows[i].why, wide.data, narrow.data);
	}
}

static char *line_of(const char *text)
{
	char *written = NULL;
	size_t size = 0;
	FILE *to = open_memstream(&written, &size);

	terminal_line(to, "  %s", text);
	(void)fclose(to);
	return written;
}

static void a_line_is_one_line_and_masks_tokens(void **state)
{
	CLEANUP(freep) char *line = line_of("clone https://oauth2:glpat-0123456789abcdefghij@gitlab.com/a\nagain");

	(void)state;
	assert_null(strstr(line, "0123456789"));
	assert_ptr_equal(strchr(line, '\n'), line + strlen(line) - 1);
}

static void a_line_that_is_too_long_says_so(void **state)
{
	CLEANUP(freep) char *text = xcalloc(1, 200001), *line = NULL;

	(void)state;
	memset(text, 'x', 200000);
	line = line_of(text);
	assert_string_equal(line, "(a text that is too long to be shown)\n");
}

static void marks_outside_a_terminal_are_words_of_one_width(void **state)
{
	char *written = NULL;
	size_t size = 0;
	FILE *to = open_memstream(&written, &size);

	(void)state;
	assert_string_equal(terminal_mark(to, MARK_OK), "ok  ");
	assert_string_equal(terminal_mark(to, MARK_FAILED), "FAIL");
	assert_string_equal(terminal_mark(to, MARK_NOT_RUN), "-   ");
	(void)fclose(to);
	free(written);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(clean_leaves_nothing_that_steers_a_terminal),
	        cmocka_unit_test(a_line_is_one_line_and_masks_tokens),
	        cmocka_unit_test(a_line_that_is_too_long_says_so),
	        cmocka_unit_test(marks_outside_a_terminal_are_words_of_one_width),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
