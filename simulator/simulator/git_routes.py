"""Git over HTTPS: GitLab's answers in front of `git http-backend`.

Order as in Gitlab::GitAccess: protocol, credential, account, token scope, project, then the right to fetch or push. What is refused
only when a branch is looked at is refused by git_hook.py.
"""

import base64
import binascii
import json
import queue
import re
import subprocess
import threading
from functools import partial

from .http_server import Hangup
from .refusal import Refusal
from .world import DEVELOPER, Project

TEXT_TYPE = ("content-type", "text/plain; charset=utf-8")
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

# path, and what git asks for
PATHS = re.compile(r"/(?P<path>.+?)\.git/(?P<what>info/refs|git-upload-pack|git-receive-pack)")
WITHOUT_GIT = re.compile(r"/(?P<path>.+)/(?P<what>info/refs|git-upload-pack|git-receive-pack)")
UPLOAD, RECEIVE = "git-upload-pack", "git-receive-pack"
CHUNK = 65536


class GitCall:
    """A git request: which project, which service, and the token it carries."""

    def __init__(self, request, path):
        self.request = request
        match = PATHS.fullmatch(path)
        self.path = match["path"] if match else None
        self.what = match["what"] if match else None
        self.service = None
        if self.what == "info/refs":
            found = re.fullmatch(r"service=(git-upload-pack|git-receive-pack)", request.query)
            self.service = found and found[1]
        elif self.what:
            self.service = self.what
        self.password = basic_password(request)
        self.token = self.user = None


def basic_password(request):
    """The password of Basic authentication; None without a credential, "" when it cannot be read."""
    given = request.header("authorization")
    if given is None:
        return None
    scheme, _, value = given.partition(" ")
    if scheme.lower() != "basic":
        return ""
    try:
        return base64.b64decode(value, validate=True).decode().partition(":")[2]
    except (binascii.Error, UnicodeDecodeError):
        return ""


def plain(status, text, headers=()):
    return Refusal(status, text, [TEXT_TYPE, *headers])


class GitRoutes:
    def __init__(self, simulator):
        self.simulator = simulator
        # Called by its own name: a kill then meets it and not a wrapper.
        self.backend = subprocess.check_output(["git", "--exec-path"], text=True).strip() + "/git-http-backend"

    def judge(self, request, call):
        def violate(rule, detail=""):
            self.simulator.journal.violate(rule, request, detail)

        if call.password and self.simulator.world.is_foreign(call.password):
            violate("foreign_token")
        if request.header("private-token") is not None:
            violate("private_token_on_git")
        if call.password == "":
            violate("git_not_basic")
        if request.header("cookie") is not None:
            violate("cookie")
        if not request.header("user-agent"):
            violate("no_user_agent")
        if len(request.all_headers("authorization")) > 1:
            violate("duplicate_header", "authorization")
        if call.what == "info/refs" and call.service is None:
            violate("git_without_service", "the dumb protocol")
        expected = {"info/refs": "GET"}.get(call.what, "POST")
        if call.what and request.method != expected:
            violate("git_wrong_method")
        if call.what and expected == "POST" and request.header("content-type") != f"application/x-{call.service}-request":
            violate("git_wrong_content_type", request.header("content-type") or "none")

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
            if call.service is None or request.method != ("GET" if call.what == "info/refs" else "POST"):
                raise plain(403, NO_HTTP)
            project = self.authorize(call, base)
            if maintenance and call.service == RECEIVE:
                raise plain(403, MAINTENANCE)
        except Refusal as refusal:
            request.connection.reply(refusal.status, [*refusal.headers, ("cache-control", "no-cache")], refusal.body.encode())
            return
        self.simulator.repositories.ensure(project)
        try:
            self.run_backend(request, call, project, base)
        finally:
            if call.what == RECEIVE:
                self.simulator.repositories.after_push(project)  # once more: the client may have left before the end

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
        return json.dumps(
            {
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
                "mergeRequests": {request["source_branch"]: request["web_url"] for request in project.merge_requests},
            }
        )

    def run_backend(self, request, call, project, base):
        repositories = self.simulator.repositories
        environment = repositories.environment() | {
            "GIT_PROJECT_ROOT": str(repositories.folder),
            "GIT_HTTP_EXPORT_ALL": "1",
            "PATH_INFO": f"/{project.id}.git/{call.what}",
            "REQUEST_METHOD": request.method,
            "QUERY_STRING": request.query,
            "CONTENT_TYPE": request.header("content-type") or "",
            "REMOTE_USER": call.user.username if call.user else "",
            "REMOTE_ADDR": "127.0.0.1",
            "SERVER_PROTOCOL": "HTTP/1.1",
        }
        if request.header("content-encoding"):
            environment["HTTP_CONTENT_ENCODING"] = request.header("content-encoding")
        if request.header("git-protocol"):
            environment["GIT_PROTOCOL"] = request.header("git-protocol")
        if call.what == RECEIVE:
            environment["SIMULATOR_POLICY"] = self.policy(call, project, base)
        before_end = partial(repositories.after_push, project) if call.what == RECEIVE else lambda: None
        process = subprocess.Popen(
            [self.backend], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, env=environment
        )
        try:
            self.relay(request, process, before_end)
        finally:
            process.stdout.close()
            process.wait()

    def relay(self, request, process, before_end):
        """Body to git, answer to the client. A second thread reads the answer, so that neither side waits for the other to
        finish; only this thread touches the socket."""
        output = queue.Queue(maxsize=256)
        threading.Thread(target=self._read_output, args=(process.stdout, output), daemon=True).start()
        try:
            try:
                for chunk in request.body_chunks():
                    process.stdin.write(chunk)
                process.stdin.close()
            except BrokenPipeError:
                pass  # git has answered without reading to the end
            self._send_answer(request.connection, output, before_end)
        except (Hangup, OSError):
            process.kill()
            raise
        finally:
            self._close(process.stdin)
            while output.get() is not None:
                pass

    @staticmethod
    def _close(stream):
        try:
            stream.close()
        except BrokenPipeError:
            pass

    @staticmethod
    def _read_output(stream, output):
        try:
            while data := stream.read1(CHUNK):
                output.put(data)
        except ValueError:
            pass  # closed: the client is gone
        output.put(None)

    @staticmethod
    def _send_answer(connection, output, before_end):
        head = b""
        while b"\r\n\r\n" not in head:
            data = output.get()
            if data is None:
                output.put(None)
                connection.reply(500, [TEXT_TYPE], b"git http-backend failed")
                return
            head += data
        head, _, rest = head.partition(b"\r\n\r\n")
        status, headers = 200, []
        for line in head.decode("latin-1").split("\r\n"):
            name, _, value = line.partition(": ")
            if name.lower() == "status":
                status = int(value.split()[0])
            elif name.lower() != "content-length":
                headers.append((name.lower(), value))
        connection.start(status, headers)
        connection.write(rest)
        while (data := output.get()) is not None:
            connection.write(data)
        output.put(None)
        before_end()
        connection.finish()
