"""One request to the double, taken apart: which verb, on which resource, and how a refusal is said."""
import urllib.parse

from kube_faults import status_body


class Refused(Exception):
    def __init__(self, code, message, reason=None, details=None):
        super().__init__(message)
        self.code, self.body = code, status_body(code, message, reason, details)


class Call:
    """One request, taken apart. `resource` is (group, plural)."""

    def __init__(self, request):
        self.request = request
        self.method = request.method
        self.query = dict(urllib.parse.parse_qsl(request.query, keep_blank_values=True))
        parts = [urllib.parse.unquote(part) for part in request.path.strip("/").split("/")]
        self.group = self.version = self.plural = self.namespace = self.name = self.subresource = ""
        self.is_resource = False
        if parts[0] == "api" and len(parts) > 2:
            self.version, parts = parts[1], parts[2:]
        elif parts[0] == "apis" and len(parts) > 3:
            self.group, self.version, parts = parts[1], parts[2], parts[3:]
        else:
            return
        self.is_resource = True
        if parts[0] == "namespaces" and len(parts) > 2 and parts[2] not in ("status", "finalize"):
            self.namespace, parts = parts[1], parts[2:]
        self.plural, self.name, self.subresource, *_ = [*parts, "", ""]
        if self.plural == "namespaces" and not self.group:
            self.namespace = self.name

    @property
    def resource(self):
        return self.group, self.plural

    @property
    def watching(self):
        return self.query.get("watch") in ("1", "true")

    @property
    def verb(self):
        if self.method == "GET":
            return "get" if self.name else "watch" if self.watching else "list"
        return {"POST": "create", "PUT": "update", "PATCH": "patch", "DELETE": "delete" if self.name else "deletecollection"}.get(self.method, "")

    @property
    def manager(self):
        return self.query.get("fieldManager") or (self.request.header("user-agent") or "unknown").split("/")[0]

    def attributes(self, verb=None):
        name = self.name
        selector = self.query.get("fieldSelector", "")
        if not name and selector.startswith("metadata.name="):
            name = selector.partition("=")[2]
        return {"verb": verb or self.verb, "group": self.group, "resource": self.plural + (f"/{self.subresource}" if self.subresource else ""),
                "namespace": self.namespace, "name": name}
