"""Who a caller of the double is, and what RBAC lets them do: evaluated from the Roles and bindings that lie in the store, like the real one."""
import base64
import json
import secrets
import threading
import time

RBAC = "rbac.authorization.k8s.io"
ISSUER = "https://kubernetes.default.svc"
ANONYMOUS = {"username": "system:anonymous", "groups": ["system:unauthenticated"]}

# The built-in ClusterRoles that bindings may name.
BUILT_IN = {
    "cluster-admin": [{"apiGroups": ["*"], "resources": ["*"], "verbs": ["*"]}],
    "system:auth-delegator": [{"apiGroups": ["authentication.k8s.io"], "resources": ["tokenreviews"], "verbs": ["create"]},
                              {"apiGroups": ["authorization.k8s.io"], "resources": ["subjectaccessreviews"], "verbs": ["create"]}],
}
# What every authenticated user may do.
BASIC = [{"apiGroups": ["authorization.k8s.io"], "resources": ["selfsubjectaccessreviews", "selfsubjectrulesreviews"], "verbs": ["create"]},
         {"apiGroups": ["authentication.k8s.io"], "resources": ["selfsubjectreviews"], "verbs": ["create"]}]


class Tokens:
    """Static tokens, and those of ServiceAccounts."""

    def __init__(self, store):
        self.store = store
        self.guard = threading.Lock()
        self.static = {}
        self.issued = {}
        self.revoked = set()

    def add_static(self, name, groups, token):
        self.static[token] = {"username": name, "uid": f"uid-{name}", "groups": [*groups, "system:authenticated"]}

    def issue(self, account, pod, audiences, seconds):
        """A token of a ServiceAccount object, shaped like a JWT. Only this table knows whether it is good."""
        metadata = account["metadata"]
        claims = {"iss": ISSUER, "sub": f"system:serviceaccount:{metadata['namespace']}:{metadata['name']}", "aud": audiences,
                  "exp": int(time.time()) + seconds, "jti": secrets.token_hex(8)}
        parts = [base64.urlsafe_b64encode(json.dumps(part).encode()).rstrip(b"=").decode() for part in ({"alg": "RS256"}, claims)]
        token = ".".join([*parts, secrets.token_urlsafe(64)])
        with self.guard:
            self.issued[token] = {"namespace": metadata["namespace"], "name": metadata["name"], "uid": metadata["uid"], "pod": pod,
                                  "audiences": audiences, "ends": time.time() + seconds}
        return token

    def revoke(self, token):
        """From now on nobody knows this token: a rotated signing key, a removed line of the token file."""
        self.revoked.add(token)

    def user_of(self, token, audiences=None):
        """(user, audiences), or None. Audiences: those asked for; none means the API server's own, which static tokens know nothing else of."""
        if token in self.revoked:
            return None
        if token in self.static:
            return None if audiences else (self.static[token], [])
        with self.guard:
            issued = self.issued.get(token)
        if issued is None or issued["ends"] < time.time():
            return None
        common = [name for name in (audiences or [ISSUER]) if name in issued["audiences"]]
        account = self.store.get(("", "serviceaccounts"), issued["namespace"], issued["name"])
        if not common or account is None or account.body["metadata"]["uid"] != issued["uid"]:
            return None
        extra = {}
        if issued["pod"]:
            pod = self.store.get(("", "pods"), issued["namespace"], issued["pod"]["name"])
            if pod is None or pod.body["metadata"]["uid"] != issued["pod"]["uid"]:
                return None
            extra = {"authentication.kubernetes.io/pod-name": [issued["pod"]["name"]], "authentication.kubernetes.io/pod-uid": [issued["pod"]["uid"]]}
        user = {"username": f"system:serviceaccount:{issued['namespace']}:{issued['name']}", "uid": issued["uid"],
                "groups": ["system:serviceaccounts", f"system:serviceaccounts:{issued['namespace']}", "system:authenticated"]}
        if extra:
            user["extra"] = extra
        return user, common


def _subject_is(subject, user, namespace):
    kind, name = subject.get("kind"), subject.get("name")
    if kind == "User":
        return name == user.get("username")
    if kind == "Group":
        return name in user.get("groups", ())
    return kind == "ServiceAccount" and user.get("username") == f"system:serviceaccount:{subject.get('namespace', namespace)}:{name}"


def _covers(rule, attributes):
    def has(member, value):
        return value in rule.get(member, ()) or "*" in rule.get(member, ())
    names = rule.get("resourceNames")
    return has("verbs", attributes["verb"]) and has("apiGroups", attributes["group"]) and has("resources", attributes["resource"]) and \
        (not names or attributes["name"] in names)


class Authorizer:
    def __init__(self, store):
        self.store = store

    def _rules(self, reference, namespace):
        if reference["kind"] == "ClusterRole":
            if reference["name"] in BUILT_IN:
                return BUILT_IN[reference["name"]]
            role = self.store.get((RBAC, "clusterroles"), "", reference["name"])
        else:
            role = self.store.get((RBAC, "roles"), namespace, reference["name"])
        return (role.body.get("rules") or []) if role else []

    def allows(self, user, attributes):
        """`attributes`: verb, group, resource (with its subresource), namespace, name; "" where there is none."""
        return any(_covers(rule, attributes) for rule in self.rules(user, attributes["namespace"]))

    def rules(self, user, namespace):
        """All rules that hold for a user there."""
        if "system:masters" in user.get("groups", ()):
            yield from BUILT_IN["cluster-admin"]
        if "system:authenticated" in user.get("groups", ()):
            yield from BASIC
        bindings = [(record, "") for record in self.store.select((RBAC, "clusterrolebindings"), "")]
        if namespace:
            bindings += [(record, namespace) for record in self.store.select((RBAC, "rolebindings"), namespace)]
        for record, where in bindings:
            if any(_subject_is(subject, user, where) for subject in record.body.get("subjects") or ()):
                yield from self._rules(record.body["roleRef"], where)
