#include "github_errors.h"

#include "forge_sideband.h"
#include "github_sentence.h"

/* What git and the hook put before a line. */
static const char *const prefixes[] = {"remote: ", "error: ", "ERROR: "};

/* Branch protection (GH006), and those rules of rulesets (GH013) that are about the branch instead of what is in the commits. */
static bool says_protected(const char *said)
{
	static const char *const signs[] = {"GH006",
	                                    "protected branch hook declined",
	                                    "must be made through a pull request",
	                                    "Cannot update this protected ref",
	                                    "Cannot create ref due to creations being restricted",
	                                    "Required status check",
	                                    "made through the merge queue"};

	return sentence_has_any(said, signs, ARRAY_SIZE(signs));
}

/* "refusing to allow a Personal Access Token to create or update workflow `…` without `workflow` scope" */
static bool workflow_refused(const char *relayed, struct error *err)
{
	error_set(err, ERR_PUSH_FORBIDDEN,
	          "GitHub push failed: Insufficient permissions. The push changes files in .github/workflows, which this token may "
	          "not. GitHub says: %s",
	          relayed);
	return error_remedy(err, "Reconnect with a classic token that also has the scope 'workflow', or a fine-grained one with "
	                         "Workflows: Read and write.");
}

static bool private_email(const char *relayed, struct error *err)
{
	error_set(err, ERR_PUSH_REJECTED, "GitHub rejected the push: %s", relayed);
	return error_remedy(err,
	                    "Allow the address under Settings > Emails on GitHub, or commit with the account's no-reply address.");
}

static bool large_files(const char *relayed, struct error *err)
{
	error_set(err, ERR_PUSH_REJECTED, "GitHub rejected the push: %s", relayed);
	return error_remedy(err, "Take the large files out of the commit, or keep them with Git LFS.");
}

static bool secrets_found(const char *relayed, struct error *err)
{
	error_set(err, ERR_PUSH_REJECTED, "GitHub rejected the push: %s", relayed);
	return error_remedy(err, "Take the secrets out of the commits and replace them, or allow them on the page GitHub names.");
}

static bool classify_said(const char *said, const char *relayed, const char *branch, const char *project_path, struct error *err)
{
	if (sentence_has(said, "create or update workflow"))
		return workflow_refused(relayed, err);
	if (sentence_has(said, "GH009") || sentence_has(said, "secret scanning") || sentence_has(said, "cannot contain secrets"))
		return secrets_found(relayed, err);
	if (says_protected(said))
		return github_error(err, ERR_BRANCH_PROTECTED,
		                    "%s is protected on %s. Push to another branch and open a pull request. GitHub says: %s",
		                    branch, project_path, relayed);
	if (sentence_has(said, "GH007") || sentence_has(said, "email privacy"))
		return private_email(relayed, err);
	if (sentence_has(said, "GH001") || sentence_has(said, "Large files detected"))
		return large_files(relayed, err);
	if (sentence_has(said, "archived so it is read-only"))
		return github_archived(project_path, err);
	if (sentence_has(said, "Write access to repository not granted"))
		return github_push_forbidden(relayed, err);
	if (sentence_has(said, "Permission to ") && sentence_has(said, " denied to "))
		return github_no_push_role(project_path, relayed, err);
	if (sideband_says_outdated(said))
		return error_set(err, ERR_PUSH_NOT_FAST_FORWARD, "%s changed on GitHub meanwhile; nothing was overwritten.",
		                 branch);
	if (!sentence_has(said, "GH013") && github_sentence_judge(NULL, said, "GitHub", err))
		return false;
	return github_error(err, ERR_PUSH_REJECTED, "GitHub rejected the push: %s", relayed[0] ? relayed : "no reason given");
}

bool github_classify_push(const char *sideband, const char *reason, const char *branch, const char *project_path, struct error *err)
{
	CLEANUP(strbuf_release) struct strbuf said = STRBUF_INIT(SIZE_MAX), relayed = STRBUF_INIT(LIMIT_GITLAB_SENTENCE);

	sideband_join(sideband, prefixes, ARRAY_SIZE(prefixes), &said);
	/* "pre-receive hook declined" only says that the words are on the side band. */
	if (reason && (said.length == 0 || !sentence_has(reason, "pre-receive hook declined"))) {
		if (said.length > 0)
			strbuf_add_char(&said, ' ');
		strbuf_add_string(&said, reason);
	}
	sentence_relay(said.data, said.length, &relayed);
	return classify_said(said.data, relayed.data, branch, project_path, err);
}
