"""Faults on demand: what a broken, slow, hostile or misconfigured server does instead of answering well.

A fault has a scope (global, api, git, github, a token, a project's path, github:owner/repo) and may be limited to paths that
contain `match` and to the first `times` requests. Some replace the answer, some only shape how its bytes leave.
"""

import threading
import urllib.parse

from .http_server import Hangup

# kinds that change the bytes on their way and leave the answer alone
SHAPING = ("slow", "truncated", "stall")

CLOUDFLARE = b"""<!DOCTYPE html><html><head><title>Just a moment...</title></head>
<body><h1>Checking your Browser</h1><p>This process is automatic.</p></body></html>\n"""
BOOTING = b"""<!DOCTYPE html><html><head><title>GitLab is not responding (502)</title></head>
<body><h1>502</h1><h3>Whoops, GitLab is taking too much time to respond.</h3></body></html>\n"""
UNICORN = b"""<!DOCTYPE html><html><head><title>Unicorn! &middot; GitHub</title></head>
<body><p><strong>This page is taking too long to load.</strong></p></body></html>\n"""
PAGE = b"<!DOCTYPE html><html><head><title>Welcome</title></head><body><h1>Company portal</h1></body></html>\n"
HTML = ("content-type", "text/html; charset=utf-8")
TEXT = ("content-type", "text/plain; charset=utf-8")
JSON = ("content-type", "application/json")

FIXED = {
    "html": (200, [HTML], PAGE),
    "cloudflare": (
        403,
        [HTML, ("server", "cloudflare"), ("cf-ray", "8f1d2c3b4a5e6f70-FRA"), ("cf-mitigated", "challenge")],
        CLOUDFLARE,
    ),
    "error500": (500, [JSON], b'{"message":"500 Internal Server Error"}'),
    "error502_html": (502, [HTML], BOOTING),
    "unicorn": (502, [HTML, ("server", "github.com")], UNICORN),
    "maintenance503": (503, [TEXT], b"GitLab Maintenance: system is in maintenance mode"),
    "not_gitlab_json": (200, [JSON], b'{"service":"billing","status":"ok"}'),
    "json_array": (200, [JSON], b"[]"),
    "json_cut": (200, [JSON], b'{"id":1001,"username":"jo'),
    "json_deep": (200, [JSON], b"[" * 100_000 + b"]" * 100_000),
    "json_duplicates": (200, [JSON], b'{"id":1001,"id":1,"username":"john","username":"root"}'),
    "empty403": (403, [("retry-after", "60")], b""),
    "ip_banned": (403, [TEXT], b"Too many failed authentication attempts from this IP"),
    "rate_limited": (429, [TEXT, ("retry-after", "17")], b"Retry later\n"),
    "route404": (404, [JSON], b'{"error":"404 Not Found"}'),
}
ANSWERING = ("delay", "silent", "sign_in_redirect", "redirect", "huge", "endless", "garbage", "reset", "header_flood")
# Real maintenance mode: reads are answered, writes are not.
MAINTENANCE = "maintenance"
AREAS = ("global", "api", "git", "github", "github-api", "github-git")
KINDS = ("normal", MAINTENANCE, *FIXED, *SHAPING, *ANSWERING)


def redirect_target(location, request):
    """A location with a path is whole; to a bare origin the request's own target is added."""
    return location if urllib.parse.urlsplit(location).path else location + request.target


