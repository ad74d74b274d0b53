#include "repo_path.h"

#include "branch_name.h"
#include "caps.h"
#include "encoding.h"
#include "path_text.h"
#include "url_parts.h"

static const char no_project[] = "it does not name a group and a project";
static const char not_a_project[] = "its path has an empty part or characters that a project of GitLab does not have";

/*
 * Names that no project can have (GitLab's PROJECT_WILDCARD_ROUTES), so that they end the path of one: "/-/tree/main", and without
 * "/-/" in addresses of GitLab before 12. What follows those with `has_ref` begins with a branch or tag.
 */
static const struct page {
	const char *name;
	bool has_ref;
} pages[] = {
        {"tree", true},    {"blob", true},     {"raw", true},     {"commits", true}, {"blame", true},  {"-", false},
        {"badges", false}, {"builds", false},  {"create", false}, {"edit", false},   {"files", false}, {"find_file", false},
        {"new", false},    {"preview", false}, {"refs", false},   {"update", false}, {"wikis", false}, {"create_dir", false},
};

/* Top-level names that a forge keeps for itself: an address that begins with one is no repository. */
static const char *const gitlab_tops[] = {"-",     "admin",   "api",      "dashboard", "explore", "groups",   "help",    "import",
                                          "oauth", "profile", "projects", "public",    "search",  "snippets", "uploads", "users"};
static const char *const github_tops[] = {"apps",        "enterprise",    "explore",       "features", "login",
                                          "marketplace", "notifications", "organizations", "orgs",     "search",
                                          "settings",    "sponsors",      "topics",        "trending", "users"};

static bool is_one_of(struct span segment, const char *const *names, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		if (span_is(segment, names[i]))
			return true;
	}
	return false;
}

static bool is_reserved_top(struct span segment, enum repo_path_kind kind)
{
	if (kind == REPO_PATH_GITLAB)
		return is_one_of(segment, gitlab_tops, ARRAY_SIZE(gitlab_tops));
	return kind == REPO_PATH_GITHUB && is_one_of(segment, github_tops, ARRAY_SIZE(github_tops));
}

static const struct page *find_page(struct span segment)
{
	for (size_t i = 0; i < ARRAY_SIZE(pages); i++) {
		if (span_is(segment, pages[i].name))
			return &pages[i];
	}
	return NULL;
}

/*
 * "issues/7", "merge_requests/7" and "pull/7" without "/-/": groups may be called so, but hardly with a project called by a number.
 * Who has one writes "7.git".
 */
static bool is_numbered_page(struct span segment, struct span rest)
{
	static const char *const names[] = {"issues", "merge_requests", "pull"};
	struct span number;

	return is_one_of(segment, names, ARRAY_SIZE(names)) && path_next(&rest, &number) && span_is_digits(number);
}

/* Whether the segment after `count` others, with `rest` behind it, cannot be part of the project's path. */
static bool ends_project(struct span segment, struct span rest, size_t count, enum repo_path_kind kind)
{
	switch (kind) {
	case REPO_PATH_GIT:
		return false;
	case REPO_PATH_GITHUB:
		return count == 2; /* an owner and a repository, and nothing between */
	case REPO_PATH_GITLAB:
		break;
	}
	return count >= 2 ? find_page(segment) || is_numbered_page(segment, rest) : count == 1 && span_is(segment, "-");
}

/* `segment` ended the project, `rest` follows it: "-" and "tree/main", or "tree" and "main". */
static void read_page(struct span segment, struct span rest, struct repo_path *ret)
{
	if (span_is(segment, "-"))
		path_next(&rest, &segment);
	const struct page *page = find_page(segment);
	if (page && page->has_ref && rest.length > 0)
		ret->ref = rest;
	else
		ret->has_page = true;
}

static bool ends_with_dot(struct span s)
{
	return s.length > 0 && s.start[s.length - 1] == '.';
}

/* Adds a segment to the project. False: no project has it there. */
static bool add_segment(struct span segment, struct repo_path *ret)
{
	if (!path_segment_is_valid(segment))
		return false;
	if (!ret->project.start)
		ret->project = segment;
	else if (ends_with_dot(ret->project)) /* which only the last one may */
		return false;
	else
		ret->project = span_between(ret->project.start, span_end(segment));
	return true;
}

