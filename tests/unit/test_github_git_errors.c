#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "github_api.h"

static void check(const char *what, const struct error *err, enum error_code code, const char *begin, const char *part)
{
	if (err->code != code || strncmp(err->message, begin, strlen(begin)) != 0 || (part && !strstr(err->message, part)))
		fail_msg("%s: %s\n got  %s\n want %s … %s", what, error_name(err->code), err->message, begin, part ? part : "");
	if (strstr(err->message, "GitLab") || strstr(error_remediation(err), "GitLab"))
		fail_msg("%s speaks of GitLab: %s %s", what, err->message, error_remediation(err));
}

static void git_answers_are_classified(void **state)
{
	static const struct {
		const char *what;
		enum git_service service;
		int status;
		const char *body;
		enum error_code code;
		const char *begin, *part;
	} rows[] = {
	        {"a wrong token", GIT_UPLOAD_PACK, 401,
	         "Invalid username or token. Password authentication is not supported for Git operations.", ERR_TOKEN_INVALID,
	         "Authentication failed. github.com did not accept the token", NULL},
	        {"no Write role", GIT_RECEIVE_PACK, 403, "Permission to o/r.git denied to john.", ERR_REPO_NO_PUSH,
	         "GitHub push failed: Insufficient permissions.", "Permission to o/r.git denied to john."},
	        {"no Read role", GIT_UPLOAD_PACK, 403, "Permission to o/r.git denied to john.", ERR_REPO_NO_READ,
	         "Insufficient permissions. The connected account may not read the code of o/r.", "denied to john"},
	        {"a token without Contents: write", GIT_RECEIVE_PACK, 403, "remote: Write access to repository not granted.\n",
	         ERR_PUSH_FORBIDDEN, "GitHub push failed: Insufficient permissions. Ensure your GitHub token",
	         "Write access to repository not granted."},
	        {"a token without Contents: read", GIT_UPLOAD_PACK, 403, "Write access to repository not granted.",
	         ERR_TOKEN_PERMISSION_MISSING, "Insufficient permissions. The token may not read the code of o/r.",
	         "Contents: Read"},
	        {"a refusal without words", GIT_RECEIVE_PACK, 403, "", ERR_REPO_NO_PUSH,
	         "GitHub push failed: Insufficient permissions.", NULL},
	        {"archived", GIT_RECEIVE_PACK, 403, "This repository was archived so it is read-only.", ERR_REPO_ARCHIVED,
	         "o/r is archived and read-only.", NULL},
	        {"single sign-on", GIT_UPLOAD_PACK, 403,
	         "The `octo' organization has enabled or enforced SAML SSO. To access\nthis repository, you must use the HTTPS "
	         "remote with "
	         "a personal access token.",
	         ERR_SSO_REQUIRED, "Insufficient permissions. The organization requires single sign-on", NULL},
	        {"an IP allow list", GIT_UPLOAD_PACK, 403,
	         "The `octo` organization has an IP allow list enabled, and 192.0.2.1 is not permitted to access it.",
	         ERR_INSTANCE_BLOCKED, "Insufficient permissions. The organization allows only listed IP addresses", NULL},
	        {"classic tokens are not welcome", GIT_RECEIVE_PACK, 403,
	         "`octo` forbids access via a personal access token (classic). Please use a GitHub App.", ERR_TOKEN_REFUSED,
	         "Insufficient permissions. GitHub refuses this token:", "forbids access"},
	        {"blocked by GitHub", GIT_UPLOAD_PACK, 403, "Access to this repository has been disabled by GitHub staff.",
	         ERR_REPO_DISABLED, "GitHub has blocked this repository:", NULL},
	        {"a takedown", GIT_UPLOAD_PACK, 451, "Repository unavailable due to DMCA takedown.", ERR_REPO_DISABLED,
	         "GitHub has blocked o/r.", NULL},
	        {"another refusal", GIT_UPLOAD_PACK, 403, "You cannot do that.", ERR_TOKEN_REFUSED,
	         "Insufficient permissions. github.com refuses this request: You cannot do that.", NULL},
	        {"not there or not shown", GIT_UPLOAD_PACK, 404, "Repository not found.", ERR_REPO_NOT_FOUND,
	         "Repository not found. o/r was not found on github.com", NULL},
	        {"too many requests", GIT_UPLOAD_PACK, 429, "", ERR_RATE_LIMITED, "GitHub API rate limit exceeded.", "30 s."},
	        {"too many requests, as a refusal", GIT_UPLOAD_PACK, 403, "You have exceeded a secondary rate limit.",
	         ERR_RATE_LIMITED, "GitHub API rate limit exceeded.", "30 s."},
	        {"too large", GIT_RECEIVE_PACK, 413, "", ERR_PUSH_REJECTED,
	         "GitHub rejected the push: it is larger than github.com", NULL},
	        {"a redirect", GIT_UPLOAD_PACK, 301, "", ERR_GIT_REDIRECT_REFUSED, "github.com redirects Git to another page",
	         NULL},
	        {"overload", GIT_UPLOAD_PACK, 503, "<html>Unicorn!</html>", ERR_INSTANCE_ERROR,
	         "github.com reported an internal error (503). Try again.", NULL},
	        {"a protection in front", GIT_UPLOAD_PACK, 403, "<html>captcha</html>", ERR_INSTANCE_BLOCKED, "github.com blocked",
	         NULL},
	        {"a page instead of git", GIT_RECEIVE_PACK, 200, "<html>sign in</html>", ERR_INSTANCE_NOT_API,
	         "github.com answered with a web page instead of the GitHub API.", NULL},
	        {"no git", GIT_RECEIVE_PACK, 200, "hello", ERR_GIT_FAILED,
	         "github.com did not answer the push as a Git server (200).", NULL},
	};
	(void)state;

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct error err = ERROR_INIT;
		assert_false(github_classify_git(rows[i].service, rows[i].status, rows[i].body, strlen(rows[i].body), "30",
		                                 "github.com", "o/r", &err));
		check(rows[i].what, &err, rows[i].code, rows[i].begin, rows[i].part);
	}
}

