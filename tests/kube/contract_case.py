"""What the rows of the contract are written with: one object of its own for each row, and the requests that can be made on it."""
import base64
import itertools

from kube_client import APPLY_PATCH, JSON_PATCH, MERGE_PATCH, METADATA_ONLY, STRATEGIC_PATCH, encode, secret_path

NUMBERS = itertools.count(1)
SESSIONS = "/apis/ambient-code.io/v1alpha1"

# What the double takes for granted: our kinds without a schema, but with a status of their own.
ANYTHING = {"type": "object", "x-kubernetes-preserve-unknown-fields": True}
CONDITIONS = {"type": "array", "x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": ["type"],
              "items": {"type": "object", "required": ["type"], "properties": {"type": {"type": "string"}}, "x-kubernetes-preserve-unknown-fields": True}}
SESSION_CRD = {
    "apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition", "metadata": {"name": "agenticsessions.ambient-code.io"},
    "spec": {"group": "ambient-code.io", "scope": "Namespaced", "names": {"plural": "agenticsessions", "singular": "agenticsession", "kind": "AgenticSession", "listKind": "AgenticSessionList"},
             "versions": [{"name": "v1alpha1", "served": True, "storage": True, "subresources": {"status": {}}, "schema": {"openAPIV3Schema": {
                 "type": "object", "properties": {"spec": ANYTHING, "status": {**ANYTHING, "properties": {"conditions": CONDITIONS}}}}}}]}}


class Row:
    """`given` prepares, `ask` makes the one request that `status` and `reason` are about, `effect` is true afterwards.

    `given` is the data of a Secret (None: there is none) in the table of Secrets, and a function of the case, or None, in the others. `since`: an
    older release is known to answer otherwise.
    """

    def __init__(self, sentence, given, ask, status, reason=None, effect=None, since=None):
        self.sentence, self.given, self.ask, self.status, self.reason, self.effect, self.since = sentence, given, ask, status, reason, effect, since


