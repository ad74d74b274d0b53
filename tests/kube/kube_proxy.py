"""A proxy before a real API server, over TLS with a CA of its own, that can be told to spoil what passes (kube_faults.py).

The faults of the way to a server, and of its own bad days, met by the product while the objects behind them are the real server's.
"""
import http.client
import ssl
import sys
import threading
from pathlib import Path

TOP = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(TOP / "simulator")]

from kube_faults import Faults, status_body  # noqa: E402
from kube_fixture import SERVER_NAMES  # noqa: E402
from simulator.certificates import Authority  # noqa: E402
from simulator.http_server import Server  # noqa: E402

MAX_BODY = 4 << 20
# What is about one connection is not passed on; the answer's framing is made anew.
OWN_HEADERS = {"connection", "content-length", "transfer-encoding", "host", "keep-alive", "accept-encoding"}


class FaultProxy:
    """`with FaultProxy(kube) as proxy:` `proxy.url`, `proxy.ca_file`, `proxy.faults`; `proxy.seen` counts requests by "METHOD path"."""

    def __init__(self, kube):
        self.kube = kube
        self.faults = Faults()
        self.local = threading.local()
        self.guard = threading.Lock()
        self.seen = []
        self.server = None

    def start(self):
        authority = Authority(self.kube.folder / "proxy-pki")
        self.ca_file = authority.ca_file
        self.server = Server(self._handle, "127.0.0.1", 0, authority.issue("proxy", SERVER_NAMES)).start()
        self.url = f"https://127.0.0.1:{self.server.port}"
        return self

    def stop(self):
        self.faults.clear()
        self.server.stop()

    def __enter__(self):
        return self.start()

    def __exit__(self, kind, value, trace):
        self.stop()

    def kubeconfig(self, **who):
        """A kubeconfig by way of this proxy; `who` as in KubeFixture.kubeconfig."""
        return self.kube.kubeconfig(server=self.url, ca_file=self.ca_file, **who)

    def _upstream(self, fresh):
        connection = None if fresh else getattr(self.local, "connection", None)
        if connection is None:
            context = ssl.create_default_context(cafile=str(self.kube.ca_file))
            connection = http.client.HTTPSConnection("127.0.0.1", self.kube.port, timeout=60, context=context)
            self.local.connection = connection
        return connection

    def _forward(self, request, body):
        """The server's answer, unread. A kept connection may have been closed meanwhile: then once more on a fresh one."""
        headers = {name: value for name, value in request.headers if name not in OWN_HEADERS}
        for fresh in (False, True):
            connection = self._upstream(fresh)
            reused = connection.sock is not None
            try:
                connection.request(request.method, request.target, body=body or None, headers=headers)
                return connection.getresponse()
            except (OSError, http.client.HTTPException):
                connection.close()
                self.local.connection = None
                if not reused:
                    raise

    def _handle(self, request):
        with self.guard:
            self.seen.append(f"{request.method} {request.path}")
        body = request.body(MAX_BODY)
        fault = self.faults.pick(request.method, request.target)
        if fault is not None and fault.before(request.connection):
            return
        try:
            answer = self._forward(request, body)
        except (OSError, http.client.HTTPException):
            request.connection.reply(503, [("content-type", "application/json")], status_body(503, "the API server is gone"))
            return
        headers = [(name.lower(), value) for name, value in answer.getheaders() if name.lower() not in OWN_HEADERS]
        if "watch=" in request.query and answer.status == 200:
            self._stream(request.connection, answer, headers)
            return
        whole = answer.read()
        if fault is not None:
            fault.after(request.connection, answer.status, headers, whole)
        else:
            request.connection.reply(answer.status, headers, whole)

    def _stream(self, connection, answer, headers):
        connection.start(answer.status, headers)
        try:
            while not self.server.stopping.is_set():
                data = answer.read1(65536)
                if not data:
                    break
                connection.write(data)
            connection.finish()
        finally:
            # The rest of a watch is nobody's.
            self.local.connection.close()
            self.local.connection = None
