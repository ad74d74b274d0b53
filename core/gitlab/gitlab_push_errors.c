#include "gitlab_errors.h"

#include "forge_sideband.h"
#include "gitlab_sentence.h"

/* What git and the hook put before a line. */
static const char *const prefixes[] = {"remote: ", "GitLab: ", "GitLab:"};

static bool says_protected(const char *said)
{
	return (sentence_has(said, "protected branch") &&
	        (sentence_has(said, "not allowed") || sentence_has(said, "existing protected branch")));
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
	if (sideband_says_outdated(said))
		return error_set(err, ERR_PUSH_NOT_FAST_FORWARD, "%s changed on GitLab meanwhile; nothing was overwritten.",
		                 branch);
	if (sentence_judge(said, "GitLab", err))
		return false;
	return error_set(err, ERR_PUSH_REJECTED, "GitLab rejected the push: %s", relayed[0] ? relayed : "no reason given");
}

bool gitlab_classify_push(const char *sideband, const char *reason, const char *branch, const char *project_path, struct error *err)
{
	CLEANUP(strbuf_release) struct strbuf said = STRBUF_INIT(SIZE_MAX), relayed = STRBUF_INIT(LIMIT_GITLAB_SENTENCE);

	sideband_join(sideband, prefixes, ARRAY_SIZE(prefixes), &said);
	/* "pre-receive hook declined" only says that the words are on the side band. */
	if (reason && (said.length == 0 || !sentence_has(reason, "hook declined"))) {
		if (said.length > 0)
			strbuf_add_char(&said, ' ');
		strbuf_add_string(&said, reason);
	}
	sentence_relay(said.data, said.length, &relayed);
	return classify_said(said.data, relayed.data, branch, project_path, err);
}
