/*
 * What was pasted may be anything: a parsed address has a legal host and path, its clean text parses to the same place without
 * anything left to drop, and no text that leaves the parser holds a byte of the user info.
 */
#include "ascii.h"
#include "caps.h"
#include "fuzz.h"
#include "repo_url.h"

/* As user info it is in no other part of an address, so where it is found again it was leaked. */
#define MARKED_USER_INFO "MARKEDuser:MARKEDpassword"
#define MARKED_USER      "MARKEDuser"

static void assert_only(const char *text, const char *punctuation)
{
	FUZZ_ASSERT(text[0] != '\0');
	for (const char *c = text; *c; c++)
		FUZZ_ASSERT(ascii_is_alnum(*c) || strchr(punctuation, *c));
}

static void assert_legal(const struct repo_url *url)
{
	size_t segments = 1;

	assert_only(url->host, ".-_:");
	for (const char *c = url->host; *c; c++)
		FUZZ_ASSERT(ascii_lower(*c) == *c);
	assert_only(url->path, "/.-_");
	for (const char *c = strchr(url->path, '/'); c; c = strchr(c + 1, '/')) {
		FUZZ_ASSERT(c != url->path && c[1] != '/' && c[1] != '-' && c[1] != '\0');
		segments++;
	}
	FUZZ_ASSERT(segments >= 2 && segments <= LIMIT_PATH_SEGMENTS);
	FUZZ_ASSERT((url->form == REPO_URL_SSH) == (url->port == 0) && url->port <= 65535);
	FUZZ_ASSERT(!url->ref || url->ref[0] != '\0');
	FUZZ_ASSERT(url->had_credentials == ((url->ignored & REPO_URL_IGNORED_CREDENTIALS) != 0));
}

static void assert_clean_text_is_the_same(const char *text, const struct repo_url *url)
{
	const unsigned dropped =
	        REPO_URL_IGNORED_CREDENTIALS | REPO_URL_IGNORED_QUERY | REPO_URL_IGNORED_FRAGMENT | REPO_URL_IGNORED_SSH_USER;
	CLEANUP(freep) char *clean = repo_url_clean_text(text);
	CLEANUP(freep) char *cleaner = repo_url_clean_text(clean);
	CLEANUP(repo_url_release) struct repo_url again = REPO_URL_INIT;

	FUZZ_ASSERT(repo_url_parse(clean, &again, NULL));
	FUZZ_ASSERT(again.form == url->form && again.port == url->port);
	FUZZ_ASSERT(strcmp(again.host, url->host) == 0 && strcmp(again.path, url->path) == 0);
	FUZZ_ASSERT(repo_url_is_same(&again, url));
	FUZZ_ASSERT((again.ignored & dropped) == 0 && again.ignored == (url->ignored & ~dropped));
	/* A ref of a page stays, one behind "#" goes with it. */
	FUZZ_ASSERT(!again.ref || strcmp(again.ref, url->ref) == 0);
	FUZZ_ASSERT(strcmp(clean, cleaner) == 0);
}

static void assert_unmarked(const char *text)
{
	FUZZ_ASSERT(!text || !strstr(text, "MARKED"));
}

/* The same text with user info put where an address has it. */
static void assert_user_info_does_not_leak(const char *text)
{
	CLEANUP(repo_url_release) struct repo_url url = REPO_URL_INIT;
	const char *end = strstr(text, "://");
	CLEANUP(freep)
	char *marked = end ? xasprintf("%.*s" MARKED_USER_INFO "@%s", (int)(end + 3 - text), text, end + 3)
	                   : xasprintf(MARKED_USER "@%s", text);
	struct error err = ERROR_INIT;

	if (strstr(text, "MARKED"))
		return;
	if (!repo_url_parse(marked, &url, &err)) {
		assert_unmarked(err.message);
		assert_unmarked(err.detail);
		assert_unmarked(err.remediation);
		return;
	}
	CLEANUP(freep) char *clean = repo_url_clean_text(marked);
	FUZZ_ASSERT(url.ignored & (REPO_URL_IGNORED_CREDENTIALS | REPO_URL_IGNORED_SSH_USER));
	assert_unmarked(url.host);
	assert_unmarked(url.path);
	assert_unmarked(url.ref);
	assert_unmarked(clean);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	CLEANUP(freep) char *text = fuzz_text(data, size);
	CLEANUP(repo_url_release) struct repo_url url = REPO_URL_INIT;
	struct error err = ERROR_INIT;

	if (repo_url_parse(text, &url, &err)) {
		assert_legal(&url);
		assert_clean_text_is_the_same(text, &url);
	} else {
		FUZZ_ASSERT(err.code == ERR_REPO_URL_INVALID && err.message[0] != '\0');
	}
	assert_user_info_does_not_leak(text);
	return 0;
}
