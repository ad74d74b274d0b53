#include "report.h"

#include "terminal.h"

static enum terminal_mark mark_of(const json_t *ok)
{
	return json_is_true(ok) ? MARK_OK : json_is_false(ok) ? MARK_FAILED : MARK_NOT_RUN;
}

static void print_below(FILE *to, const char *text)
{
	if (text[0] != '\0')
		terminal_line(to, "         %s", text);
}

static void print_reason(FILE *to, const json_t *check)
{
	print_below(to, json_string_or(check, "message", ""));
	print_below(to, json_string_or(check, "remediation", ""));
}

void report_checks_print(FILE *to, const json_t *checks)
{
	const json_t *check;
	size_t i;

	json_array_foreach(checks, i, check)
	{
		terminal_line(to, "  %s %s", terminal_mark(to, mark_of(json_object_get(check, "ok"))),
		              json_string_or(check, "name", "?"));
		print_reason(to, check);
	}
}

/* The first check that failed; NULL: none. */
static const json_t *failed_check(const json_t *report)
{
	const json_t *check;
	size_t i;

	json_array_foreach(json_object_get(report, "checks"), i, check)
	{
		if (json_is_false(json_object_get(check, "ok")))
			return check;
	}
	return NULL;
}

int report_exit(const json_t *report)
{
	const json_t *failed = failed_check(report);

	if (json_bool_or(report, "valid", false))
		return CLI_OK;
	return (int)cli_exit_of_check(json_string_or(failed, "code", NULL));
}

/* ---- One report ---- */

static const char *rights_of(const json_t *report)
{
	const json_t *can = json_object_get(report, "can");

	if (json_bool_or(can, "push", false))
		return "can be read and pushed to";
	return json_bool_or(can, "read", false) ? "can be read" : "was found";
}

/* "gitlab.com/team/backend can be read and pushed to by john (Developer); default branch main." */
static void print_verdict(FILE *to, const json_t *report)
{
	CLEANUP(strbuf_release) struct strbuf line = STRBUF_INIT(TERMINAL_LINE_MAX);
	const char *role = json_string_or(json_object_get(report, "role"), "name", NULL);
	const char *account = json_string_or(report, "account", NULL), *branch = json_string_or(report, "defaultBranch", NULL);

	strbuf_addf(&line, "Valid: %s/%s %s", json_string_or(report, "host", "?"), json_string_or(report, "projectPath", "?"),
	            rights_of(report));
	if (account)
		strbuf_addf(&line, " by %s", account);
	if (role)
		strbuf_addf(&line, " (%s)", role);
	if (branch)
		strbuf_addf(&line, "; default branch %s", branch);
	terminal_line(to, "%s.", line.data);
}

void report_print(FILE *to, const json_t *report)
{
	const json_t *failed = failed_check(report);

	report_checks_print(to, json_object_get(report, "checks"));
	if (json_bool_or(report, "valid", false))
		print_verdict(to, report);
	else
		terminal_line(to, "Not valid: the check '%s' failed.", json_string_or(failed, "name", "?"));
}

/* ---- One of a list ---- */

void report_entry_print(FILE *to, const json_t *entry, const json_t *report)
{
	const char *branch = json_string_or(entry, "branch", ""), *provider = json_string_or(entry, "provider", "provider unknown");
	const json_t *check;
	size_t i;

	terminal_line(to, "%s %s (%s%s%s)", terminal_mark(to, mark_of(json_object_get(report, "valid"))),
	              json_string_or(entry, "url", "?"), provider, branch[0] != '\0' ? ", branch " : "", branch);
	json_array_foreach(json_object_get(report, "checks"), i, check)
	{
		if (json_is_false(json_object_get(check, "ok")))
			print_reason(to, check);
	}
}
