#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "forge_probe.h"
#include "gitlab_api.h"

#define PUSH_SENTENCE                                                                                                              \
	"GitLab push failed: Insufficient permissions. Ensure your GitLab token has 'write_repository' scope. "                    \
	"You can update your token by reconnecting your GitLab account with the required permissions."
#define AUTHENTICATION                                                                                                             \
	"Authentication failed. gitlab.corp did not accept the token of the connected account: it is wrong, expired or revoked, "  \
	"or the account is blocked. Reconnect and try again."
#define NOT_FOUND                                                                                                                  \
	"Repository not found. g/p was not found on gitlab.corp, or the connected account may not see it. Check spelling and "     \
	"membership "                                                                                                              \
	"(private projects, IP restrictions and unaccepted SSO look the same)."

static void http_answers_of_git_are_explained(void **state)
{
	static const struct {
		const char *what;
		int status;
		const char *body;
		enum error_code code;
		const char *message;
	} rows[] = {
	        {"401 today", 401,
	         "HTTP Basic: Access denied. If a password was provided for Git authentication, the password was incorrect",
	         ERR_TOKEN_INVALID, AUTHENTICATION},
	        {"401 with a page", 401, "<html>sign in</html>", ERR_TOKEN_INVALID, AUTHENTICATION},
	        {"scope: no write", 403, "You are not allowed to upload code.", ERR_PUSH_FORBIDDEN, PUSH_SENTENCE},
	        {"scope: no read", 403, "You are not allowed to download code.", ERR_TOKEN_SCOPE_MISSING,
	         "Insufficient permissions. The token may not read repositories. Create a token with 'api' (or 'read_api' + "
	         "'write_repository')."},
	        {"F37 role: no read", 403, "You are not allowed to download code from this project.\n", ERR_REPO_NO_READ,
	         "Insufficient permissions. The connected account may not read the code of g/p. Reporter or higher is needed."},
	        {"F38 role: no push", 403, "You are not allowed to push code to this project.", ERR_REPO_NO_PUSH,
	         "Insufficient permissions. The connected account may not push to g/p; pushing needs Developer or higher."},
	        {"F36 archived", 403, "You can't push code to an archived project.", ERR_REPO_ARCHIVED,
	         "g/p is archived and read-only."},
	        {"F28 maintenance", 403,
	         "Git push is not allowed because this GitLab instance is currently in (read-only) maintenance mode.",
	         ERR_INSTANCE_READ_ONLY, "gitlab.corp is in maintenance mode: reading works, pushing does not. Try later."},
	        {"F28 read-only", 403, "You can't push code to a read-only GitLab instance.", ERR_INSTANCE_READ_ONLY,
	         "gitlab.corp is in maintenance mode: reading works, pushing does not. Try later."},
	        {"F28 being moved", 403, "The repository is temporarily read-only. Please try again later.", ERR_INSTANCE_READ_ONLY,
	         "The repository is read-only on gitlab.corp for the moment. Try later."},
	        {"F42 no https", 403, "Pushing over HTTP is not allowed.", ERR_GIT_HTTP_DISABLED,
	         "gitlab.corp does not allow Git over HTTPS (Pushing over HTTP is not allowed.)."},
	        {"F43 single sign-on, without the token of its address", 403,
	         "Cannot find valid SSO session. Please login via your group's SSO at "
	         "https://gitlab.corp/groups/g/-/saml/sso?token=Secret",
	         ERR_SSO_REQUIRED,
	         "The group requires an active single sign-on session: sign in at https://gitlab.corp/groups/g/-/saml/sso in a "
	         "browser, then retry. "
	         "A service or group token is exempt."},
	        {"400 without a reason is no ban", 400, "", ERR_GIT_FAILED,
	         "gitlab.corp did not answer the push as a Git server (400)."},
	        {"F44 banned", 403, "Too many failed authentication attempts from this IP", ERR_IP_BANNED,
	         "gitlab.corp temporarily blocks this server after failed logins. Such a block usually ends after 60 minutes."},
	        {"F44 banned, before 16.10", 403, "Forbidden\n", ERR_IP_BANNED,
	         "gitlab.corp temporarily blocks this server after failed logins. Such a block usually ends after 60 minutes."},
	        {"F20 account", 403, "Your account has been blocked.", ERR_ACCOUNT_BLOCKED,
	         "GitLab says: Your account has been blocked."},
	        {"F11 a protection page", 403, "<!DOCTYPE html><title>Just a moment...</title>", ERR_INSTANCE_BLOCKED,
	         "gitlab.corp blocked this server's request (protection page). Retry later or ask the GitLab administrator to "
	         "allow it."},
	        {"an unknown sentence", 403, "Not on a Sunday.", ERR_TOKEN_REFUSED,
	         "Insufficient permissions. gitlab.corp refuses this request: Not on a Sunday."},
	        {"F32 not found", 404,
	         "The project you were looking for could not be found or you don't have permission to view it.", ERR_REPO_NOT_FOUND,
	         NOT_FOUND},
	        {"F32 push to create failed", 422, "Could not create project: ...", ERR_REPO_NOT_FOUND, NOT_FOUND},
	        {"F46 a proxy's size limit", 413, "<html>413</html>", ERR_PUSH_REJECTED,
	         "GitLab rejected the push: it is larger than gitlab.corp accepts."},
	        {"F26 throttled", 429, "Retry later\n", ERR_RATE_LIMITED,
	         "GitLab API rate limit exceeded. Please wait a few minutes before retrying. Wait 60 s."},
	        {"F27 Gitaly is away", 503,
	         "The git server, Gitaly, is not available at this time. Please contact your administrator.", ERR_INSTANCE_ERROR,
	         "gitlab.corp reported an internal error (503). Try again."},
	        {"F27 load", 500, "GitLab is currently unable to handle this request due to load.", ERR_INSTANCE_ERROR,
	         "gitlab.corp is too busy to serve this repository. Try again."},
	        {"F49 redirect", 302, "", ERR_GIT_REDIRECT_REFUSED,
	         "gitlab.corp redirects Git to another page; the token was not sent."},
	        {"F10 a page", 200, "<html>", ERR_INSTANCE_NOT_API,
	         "gitlab.corp answered with a web page instead of the GitLab API. The URL may miss a sub-path, or a single sign-on "
	         "proxy is in front of it."},
	        {"not Git", 200, "hello", ERR_GIT_FAILED, "gitlab.corp did not answer the push as a Git server (200)."},
	};
	(void)state;

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct error err = ERROR_INIT;
		assert_false(gitlab_classify_git(GIT_RECEIVE_PACK, rows[i].status, rows[i].body, strlen(rows[i].body), NULL,
		                                 "gitlab.corp", "g/p", &err));
		if (err.code != rows[i].code || strcmp(err.message, rows[i].message) != 0)
			fail_msg("%s: %s\n got  %s\n want %s", rows[i].what, error_name(err.code), err.message, rows[i].message);
	}
}

