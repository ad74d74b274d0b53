#include "repo_url.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "caps.h"
#include "strbuf.h"

static const struct accepted_row {
	const char *sentence;
	const char *text;
	enum repo_url_form form;
	const char *host;
	unsigned port;
	const char *path;
	const char *ref;
	bool had_credentials;
} accepted[] = {
        {"https with .git", "https://gitlab.com/owner/repo.git", REPO_URL_HTTPS, "gitlab.com", 443, "owner/repo", NULL, false},
        {"https without .git", "https://gitlab.com/owner/repo", REPO_URL_HTTPS, "gitlab.com", 443, "owner/repo", NULL, false},
        {"http", "http://g.example/owner/repo", REPO_URL_HTTP, "g.example", 80, "owner/repo", NULL, false},
        {"a subgroup", "https://g.example/group/sub/project.git", REPO_URL_HTTPS, "g.example", 443, "group/sub/project", NULL,
         false},
        {"a port of https", "https://g.example:8443/a/b", REPO_URL_HTTPS, "g.example", 8443, "a/b", NULL, false},
        {"the default port written out", "https://g.example:443/a/b", REPO_URL_HTTPS, "g.example", 443, "a/b", NULL, false},
        {"a slash at the end", "https://g.example/a/b/", REPO_URL_HTTPS, "g.example", 443, "a/b", NULL, false},
        {".git and a slash", "https://g.example/a/b.git/", REPO_URL_HTTPS, "g.example", 443, "a/b", NULL, false},
        {"git's own request", "https://g.example/a/b.git/info/refs", REPO_URL_HTTPS, "g.example", 443, "a/b", NULL, false},
        {"blanks around it", "\t https://g.example/a/b \r\n", REPO_URL_HTTPS, "g.example", 443, "a/b", NULL, false},
        {"the host loses its case, the path keeps it", "HTTPS://GitLab.COM/Owner/Repo", REPO_URL_HTTPS, "gitlab.com", 443,
         "Owner/Repo", NULL, false},
        {"a query", "https://g.example/a/b.git?ref=x/y", REPO_URL_HTTPS, "g.example", 443, "a/b", NULL, false},
        {"a fragment", "https://g.example/a/b#readme", REPO_URL_HTTPS, "g.example", 443, "a/b", NULL, false},
        {"user and password", "https://oauth2:tok@g.example/a/b.git", REPO_URL_HTTPS, "g.example", 443, "a/b", NULL, true},
        {"a token as the user", "https://tok@g.example/a/b.git", REPO_URL_HTTPS, "g.example", 443, "a/b", NULL, true},
        {"git as the user of https is no credential", "https://git@g.example/a/b.git", REPO_URL_HTTPS, "g.example", 443, "a/b",
         NULL, false},
        {"git with a password is one", "https://git:tok@g.example/a/b.git", REPO_URL_HTTPS, "g.example", 443, "a/b", NULL, true},
        {"dots, hyphens and underscores", "https://g.example/_g.x/p-1.2", REPO_URL_HTTPS, "g.example", 443, "_g.x/p-1.2", NULL,
         false},
        {"IPv4", "https://10.0.0.5:8443/a/b", REPO_URL_HTTPS, "10.0.0.5", 8443, "a/b", NULL, false},
        {"IPv6", "https://[FD00::1]/a/b", REPO_URL_HTTPS, "fd00::1", 443, "a/b", NULL, false},

        {"host:path", "git@gitlab.com:owner/repo.git", REPO_URL_SSH, "gitlab.com", 0, "owner/repo", NULL, false},
        {"host:path of a subgroup", "git@g.example:a/b/c/d.git", REPO_URL_SSH, "g.example", 0, "a/b/c/d", NULL, false},
        {"host:/path", "git@g.example:/a/b.git", REPO_URL_SSH, "g.example", 0, "a/b", NULL, false},
        {"host:path without a user", "g.example:a/b.git/", REPO_URL_SSH, "g.example", 0, "a/b", NULL, false},
        {"host:path has no port: digits are a group", "git@g.example:2222/a/b.git", REPO_URL_SSH, "g.example", 0, "2222/a/b", NULL,
         false},
        {"git's brackets around user, host and port", "[git@g.example:2222]:a/b.git", REPO_URL_SSH, "g.example", 0, "a/b", NULL,
         false},
        {"brackets around host and port", "[10.0.0.5:2222]:/a/b", REPO_URL_SSH, "10.0.0.5", 0, "a/b", NULL, false},
        {"IPv6 in host:path", "git@[fd00::1]:a/b.git", REPO_URL_SSH, "fd00::1", 0, "a/b", NULL, false},
        {"IPv6 with a port in brackets", "[git@[fd00::0001]:99]:/a/b", REPO_URL_SSH, "fd00::1", 0, "a/b", NULL, false},
        {"ssh", "ssh://git@g.example/a/b.git", REPO_URL_SSH, "g.example", 0, "a/b", NULL, false},
        {"the port of ssh is dropped", "ssh://git@g.example:2222/a/b.git", REPO_URL_SSH, "g.example", 0, "a/b", NULL, false},
        {"ssh written with a colon", "ssh://git@g.example:a/b.git", REPO_URL_SSH, "g.example", 0, "a/b", NULL, false},
        {"git+ssh", "git+ssh://git@g.example/a/b", REPO_URL_SSH, "g.example", 0, "a/b", NULL, false},
        {"git", "git://g.example/a/b.git", REPO_URL_SSH, "g.example", 0, "a/b", NULL, false},
        {"a password in ssh", "ssh://git:tok@g.example/a/b.git", REPO_URL_SSH, "g.example", 0, "a/b", NULL, true},

        {"a branch page", "https://g.example/a/b/-/tree/main", REPO_URL_HTTPS, "g.example", 443, "a/b", "main", false},
        {"a branch with a slash", "https://g.example/a/b/-/tree/feature/x", REPO_URL_HTTPS, "g.example", 443, "a/b", "feature/x",
         false},
        {"an escape in a branch", "https://g.example/a/b/-/tree/fix%231", REPO_URL_HTTPS, "g.example", 443, "a/b", "fix#1", false},
        {"a file page", "https://g.example/a/s/b/-/blob/dev/R.md", REPO_URL_HTTPS, "g.example", 443, "a/s/b", "dev/R.md", false},
        {"a commit names no branch", "https://g.example/a/b/-/commit/80948e8", REPO_URL_HTTPS, "g.example", 443, "a/b", NULL,
         false},
        {"a merge request", "https://g.example/a/b/-/merge_requests/7/diffs", REPO_URL_HTTPS, "g.example", 443, "a/b", NULL, false},
        {"the pages of a project", "https://g.example/a/b/-/", REPO_URL_HTTPS, "g.example", 443, "a/b", NULL, false},
        {"an old branch page", "https://g.example/a/b/tree/dev/x", REPO_URL_HTTPS, "g.example", 443, "a/b", "dev/x", false},
        {"an old page of a branch called blob", "https://g.example/a/b/blob/blob/c", REPO_URL_HTTPS, "g.example", 443, "a/b",
         "blob/c", false},
        {"an old wiki", "https://g.example/a/s/b/wikis/home", REPO_URL_HTTPS, "g.example", 443, "a/s/b", NULL, false},
        {"a bad escape gives no branch", "https://g.example/a/b/-/tree/x%zz", REPO_URL_HTTPS, "g.example", 443, "a/b", NULL, false},
        {"GitHub has no subgroups: a pull request", "https://github.com/o/r/pull/5", REPO_URL_HTTPS, "github.com", 443, "o/r", NULL,
         false},
        {"a branch page of GitHub", "https://github.com/o/r/tree/main", REPO_URL_HTTPS, "github.com", 443, "o/r", "main", false},
        {"a place on a page is no branch", "https://g.example/a/b/-/blob/main/x.c#L10", REPO_URL_HTTPS, "g.example", 443, "a/b",
         "main/x.c", false},
        {"a branch as package managers write it", "git+https://g.example/a/b.git#v1.2", REPO_URL_HTTPS, "g.example", 443, "a/b",
         "v1.2", false},
        {"a branch behind host:path", "git@g.example:a/b.git#dev", REPO_URL_SSH, "g.example", 0, "a/b", "dev", false},
        {"a digit first in the group after a colon", "ssh://git@g.example:42school/b.git", REPO_URL_SSH, "g.example", 0,
         "42school/b", NULL, false},
        {"a scheme in the query", "https://g.example/a/b?from=https://x", REPO_URL_HTTPS, "g.example", 443, "a/b", NULL, false},
        {"the second name of gitlab.com", "https://www.gitlab.com/a/b", REPO_URL_HTTPS, "gitlab.com", 443, "a/b", NULL, false},
        {"www of another host stays", "https://www.g.example/a/b", REPO_URL_HTTPS, "www.g.example", 443, "a/b", NULL, false},
        {"an IDN host in its ASCII form", "https://gitlab.xn--bcher-kva.example/a/b", REPO_URL_HTTPS,
         "gitlab.xn--bcher-kva.example", 443, "a/b", NULL, false},
        {"a root of two segments is part of the path", "https://g.example/apps/gitlab/a/b.git", REPO_URL_HTTPS, "g.example", 443,
         "apps/gitlab/a/b", NULL, false},
        {"IPv6 with a port", "https://[fd00:0:0::1]:8443/a/b", REPO_URL_HTTPS, "fd00::1", 8443, "a/b", NULL, false},
        {"a dot behind the host", "https://g.example./a/b", REPO_URL_HTTPS, "g.example", 443, "a/b", NULL, false},
        {"a group called gitlab on GitHub stays there", "https://github.com/gitlab/x", REPO_URL_HTTPS, "github.com", 443,
         "gitlab/x", NULL, false},
};

