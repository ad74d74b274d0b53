/* The table data/addresses.tsv: what other programs test, read by ours. Its first lines explain the columns. */
#include "repo_url.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "alloc.h"
#include "caps.h"
#include "url_parts.h"

enum { COLUMNS = 8, LINE_MAX_BYTES = 4096, ROWS_AT_LEAST = 270 };
enum column { EXPECTED, ADDRESS, INSTANCE, HOST, PATH, REF, IGNORED, REASON };

static void unescape(char *text)
{
	char *to = text;

	for (const char *from = text; *from; from++) {
		char c = *from;
		if (c == '\\') {
			from++;
			c = *from == 't' ? '\t' : *from == 'n' ? '\n' : *from;
		}
		*to++ = c;
	}
	*to = '\0';
}

static void cut_row(char *line, char *columns[COLUMNS])
{
	line[strcspn(line, "\n")] = '\0';
	for (size_t i = 0; i < COLUMNS; i++) {
		char *tab = strchr(line, '\t');
		assert_true((tab != NULL) == (i + 1 < COLUMNS));
		columns[i] = line;
		if (tab) {
			*tab = '\0';
			line = tab + 1;
		}
	}
	unescape(columns[ADDRESS]);
}

/* Also of roots that instance_url_parse does not take: repo_url does not judge them. */
static void make_instance(const char *text, struct instance_url *ret)
{
	CLEANUP(url_parts_release) struct url_parts parts = URL_PARTS_INIT;

	assert_true(url_split(text, &parts));
	ret->https = strcmp(parts.scheme, "https") == 0;
	ret->port = url_default_port(parts.scheme);
	if (parts.port)
		assert_true(url_port_parse(parts.port, &ret->port));
	ret->text = xstrdup(text);
	ret->host = TAKE(parts.host);
	ret->root = TAKE(parts.path);
}

static void assert_ignored(unsigned ignored, const char *expected)
{
	static const struct {
		unsigned bit;
		const char *name;
	} names[] = {
	        {REPO_URL_IGNORED_CREDENTIALS, "credentials"}, {REPO_URL_IGNORED_QUERY, "query"},
	        {REPO_URL_IGNORED_FRAGMENT, "fragment"},       {REPO_URL_IGNORED_PAGE, "page"},
	        {REPO_URL_IGNORED_SSH_PORT, "ssh-port"},       {REPO_URL_IGNORED_SSH_USER, "ssh-user"},
	};
	CLEANUP(strbuf_release) struct strbuf text = STRBUF_INIT(256);

	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		if (ignored & names[i].bit)
			strbuf_addf(&text, "%s%s", text.length > 0 ? "," : "", names[i].name);
	}
	assert_string_equal(text.length > 0 ? text.data : "-", expected);
}

static void assert_place(const struct repo_url *url, char *const columns[COLUMNS])
{
	CLEANUP(strbuf_release) struct strbuf host = STRBUF_INIT(LIMIT_URL_MAX);
	CLEANUP(instance_url_release) struct instance_url instance = INSTANCE_URL_INIT;
	CLEANUP(freep) char *path = NULL;
	bool elsewhere = strcmp(columns[EXPECTED], "elsewhere") == 0;

	url_add_authority(&host, url->form == REPO_URL_HTTP ? "http" : "https", url->host, url->port);
	assert_string_equal(host.data, columns[HOST]);
	if (strcmp(columns[INSTANCE], "-") != 0) {
		make_instance(columns[INSTANCE], &instance);
		assert_int_equal(repo_url_is_on(url, &instance), !elsewhere);
		path = elsewhere ? NULL : repo_url_project_path(url, &instance);
		assert_true(elsewhere || path);
	}
	assert_string_equal(path ? path : url->path, columns[PATH]);
}

static void assert_row(char *const columns[COLUMNS])
{
	CLEANUP(repo_url_release) struct repo_url url = REPO_URL_INIT;
	struct error err = ERROR_INIT;
	bool accepted = repo_url_parse(columns[ADDRESS], &url, &err);

	assert_int_equal(accepted, strcmp(columns[EXPECTED], "refused") != 0);
	if (!accepted) {
		assert_int_equal(err.code, ERR_REPO_URL_INVALID);
		return;
	}
	assert_place(&url, columns);
	assert_string_equal(url.ref ? url.ref : "-", columns[REF]);
	assert_ignored(url.ignored, columns[IGNORED]);
}

static void addresses_are_read_as_the_table_says(void **state)
{
	CLEANUP(freep) char *line = xmalloc(LINE_MAX_BYTES);
	FILE *file = fopen(TEST_DATA "/data/addresses.tsv", "re");
	char *columns[COLUMNS];
	size_t rows = 0;

	(void)state;
	assert_non_null(file);
	while (fgets(line, LINE_MAX_BYTES, file)) {
		if (line[0] == '#' || line[0] == '\n')
			continue;
		cut_row(line, columns);
		print_message("%s %s on %s: %s\n", columns[EXPECTED], columns[ADDRESS], columns[INSTANCE], columns[REASON]);
		assert_row(columns);
		rows++;
	}
	fclose(file);
	assert_true(rows >= ROWS_AT_LEAST);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(addresses_are_read_as_the_table_says),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