static void body_needs_no_end(void **state)
{
	static const char body[] = "You are not allowed to upload code.tail that is not part of it";
	struct error err = ERROR_INIT;
	(void)state;

	gitlab_classify_git(GIT_RECEIVE_PACK, 403, body, 35, "", "gitlab.corp", "g/p", &err);
	assert_int_equal(err.code, ERR_PUSH_FORBIDDEN);
	gitlab_classify_git(GIT_UPLOAD_PACK, 403, body, 0, "", "gitlab.com", "g/p", &err);
	assert_int_equal(err.code, ERR_IP_BANNED);
	assert_int_equal(err.retry_after_s, 15 * 60);
	assert_false(gitlab_classify_git(GIT_UPLOAD_PACK, 429, "", 0, "7", "gitlab.com", "g/p", NULL));
}

static void refused_refs_are_explained(void **state)
{
	static const struct {
		const char *what, *sideband, *reason;
		enum error_code code;
		const char *message;
	} rows[] = {
	        {"F39 protected", "GitLab: You are not allowed to push code to protected branches on this project.\n",
	         "pre-receive hook declined", ERR_BRANCH_PROTECTED,
	         "main is protected on g/p. Push to another branch and open a merge request, or ask a Maintainer. "
	         "GitLab says: You are not allowed to push code to protected branches on this project."},
	        {"F39 may not be created", "remote: GitLab: You are not allowed to create protected branches on this project.",
	         "pre-receive hook declined", ERR_BRANCH_PROTECTED,
	         "main is protected on g/p. Push to another branch and open a merge request, or ask a Maintainer. "
	         "GitLab says: You are not allowed to create protected branches on this project."},
	        {"F41 no default branch",
	         "GitLab: A default branch (e.g. main) does not yet exist for g/p\nAsk a project Owner or Maintainer\n",
	         "pre-receive hook declined", ERR_DEFAULT_BRANCH_MISSING,
	         "Ask a Maintainer to create the default branch of g/p. "
	         "GitLab says: A default branch (e.g. main) does not yet exist for g/p Ask a project Owner or Maintainer"},
	        {"F38 role", "GitLab: You are not allowed to push code to this project.\n", "pre-receive hook declined",
	         ERR_REPO_NO_PUSH,
	         "Insufficient permissions. The connected account may not push to g/p; pushing needs Developer or higher."},
	        {"scope", "GitLab: You are not allowed to upload code.\n", "pre-receive hook declined", ERR_PUSH_FORBIDDEN,
	         PUSH_SENTENCE},
	        {"F45 rejected as outdated", "", "non-fast-forward", ERR_PUSH_NOT_FAST_FORWARD,
	         "main changed on GitLab meanwhile; nothing was overwritten."},
	        {"F45 lost a race", "error: cannot lock ref 'refs/heads/main'\n", "failed to update ref", ERR_PUSH_NOT_FAST_FORWARD,
	         "main changed on GitLab meanwhile; nothing was overwritten."},
	        {"F46 push rule", "GitLab: Commit message does not follow the pattern 'JIRA-\\d+'\n", "pre-receive hook declined",
	         ERR_PUSH_REJECTED, "GitLab rejected the push: Commit message does not follow the pattern 'JIRA-\\d+'"},
	        {"F46 secrets",
	         "GitLab: \nPUSH BLOCKED: Secrets detected in code changes\n\n-- myFile.txt:2 | GitLab Personal Access Token\n",
	         "pre-receive hook declined", ERR_PUSH_REJECTED,
	         "GitLab rejected the push: PUSH BLOCKED: Secrets detected in code changes -- myFile.txt:2 | GitLab Personal "
	         "Access Token"},
	        {"F46 frames and progress are left out",
	         "Checking: 10%\rChecking: 100%\r\n====================\nGitLab: Too big\n====================\n",
	         "pre-receive hook declined", ERR_PUSH_REJECTED, "GitLab rejected the push: Checking: 100% Too big"},
	        {"F46 a token in GitLab's words is masked", "GitLab: found glpat-abcdefghij0123456789\n",
	         "pre-receive hook declined", ERR_PUSH_REJECTED, "GitLab rejected the push: found glpat-***"},
	        {"F46 a reason without words", "", "pre-receive hook declined", ERR_PUSH_REJECTED,
	         "GitLab rejected the push: pre-receive hook declined"},
	        {"F46 neither", "", NULL, ERR_PUSH_REJECTED, "GitLab rejected the push: no reason given"},
	        {"F28 maintenance",
	         "GitLab: Git push is not allowed because this GitLab instance is currently in (read-only) maintenance mode.\n",
	         "pre-receive hook declined", ERR_INSTANCE_READ_ONLY,
	         "GitLab is in maintenance mode: reading works, pushing does not. Try later."},
	};
	(void)state;

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct error err = ERROR_INIT;
		assert_false(gitlab_classify_push(rows[i].sideband, rows[i].reason, "main", "g/p", &err));
		if (err.code != rows[i].code || strcmp(err.message, rows[i].message) != 0)
			fail_msg("%s: %s\n got  %s\n want %s", rows[i].what, error_name(err.code), err.message, rows[i].message);
	}
}

