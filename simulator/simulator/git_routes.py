"""Git over HTTPS: GitLab's answers in front of `git http-backend`.

Order as in Gitlab::GitAccess: protocol, credential, account, token scope, project, then the right to fetch or push. What is refused
only when a branch is looked at is refused by git_hook.py.
"""

from functools import partial

from .git_backend import RECEIVE, UPLOAD, WITHOUT_GIT, GitBackend, judge_git, plain
from .refusal import Refusal
from .world import DEVELOPER, Project, Protection

CHALLENGE = ("www-authenticate", 'Basic realm="GitLab"')
DENIED = (
    "HTTP Basic: Access denied. If a password was provided for Git authentication, the password was incorrect or you're required "
    "to use a token instead of a password. If a token was provided, it was either incorrect, expired, or improperly scoped. See "
    "{base}/help/topics/git/troubleshooting_git.md#error-on-git-fetch-http-basic-access-denied"
)
DENIED_BEFORE_17 = (
    "HTTP Basic: Access denied. The provided password or token is incorrect or your account has 2FA enabled and you must use "
    "a personal access token instead of a password. See "
    "{base}/help/topics/git/troubleshooting_git#error-on-git-fetch-http-basic-access-denied"
)
NO_READ_SCOPE = "You are not allowed to download code."
NO_WRITE_SCOPE = "You are not allowed to upload code."
NO_READ = "You are not allowed to download code from this project."
NO_PUSH = "You are not allowed to push code to this project."
ARCHIVED = "You can't push code to an archived project."
READ_ONLY = "The repository is temporarily read-only. Please try again later."
MAINTENANCE = "Git push is not allowed because this GitLab instance is currently in (read-only) maintenance mode."
NOT_FOUND = "The project you were looking for could not be found or you don't have permission to view it."
NO_REPOSITORY = "A repository for this project does not exist yet."
NO_HTTP = "Git access over HTTP is not allowed"
NO_HTTP_PULL = "Pulling over HTTP is not allowed."
NO_HTTP_PUSH = "Pushing over HTTP is not allowed."
NO_SSO = "Cannot find valid SSO session. Please login via your group's SSO at {base}/groups/{group}/-/saml/sso?token=Zx8Kq2Rv"