class Case:
    def __init__(self, kube, namespace):
        self.kube, self.namespace = kube, namespace
        self.name = f"row-{next(NUMBERS)}"
        self.as_user = kube.admin
        self.before = None

    # ------------------------------------------------------------------------------------------------ Secrets
    def path(self, name=None):
        return secret_path(self.namespace, name or self.name)

    def make(self, data, **more):
        body = {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": self.name}, "data": {key: encode(value) for key, value in data.items()}, **more}
        self.before = self.kube.admin.post(secret_path(self.namespace), body).must().json

    def merge(self, body, query="", **more):
        return self.as_user.patch(self.path() + query, body, MERGE_PATCH, **more)

    def keys(self, **values):
        """A merge patch of data; None removes."""
        return self.merge({"data": {key: value if value is None else encode(value) for key, value in values.items()}})

    def strategic(self, body):
        return self.as_user.patch(self.path(), body, STRATEGIC_PATCH)

    def json(self, *operations):
        return self.as_user.patch(self.path(), list(operations), JSON_PATCH)

    def swap(self, key, old, new):
        """A record's compare-and-swap."""
        return self.json({"op": "test", "path": f"/data/{key}", "value": encode(old)}, {"op": "replace", "path": f"/data/{key}", "value": encode(new)})

    def apply(self, data=None, manager="one", force=False, name=None, **metadata):
        body = {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": name or self.name, **metadata}, "type": "Opaque"}
        if data is not None:
            body["data"] = {key: encode(value) for key, value in data.items()}
        return self.as_user.apply(self.path(name), body, manager, force)

    def apply_without_manager(self):
        return self.as_user.patch(self.path(), {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": self.name}}, APPLY_PATCH)

    def post(self, name=None, namespace=None, **body):
        return self.as_user.post(secret_path(namespace or self.namespace), {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": name or self.name}, **body})

    def put(self, data, **metadata):
        body = {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": self.name, **metadata}, "data": {key: encode(value) for key, value in data.items()}}
        return self.as_user.call("PUT", self.path(), body)

    def stored(self):
        return self.kube.admin.get(self.path()).must().json

    def data(self):
        return {key: base64.b64decode(value).decode() for key, value in (self.stored().get("data") or {}).items()}

    def has(self, **data):
        return self.data() == data

    def absent(self, name=None):
        return self.kube.admin.get(self.path(name)).status == 404

    def unchanged(self):
        return self.stored()["metadata"]["resourceVersion"] == self.before["metadata"]["resourceVersion"]

    def managers(self):
        return {(entry["manager"], entry["operation"]) for entry in self.stored()["metadata"].get("managedFields", [])}

    # ------------------------------------------------------------------------------------------------ callers
    def user_with(self, *rules, namespace=None, **bound):
        """From here on the row asks as a ServiceAccount that has these rules in the case's namespace (`cluster=True`: everywhere)."""
        user = self.kube.service_account(namespace or self.namespace, self.name)
        subject = {"kind": "ServiceAccount", "name": self.name, "namespace": namespace or self.namespace}
        self.kube.role(None if bound.get("cluster") else self.namespace, self.name, list(rules), [subject])
        self.as_user = self.kube.client(bearer=self.kube.token(namespace or self.namespace, self.name))
        return user

    def review(self, token, audiences=None):
        """A TokenReview. Its answer gains `.review`, the status."""
        spec = {"token": token, **({"audiences": audiences} if audiences else {})}
        answer = self.as_user.post("/apis/authentication.k8s.io/v1/tokenreviews", {"apiVersion": "authentication.k8s.io/v1", "kind": "TokenReview", "spec": spec})
        self.review_status = answer.json.get("status", {}) if answer.ok else {}
        return answer

    def access(self, **spec):
        answer = self.as_user.post("/apis/authorization.k8s.io/v1/subjectaccessreviews",
                                   {"apiVersion": "authorization.k8s.io/v1", "kind": "SubjectAccessReview", "spec": spec})
        self.access_status = answer.json.get("status", {}) if answer.ok else {}
        return answer

    def own_rules(self, namespace=""):
        spec = {} if namespace is None else {"namespace": namespace or self.namespace}
        return self.as_user.post("/apis/authorization.k8s.io/v1/selfsubjectrulesreviews",
                                 {"apiVersion": "authorization.k8s.io/v1", "kind": "SelfSubjectRulesReview", "spec": spec})

    def may(self, user, verb, resource="agenticsessions", groups=(), group="ambient-code.io", namespace=None, name=""):
        return self.access(user=user, groups=list(groups), resourceAttributes={
            "verb": verb, "group": group, "resource": resource, "namespace": self.namespace if namespace is None else namespace, "name": name})

    # ------------------------------------------------------------------------------------------------ sessions
    def session_path(self, part="", name=None):
        return f"{SESSIONS}/namespaces/{self.namespace}/agenticsessions/{name or self.name}{part}"

    def session(self, spec=None, **more):
        return {"apiVersion": "ambient-code.io/v1alpha1", "kind": "AgenticSession", "metadata": {"name": self.name}, "spec": spec or {"description": "d"}, **more}

    def make_session(self, **more):
        self.before = self.kube.admin.post(f"{SESSIONS}/namespaces/{self.namespace}/agenticsessions", self.session(**more)).must().json
        return self.before

    def stored_session(self):
        return self.kube.admin.get(self.session_path()).must().json

    def status_patch(self, status, revision=None):
        body = {"status": status, **({"metadata": {"resourceVersion": revision}} if revision else {})}
        return self.as_user.patch(self.session_path("/status"), body)

    def claim(self, who):
        """What a worker does: a status patch on the version that it has seen."""
        return self.status_patch({"worker": who}, self.before["metadata"]["resourceVersion"])


def metadata_only(answer):
    """True when an answer has metadata, and nothing of what an object holds."""
    return answer.json["kind"] == "PartialObjectMetadata" and not {"data", "spec", "status", "type"} & answer.json.keys()


__all__ = ["Case", "Row", "METADATA_ONLY", "SESSION_CRD", "SESSIONS", "metadata_only"]