static void parse_reads_what_people_paste(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(accepted); i++) {
		const struct accepted_row *row = &accepted[i];
		CLEANUP(repo_url_release) struct repo_url url = REPO_URL_INIT;
		struct error err = ERROR_INIT;

		print_message("%s\n", row->sentence);
		if (!repo_url_parse(row->text, &url, &err))
			fail_msg("%s", err.message);
		assert_int_equal(url.form, row->form);
		assert_string_equal(url.host, row->host);
		assert_int_equal(url.port, row->port);
		assert_string_equal(url.path, row->path);
		assert_string_equal(url.ref ? url.ref : "-", row->ref ? row->ref : "-");
		assert_int_equal(url.had_credentials, row->had_credentials);
	}
}

static void parse_accepts_groups_nested_20_deep(void **state)
{
	static const char nested[] = "1/2/3/4/5/6/7/8/9/10/11/12/13/14/15/16/17/18/19/20/project";
	static const char *const forms[] = {"https://g.example/%s.git", "git@g.example:%s.git", "https://g.example/%s/-/tree/main"};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(forms); i++) {
		CLEANUP(repo_url_release) struct repo_url url = REPO_URL_INIT;
		CLEANUP(strbuf_release) struct strbuf text = STRBUF_INIT(LIMIT_URL_MAX);
		const char *mark = strchr(forms[i], '%');

		strbuf_add(&text, forms[i], (size_t)(mark - forms[i]));
		strbuf_add_string(&text, nested);
		strbuf_add_string(&text, mark + 2);
		assert_true(repo_url_parse(text.data, &url, NULL));
		assert_string_equal(url.path, nested);
	}
}