static void refused_refs_are_classified(void **state)
{
	static const struct {
		const char *what, *sideband, *reason;
		enum error_code code;
		const char *begin, *part;
	} rows[] = {
	        {"branch protection",
	         "remote: error: GH006: Protected branch update failed for refs/heads/main.        \n"
	         "remote: error: Changes must be made through a pull request.        \n",
	         "protected branch hook declined", ERR_BRANCH_PROTECTED,
	         "main is protected on o/r. Push to another branch and open a pull request. GitHub says: GH006: Protected branch",
	         "Changes must be made through a pull request."},
	        {"branch protection, told by the reason alone", "", "protected branch hook declined", ERR_BRANCH_PROTECTED,
	         "main is protected on o/r.", NULL},
	        {"a rule about the branch",
	         "error: GH013: Repository rule violations found for refs/heads/main.\n\n- Changes must be made through a pull "
	         "request.\n",
	         "push declined due to repository rule violations", ERR_BRANCH_PROTECTED, "main is protected on o/r.",
	         "GH013: Repository rule violations found"},
	        {"a rule about creating branches",
	         "error: GH013: Repository rule violations found for refs/heads/x.\n- Cannot create ref due to creations being "
	         "restricted.\n",
	         "push declined due to repository rule violations", ERR_BRANCH_PROTECTED, "main is protected on o/r.", NULL},
	        {"a rule about commits",
	         "error: GH013: Repository rule violations found for refs/heads/main.\n- Commits must have verified signatures.\n",
	         "push declined due to repository rule violations", ERR_PUSH_REJECTED,
	         "GitHub rejected the push: GH013:", "Commits must have verified signatures."},
	        {"secrets, by a rule",
	         "error: GH013: Repository rule violations found for refs/heads/main.\n- GITHUB PUSH PROTECTION\n  "
	         "———————————————\n  - Push cannot contain secrets\n",
	         "push declined due to repository rule violations", ERR_PUSH_REJECTED,
	         "GitHub rejected the push: GH013:", "Push cannot contain secrets"},
	        {"secrets", "error: GH009: Secrets detected! This push failed.\n", "push declined due to secret scanning",
	         ERR_PUSH_REJECTED, "GitHub rejected the push: GH009: Secrets detected!", NULL},
	        {"a workflow without the scope", "",
	         "refusing to allow a Personal Access Token to create or update workflow `.github/workflows/ci.yml` without "
	         "`workflow` scope",
	         ERR_PUSH_FORBIDDEN, "GitHub push failed: Insufficient permissions.", "without `workflow` scope"},
	        {"a workflow without the permission", "",
	         "refusing to allow a GitHub App to create or update workflow `.github/workflows/ci.yml` without `workflows` "
	         "permission",
	         ERR_PUSH_FORBIDDEN, "GitHub push failed: Insufficient permissions.", "`workflows` permission"},
	        {"large files",
	         "error: GH001: Large files detected. You may want to try Git Large File Storage.\nerror: File a.bin is 120 MB\n",
	         "pre-receive hook declined", ERR_PUSH_REJECTED, "GitHub rejected the push: GH001: Large files detected.",
	         "a.bin is 120 MB"},
	        {"a private address", "error: GH007: Your push would publish a private email address.\n",
	         "push declined due to email privacy restrictions", ERR_PUSH_REJECTED, "GitHub rejected the push: GH007:", NULL},
	        {"archived meanwhile", "ERROR: This repository was archived so it is read-only.\n", "pre-receive hook declined",
	         ERR_REPO_ARCHIVED, "o/r is archived and read-only.", NULL},
	        {"write access was lost", "ERROR: Write access to repository not granted.\n", "failure", ERR_PUSH_FORBIDDEN,
	         "GitHub push failed: Insufficient permissions. Ensure your GitHub token", NULL},
	        {"the role was lost", "ERROR: Permission to o/r.git denied to john.\n", "failure", ERR_REPO_NO_PUSH,
	         "GitHub push failed: Insufficient permissions.", "denied to john."},
	        {"somebody was faster", "", "non-fast-forward", ERR_PUSH_NOT_FAST_FORWARD,
	         "main changed on GitHub meanwhile; nothing was overwritten.", NULL},
	        {"a race for the lock", "error: cannot lock ref 'refs/heads/main': is at 1111 but expected 2222\n",
	         "failed to update ref", ERR_PUSH_NOT_FAST_FORWARD, "main changed on GitHub meanwhile", NULL},
	        {"progress is no reason",
	         "Resolving deltas:  50% (1/2)\rResolving deltas: 100% (2/2), done.\nerror: GH003: no force\n",
	         "pre-receive hook declined", ERR_PUSH_REJECTED, "GitHub rejected the push: GH003: no force", NULL},
	        {"no reason at all", "", NULL, ERR_PUSH_REJECTED, "GitHub rejected the push: no reason given", NULL},
	};
	(void)state;

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct error err = ERROR_INIT;
		assert_false(github_classify_push(rows[i].sideband, rows[i].reason, "main", "o/r", &err));
		check(rows[i].what, &err, rows[i].code, rows[i].begin, rows[i].part);
		if (strpbrk(err.message, "\r\n"))
			fail_msg("%s: more than one line", rows[i].what);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(git_answers_are_classified),
	        cmocka_unit_test(refused_refs_are_classified),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