class Fault:
    def __init__(self, order):
        self.kind = order["mode"]
        self.delay_ms = int(order.get("delay_ms", 1000))
        self.after_bytes = int(order.get("after_bytes", 10))
        self.location = order.get("location", "")
        self.status = int(order.get("status", 302))
        self.size = int(order.get("size", 1 if self.kind == "slow" else 64 << 20))
        self.match = order.get("match", "")
        self.times = order.get("times")
        self.method = order.get("method")
        self.lifted = False

    def holds(self):
        return not self.lifted

    # -- shaping (called by http_server.Connection) -----------------------------------------------------------

    def send(self, connection, head, body):
        if self.kind == "slow":
            self._drip(connection, head + body)
            return
        left = max(0, self.after_bytes - connection.sent)
        connection.sock.sendall(head + body[:left])
        connection.sent += min(left, len(body))
        if len(body) > left:
            connection.keep = False
            if self.kind == "stall":
                connection.hold()
            raise Hangup

    def _drip(self, connection, data):
        """So many bytes in `delay_ms`: `size`, one unless told."""
        for position in range(0, len(data), self.size):
            if self.lifted:
                connection.sock.sendall(data[position:])
                return
            piece = data[position : position + self.size]
            connection.sock.sendall(piece)
            connection.pause(self.delay_ms / 1000 * len(piece) / self.size)

    # -- answers ---------------------------------------------------------------------------------------------

    def answer(self, request, base_url):
        """Answers in place of the simulator. False: nothing was said, go on."""
        connection = request.connection
        if self.kind in SHAPING:
            connection.shape = self
            return False
        if self.kind == "delay":
            connection.pause(self.delay_ms / 1000)
            return False
        if self.kind == MAINTENANCE and request.method == "GET":
            return False
        if self.kind == MAINTENANCE:
            connection.reply(503, [TEXT], b"GitLab Maintenance: system is in maintenance mode")
            return True
        if self.kind in FIXED:
            status, headers, body = FIXED[self.kind]
            connection.reply(status, headers, body)
            return True
        getattr(self, f"_{self.kind}")(connection, request, base_url)
        return True

    def _silent(self, connection, request, base_url):
        connection.shape = self
        connection.hold()

    def _reset(self, connection, request, base_url):
        """Breaks off when a body's first bytes have come: a client may repeat by itself what it has sent nothing of."""
        next(request.body_chunks(), None)
        connection.reset()

    def _sign_in_redirect(self, connection, request, base_url):
        target = f"{base_url}/users/sign_in"
        body = f'<html><body>You are being <a href="{target}">redirected</a>.</body></html>'.encode()
        connection.reply(302, [HTML, ("location", target)], body)

    def _redirect(self, connection, request, base_url):
        connection.reply(self.status, [HTML, ("location", redirect_target(self.location, request))], b"<html>Moved</html>\n")

    def _huge(self, connection, request, base_url):
        """A well-formed user whose bio has no end worth waiting for."""
        connection.start(200, [JSON])
        connection.write(b'{"id":1001,"username":"john","bio":"')
        for _ in range(0, self.size, 65536):
            connection.write(b"x" * 65536)
        connection.write(b'"}')
        connection.finish()

    def _endless(self, connection, request, base_url):
        connection.start(200, [JSON])
        while self.holds() and not connection.server.stopping.is_set():
            connection.write(b" " * 65536)

    def _garbage(self, connection, request, base_url):
        connection.keep = False
        connection.sock.sendall(bytes(range(256)) * 16)

    def _header_flood(self, connection, request, base_url):
        connection.keep = False
        connection.sock.sendall(b"HTTP/1.1 200 OK\r\n")
        for number in range(0, self.size, 4096):
            connection.sock.sendall(b"x-flood-%d: %b\r\n" % (number, b"y" * 4060))
        connection.sock.sendall(b"content-length: 0\r\n\r\n")


class Faults:
    """The faults in force, one a scope. The most special scope wins."""

    def __init__(self):
        self.guard = threading.Lock()
        self.by_scope = {}

    def set(self, order):
        if order.get("mode") not in KINDS:
            raise ValueError(f"mode must be one of {', '.join(KINDS)}")
        scope = str(order.get("scope", "global")).lower()
        with self.guard:
            old = self.by_scope.pop(scope, None)
            if old:
                old.lifted = True
            if order["mode"] != "normal":
                self.by_scope[scope] = Fault(order)

    def clear(self):
        with self.guard:
            for fault in self.by_scope.values():
                fault.lifted = True
            self.by_scope = {}

    def listing(self):
        with self.guard:
            return [
                {"scope": self._shown(scope), "mode": fault.kind, "match": fault.match, "times": fault.times}
                for scope, fault in self.by_scope.items()
            ]

    @staticmethod
    def _shown(scope):
        return scope if "/" in scope or scope in AREAS else "(token)"

    def find(self, request, scopes):
        """The fault for this request, which stands in these scopes, the most special first; its use is counted. None in good
        times."""
        if not self.by_scope:
            return None
        with self.guard:
            for scope in scopes:
                fault = self.by_scope.get(scope.lower()) if scope else None
                if fault is None or fault.match not in request.target or (fault.method and fault.method != request.method):
                    continue
                if fault.times is not None:
                    if fault.times <= 0:
                        continue
                    fault.times -= 1
                return fault
        return None