static void long_words_of_the_remote_are_cut(void **state)
{
	struct strbuf flood = STRBUF_INIT(1 << 20);
	struct error err = ERROR_INIT;
	(void)state;

	for (int i = 0; i < 10000; i++)
		strbuf_add_string(&flood, "GitLab: more and more\n");
	gitlab_classify_push(flood.data, "pre-receive hook declined", "main", "g/p", &err);
	assert_int_equal(err.code, ERR_PUSH_REJECTED);
	assert_true(strlen(err.message) <= LIMIT_GITLAB_SENTENCE + strlen("GitLab rejected the push: "));
	assert_true(strlen(err.message) > LIMIT_GITLAB_SENTENCE - 64);
	strbuf_release(&flood);
}

static void probe_accepts_only_the_advertisement(void **state)
{
	static const struct {
		const char *what;
		struct http_call call;
		enum error_code code;
		const char *message;
	} rows[] = {
	        {"the advertisement",
	         {.status = 200, .content_type_got = "application/x-git-receive-pack-advertisement"},
	         ERR_NONE,
	         ""},
	        {"a page with 200", {.status = 200, .content_type_got = "text/html"}, ERR_INSTANCE_NOT_API, NULL},
	        {"F49 a redirect",
	         {.url = "https://gitlab.corp/g/p.git/info/refs",
	          .status = 301,
	          .location = "https://git.corp/g/p.git/info/refs?x=secret"},
	         ERR_GIT_REDIRECT_REFUSED,
	         "gitlab.corp redirects Git to https://git.corp; the token was not sent."},
	        {"no answer", {.failure = HTTP_TIMEOUT, .elapsed_us = 5000000}, ERR_INSTANCE_TIMEOUT, NULL},
	        {"refused", {.status = 401, .content_type_got = "text/plain"}, ERR_TOKEN_INVALID, AUTHENTICATION},
	};
	(void)state;

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct error err = ERROR_INIT;
		bool accepted = forge_probe_judge(&rows[i].call, &gitlab_forge, &gitlab_words, GIT_RECEIVE_PACK, "gitlab.corp",
		                                  "g/p", &err);
		if (accepted != (rows[i].code == ERR_NONE) || err.code != rows[i].code ||
		    (rows[i].message && strcmp(err.message, rows[i].message) != 0))
			fail_msg("%s: %s (%s)", rows[i].what, error_name(err.code), err.message);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(http_answers_of_git_are_explained),    cmocka_unit_test(body_needs_no_end),
	        cmocka_unit_test(refused_refs_are_explained),           cmocka_unit_test(long_words_of_the_remote_are_cut),
	        cmocka_unit_test(probe_accepts_only_the_advertisement),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
