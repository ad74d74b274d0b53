"""What happened: every request, every broken rule, every project that a push would have created.

Tokens are named, never written down.
"""

import collections
import re
import threading
import time

KEPT = 200_000
TOKEN_IN_QUERY = re.compile(r"(private_token|access_token|job_token|token)=[^&]*")


def judge_request(request, violate):
    """What a well-behaved client never does, whichever server it asks. Returns the names of the headers."""
    names = [name for name, _ in request.headers]
    for name in sorted({name for name in names if names.count(name) > 1}):
        violate("duplicate_header", name)
    if "cookie" in names:
        violate("cookie")
    if not request.header("user-agent"):
        violate("no_user_agent")
    if not request.header("host"):
        violate("no_host")
    return names


class Journal:
    def __init__(self):
        self.guard = threading.Lock()
        self.clear()
        self.clear_violations()

    def clear(self):
        with self.guard:
            self.requests = collections.deque(maxlen=KEPT)
            self.number = 0

    def clear_violations(self):
        with self.guard:
            self.violations = []
            self.created_projects = []

    def begin(self, request, area):
        """Notes a request as it arrives, so that one which is never answered is seen too."""
        entry = {
            "n": 0,
            "time": time.time(),
            "area": area,
            "method": request.method,
            "path": request.path,
            "query": TOKEN_IN_QUERY.sub(r"\1=***", request.query),
            "userAgent": request.header("user-agent"),
            "headers": [name for name, _ in request.headers],
            "credential": None,
            "token": None,
            "user": None,
            "service": None,
            "status": None,
            "bytes": 0,
            "ms": None,
        }
        with self.guard:
            self.number += 1
            entry["n"] = self.number
            self.requests.append(entry)
        # Before the answer leaves: who has seen it finds it in the journal.
        request.connection.on_status = lambda status: entry.update(status=status)
        return entry

    def end(self, entry, connection):
        entry["bytes"] = connection.sent
        entry["ms"] = round((time.time() - entry["time"]) * 1000, 2)

    def since(self, number):
        with self.guard:
            return [dict(entry) for entry in self.requests if entry["n"] > number]

    def violate(self, rule, request, detail=""):
        """A broken rule: the test that sees one fails."""
        found = {"time": time.time(), "rule": rule, "detail": detail}
        if request is not None:
            found |= {"method": request.method, "path": request.path, "userAgent": request.header("user-agent")}
        with self.guard:
            self.violations.append(found)

    def project_created(self, path, username):
        with self.guard:
            self.created_projects.append({"time": time.time(), "path": path, "user": username})
