#include "branch_name.h"

#include <string.h>

#include "alloc.h"
#include "ascii.h"
#include "caps.h"
#include "encoding.h"

static bool is_object_id(const char *name)
{
	size_t length = strlen(name);

	return (length == 40 || length == 64) && strspn(name, "0123456789abcdefABCDEF") == length;
}

static const char *byte_problem(const char *name)
{
	for (const char *c = name; *c; c++) {
		if (*c == ' ' || ascii_is_control(*c))
			return "contains a blank or a control character";
		if (strchr("~^:?*[\\", *c))
			return "contains one of ~ ^ : ? * [ and \\";
	}
	return is_utf8(name, strlen(name)) ? NULL : "is not UTF-8";
}

/* The rules for what stands between two slashes. */
static const char *component_problem(const char *name)
{
	while (true) {
		size_t length = strcspn(name, "/");
		if (length == 0)
			return "begins or ends with a slash or has two in a row";
		if (name[0] == '.')
			return "has a part that begins with a dot";
		if (length >= strlen(".lock") && memcmp(name + length - strlen(".lock"), ".lock", strlen(".lock")) == 0)
			return "has a part that ends with .lock";
		if (name[length] == '\0')
			return NULL;
		name += length + 1;
	}
}

static const char *problem_of(const char *name)
{
	size_t length = strlen(name);

	if (length == 0)
		return "is empty";
	if (length > LIMIT_BRANCH_MAX)
		return "is longer than 244 bytes";
	if (name[0] == '-')
		return "begins with a hyphen";
	if (strcmp(name, "HEAD") == 0 || strcmp(name, "@") == 0)
		return "is a name that git keeps for itself";
	if (is_object_id(name))
		return "looks like the id of a commit";
	const char *problem = byte_problem(name);
	if (problem)
		return problem;
	if (strstr(name, "..") || strstr(name, "@{"))
		return "contains '..' or '@{'";
	if (name[length - 1] == '.')
		return "ends with a dot";
	return component_problem(name);
}

bool branch_name_check(const char *name, struct error *err)
{
	const char *problem = problem_of(name);

	return !problem || error_set(err, ERR_BRANCH_INVALID, "The branch name %s.", problem);
}

char *branch_web_url(const char *project_web_url, bool github, const char *name)
{
	CLEANUP(strbuf_release) struct strbuf url = STRBUF_INIT(2 * LIMIT_URL_MAX + 3 * LIMIT_BRANCH_MAX);

	strbuf_add_string(&url, project_web_url);
	strbuf_add_string(&url, github ? "/tree/" : "/-/tree/");
	strbuf_add_percent_encoded(&url, name, "/");
	return strbuf_detach(&url);
}
