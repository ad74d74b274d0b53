"""The GitHub half of the simulator: its own world on its own port; journal, faults and git machinery are the GitLab half's."""

import re
import urllib.parse

from . import github_sample
from .git_backend import GitCall
from .github_api import FOREIGN, GitHubApi, credential_of
from .github_app import App, looks_like_jwt
from .github_git import GitHubGit
from .repositories import Hooks, Repositories

API = "/api/v3"
HOOKS = Hooks("github_hook.py", ("proc-receive", "post-receive"), "[receive]\n\tprocReceiveRefs = refs\n")


class GitHub:
    def __init__(self, folder, journal, faults, knows):
        """`knows(value)` tells whether a token is one of the other server's."""
        self.journal, self.faults, self.knows = journal, faults, knows
        self.repositories = Repositories(folder / "github", HOOKS)
        self.app = App(folder)
        self.world = github_sample.build()
        self.api = GitHubApi(self)
        self.git = GitHubGit(self)

    def reset(self, keep_repositories=False):
        """As at the first start; the App's key stays."""
        fresh = github_sample.build()
        for number, repository in self.world.repositories.items():
            if number not in fresh.repositories or not keep_repositories:
                self.repositories.remove(repository)
        self.world = fresh

    def base_url(self, request):
        return f"https://{request.header('host') or f'127.0.0.1:{request.connection.server.port}'}"

    def is_foreign(self, value):
        """A token of GitLab or of another GitHub: to see one here means it was sent to the wrong place."""
        return bool(FOREIGN.match(value)) or self.knows(value)

    def handle(self, request):
        """Called by the server for every request."""
        if request.path == API or request.path.startswith(API + "/"):
            self._handle_api(request, request.path.removeprefix(API))
        elif request.method == "HEAD" and request.path == "/api/v4/version":
            self._tell_kind(request)
        else:
            self._handle_git(request, request.path)

    def _tell_kind(self, request):
        """Asked for a route of GitLab's without a credential, as by a client that does not know yet who answers."""
        entry = self.journal.begin(request, "github")
        if request.header("authorization") or request.header("private-token"):
            self.journal.violate("credential_to_unknown_host", request)
        request.connection.reply(404, [("content-type", "text/html; charset=utf-8"), ("x-github-request-id", "0001:ABCDEF")])
        self.journal.end(entry, request.connection)

    def _note(self, entry, credential, value):
        entry["credential"] = credential
        token = self.world.token(value) if value else None
        if token:
            user = self.world.account(token.user_id)
            entry["token"], entry["user"] = token.name, user and user.login
        elif value:
            foreign = "foreign" if self.is_foreign(value) else "unknown"
            entry["token"] = "jwt" if looks_like_jwt(value) else foreign

    def _fault(self, request, area, value, path):
        """A fault's scopes, the most special first."""
        repository = self.world.repository(path) if path else None
        shown = f"github:{repository.path if repository else path}" if path else None
        return self.faults.find(request, (value, shown, area, "github", "global"))

    def _path(self, path):
        """The repository an API path speaks of."""
        match = re.match(r"/repos/([^/]+)/([^/]+)", path)
        if match:
            return urllib.parse.unquote(f"{match[1]}/{match[2]}")
        match = re.match(r"/repositories/(\d+)", path)
        repository = self.world.repositories.get(int(match[1])) if match else None
        return repository and repository.path

    def _handle_api(self, request, path):
        entry = self.journal.begin(request, "github")
        credential, value = credential_of(request)
        self._note(entry, credential, value)
        self.api.judge(request, credential, value)
        try:
            fault = self._fault(request, "github-api", value, self._path(path))
            if fault is None or not fault.answer(request, self.base_url(request)):
                self.api.handle(request, path, credential, value)
        finally:
            self.journal.end(entry, request.connection)

    def _handle_git(self, request, path):
        entry = self.journal.begin(request, "github-git")
        call = GitCall(request, path)
        entry["service"] = call.service
        self._note(entry, None if call.password is None else "basic", call.password)
        self.git.judge(request, call)
        try:
            fault = self._fault(request, "github-git", call.password, call.path)
            if fault is None or not fault.answer(request, self.base_url(request)):
                self.git.handle(request, path, call)
        finally:
            self.journal.end(entry, request.connection)