class GitRoutes:
    def __init__(self, simulator):
        self.simulator = simulator
        self.backend = GitBackend(simulator.repositories)

    def judge(self, request, call):
        def violate(rule, detail=""):
            self.simulator.journal.violate(rule, request, detail)

        if call.password and self.simulator.world.is_foreign(call.password):
            violate("foreign_token")
        judge_git(request, call, violate)

    # -- who may do what --------------------------------------------------------------------------------------

    def denied(self, base):
        text = DENIED if self.simulator.world.release >= (17, 0) else DENIED_BEFORE_17
        return plain(401, text.format(base=base), [CHALLENGE])

    def authenticate(self, call, base):
        """Sets token and user. An account that may not act has a reason; a token that is not accepted has none."""
        token = self.simulator.world.token(call.password)
        if token is None or not token.active or token.problem in ("impersonation_disabled", "dpop"):
            raise self.denied(base)
        if token.problem and token.problem.startswith("rate_limited"):
            raise plain(429, "Retry later\n", [] if token.problem == "rate_limited_bare" else [("retry-after", 30)])
        user = self.simulator.world.user(token.user_id)
        if user.state.startswith("blocked"):
            raise self.denied(base)
        refusal = user.refusal(base)
        if refusal:
            raise plain(403, refusal)
        if not (token.can_download if call.service == UPLOAD else token.can_upload):
            raise plain(403, NO_READ_SCOPE if call.service == UPLOAD else NO_WRITE_SCOPE)
        call.token, call.user = token, user

    def authorize(self, call, base):
        """The project, when this call may have it."""
        world = self.simulator.world
        project = world.project(call.path)
        if project and project.http == "disabled":
            raise plain(403, NO_HTTP)
        if project and project.http == ("no_pull" if call.service == UPLOAD else "no_push"):
            raise plain(403, NO_HTTP_PULL if call.service == UPLOAD else NO_HTTP_PUSH)
        anonymous = call.password is None
        if anonymous and (call.service == RECEIVE or project is None or project.visibility != "public"):
            raise self.denied(base)
        if not anonymous:
            self.authenticate(call, base)
        if project is None and call.what == "info/refs" and call.service == RECEIVE:
            project = self.create_on_push(call)
        if project is None or not project.readable_by(call.user):
            raise self.denied(base) if call.user and call.user.bot else plain(404, NOT_FOUND)
        if project.sso and call.token and call.token.kind not in ("project", "group"):
            raise plain(403, NO_SSO.format(base=base, group=project.path.partition("/")[0]))
        if project.repository_disabled:
            raise plain(404, NO_REPOSITORY) if call.service == UPLOAD else plain(403, NO_PUSH)
        if call.service == UPLOAD:
            if call.user and not project.code_readable_by(call.user):
                raise plain(403, NO_READ)
        else:
            self.authorize_push(call, project)
        return project

    @staticmethod
    def authorize_push(call, project):
        if project.archived:
            raise plain(403, ARCHIVED)
        if project.read_only:
            raise plain(403, READ_ONLY)
        if project.power(call.user) < DEVELOPER or project.deleting:
            raise plain(403, NO_PUSH)

    def create_on_push(self, call):
        """GitLab makes a private project when someone asks to push to a missing one in a namespace of his own."""
        world = self.simulator.world
        self.simulator.journal.violate(
            "push_to_missing_project", call.request, "git-receive-pack before the API confirmed the project"
        )
        namespace, _, name = call.path.partition("/")
        if not call.user.namespace or namespace.lower() != call.user.username.lower() or not name or "/" in name:
            return None
        with world.guard:
            project = Project(max(world.projects) + 1, call.path, template="empty", members={call.user.id: 50})
            world.add_project(project)
        self.simulator.repositories.recreate(project)
        self.simulator.journal.project_created(call.path, call.user.username)
        return project

    # -- answering --------------------------------------------------------------------------------------------

    def handle(self, request, path, call, maintenance):
        base = self.simulator.base_url(request)
        try:
            if call.what is None:
                raise self.without_git(request, path, base)
            if call.service is None or request.method != call.method:
                raise plain(403, NO_HTTP)
            project = self.authorize(call, base)
            if maintenance and call.service == RECEIVE:
                raise plain(403, MAINTENANCE)
        except Refusal as refusal:
            request.connection.reply(refusal.status, [*refusal.headers, ("cache-control", "no-cache")], refusal.body.encode())
            return
        username = call.user.username if call.user else ""
        policy = self.policy(call, project, base) if call.what == RECEIVE else None
        self.backend.run(call, project, username, policy, partial(self.after_push, project))

    def after_push(self, project):
        """A new default branch is protected where new ones are."""
        repositories = self.simulator.repositories
        repositories.adopt_default_branch(project)
        if project.protects_empty and repositories.branches(project):
            project.protects_empty = False
            project.protected.append(Protection(project.default_branch))

    def without_git(self, request, path, base):
        """GitLab sends the first GET on to the name with .git, and knows nothing else without it."""
        match = WITHOUT_GIT.fullmatch(path)
        if match is None:
            self.simulator.journal.violate("unknown_path", request)
            return plain(404, NOT_FOUND)
        self.simulator.journal.violate("git_without_dot_git", request)
        if match["what"] != "info/refs" or request.method != "GET":
            return plain(404, NOT_FOUND)
        return Refusal(301, "", [("location", f"{base}/{match['path']}.git/info/refs?{request.query}")])

    def policy(self, call, project, base):
        """What git_hook.py must know."""
        user, level = call.user, project.power(call.user)
        rules = [
            {
                "name": rule.name,
                "mayPush": rule.may_push(user.id, level),
                "mayMerge": 0 < rule.merge_level <= level,
                "allowForce": rule.allow_force,
            }
            for rule in project.protected
        ]
        moved = call.path if call.path.lower() != project.path.lower() else None
        return {
            "path": project.path,
            "url": f"{base}/{project.path}",
            "level": level,
            "username": user.username,
            "email": user.email,
            "defaultBranch": project.default_branch,
            "empty": not self.simulator.repositories.branches(project),
            "protectsEmpty": project.protects_empty,
            "protected": rules,
            "rules": project.rules,
            "movedFrom": moved,
            "showsLink": project.shows_merge_request_link,
            "mergeRequests": {one["source_branch"]: one["web_url"] for one in project.opened_requests if one["state"] == "opened"},
        }