static const struct {
	const char *sentence;
	const char *text;
	unsigned ignored;
} told[] = {
        {"nothing", "https://g.example/a/b.git", 0},
        {"git is the user of everybody", "ssh://git@g.example/a/b", 0},
        {"a user and a password", "https://u:p@g.example/a/b", REPO_URL_IGNORED_CREDENTIALS},
        {"a token as the user", "https://t@g.example/a/b", REPO_URL_IGNORED_CREDENTIALS},
        {"a token as the password", "https://:t@g.example/a/b", REPO_URL_IGNORED_CREDENTIALS},
        {"an empty user is none", "https://@g.example/a/b", 0},
        {"a query", "https://g.example/a/b?x", REPO_URL_IGNORED_QUERY},
        {"an empty query says nothing", "https://g.example/a/b?", 0},
        {"the readme", "https://g.example/a/b#readme", REPO_URL_IGNORED_FRAGMENT},
        {"an empty fragment says nothing", "https://g.example/a/b#", 0},
        {"a fragment that is the branch is used", "https://g.example/a/b#main", 0},
        {"a fragment behind a branch page", "https://g.example/a/b/-/tree/main#files", REPO_URL_IGNORED_FRAGMENT},
        {"a page", "https://g.example/a/b/-/merge_requests/3", REPO_URL_IGNORED_PAGE},
        {"a branch page is used", "https://g.example/a/b/-/tree/main", 0},
        {"a branch page that cannot be read", "https://g.example/a/b/-/tree/%zz", REPO_URL_IGNORED_PAGE},
        {"a place on a page", "https://g.example/a/b/-/issues/3#note_4", REPO_URL_IGNORED_PAGE | REPO_URL_IGNORED_FRAGMENT},
        {"the port of ssh", "ssh://git@g.example:2222/a/b", REPO_URL_IGNORED_SSH_PORT},
        {"the port of git's brackets", "[git@g.example:22]:a/b", REPO_URL_IGNORED_SSH_PORT},
        {"a port of https is used", "https://g.example:8443/a/b", 0},
        {"another user of ssh", "ssh://me@g.example/a/b", REPO_URL_IGNORED_SSH_USER},
        {"another user of host:path", "me@g.example:a/b", REPO_URL_IGNORED_SSH_USER},
        {"a password of ssh", "ssh://git:p@g.example/a/b", REPO_URL_IGNORED_CREDENTIALS},
        {"everything", "ssh://u:p@g.example:22/a/b?x#y:z",
         REPO_URL_IGNORED_CREDENTIALS | REPO_URL_IGNORED_SSH_USER | REPO_URL_IGNORED_SSH_PORT | REPO_URL_IGNORED_QUERY |
                 REPO_URL_IGNORED_FRAGMENT},
};

