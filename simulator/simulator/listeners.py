"""Further ports on demand: servers with wrong certificates, servers that redirect, servers that are none.

Each listener counts its connections and requests and remembers the credentials it saw, by name: a token that arrives at the wrong
place is the finding a test looks for.
"""

import threading

from .api import credential_of
from .faults import redirect_target
from .git_backend import basic_password
from .http_server import Server

TEXT_TYPE = ("content-type", "text/plain; charset=utf-8")
KINDS = (
    "tcp_silent",
    "tls_silent",
    "tls_expired",
    "tls_wrong_name",
    "tls_self_signed",
    "redirect_to",
    "not_http",
    "strict_second",
    "plain_http",
)
BANNER = b"220 mail.example.com ESMTP ready\r\n"


class Listener:
    def __init__(self, simulator, authority, host, order):
        self.simulator = simulator
        self.kind = order.get("kind")
        if self.kind not in KINDS:
            raise ValueError(f"kind must be one of {', '.join(KINDS)}")
        self.location = order.get("location", "")
        self.status = int(order.get("status", 302))
        self.banner_in_tls = bool(order.get("tls"))
        self.guard = threading.Lock()
        self.connections = 0
        self.requests = []
        self.credentials = []
        handlers = {"redirect_to": self._redirect, "strict_second": self._refuse}
        self.server = Server(
            handlers.get(self.kind, self._serve), host, int(order.get("port", 0)), self._tls(authority), self._arrived
        )
        self.server.start()

    def _tls(self, authority):
        if self.kind in ("tcp_silent", "tls_silent", "plain_http") or (self.kind == "not_http" and not self.banner_in_tls):
            return None
        if self.kind == "tls_expired":
            return authority.issue_expired()
        if self.kind == "tls_self_signed":
            return authority.issue_self_signed()
        if self.kind == "tls_wrong_name":
            return authority.issue("wrong-name", "DNS:other.test,IP:192.0.2.1")
        return authority.issue(f"listener-{id(self):x}")

    @property
    def url(self):
        scheme = "http" if self.kind == "plain_http" else "https"
        return f"{scheme}://127.0.0.1:{self.server.port}{self.simulator.root}"

    def report(self):
        with self.guard:
            return {
                "kind": self.kind,
                "url": self.url,
                "port": self.server.port,
                "connections": self.connections,
                "requests": len(self.requests),
                "credentials": len(self.credentials),
                "seen": {"requests": list(self.requests), "credentials": list(self.credentials)},
            }

    def _arrived(self, server, sock):
        """Called for each connection before TLS. True: the connection was dealt with here."""
        with self.guard:
            self.connections += 1
        if self.kind in ("tcp_silent", "tls_silent"):
            # The client's hello lies in the receive buffer; only its end of the connection is of interest.
            sock.settimeout(0.2)
            while not server.stopping.is_set():
                try:
                    if not sock.recv(4096):
                        break
                except TimeoutError:
                    continue
            return True
        if self.kind == "not_http":
            if self.server.tls is not None:
                sock = self.server.tls.wrap_socket(sock, server_side=True)
            sock.sendall(BANNER)
            sock.settimeout(5)
            sock.recv(4096)
            sock.close()
            return True
        return False

    def _note(self, request):
        """Remembers what came along, tokens by their names."""
        _, value = credential_of(request)
        value = value or basic_password(request)
        with self.guard:
            self.requests.append({"method": request.method, "path": request.path, "headers": [name for name, _ in request.headers]})
            if value:
                token = self.simulator.world.token(value) or self.simulator.github.world.token(value)
                self.credentials.append(token.name if token else "unknown")

    def _redirect(self, request):
        self._note(request)
        request.connection.reply(self.status, [TEXT_TYPE, ("location", redirect_target(self.location, request))], b"Moved\n")

    def _refuse(self, request):
        """Asks for a credential, so that a client which would give one does."""
        self._note(request)
        headers = [TEXT_TYPE, ("www-authenticate", 'Basic realm="GitLab"')]
        request.connection.reply(401, headers, b"HTTP Basic: Access denied.\n")

    def _serve(self, request):
        """GitLab itself, behind another certificate or none."""
        self._note(request)
        self.simulator.handle(request)
