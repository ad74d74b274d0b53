"""Git over HTTPS: GitHub's answers in front of `git http-backend`.

What is refused only when a branch is looked at is refused by github_hook.py.
"""

from functools import partial

from .git_backend import RECEIVE, UPLOAD, WITHOUT_GIT, GitBackend, judge_git, plain
from .github_app import SLUG
from .github_handlers import sso_url
from .refusal import Refusal

CHALLENGE = ("www-authenticate", 'Basic realm="GitHub"')
BAD_TOKEN = "Invalid username or token. Password authentication is not supported for Git operations."
NO_ANONYMOUS_PUSH = "No anonymous write access."
NOT_FOUND = "Repository not found."
ARCHIVED = "This repository was archived so it is read-only."
DENIED = "Permission to {path}.git denied to {login}."
NOT_GRANTED = "Write access to repository not granted."
SAML = (
    "The `{owner}' organization has enabled or enforced SAML SSO. To access\nthis repository, visit {url}\n"
    "and try your request again."
)
ALLOW_LIST = (
    "The `{owner}' organization has an IP allow list enabled, and your IP address is not permitted to access this resource."
)
CLASSIC = "Personal access tokens (classic) are forbidden from accessing this repository."
DMCA = (
    "Repository unavailable due to DMCA takedown.\nSee the takedown notice for more details:\n"
    "https://github.com/github/dmca/blob/master/2026/01/notice.md"
)
DISABLED = "Repository '{path}' is disabled.\nPlease ask the owner to check their account."


class GitHubGit:
    def __init__(self, github):
        self.github = github
        self.backend = GitBackend(github.repositories)

    def judge(self, request, call):
        def violate(rule, detail=""):
            self.github.journal.violate(rule, request, detail)

        if call.password and self.github.is_foreign(call.password):
            violate("foreign_token")
        judge_git(request, call, violate)

    # -- who may do what --------------------------------------------------------------------------------------

    def authenticate(self, call):
        if call.password is None:
            return
        token = self.github.world.token(call.password)
        if token is None or not token.active or self.github.world.suspended(token):
            raise plain(401, BAD_TOKEN, [CHALLENGE])
        call.token, call.user = token, self.github.world.account(token.user_id)

    def find(self, call, base):
        """The repository when this call may know of it."""
        world = self.github.world
        repository = world.repository(call.path)
        if repository is None and call.service == RECEIVE:
            self.github.journal.violate("push_to_missing_repository", call.request)
        visible = repository is not None and world.sees(call.token, repository)
        if call.token is None and (not visible or call.service == RECEIVE):
            raise plain(401, NO_ANONYMOUS_PUSH if visible else NOT_FOUND, [CHALLENGE])
        if repository is None:
            raise plain(404, NOT_FOUND)
        reason = world.organization_refusal(call.token, repository)
        if reason:
            texts = {"saml": SAML, "ip_allow_list": ALLOW_LIST, "classic_forbidden": CLASSIC}
            owner = repository.owner
            raise plain(403, texts[reason].format(owner=owner, url=sso_url(base, owner)))
        if not visible:
            raise plain(404, NOT_FOUND)
        if repository.blocked or repository.disabled:
            raise plain(403, DMCA if repository.blocked == "dmca" else DISABLED.format(path=repository.path))
        return repository

    def authorize(self, call, base):
        world = self.github.world
        self.authenticate(call)
        repository = self.find(call, base)
        if call.service == UPLOAD:
            if call.token and not world.may_read(call.token, repository):
                raise plain(403, NOT_GRANTED)
        elif not world.may_push(call.token, repository):
            raise plain(403, NOT_GRANTED if call.token.selective else DENIED.format(path=repository.path, login=self.login(call)))
        elif repository.archived:
            raise plain(403, ARCHIVED)
        return repository

    # -- answering --------------------------------------------------------------------------------------------

    def handle(self, request, path, call):
        base = self.github.base_url(request)
        try:
            if call.what is None:
                raise self.without_git(request, path, base)
            if call.service is None or request.method != call.method:
                raise plain(403, "Please upgrade your git client.\nGitHub.com no longer supports git over dumb-http.")
            repository = self.authorize(call, base)
            if call.what == "info/refs" and call.path.lower() != repository.path.lower():
                raise Refusal(301, "", [("location", f"{base}/{repository.path}.git/info/refs?{request.query}")])
        except Refusal as refusal:
            headers = [*refusal.headers, ("x-github-request-id", "0001:ABCDEF"), ("cache-control", "no-cache")]
            request.connection.reply(refusal.status, headers, refusal.body.encode())
            return
        policy = self.policy(call, repository, base) if call.what == RECEIVE else None
        after_push = partial(self.github.repositories.adopt_default_branch, repository)
        self.backend.run(call, repository, self.login(call), policy, after_push)

    @staticmethod
    def login(call):
        """Who asks; "" is nobody."""
        if call.user:
            return call.user.login
        return f"{SLUG}[bot]" if call.token else ""

    def without_git(self, request, path, base):
        """GitHub knows its repositories without .git too; a client that keeps to clone_url never asks so."""
        match = WITHOUT_GIT.fullmatch(path)
        if match is None:
            self.github.journal.violate("unknown_path", request)
            return plain(404, "Not Found")
        self.github.journal.violate("git_without_dot_git", request)
        return Refusal(301, "", [("location", f"{base}/{match['path']}.git/{match['what']}?{request.query}")])

    def policy(self, call, repository, base):
        """What github_hook.py must know."""
        login = self.login(call)
        is_admin = self.github.world.role(repository, call.user) == "admin"
        moved = call.path if call.path.lower() != repository.path.lower() else None
        return {
            "path": repository.path,
            "url": f"{base}/{repository.path}",
            "defaultBranch": repository.default_branch,
            "empty": not self.github.repositories.branches(repository),
            "kind": call.token.kind,
            "workflows": self.github.world.may_change_workflows(call.token),
            "privateEmail": call.user is not None and call.user.email is None,
            "protected": [
                {"name": rule.name, "points": rule.refusals(login), "bypassed": is_admin and not rule.admins}
                for rule in repository.protected
            ],
            "rulesets": [
                {"patterns": one.patterns, "rules": one.rules, "bypassed": login in one.bypass} for one in repository.rulesets
            ],
            "checks": sorted(repository.push_checks),
            "movedFrom": moved,
        }