static void parse_tells_what_it_does_not_use(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(told); i++) {
		CLEANUP(repo_url_release) struct repo_url url = REPO_URL_INIT;
		print_message("%s\n", told[i].sentence);
		assert_true(repo_url_parse(told[i].text, &url, NULL));
		assert_int_equal(url.ignored, told[i].ignored);
		assert_int_equal(url.had_credentials, (told[i].ignored & REPO_URL_IGNORED_CREDENTIALS) != 0);
	}
}

static const struct {
	const char *sentence;
	const char *text;
	const char *instance;
	bool is_on;
	const char *project_path; /* NULL: outside its root */
} places[] = {
        {"same origin", "https://g.example/a/b", "https://g.example", true, "a/b"},
        {"another host", "https://h.example/a/b", "https://g.example", false, "a/b"},
        {"a longer host", "https://g.example.evil.example/a/b", "https://g.example", false, "a/b"},
        {"another port", "https://g.example:8443/a/b", "https://g.example", false, "a/b"},
        {"the same port", "https://g.example:8443/a/b", "https://g.example:8443", true, "a/b"},
        {"http is not https", "http://g.example/a/b", "https://g.example", false, "a/b"},
        {"http on the port of https is not https either", "http://g.example:443/a/b", "https://g.example", false, "a/b"},
        {"ssh needs the same host only", "git@g.example:a/b.git", "https://g.example:8443", true, "a/b"},
        {"ssh to another host", "ssh://git@h.example/a/b.git", "https://g.example", false, "a/b"},
        {"below the root", "https://g.example/gitlab/a/b", "https://g.example/gitlab", true, "a/b"},
        {"the root is taken off once", "https://g.example/gitlab/gitlab/b", "https://g.example/gitlab", true, "gitlab/b"},
        {"outside the root", "https://g.example/a/b", "https://g.example/gitlab", true, NULL},
        {"a name that begins like the root", "https://g.example/gitlab2/a/b", "https://g.example/gitlab", true, NULL},
        {"too short below the root", "https://g.example/gitlab/a", "https://g.example/gitlab", true, NULL},
        {"below a deep root", "https://g.example/apps/gitlab/a/b/c", "https://g.example/apps/gitlab", true, "a/b/c"},
        {"outside a deep root", "https://g.example/apps/other/a/b", "https://g.example/apps/gitlab", true, NULL},
        {"too short below a deep root", "https://g.example/apps/gitlab/a", "https://g.example/apps/gitlab", true, NULL},
        {"ssh carries no root", "git@g.example:a/b.git", "https://g.example/gitlab", true, "a/b"},
        {"ssh to a group called like the root", "git@g.example:gitlab/b.git", "https://g.example/gitlab", true, "gitlab/b"},
};

