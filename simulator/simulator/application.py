"""The simulator as a whole: its journal, GitLab's world and the way of each request to what answers it. GitHub's: github.py."""

import re
import urllib.parse

from . import sample_world
from .api import Api, credential_of
from .faults import MAINTENANCE, Faults
from .git_backend import GitCall
from .git_routes import GitRoutes
from .github import GitHub
from .journal import Journal
from .repositories import Hooks, Repositories

API = "/api/v4"
HOOKS = Hooks("git_hook.py", ("pre-receive", "post-receive"))


class Simulator:
    def __init__(self, folder, root="", external_url=None):
        self.root = root.rstrip("/")
        self.external_url = external_url
        self.journal = Journal()
        self.faults = Faults()
        self.repositories = Repositories(folder, HOOKS)
        self.world = sample_world.build()
        self.api = Api(self)
        self.git = GitRoutes(self)
        self.github = GitHub(folder, self.journal, self.faults, lambda value: self.world.token(value) is not None)

    def reset(self, keep_repositories=False):
        """As at the first start."""
        self.faults.clear()
        self.journal.clear()
        self.journal.clear_violations()
        self.external_url = None
        self.github.reset(keep_repositories)
        extra = set(self.world.projects) - set(sample_world.build().projects)
        for number in extra:
            self.repositories.remove(self.world.projects[number])
        self.world = sample_world.build()
        if not keep_repositories:
            for project in self.world.projects.values():
                self.repositories.remove(project)

    def base_url(self, request):
        """GitLab's external_url: the address the client used, unless it was set to something else."""
        if self.external_url:
            return self.external_url
        server = request.connection.server
        scheme = "https" if server.tls else "http"
        return f"{scheme}://{request.header('host') or f'127.0.0.1:{server.port}'}{self.root}"

    def handle(self, request):
        """Called by the server for every request."""
        path, known = request.path, True
        if self.root:
            known = path.startswith(self.root + "/")
            path = path.removeprefix(self.root)
        if known and path.startswith(API + "/"):
            self._handle_api(request, path[len(API) :])
        else:
            self._handle_git(request, path if known else "/")

    def _note(self, entry, credential, value):
        entry["credential"] = credential
        token = self.world.token(value) if value else None
        if value:
            entry["token"] = token.name if token else "foreign" if self.world.is_foreign(value) else "unknown"
        if token:
            entry["user"] = self.world.user(token.user_id).username

    def _project_path(self, path):
        """The project an API path speaks of."""
        match = re.match(r"/projects/([^/]+)", path)
        if not match:
            return None
        text = urllib.parse.unquote(match[1])
        project = self.world.projects.get(int(text)) if text.isdigit() else self.world.project(text)
        return project.path if project else text

    def _handle_api(self, request, path):
        entry = self.journal.begin(request, "api")
        credential, value = credential_of(request)
        self._note(entry, credential, value)
        self.api.judge(request, credential, value)
        try:
            fault = self.faults.find(request, (value, self._project_path(path), "api", "global"))
            if fault is None or not fault.answer(request, self.base_url(request)):
                self.api.handle(request, path, credential, value)
        finally:
            self.journal.end(entry, request.connection)

    def _handle_git(self, request, path):
        entry = self.journal.begin(request, "git")
        call = GitCall(request, path)
        entry["service"] = call.service
        self._note(entry, None if call.password is None else "basic", call.password)
        self.git.judge(request, call)
        project = self.world.project(call.path) if call.path else None
        try:
            fault = self.faults.find(request, (call.password, project.path if project else None, "git", "global"))
            # Maintenance stops pushes and lets fetches through: git's routes know which is which.
            maintenance = fault is not None and fault.kind == MAINTENANCE
            if fault is None or maintenance or not fault.answer(request, self.base_url(request)):
                self.git.handle(request, path, call, maintenance)
        finally:
            self.journal.end(entry, request.connection)
