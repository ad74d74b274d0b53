"""What the double knows of each kind of object, and what it checks before it stores one."""
import base64
import binascii
import re

from double_call import Refused

MAX_SECRET = 1 << 20
DATA_KEY = re.compile(r"[-._a-zA-Z0-9]{1,253}")


class Kind:
    """`status`: has a status subresource. `custom`: a custom resource, with `generation`. `check(new, old)` raises Refused."""

    def __init__(self, kind, versions=("v1",), namespaced=True, status=False, custom=False, check=None):
        self.kind, self.versions, self.namespaced, self.status, self.custom = kind, versions, namespaced, status, custom
        self.check = check or (lambda new, old: None)

    @staticmethod
    def api_version(group, version):
        return f"{group}/{version}" if group else version


def check_secret(new, old):
    """Keys, encoding, size, and what an immutable Secret or a type forbids. Like the real server it repeats the whole object when an encoding is bad."""
    name, data = new["metadata"].get("name", ""), new.get("data") or {}
    size = 0
    for key, value in data.items():
        if not DATA_KEY.fullmatch(key) or key in (".", "..") or key.startswith(".."):
            raise Refused(422, f'Secret "{name}" is invalid: data[{key}]: Invalid value: "{key}": a valid config key must consist of alphanumeric characters')
        try:
            size += len(base64.b64decode(value, validate=True))
        except (binascii.Error, ValueError, TypeError):
            # What a server says of an update is 422, of a new object 400.
            raise Refused(422 if old else 400, f'"" is invalid: patch: Invalid value: "{new}": illegal base64 data') from None
    if size > MAX_SECRET:
        raise Refused(422, f'Secret "{name}" is invalid: data: Too long: must have at most {MAX_SECRET} bytes')
    new.setdefault("type", "Opaque")
    if not data:
        new.pop("data", None)
    if old is None:
        return
    if new["type"] != old.get("type", "Opaque"):
        raise Refused(422, f'Secret "{name}" is invalid: type: Invalid value: "{new["type"]}": field is immutable')
    if old.get("immutable") and (data != (old.get("data") or {}) or not new.get("immutable")):
        raise Refused(422, f'Secret "{name}" is invalid: data: Forbidden: field is immutable when `immutable` is set')


def check_event(new, old):
    involved = (new.get("involvedObject") or {}).get("namespace", "default")
    if involved != new["metadata"].get("namespace", involved):
        raise Refused(422, "Event is invalid: involvedObject.namespace: Invalid value: does not match event.namespace")


RBAC = "rbac.authorization.k8s.io"


def kinds():
    """(group, plural) → Kind. Our custom resources are here as the tests' CRDs leave them: without a schema."""
    return {
        ("", "namespaces"): Kind("Namespace", namespaced=False),
        ("", "secrets"): Kind("Secret", check=check_secret),
        ("", "serviceaccounts"): Kind("ServiceAccount"),
        ("", "pods"): Kind("Pod", status=True),
        ("", "events"): Kind("Event", check=check_event),
        ("coordination.k8s.io", "leases"): Kind("Lease"),
        (RBAC, "roles"): Kind("Role"),
        (RBAC, "rolebindings"): Kind("RoleBinding"),
        (RBAC, "clusterroles"): Kind("ClusterRole", namespaced=False),
        (RBAC, "clusterrolebindings"): Kind("ClusterRoleBinding", namespaced=False),
        ("ambient-code.io", "agenticsessions"): Kind("AgenticSession", ("v1alpha1", "v1"), status=True, custom=True),
        ("ambient-code.io", "projectsettings"): Kind("ProjectSettings", ("v1alpha1", "v1"), status=True, custom=True),
        ("vteam.ambient-code", "agenticsessions"): Kind("AgenticSession", ("v1alpha1",), status=True, custom=True),
        ("vteam.ambient-code", "projectsettings"): Kind("ProjectSettings", ("v1alpha1",), status=True, custom=True),
    }
