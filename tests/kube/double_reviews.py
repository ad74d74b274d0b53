"""The double's answers that are not stored: TokenReview, SubjectAccessReview, SelfSubjectReview and TokenRequest."""
import time

from double_call import Refused
from double_rights import ISSUER


class Reviews:
    """Mixed into Api, whose `store`, `tokens` and `authorizer` it uses."""

    def _token_review(self, user, body):
        spec = body.get("spec") or {}
        if not spec.get("token"):
            raise Refused(400, "token is required for TokenReview in authentication")
        audiences = spec.get("audiences") or []
        with self.store.lock:
            known = self.tokens.user_of(spec["token"], audiences)
        if known is None:
            status = {"user": {}, "error": "[invalid bearer token, service account token has been invalidated]"}
        else:
            status = {"authenticated": True, "user": known[0]}
            # The real server says its own audience where none was asked for.
            if known[1] or not audiences:
                status["audiences"] = known[1] or [ISSUER]
        return {"kind": "TokenReview", "apiVersion": "authentication.k8s.io/v1", "metadata": {"creationTimestamp": None}, "spec": spec, "status": status}

    def _decide(self, subject, spec):
        resource = spec.get("resourceAttributes")
        if resource is None and spec.get("nonResourceAttributes") is None:
            raise Refused(422, "SubjectAccessReview is invalid: spec.resourceAttributes: Invalid value: exactly one of nonResourceAttributes or resourceAttributes must be specified")
        resource = resource or {}
        plural = resource.get("resource", "") + (f"/{resource['subresource']}" if resource.get("subresource") else "")
        attributes = {"verb": resource.get("verb", ""), "group": resource.get("group", ""), "resource": plural,
                      "namespace": resource.get("namespace", ""), "name": resource.get("name", "")}
        with self.store.lock:
            allowed = self.authorizer.allows(subject, attributes)
        return {"allowed": allowed, **({"reason": "RBAC: allowed"} if allowed else {})}

    def _access_review(self, user, body):
        spec = body.get("spec") or {}
        if not spec.get("user") and not spec.get("groups"):
            raise Refused(422, "SubjectAccessReview is invalid: spec.user: Invalid value: at least one of user or group must be specified")
        status = self._decide({"username": spec.get("user", ""), "groups": spec.get("groups") or []}, spec)
        return {"kind": "SubjectAccessReview", "apiVersion": "authorization.k8s.io/v1", "metadata": {"creationTimestamp": None}, "spec": spec, "status": status}

    def _self_access_review(self, user, body):
        spec = body.get("spec") or {}
        return {"kind": "SelfSubjectAccessReview", "apiVersion": "authorization.k8s.io/v1", "metadata": {}, "spec": spec, "status": self._decide(user, spec)}

    def _self_rules_review(self, user, body):
        namespace = (body.get("spec") or {}).get("namespace")
        if not namespace:
            raise Refused(400, "no namespace on request")
        with self.store.lock:
            rules = list(self.authorizer.rules(user, namespace))
        return {"kind": "SelfSubjectRulesReview", "apiVersion": "authorization.k8s.io/v1", "metadata": {}, "spec": {},
                "status": {"resourceRules": rules, "nonResourceRules": [], "incomplete": False}}

    @staticmethod
    def _self_review(user, body):
        return {"kind": "SelfSubjectReview", "apiVersion": "authentication.k8s.io/v1", "metadata": {}, "status": {"userInfo": user}}

    def _token_request(self, call, body):
        spec = body.get("spec") or {}
        seconds = spec.get("expirationSeconds", 3600)
        if seconds < 600:
            raise Refused(422, "TokenRequest is invalid: spec.expirationSeconds: Invalid value: may not specify a duration less than 10 minutes")
        with self.store.lock:
            call.subresource = ""
            account = self._found(call)
        audiences = spec.get("audiences") or [ISSUER]
        token = self.tokens.issue(account.body, spec.get("boundObjectRef"), audiences, seconds)
        ends = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() + seconds))
        return {"kind": "TokenRequest", "apiVersion": "authentication.k8s.io/v1", "metadata": {"name": call.name, "namespace": call.namespace},
                "spec": {**spec, "audiences": audiences, "expirationSeconds": seconds}, "status": {"token": token, "expirationTimestamp": ends}}