static void place_on_an_instance_needs_the_exact_origin(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(places); i++) {
		CLEANUP(repo_url_release) struct repo_url url = REPO_URL_INIT;
		CLEANUP(instance_url_release) struct instance_url instance = INSTANCE_URL_INIT;

		print_message("%s\n", places[i].sentence);
		assert_true(repo_url_parse(places[i].text, &url, NULL));
		assert_true(instance_url_parse_stored(places[i].instance, &instance, NULL));
		assert_int_equal(repo_url_is_on(&url, &instance), places[i].is_on);
		char *path = repo_url_project_path(&url, &instance);
		assert_string_equal(path ? path : "-", places[i].project_path ? places[i].project_path : "-");
		free(path);
	}
}

static const struct {
	const char *a, *b;
	bool same;
} pairs[] = {
        {"https://g.example/a/b", "https://G.example/a/b.git/", true},  {"https://g.example/a/b", "git@g.example:A/B.git", true},
        {"https://g.example:8443/a/b", "https://g.example/a/b", false}, {"https://g.example/a/b", "https://g.example/a/c", false},
        {"https://g.example/a/b", "https://h.example/a/b", false},
};

static void same_repository_is_seen_in_every_form(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(pairs); i++) {
		CLEANUP(repo_url_release) struct repo_url a = REPO_URL_INIT;
		CLEANUP(repo_url_release) struct repo_url b = REPO_URL_INIT;
		assert_true(repo_url_parse(pairs[i].a, &a, NULL));
		assert_true(repo_url_parse(pairs[i].b, &b, NULL));
		assert_int_equal(repo_url_is_same(&a, &b), pairs[i].same);
	}
}

static const struct {
	const char *text, *clean;
} cleaned[] = {
        {"https://oauth2:tok@g.example:8443/a/b.git", "https://g.example:8443/a/b.git"},
        {" https://g.example/a/b?private_token=tok#x ", "https://g.example/a/b"},
        {"git@g.example:a/b.git", "git@g.example:a/b.git"},
        {"ssh://git:tok@g.example/a/b.git", "ssh://g.example/a/b.git"},
        {"tok@g.example:a/b.git", "git@g.example:a/b.git"},
        {"[tok@g.example:22]:a/b.git", "[git@g.example:22]:a/b.git"},
};

static void clean_text_has_no_credentials(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cleaned); i++) {
		char *clean = repo_url_clean_text(cleaned[i].text);
		assert_string_equal(clean, cleaned[i].clean);
		free(clean);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(parse_reads_what_people_paste),
	        cmocka_unit_test(parse_accepts_groups_nested_20_deep),
	        cmocka_unit_test(parse_tells_what_it_does_not_use),
	        cmocka_unit_test(place_on_an_instance_needs_the_exact_origin),
	        cmocka_unit_test(same_repository_is_seen_in_every_form),
	        cmocka_unit_test(clean_text_has_no_credentials),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
