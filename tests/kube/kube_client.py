"""A plain client of a Kubernetes API server for tests: one call in, status and parsed body out. It hides nothing: no retry, no cache.

It talks to the real server and to the double alike. A client may be used by many threads; each has a connection of its own.
"""
import base64
import http.client
import json
import ssl
import threading
import urllib.parse

JSON = "application/json"
MERGE_PATCH = "application/merge-patch+json"
JSON_PATCH = "application/json-patch+json"
STRATEGIC_PATCH = "application/strategic-merge-patch+json"
APPLY_PATCH = "application/apply-patch+yaml"
METADATA_ONLY = "application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1"


class KubeAnswer:
    def __init__(self, status, headers, body):
        self.status, self.headers, self.body = status, headers, body

    @property
    def json(self):
        return json.loads(self.body)

    @property
    def reason(self):
        """Status.reason of a refusal, else None."""
        try:
            answer = self.json
        except ValueError:
            return None
        return answer.get("reason") if isinstance(answer, dict) and answer.get("kind") == "Status" else None

    @property
    def ok(self):
        return 200 <= self.status < 300

    def must(self):
        """This answer, if it is a good one; AssertionError otherwise."""
        if not self.ok:
            raise AssertionError(f"Kubernetes answered {self!r}")
        return self

    def __repr__(self):
        return f"<{self.status} {self.body[:600]!r}>"


class KubeClient:
    """`bearer` may be None: an anonymous caller."""

    def __init__(self, url, ca_file, bearer=None, timeout=30):
        self.parts = urllib.parse.urlsplit(url)
        self.context = ssl.create_default_context(cafile=str(ca_file))
        self.bearer, self.timeout = bearer, timeout
        self.local = threading.local()

    def _connection(self):
        connection = getattr(self.local, "connection", None)
        if connection is None:
            connection = http.client.HTTPSConnection(self.parts.hostname, self.parts.port, timeout=self.timeout, context=self.context)
            self.local.connection = connection
        return connection

    def close(self):
        """Closes the calling thread's connection."""
        connection = getattr(self.local, "connection", None)
        if connection is not None:
            connection.close()
            self.local.connection = None

    def _headers(self, content_type, accept, headers):
        sent = {"Accept": accept, "User-Agent": "acp-gitlab-tests"}
        if self.bearer is not None:
            sent["Authorization"] = f"Bearer {self.bearer}"
        if content_type:
            sent["Content-Type"] = content_type
        sent.update(headers or {})
        return sent

    def call(self, method, path, body=None, content_type=None, accept=JSON, headers=None):
        """`body`: an object to send as JSON, or bytes as they are. A kept connection that the server has closed is opened again, once."""
        if body is not None and not isinstance(body, bytes):
            body = json.dumps(body).encode()
        if body is not None and content_type is None:
            content_type = JSON
        fresh = getattr(self.local, "connection", None) is None
        connection = self._connection()
        try:
            connection.request(method, path, body=body, headers=self._headers(content_type, accept, headers))
            answer = connection.getresponse()
            return KubeAnswer(answer.status, answer.headers, answer.read())
        except (http.client.RemoteDisconnected, ConnectionResetError, BrokenPipeError, ssl.SSLEOFError):
            self.close()
            if fresh:
                raise
            return self.call(method, path, body, content_type, accept, headers)
        except BaseException:
            self.close()
            raise

    def get(self, path, **more):
        return self.call("GET", path, **more)

    def post(self, path, body, **more):
        return self.call("POST", path, body, **more)

    def patch(self, path, body, content_type=MERGE_PATCH, **more):
        return self.call("PATCH", path, body, content_type, **more)

    def apply(self, path, body, manager="acp-tests", force=True, **more):
        """Server-side apply."""
        return self.call("PATCH", f"{path}?fieldManager={manager}" + ("&force=true" if force else ""), body, APPLY_PATCH, **more)

    def delete(self, path, body=None):
        return self.call("DELETE", path, body)

    def watch(self, path, seconds=30):
        """Events of a watch as they come, parsed, until the server ends it. On a connection of its own."""
        connection = http.client.HTTPSConnection(self.parts.hostname, self.parts.port, timeout=seconds, context=self.context)
        try:
            connection.request("GET", path, headers=self._headers(None, JSON, None))
            answer = connection.getresponse()
            if answer.status != 200:
                yield {"type": "REFUSED", "object": KubeAnswer(answer.status, answer.headers, answer.read()).json}
                return
            for line in answer:
                yield json.loads(line)
        finally:
            connection.close()


def secret_path(namespace, name=""):
    return f"/api/v1/namespaces/{namespace}/secrets" + (f"/{name}" if name else "")


def encode(value):
    """A value as a Secret's `data` holds it."""
    return base64.b64encode(value if isinstance(value, bytes) else value.encode()).decode()