/* The segments up to the end of the project. */
static const char *read_segments(struct span rest, enum repo_path_kind kind, struct repo_path *ret, size_t *ret_count)
{
	struct span segment;

	for (size_t count = 0; path_next(&rest, &segment); *ret_count = ++count) {
		if (count == 0 && is_reserved_top(segment, kind))
			return "it is the address of another page";
		if (ends_project(segment, rest, count, kind)) {
			read_page(segment, rest, ret);
			return NULL;
		}
		if (count == LIMIT_PATH_SEGMENTS)
			return "it is nested deeper than GitLab allows";
		/* On the web more may follow: "project.git/info/refs". */
		bool may_end = !rest.start || (kind != REPO_PATH_GIT && count > 0);
		ret->has_git_suffix = may_end && span_ends_with(segment, ".git");
		if (ret->has_git_suffix)
			segment.length -= strlen(".git");
		if (!add_segment(segment, ret))
			return count == 0 && !rest.start ? no_project : not_a_project;
		if (ret->has_git_suffix) {
			ret->has_page = rest.start != NULL;
			*ret_count = count + 1;
			return NULL;
		}
	}
	return NULL;
}

const char *repo_path_read(struct span path, enum repo_path_kind kind, struct repo_path *ret)
{
	size_t count = 0;

	*ret = (struct repo_path){0};
	while (path.length > 1 && path.start[path.length - 1] == '/')
		path.length--;
	const char *problem = read_segments(path_begin(path), kind, ret, &count);
	return problem || count >= 2 ? problem : no_project;
}

/* Returns the decoded length; 0: bad escape. */
static size_t decode(struct span text, char *to)
{
	size_t length = 0;

	for (size_t i = 0; i < text.length; i++) {
		char c = text.start[i];
		if (c == '%') {
			if (text.length - i < 3 || !ascii_is_hex(text.start[i + 1]) || !ascii_is_hex(text.start[i + 2]))
				return 0;
			c = (char)(decode_hex_digit(text.start[i + 1]) * 16 + decode_hex_digit(text.start[i + 2]));
			i += 2;
		}
		to[length++] = c;
	}
	return length;
}

/* "../x" leads out of the repository, and "-x" would be an option of git. */
static bool has_strange_segment(struct span ref)
{
	struct span segment;

	if (ref.start[0] == '-' || ref.start[0] == '/')
		return true;
	while (path_next(&ref, &segment)) {
		if (span_is(segment, ".") || span_is(segment, ".."))
			return true;
	}
	return false;
}

size_t repo_path_decode_ref(struct span ref, char *to)
{
	size_t length = decode(ref, to);
	struct span decoded = {to, length};

	/* is_utf8 does not accept a NUL, which "%00" gives. */
	if (length == 0 || url_span_has_forbidden_byte(decoded) || !is_utf8(to, length) || has_strange_segment(decoded))
		return 0;
	to[length] = '\0';
	return length;
}

static bool is_commit(const char *text, size_t length)
{
	return (length == 40 || length == 64) && strspn(text, "0123456789abcdef") == length;
}

/* "L10", "L10-20", "L10-L20" */
static bool is_line_anchor(struct span fragment)
{
	if (fragment.length < 2 || fragment.start[0] != 'L' || !ascii_is_digit(fragment.start[1]))
		return false;
	for (size_t i = 1; i < fragment.length; i++) {
		if (!ascii_is_digit(fragment.start[i]) && fragment.start[i] != '-' && fragment.start[i] != 'L')
			return false;
	}
	return true;
}

static bool begins_with(struct span text, const char *start)
{
	return text.length >= strlen(start) && memcmp(text.start, start, strlen(start)) == 0;
}

/* Places on the page of a project of GitLab or GitHub. */
static bool is_page_anchor(struct span fragment)
{
	return is_line_anchor(fragment) || span_is_word(fragment, "readme") || span_is(fragment, "readme-ov-file") ||
	       begins_with(fragment, "user-content-") || begins_with(fragment, "note_");
}

bool repo_path_fragment_is_ref(struct span fragment, bool has_git_suffix)
{
	char ref[LIMIT_BRANCH_MAX + 1];
	size_t length;

	if (!has_git_suffix && is_page_anchor(fragment))
		return false;
	/* "key=value" is a setting of the page, or of the program that wrote the address; it may be a secret. */
	if (fragment.length > LIMIT_BRANCH_MAX || span_find(fragment, '=') || span_find(fragment, '&'))
		return false;
	length = repo_path_decode_ref(fragment, ref);
	return length > 0 && (is_commit(ref, length) || branch_name_check(ref, NULL));
}
