#include "gitlab_errors.h"

#include "gitlab_sentence.h"

/* Skips what git and GitLab's hook put before a line. */
static const char *strip_prefixes(const char *line, size_t *length)
{
	static const char *const prefixes[] = {"remote: ", "GitLab: ", "GitLab:"};
	bool again = true;

	while (again) {
		again = false;
		for (; *length > 0 && (*line == ' ' || *line == '\t'); line++)
			--*length;
		for (size_t i = 0; i < ARRAY_SIZE(prefixes); i++) {
			size_t prefix = strlen(prefixes[i]);
			if (*length < prefix || strncmp(line, prefixes[i], prefix) != 0)
				continue;
			line += prefix;
			*length -= prefix;
			again = true;
		}
	}
	return line;
}

/* Frames of "=====" around GitLab's messages. */
static bool is_frame(const char *line, size_t length)
{
	return strspn(line, "=-") >= length;
}

/* The remote's lines, joined by blanks, without prefixes, frames and progress that a carriage return replaced. */
static void join_lines(const char *sideband, struct strbuf *to)
{
	while (*sideband) {
		size_t whole = strcspn(sideband, "\r\n"), length = whole;
		bool replaced = sideband[whole] == '\r' && sideband[whole + 1] != '\n';
		const char *line = strip_prefixes(sideband, &length);
		if (length > 0 && !replaced && !is_frame(line, length)) {
			if (to->length > 0)
				strbuf_add_char(to, ' ');
			strbuf_add(to, line, length);
		}
		sideband += whole;
		sideband += strspn(sideband, "\r\n");
	}
}

static bool says_protected(const char *said)
{
	return (sentence_has(said, "protected branch") &&
	        (sentence_has(said, "not allowed") || sentence_has(said, "existing protected branch")));
}

/* From the remote's ref status as well as from its words: a race shows as a lock or an update that failed. */
static bool says_outdated(const char *said)
{
	static const char *const signs[] = {"non-fast-forward", "fetch first",          "stale info",
	                                    "cannot lock ref",  "failed to update ref", "incorrect old value"};

	for (size_t i = 0; i < ARRAY_SIZE(signs); i++)
		if (sentence_has(said, signs[i]))
			return true;
	return false;
}

static bool classify_said(const char *said, const char *relayed, const char *branch, const char *project_path, struct error *err)
{
	if (sentence_has(said, "not allowed to upload code"))
		return sentence_push_forbidden(err);
	if (says_protected(said))
		return error_set(err, ERR_BRANCH_PROTECTED,
		                 "%s is protected on %s. Push to another branch and open a merge request, or ask a Maintainer. "
		                 "GitLab says: %s",
		                 branch, project_path, relayed);
	if (sentence_has(said, "not allowed to push code to this project"))
		return sentence_no_push_role(project_path, err);
	if (sentence_has(said, "default branch") && sentence_has(said, "does not yet exist"))
		return error_set(err, ERR_DEFAULT_BRANCH_MISSING,
		                 "Ask a Maintainer to create the default branch of %s. GitLab says: %s", project_path, relayed);
	if (sentence_has(said, "archived project"))
		return sentence_archived(project_path, err);
	if (says_outdated(said))
		return error_set(err, ERR_PUSH_NOT_FAST_FORWARD, "%s changed on GitLab meanwhile; nothing was overwritten.",
		                 branch);
	if (sentence_judge(said, "GitLab", err))
		return false;
	return error_set(err, ERR_PUSH_REJECTED, "GitLab rejected the push: %s", relayed[0] ? relayed : "no reason given");
}

bool gitlab_classify_push(const char *sideband, const char *reason, const char *branch, const char *project_path, struct error *err)
{
	CLEANUP(strbuf_release) struct strbuf said = STRBUF_INIT(SIZE_MAX), relayed = STRBUF_INIT(LIMIT_GITLAB_SENTENCE);

	join_lines(sideband, &said);
	/* "pre-receive hook declined" only says that the words are on the side band. */
	if (reason && (said.length == 0 || !sentence_has(reason, "hook declined"))) {
		if (said.length > 0)
			strbuf_add_char(&said, ' ');
		strbuf_add_string(&said, reason);
	}
	sentence_relay(said.data, said.length, &relayed);
	return classify_said(said.data, relayed.data, branch, project_path, err);
}
