"""The double's REST: who is calling, whether they may, which verb is meant, and how an object is shown."""
import copy
import json

from double_call import Call, Refused
from double_patch import managed_fields
from double_reads import JSON_TYPE, Reads
from double_reviews import Reviews
from double_rights import ANONYMOUS
from double_store import now
from double_writes import Writes

MAX_BODY = 3 << 20
TEXT_TYPE = [("content-type", "text/plain; charset=utf-8")]


class Api(Reads, Writes, Reviews):
    """`kinds`: (group, plural) → Kind. `tokens`, `authorizer`, `store` as in their modules."""

    def __init__(self, store, tokens, authorizer, kinds, journal):
        self.store, self.tokens, self.authorizer, self.kinds, self.journal = store, tokens, authorizer, kinds, journal
        self.bookmark_seconds = 60
        self.stopping = None

    # ------------------------------------------------------------------------------------------------ one call
    def serve(self, request):
        """(status, headers, body) of a unary call, or None after a watch, which has been streamed."""
        call = Call(request)
        user = None
        try:
            user = self._user(request)
            if not call.is_resource:
                status, body = self._other(call)
            else:
                self._permit(user, call, call.verb)
                if call.verb == "watch":
                    self._note(user, call, 200, True)
                    self._watch(call)
                    return None
                status, body = self._resource(user, call)
            allowed = True
        except Refused as refusal:
            status, body = refusal.code, refusal.body
            allowed = refusal.code != 403
        if call.is_resource and user:
            self._note(user, call, status, allowed)
        if isinstance(body, bytes) and not body.startswith(b"{"):
            return status, TEXT_TYPE, body
        return status, JSON_TYPE, body if isinstance(body, bytes) else json.dumps(body).encode()

    def _note(self, user, call, status, allowed):
        reference = {name: value for name, value in (("resource", call.plural), ("apiGroup", call.group), ("apiVersion", call.version), ("namespace", call.namespace),
                                                     ("name", call.attributes()["name"]), ("subresource", call.subresource)) if value}
        self.journal.append({"kind": "Event", "verb": call.verb, "user": user, "objectRef": reference, "responseStatus": {"code": status},
                             "annotations": {"authorization.k8s.io/decision": "allow" if allowed else "forbid"}})

    def _user(self, request):
        found = request.all_headers("authorization")
        if not found:
            return ANONYMOUS
        kind, _, token = found[0].partition(" ")
        with self.store.lock:
            known = self.tokens.user_of(token.strip()) if kind.lower() == "bearer" else None
        if known is None:
            raise Refused(401, "Unauthorized")
        return known[0]

    def _permit(self, user, call, verb):
        attributes = call.attributes(verb)
        with self.store.lock:
            allowed = self.authorizer.allows(user, attributes)
        if not allowed:
            where = f' in the namespace "{call.namespace}"' if call.namespace else " at the cluster scope"
            raise Refused(403, f'{call.plural} "{call.name}" is forbidden: User "{user["username"]}" cannot {verb} resource "{attributes["resource"]}" '
                          f'in API group "{call.group}"{where}')

    @staticmethod
    def _other(call):
        path = call.request.path
        if path in ("/readyz", "/livez", "/healthz"):
            return 200, b"ok"
        if path == "/version":
            return 200, {"major": "1", "minor": "36", "gitVersion": "v1.36.0-double"}
        raise Refused(404, "the server could not find the requested resource")

    def _resource(self, user, call):
        review = {"tokenreviews": self._token_review, "subjectaccessreviews": self._access_review, "selfsubjectaccessreviews": self._self_access_review,
                  "selfsubjectrulesreviews": self._self_rules_review, "selfsubjectreviews": self._self_review}.get(call.plural)
        if review and call.method == "POST":
            return 201, review(user, self._body(call))
        if call.resource == ("", "serviceaccounts") and call.subresource == "token" and call.method == "POST":
            return 201, self._token_request(call, self._body(call))
        kind = self.kinds.get(call.resource)
        if kind is None or call.version not in kind.versions or (call.subresource and not (kind.status and call.subresource == "status")):
            return 404, b"404 page not found\n"
        action = {"get": self._get, "list": self._list, "create": self._create, "update": self._update, "patch": self._patch, "delete": self._delete}.get(call.verb)
        if action is None:
            raise Refused(405, "the server does not allow this method on the requested resource", "MethodNotAllowed")
        body = None if call.method == "GET" else self._read(call)
        with self.store.lock:
            status, record = action(user, call, kind, body)
        if isinstance(record, dict):
            return status, record
        return status, self._shown(call, kind, record)

    # ------------------------------------------------------------------------------------------------ bodies
    @staticmethod
    def _read(call):
        return call.request.body(MAX_BODY)

    def _body(self, call, raw=None):
        raw = self._read(call) if raw is None else raw
        content_type = (call.request.header("content-type") or "application/json").partition(";")[0].strip()
        if content_type not in ("application/json", "application/apply-patch+yaml"):
            raise Refused(415, f"the body of the request was in an unknown format - accepted media types include: application/json ({content_type})", "UnsupportedMediaType")
        return self._parsed(raw)

    @staticmethod
    def _parsed(raw):
        try:
            body = json.loads(raw)
        except ValueError:
            raise Refused(400, "the object provided is unrecognized: couldn't get version/kind; json parse error") from None
        if not isinstance(body, dict):
            raise Refused(400, "json: cannot unmarshal into an object")
        return body

    @staticmethod
    def _only_metadata(call):
        return "as=PartialObjectMetadata" in (call.request.header("accept") or "")

    def _shown(self, call, kind, record, watching=False):
        body = copy.deepcopy(record.body)
        body["metadata"]["managedFields"] = managed_fields(record.owners, kind.api_version(call.group, call.version), now())
        if self._only_metadata(call) and not watching:
            return {"kind": "PartialObjectMetadata", "apiVersion": "meta.k8s.io/v1", "metadata": body["metadata"]}
        return {**body, "kind": kind.kind, "apiVersion": kind.api_version(call.group, call.version)}

    def _found(self, call):
        record = self.store.get(call.resource, call.namespace if call.plural != "namespaces" else "", call.name)
        if record is None:
            raise Refused(404, f'{call.plural} "{call.name}" not found', details={"name": call.name, "kind": call.plural})
        return record
