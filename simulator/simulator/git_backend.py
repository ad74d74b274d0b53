"""Git over HTTPS, the part all servers share: reading a request of git's, and passing it to `git http-backend`.

Who may do what is decided by git_routes.py (GitLab) and github_git.py.
"""

import base64
import binascii
import json
import queue
import re
import subprocess
import threading

from .http_server import Hangup
from .refusal import Refusal

TEXT_TYPE = ("content-type", "text/plain; charset=utf-8")
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

    @property
    def method(self):
        return "GET" if self.what == "info/refs" else "POST"


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


def judge_git(request, call, violate):
    """What a well-behaved git client never does, wherever it goes."""
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
    if call.what and request.method != call.method:
        violate("git_wrong_method")
    if call.what and call.method == "POST" and request.header("content-type") != f"application/x-{call.service}-request":
        violate("git_wrong_content_type", request.header("content-type") or "none")


class GitBackend:
    """`git http-backend` on one server's repositories."""

    def __init__(self, repositories):
        self.repositories = repositories
        # Called by its own name: a kill then meets it and not a wrapper.
        self.program = subprocess.check_output(["git", "--exec-path"], text=True).strip() + "/git-http-backend"

    def run(self, call, project, username, policy, after_push):
        """Answers a call that was found good. `policy` is what the hooks must know of a push, None of a fetch; `after_push` is
        called before the client sees the end of a push's answer."""
        request, repositories = call.request, self.repositories
        repositories.ensure(project)
        environment = repositories.environment() | {
            "GIT_PROJECT_ROOT": str(repositories.folder),
            "GIT_HTTP_EXPORT_ALL": "1",
            "PATH_INFO": f"/{project.id}.git/{call.what}",
            "REQUEST_METHOD": request.method,
            "QUERY_STRING": request.query,
            "CONTENT_TYPE": request.header("content-type") or "",
            "REMOTE_USER": username,
            "REMOTE_ADDR": "127.0.0.1",
            "SERVER_PROTOCOL": "HTTP/1.1",
        }
        if request.header("content-encoding"):
            environment["HTTP_CONTENT_ENCODING"] = request.header("content-encoding")
        if request.header("git-protocol"):
            environment["GIT_PROTOCOL"] = request.header("git-protocol")
        if policy is not None:
            environment["SIMULATOR_POLICY"] = json.dumps(policy)
        process = subprocess.Popen(
            [self.program], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, env=environment
        )
        pushed = policy is not None
        try:
            self._relay(request, process, after_push if pushed else lambda: None)
        finally:
            process.stdout.close()
            process.wait()
            if pushed:
                after_push()  # once more: the client may have left before the end

    def _relay(self, request, process, before_end):
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
