"""The contract: what acp-gitlab relies on an API server for, a row each, checked on the real server and on the double (test_contract.py).

A row that the double does not answer as the real server does is a fault of the double.
"""
from contract_case import METADATA_ONLY, SESSIONS, Row, metadata_only
from kube_client import encode, secret_path


NO_MANAGERS = {"op": "add", "path": "/metadata/managedFields", "value": [{}]}


def two_managers(case):
    case.apply({"a": "1"}, "one").must()
    case.apply({"b": "2"}, "two").must()


def names_only(*verbs):
    """The rights of the product on its Secrets: by name."""
    return lambda case: case.user_with({"apiGroups": [""], "resources": ["secrets"], "verbs": list(verbs), "resourceNames": [case.name]})


def with_secret(given):
    def prepare(case):
        case.make({"a": "1"})
        given(case)
    return prepare


# given: the data of the row's Secret; None: there is none
SECRETS = [
    Row("a merge patch adds a key", {"a": "1"}, lambda c: c.keys(b="2"), 200, effect=lambda c: c.has(a="1", b="2")),
    Row("a merge patch replaces the value of a key", {"a": "1", "b": "2"}, lambda c: c.keys(a="3"), 200, effect=lambda c: c.has(a="3", b="2")),
    Row("a merge patch with null removes a key", {"a": "1", "b": "2"}, lambda c: c.keys(a=None), 200, effect=lambda c: c.has(b="2")),
    Row("removing the last key leaves the Secret", {"a": "1"}, lambda c: c.keys(a=None), 200, effect=lambda c: c.has()),
    Row("removing an absent key changes nothing", {"a": "1"}, lambda c: c.keys(b=None), 200, effect=lambda c: c.unchanged()),
    Row("writing the same value changes nothing", {"a": "1"}, lambda c: c.keys(a="1"), 200, effect=lambda c: c.unchanged()),
    Row("a merge patch of an absent Secret", None, lambda c: c.keys(a="1"), 404, "NotFound", lambda c: c.absent()),
    Row("a merge patch on the version that is there", {"a": "1"},
        lambda c: c.merge({"metadata": {"resourceVersion": c.before["metadata"]["resourceVersion"]}, "data": {"b": encode("2")}}), 200, effect=lambda c: c.has(a="1", b="2")),
    Row("a merge patch on an old version", {"a": "1"}, lambda c: (c.keys(a="2").must(), c.merge(
        {"metadata": {"resourceVersion": c.before["metadata"]["resourceVersion"]}, "data": {"b": encode("2")}}))[1], 409, "Conflict", lambda c: c.has(a="2")),
    Row("a merge patch that is no JSON", {"a": "1"}, lambda c: c.merge(b'{"data":'), 400, "BadRequest", lambda c: c.unchanged(), since=(1, 36)),
    Row("a patch without a patch's content type", {"a": "1"}, lambda c: c.kube.admin.patch(c.path(), {"data": {}}, "application/json"), 415, "UnsupportedMediaType", lambda c: c.unchanged()),
    Row("a strategic merge patch of a Secret", {"a": "1"}, lambda c: c.strategic({"data": {"b": encode("2")}}), 200, effect=lambda c: c.has(a="1", b="2")),
    Row("a merge patch answered with metadata alone", {"a": "1"}, lambda c: c.merge({"data": {"b": encode("2")}}, accept=METADATA_ONLY), 200, effect=lambda c: metadata_only(c.answer)),
    Row("a get answered with metadata alone", {"a": "1"}, lambda c: c.kube.admin.get(c.path(), accept=METADATA_ONLY), 200, effect=lambda c: metadata_only(c.answer)),
    Row("a merge patch that is only tried", {"a": "1"}, lambda c: c.merge({"data": {"b": encode("2")}}, "?dryRun=All"), 200, effect=lambda c: c.unchanged()),
    Row("a key of every kind of character", {"a": "1"}, lambda c: c.merge({"data": {"k1-_.Z9": encode("2")}}), 200, effect=lambda c: "k1-_.Z9" in c.data()),
    Row("a key with a slash", {"a": "1"}, lambda c: c.merge({"data": {"a/b": encode("2")}}), 422, "Invalid", lambda c: c.unchanged()),
    Row("a key of two dots", {"a": "1"}, lambda c: c.merge({"data": {"..": encode("2")}}), 422, "Invalid", lambda c: c.unchanged()),
    Row("a key of 253 characters", {"a": "1"}, lambda c: c.merge({"data": {"k" * 253: encode("2")}}), 200, effect=lambda c: len(c.data()) == 2),
    Row("a key of 254 characters", {"a": "1"}, lambda c: c.merge({"data": {"k" * 254: encode("2")}}), 422, "Invalid", lambda c: c.unchanged()),
    Row("a value that is not base64: the refusal repeats what it refuses", {"a": "1"}, lambda c: c.merge({"data": {"b": "%%%"}}), 422, "Invalid",
        lambda c: c.unchanged() and encode("1") in c.answer.json["message"]),
    Row("a Secret of just 1 MiB", {"a": "1"}, lambda c: c.merge({"data": {"b": encode("x" * ((1 << 20) - 1))}}), 200, effect=lambda c: len(c.data()["b"]) == (1 << 20) - 1),
    Row("a Secret of more than 1 MiB", {"a": "1"}, lambda c: c.merge({"data": {"b": encode("x" * (1 << 20))}}), 422, "Invalid", lambda c: c.unchanged()),
    Row("another type", {"a": "1"}, lambda c: c.merge({"type": "kubernetes.io/tls"}), 422, "Invalid", lambda c: c.unchanged()),
    Row("data of an immutable Secret", {"a": "1"}, lambda c: (c.merge({"immutable": True}).must(), c.keys(b="2"))[1], 422, "Invalid", lambda c: c.has(a="1")),
    Row("metadata of an immutable Secret", {"a": "1"}, lambda c: (c.merge({"immutable": True}).must(), c.merge({"metadata": {"labels": {"l": "v"}}}))[1], 200,
        effect=lambda c: c.stored()["metadata"]["labels"] == {"l": "v"}),
    Row("another Secret's name", {"a": "1"}, lambda c: c.merge({"metadata": {"name": "other"}}), 400, "BadRequest", lambda c: c.unchanged()),

    Row("compare-and-swap of the value that is there", {"a": "1", "b": "2"}, lambda c: c.swap("a", "1", "3"), 200, effect=lambda c: c.has(a="3", b="2")),
    Row("compare-and-swap after somebody else", {"a": "1"}, lambda c: c.swap("a", "0", "3"), 422, "Invalid", lambda c: c.unchanged()),
    Row("compare-and-swap of an absent key", {"a": "1"}, lambda c: c.swap("b", "1", "3"), 422, "Invalid", lambda c: c.unchanged()),
    Row("compare-and-swap does not mind other keys", {"a": "1"}, lambda c: (c.keys(b="2").must(), c.swap("a", "1", "3"))[1], 200, effect=lambda c: c.has(a="3", b="2")),
    Row("compare-and-swap in an absent Secret", None, lambda c: c.swap("a", "1", "2"), 404, "NotFound", lambda c: c.absent()),
    Row("a key is added where it was tested to be absent", {"a": "1"},
        lambda c: c.json({"op": "test", "path": "/data/b", "value": None}, {"op": "add", "path": "/data/b", "value": encode("2")}), 200, effect=lambda c: c.has(a="1", b="2")),
    Row("a key is not added where it was tested to be absent and is not", {"a": "1", "b": "0"},
        lambda c: c.json({"op": "test", "path": "/data/b", "value": None}, {"op": "add", "path": "/data/b", "value": encode("2")}), 422, "Invalid", lambda c: c.unchanged()),
    Row("a key is removed if it has this value", {"a": "1", "b": "2"},
        lambda c: c.json({"op": "test", "path": "/data/a", "value": encode("1")}, {"op": "remove", "path": "/data/a"}), 200, effect=lambda c: c.has(b="2")),
    Row("a key is not removed if it has another", {"a": "1", "b": "2"},
        lambda c: c.json({"op": "test", "path": "/data/a", "value": encode("9")}, {"op": "remove", "path": "/data/a"}), 422, "Invalid", lambda c: c.unchanged()),
    Row("removing an absent key by JSON patch", {"a": "1"}, lambda c: c.json({"op": "remove", "path": "/data/b"}), 422, "Invalid", lambda c: c.unchanged()),
    Row("adding a key by JSON patch where there is no data", {}, lambda c: c.json({"op": "add", "path": "/data/b", "value": encode("2")}), 422, "Invalid", lambda c: c.unchanged()),
    Row("a JSON patch on an old version", {"a": "1"}, lambda c: (c.keys(a="2").must(), c.json(
        {"op": "replace", "path": "/metadata/resourceVersion", "value": c.before["metadata"]["resourceVersion"]},
        {"op": "add", "path": "/data/b", "value": encode("2")}))[1], 409, "Conflict", lambda c: c.has(a="2")),

    Row("apply makes an absent Secret", None, lambda c: c.apply({"a": "1"}), 201, effect=lambda c: c.has(a="1") and c.managers() == {("one", "Apply")}),
    Row("apply without data makes an empty Secret", None, lambda c: c.apply(), 201, effect=lambda c: c.has()),
    Row("apply without a manager", {"a": "1"}, lambda c: c.apply_without_manager(), 422, "Invalid", lambda c: c.unchanged()),
    Row("apply without data touches nobody's keys", {"a": "1"}, lambda c: c.apply(force=True), 200, effect=lambda c: c.has(a="1")),
    Row("apply again of the same changes nothing", None, lambda c: (c.apply({"a": "1"}).must(), c.apply({"a": "1"}))[1], 200, effect=lambda c: c.has(a="1")),
    Row("apply says all that a manager means: a key left out goes", None, lambda c: (c.apply({"a": "1"}).must(), c.apply({"b": "2"}))[1], 200, effect=lambda c: c.has(b="2")),
    Row("apply of two managers", None, lambda c: (c.apply({"a": "1"}, "one").must(), c.apply({"b": "2"}, "two"))[1], 200, effect=lambda c: c.has(a="1", b="2")),
    Row("apply of another manager's key", None, lambda c: (two_managers(c), c.apply({"a": "9"}, "two"))[1], 409, "Conflict", lambda c: c.has(a="1", b="2")),
    Row("apply of another manager's key, by force", None, lambda c: (two_managers(c), c.apply({"a": "9"}, "two", True))[1], 200, effect=lambda c: c.has(a="9")),
    Row("apply on an old version", {"a": "1"}, lambda c: (c.keys(a="2").must(), c.apply({"b": "2"}, resourceVersion=c.before["metadata"]["resourceVersion"]))[1], 409, "Conflict",
        lambda c: c.has(a="2")),
    Row("apply to a namespace that is not there", None, lambda c: c.kube.admin.apply(secret_path("no-such-place", c.name), {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": c.name}}),
        404, "NotFound"),
    Row("a merge patch after apply takes the key over", None, lambda c: (c.apply({"a": "1"}, "one").must(), c.keys(a="2").must(), c.apply({}, "one"))[2], 200, effect=lambda c: c.has(a="2")),

    Row("a patch empties the list of who set which field", {"a": "1"}, lambda c: c.json(NO_MANAGERS, {"op": "add", "path": "/data/b", "value": encode("2")}), 200,
        effect=lambda c: c.has(a="1", b="2") and c.managers() == set()),
    Row("once it is empty nothing is put into it", {"a": "1"}, lambda c: (c.json(NO_MANAGERS).must(), c.keys(b="2"))[1], 200, effect=lambda c: c.has(a="1", b="2") and c.managers() == set()),
    Row("once it is empty an apply without data touches nobody's keys", {"a": "1"}, lambda c: (c.json(NO_MANAGERS).must(), c.apply(force=True))[1], 200, effect=lambda c: c.has(a="1")),

    Row("create", None, lambda c: c.post(data={"a": encode("1")}), 201, effect=lambda c: c.has(a="1")),
    Row("create from plain strings", None, lambda c: c.post(stringData={"a": "1"}), 201, effect=lambda c: c.has(a="1")),
    Row("create what is there", {"a": "1"}, lambda c: c.post(), 409, "AlreadyExists", lambda c: c.unchanged()),
    Row("create in a namespace that is not there", None, lambda c: c.post(namespace="no-such-place"), 404, "NotFound"),
    Row("create without a name", None, lambda c: c.kube.admin.post(secret_path(c.namespace), {"apiVersion": "v1", "kind": "Secret", "metadata": {}}), 422, "Invalid"),
    Row("create in another namespace than the address says", None, lambda c: c.post(metadata={"name": c.name, "namespace": "default"}), 400, "BadRequest"),
    Row("update", {"a": "1", "b": "2"}, lambda c: c.put({"a": "3"}), 200, effect=lambda c: c.has(a="3")),
    Row("update on an old version", {"a": "1"}, lambda c: (c.keys(a="2").must(), c.put({"a": "3"}, resourceVersion=c.before["metadata"]["resourceVersion"]))[1], 409, "Conflict",
        lambda c: c.has(a="2")),
    Row("update does not create", None, lambda c: c.put({"a": "1"}), 404, "NotFound", lambda c: c.absent()),
    Row("delete", {"a": "1"}, lambda c: c.kube.admin.delete(c.path()), 200, effect=lambda c: c.absent()),
    Row("delete what is not there", None, lambda c: c.kube.admin.delete(c.path()), 404, "NotFound"),
    Row("delete of another version", {"a": "1"}, lambda c: c.kube.admin.delete(c.path(), {"preconditions": {"resourceVersion": "1"}}), 409, "Conflict", lambda c: c.has(a="1")),
    Row("delete of this version", {"a": "1"}, lambda c: c.kube.admin.delete(c.path(), {"preconditions": {"resourceVersion": c.before["metadata"]["resourceVersion"]}}), 200,
        effect=lambda c: c.absent()),
]

RIGHTS = [
    Row("nobody in particular reads no Secret", with_secret(lambda c: setattr(c, "as_user", c.kube.client())), lambda c: c.as_user.get(c.path()), 403, "Forbidden"),
    Row("an unknown token", with_secret(lambda c: setattr(c, "as_user", c.kube.client(bearer="nobody"))), lambda c: c.as_user.get(c.path()), 401, "Unauthorized"),
    Row("a user without rights", with_secret(lambda c: setattr(c, "as_user", c.kube.client("carol"))), lambda c: c.as_user.get(c.path()), 403, "Forbidden"),
    Row("get by name", with_secret(names_only("get")), lambda c: c.as_user.get(c.path()), 200),
    Row("get by name does not patch", with_secret(names_only("get")), lambda c: c.keys(b="2"), 403, "Forbidden", lambda c: c.unchanged()),
    Row("patch by name", with_secret(names_only("patch")), lambda c: c.keys(b="2"), 200, effect=lambda c: c.has(a="1", b="2")),
    Row("patch reads too: an empty one answers with the whole Secret", with_secret(names_only("patch")), lambda c: c.merge({}), 200,
        effect=lambda c: c.answer.json["data"] == {"a": encode("1")}),
    Row("patch by name does not reach another name", with_secret(names_only("patch")), lambda c: c.as_user.patch(c.path("other"), {}), 403, "Forbidden"),
    Row("apply of what is there needs patch alone", with_secret(names_only("patch")), lambda c: c.apply({"b": "2"}), 200, effect=lambda c: c.has(a="1", b="2")),
    Row("apply that creates is authorised by the name", names_only("patch", "create"), lambda c: c.apply({"a": "1"}), 201, effect=lambda c: c.has(a="1")),
    Row("apply that creates needs create", names_only("patch"), lambda c: c.apply({"a": "1"}), 403, "Forbidden", lambda c: c.absent()),
    Row("apply that creates does not reach another name", names_only("patch", "create"), lambda c: c.apply({"a": "1"}, name="other"), 403, "Forbidden", lambda c: c.absent("other")),
    Row("create by name is no create by POST", names_only("patch", "create"), lambda c: c.post(), 403, "Forbidden", lambda c: c.absent()),
    Row("get by name is no list", names_only("get"), lambda c: c.as_user.get(secret_path(c.namespace)), 403, "Forbidden"),
    Row("list by name is a list of one name", with_secret(names_only("list")), lambda c: c.as_user.get(f"{secret_path(c.namespace)}?fieldSelector=metadata.name%3D{c.name}"), 200,
        effect=lambda c: [item["metadata"]["name"] for item in c.answer.json["items"]] == [c.name]),
    Row("list by name is no list of all", with_secret(names_only("list")), lambda c: c.as_user.get(secret_path(c.namespace)), 403, "Forbidden"),
    Row("a Role is nothing in another namespace", names_only("get"), lambda c: c.as_user.get(secret_path("default", c.name)), 403, "Forbidden"),
    Row("status is a right of its own", lambda c: (c.make_session(), c.user_with(
        {"apiGroups": ["ambient-code.io"], "resources": ["agenticsessions"], "verbs": ["get", "patch"]})), lambda c: c.status_patch({"phase": "Running"}), 403, "Forbidden"),
    Row("a right on status alone", lambda c: (c.make_session(), c.user_with(
        {"apiGroups": ["ambient-code.io"], "resources": ["agenticsessions/status"], "verbs": ["patch"]})), lambda c: c.status_patch({"phase": "Running"}), 200,
        effect=lambda c: c.stored_session()["status"] == {"phase": "Running"}),
]


def reviewer(case):
    case.user_with({"apiGroups": ["authentication.k8s.io"], "resources": ["tokenreviews"], "verbs": ["create"]},
                   {"apiGroups": ["authorization.k8s.io"], "resources": ["subjectaccessreviews"], "verbs": ["create"]}, cluster=True)


def with_pod_token(case):
    reviewer(case)
    case.kube.service_account(case.namespace, case.name)
    case.pod = case.kube.pod(case.namespace, case.name, case.name)
    case.token = case.kube.token(case.namespace, case.name, pod=case.name)


def refused_token(case):
    status = case.review_status
    return not status.get("authenticated") and not status.get("user") and bool(status.get("error"))


def reviewed_as(case, user):
    return case.review_status.get("authenticated") is True and case.review_status["user"]["username"] == user


REVIEWS = [
    Row("a static user's token", reviewer, lambda c: c.review(c.kube.tokens["alice"]), 201,
        effect=lambda c: reviewed_as(c, "alice") and set(c.review_status["user"]["groups"]) == {"developers", "system:authenticated"}),
    Row("a static user's token for an audience", reviewer, lambda c: c.review(c.kube.tokens["alice"], ["acp-gitlab"]), 201, effect=refused_token),
    Row("a ServiceAccount's token", reviewer, lambda c: c.review(c.kube.token(c.namespace, c.name)), 201,
        effect=lambda c: reviewed_as(c, f"system:serviceaccount:{c.namespace}:{c.name}") and f"system:serviceaccounts:{c.namespace}" in c.review_status["user"]["groups"]
        and c.review_status["audiences"] == ["https://kubernetes.default.svc"]),
    Row("a token for our audience, asked for that audience", reviewer, lambda c: c.review(c.kube.token(c.namespace, c.name, ["acp-gitlab"]), ["acp-gitlab", "other"]), 201,
        effect=lambda c: reviewed_as(c, f"system:serviceaccount:{c.namespace}:{c.name}") and c.review_status["audiences"] == ["acp-gitlab"]),
    Row("a token for our audience, asked for none", reviewer, lambda c: c.review(c.kube.token(c.namespace, c.name, ["acp-gitlab"])), 201, effect=refused_token),
    Row("a token for the API server, asked for our audience", reviewer, lambda c: c.review(c.kube.token(c.namespace, c.name), ["acp-gitlab"]), 201, effect=refused_token),
    Row("a token for our audience is none for the API server", lambda c: (reviewer(c), setattr(c, "as_user", c.kube.client(bearer=c.kube.token(c.namespace, c.name, ["acp-gitlab"])))),
        lambda c: c.as_user.get(c.path()), 401, "Unauthorized"),
    Row("a token bound to a Pod says which", with_pod_token, lambda c: c.review(c.token), 201,
        effect=lambda c: c.review_status["user"]["extra"]["authentication.kubernetes.io/pod-uid"] == [c.pod["metadata"]["uid"]]),
    Row("an unknown token", reviewer, lambda c: c.review("nobody"), 201, effect=refused_token),
    Row("a token that looks like a JWT", reviewer, lambda c: c.review("eyJhbGciOiJub25lIn0.eyJzdWIiOiJyb290In0."), 201, effect=refused_token),
    Row("a token with a line break", reviewer, lambda c: c.review("a\nb"), 201, effect=refused_token),
    Row("an answer repeats the token", reviewer, lambda c: c.review("nobody"), 201, effect=lambda c: c.answer.json["spec"]["token"] == "nobody"),
    Row("no token", reviewer, lambda c: c.review(""), 400, "BadRequest"),
    Row("a review by one who may not", lambda c: setattr(c, "as_user", c.kube.client("alice")), lambda c: c.review(c.kube.tokens["bob"]), 403, "Forbidden"),
    Row("a token of less than ten minutes", reviewer, lambda c: c.kube.admin.post(f"/api/v1/namespaces/{c.namespace}/serviceaccounts/{c.name}/token",
        {"apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest", "spec": {"expirationSeconds": 60}}), 422, "Invalid"),
    Row("a token of an account that is not there", None, lambda c: c.kube.admin.post(f"/api/v1/namespaces/{c.namespace}/serviceaccounts/{c.name}/token",
        {"apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest", "spec": {}}), 404, "NotFound"),

    Row("a right through a group", lambda c: (reviewer(c), c.kube.project(c.namespace)), lambda c: c.may("alice", "create", groups=["developers"]), 201,
        effect=lambda c: c.access_status["allowed"] is True),
    Row("no right without the group", lambda c: (reviewer(c), c.kube.project(c.namespace)), lambda c: c.may("alice", "create"), 201, effect=lambda c: c.access_status["allowed"] is False),
    Row("no right to another verb", lambda c: (reviewer(c), c.kube.project(c.namespace)), lambda c: c.may("alice", "deletecollection", groups=["developers"]), 201,
        effect=lambda c: c.access_status["allowed"] is False),
    Row("no right in another namespace", lambda c: (reviewer(c), c.kube.project(c.namespace)), lambda c: c.may("alice", "create", groups=["developers"], namespace="default"), 201,
        effect=lambda c: c.access_status["allowed"] is False),
    Row("no right in a namespace that is not there", reviewer, lambda c: c.may("alice", "create", groups=["developers"], namespace="no-such-place"), 201,
        effect=lambda c: c.access_status["allowed"] is False),
    Row("a right of a name", lambda c: (reviewer(c), names_only("get")(c), reviewer(c)), lambda c: c.may(f"system:serviceaccount:{c.namespace}:{c.name}", "get", "secrets", group="", name=c.name), 201,
        effect=lambda c: c.access_status["allowed"] is True),
    Row("what one may do oneself", lambda c: names_only("get", "patch")(c), lambda c: c.own_rules(), 201,
        effect=lambda c: c.answer.json["status"]["incomplete"] is False and {"verbs": ["get", "patch"], "apiGroups": [""], "resources": ["secrets"], "resourceNames": [c.name]}
        in c.answer.json["status"]["resourceRules"]),
    Row("what one may do oneself, nowhere", reviewer, lambda c: c.own_rules(None), 400, "BadRequest"),
    Row("a review of nobody", reviewer, lambda c: c.access(resourceAttributes={"verb": "get", "resource": "secrets"}), 422, "Invalid"),
    Row("a review of nothing", reviewer, lambda c: c.access(user="alice"), 422, "Invalid"),
    Row("an access review by one who may not", lambda c: setattr(c, "as_user", c.kube.client("alice")), lambda c: c.may("alice", "get"), 403, "Forbidden"),
]

SESSION_ROWS = [
    Row("create", None, lambda c: c.kube.admin.post(c.session_path().rpartition("/")[0], c.session()), 201, effect=lambda c: c.answer.json["metadata"]["generation"] == 1),
    Row("create does not set a status", None, lambda c: c.kube.admin.post(c.session_path().rpartition("/")[0], c.session(status={"phase": "Completed"})), 201,
        effect=lambda c: "status" not in c.stored_session()),
    Row("a status patch changes the status", lambda c: c.make_session(), lambda c: c.status_patch({"phase": "Running"}), 200,
        effect=lambda c: c.stored_session()["status"] == {"phase": "Running"} and c.stored_session()["metadata"]["generation"] == 1),
    Row("a status patch changes nothing else", lambda c: c.make_session(),
        lambda c: c.kube.admin.patch(c.session_path("/status"), {"spec": {"description": "x"}, "metadata": {"labels": {"l": "v"}}, "status": {"phase": "Running"}}), 200,
        effect=lambda c: c.stored_session()["spec"] == {"description": "d"} and c.stored_session()["status"] == {"phase": "Running"}),
    Row("a patch of the object does not change the status", lambda c: (c.make_session(), c.status_patch({"phase": "Running"})),
        lambda c: c.kube.admin.patch(c.session_path(), {"spec": {"description": "x"}, "status": {"phase": "Completed"}}), 200,
        effect=lambda c: c.stored_session()["status"] == {"phase": "Running"} and c.stored_session()["spec"] == {"description": "x"}),
    Row("a new spec is a new generation", lambda c: c.make_session(), lambda c: c.kube.admin.patch(c.session_path(), {"spec": {"description": "x"}}), 200,
        effect=lambda c: c.stored_session()["metadata"]["generation"] == 2),
    Row("a new label is no new generation", lambda c: c.make_session(), lambda c: c.kube.admin.patch(c.session_path(), {"metadata": {"labels": {"l": "v"}}}), 200,
        effect=lambda c: c.stored_session()["metadata"]["generation"] == 1),
    Row("a claim on the version that was seen", lambda c: c.make_session(), lambda c: c.claim("w1"), 200, effect=lambda c: c.stored_session()["status"]["worker"] == "w1"),
    Row("a claim that comes second", lambda c: c.make_session(), lambda c: (c.claim("w1").must(), c.claim("w2"))[1], 409, "Conflict",
        lambda c: c.stored_session()["status"]["worker"] == "w1"),
    Row("a claim of what is gone", lambda c: (c.make_session(), c.kube.admin.delete(c.session_path()).must()), lambda c: c.claim("w1"), 404, "NotFound"),
    Row("a merge patch of a list replaces it", lambda c: (c.make_session(), c.status_patch({"conditions": [{"type": "A", "status": "True"}]})),
        lambda c: c.status_patch({"conditions": [{"type": "B", "status": "True"}]}), 200, effect=lambda c: [e["type"] for e in c.stored_session()["status"]["conditions"]] == ["B"]),
    Row("conditions of two managers live side by side", lambda c: (c.make_session(), c.kube.admin.apply(
        c.session_path("/status"), {"apiVersion": "ambient-code.io/v1alpha1", "kind": "AgenticSession", "status": {"conditions": [{"type": "A", "status": "True"}]}}, "one").must()),
        lambda c: c.kube.admin.apply(c.session_path("/status"), {"apiVersion": "ambient-code.io/v1alpha1", "kind": "AgenticSession",
                                                                 "status": {"conditions": [{"type": "B", "status": "True"}]}}, "two"), 200,
        effect=lambda c: {e["type"] for e in c.stored_session()["status"]["conditions"]} == {"A", "B"}),
    Row("a strategic merge patch of a custom resource", lambda c: c.make_session(),
        lambda c: c.kube.admin.patch(c.session_path(), {"spec": {}}, "application/strategic-merge-patch+json"), 415, "UnsupportedMediaType"),
    Row("an update names its version", lambda c: c.make_session(), lambda c: c.kube.admin.call("PUT", c.session_path(), c.session({"description": "x"})), 422, "Invalid"),
    Row("a resource nobody has defined: no Status", None, lambda c: c.kube.admin.get(f"/apis/ambient-code.io/v1alpha1/namespaces/{c.namespace}/nothings"), 404),
    Row("a version nobody has defined: no Status", None, lambda c: c.kube.admin.get(f"/apis/ambient-code.io/v9/namespaces/{c.namespace}/agenticsessions"), 404),
    Row("all namespaces at once", lambda c: c.make_session(), lambda c: c.kube.admin.get(f"{SESSIONS}/agenticsessions"), 200,
        effect=lambda c: c.name in [item["metadata"]["name"] for item in c.answer.json["items"]]),
    Row("a page that continues nothing", None, lambda c: c.kube.admin.get(f"{SESSIONS}/agenticsessions?limit=1&continue=nonsense"), 400, "BadRequest"),
    Row("an event", lambda c: c.make_session(), lambda c: c.kube.admin.post(f"/api/v1/namespaces/{c.namespace}/events", {
        "apiVersion": "v1", "kind": "Event", "metadata": {"generateName": f"{c.name}."}, "reason": "Pushed", "message": "m", "type": "Normal", "source": {"component": "acp-gitlab"},
        "involvedObject": {"apiVersion": "ambient-code.io/v1alpha1", "kind": "AgenticSession", "name": c.name, "namespace": c.namespace}}), 201,
        effect=lambda c: c.answer.json["metadata"]["name"].startswith(f"{c.name}.")),
    Row("an event on something elsewhere", None, lambda c: c.kube.admin.post(f"/api/v1/namespaces/{c.namespace}/events", {
        "apiVersion": "v1", "kind": "Event", "metadata": {"generateName": f"{c.name}."}, "involvedObject": {"kind": "AgenticSession", "name": c.name, "namespace": "default"}}), 422, "Invalid"),
]

TABLES = {"secrets": SECRETS, "rights": RIGHTS, "reviews": REVIEWS, "sessions": SESSION_ROWS}
