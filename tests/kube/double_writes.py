"""The double's create, update, patch, apply and delete."""
import base64
import copy
import json
import re
import secrets

from double_call import Refused
from double_patch import PatchRefused, apply, json_patch, merge, note_update
from double_store import now

NAME = re.compile(r"[a-z0-9]([-a-z0-9.]{0,251}[a-z0-9])?")
PATCHES = ("application/merge-patch+json", "application/json-patch+json", "application/strategic-merge-patch+json", "application/apply-patch+yaml")


class Writes:
    """Mixed into Api. Called with the store locked."""

    def _create(self, user, call, kind, raw):
        body = self._body(call, raw)
        metadata = body.setdefault("metadata", {})
        name = metadata.get("name") or (metadata["generateName"] + secrets.token_hex(3)[:5] if metadata.get("generateName") else "")
        if not name:
            raise Refused(422, f"{kind.kind} \"\" is invalid: metadata.name: Required value: name or generateName is required")
        if not NAME.fullmatch(name):
            raise Refused(422, f'{kind.kind} "{name}" is invalid: metadata.name: Invalid value')
        call.name = name
        return self._store_new(call, kind, body, {(call.manager, "Update", ""): None})

    def _store_new(self, call, kind, body, owners):
        self._check_namespace(call, kind, body)
        if self.store.get(call.resource, call.namespace if kind.namespaced else "", call.name):
            raise Refused(409, f'{call.plural} "{call.name}" already exists', "AlreadyExists", {"name": call.name, "kind": call.plural})
        body = self._clean(call, kind, body)
        if kind.status:
            body.pop("status", None)
        if kind.custom:
            body["metadata"]["generation"] = 1
        body["metadata"].update(name=call.name, **({"namespace": call.namespace} if kind.namespaced else {}))
        kind.check(body, None)
        for manager, fields in list(owners.items()):
            if fields is None:
                owners[manager] = set()
                note_update({}, body, owners, manager)
        if call.query.get("dryRun") == "All":
            body["metadata"].update(uid="", creationTimestamp=now())
            return 201, {**body, "kind": kind.kind, "apiVersion": kind.api_version(call.group, call.version)}
        return 201, self.store.create(call.resource, call.namespace if kind.namespaced else "", call.name, body, owners)

    def _check_namespace(self, call, kind, body):
        if not kind.namespaced:
            return
        said = body.get("metadata", {}).get("namespace")
        if said and said != call.namespace:
            raise Refused(400, f"the namespace of the provided object does not match the namespace sent on the request ({said})")
        if self.store.get(("", "namespaces"), "", call.namespace) is None:
            raise Refused(404, f'namespaces "{call.namespace}" not found', details={"name": call.namespace, "kind": "namespaces"})

    @staticmethod
    def _clean(call, kind, body):
        """What the server writes itself is taken out of what a client says."""
        body = {name: value for name, value in body.items() if name not in ("kind", "apiVersion")}
        body["metadata"] = {name: value for name, value in (body.get("metadata") or {}).items() if name not in (
            "resourceVersion", "uid", "creationTimestamp", "managedFields", "generation", "generateName")}
        if "stringData" in body:
            said = body.pop("stringData") or {}
            body["data"] = {**(body.get("data") or {}), **{key: base64.b64encode(value.encode()).decode() for key, value in said.items()}}
        return body

    def _update(self, user, call, kind, raw):
        body = self._body(call, raw)
        record = self._found(call)
        if kind.custom and not body.get("metadata", {}).get("resourceVersion"):
            raise Refused(422, f'{call.plural} "{call.name}" is invalid: metadata.resourceVersion: Invalid value: 0x0: must be specified for an update')
        owners = copy.deepcopy(record.owners)
        return self._store_changed(call, kind, record, body, owners, (call.manager, "Update", call.subresource))

    def _patch(self, user, call, kind, raw):
        content_type = (call.request.header("content-type") or "").partition(";")[0].strip()
        if content_type not in PATCHES or (kind.custom and "strategic" in content_type):
            raise Refused(415, f"the body of the request was in an unknown format - accepted media types include: {', '.join(PATCHES)}", "UnsupportedMediaType")
        applying = content_type == "application/apply-patch+yaml"
        if applying and not call.query.get("fieldManager"):
            raise Refused(422, 'PatchOptions.meta.k8s.io "" is invalid: fieldManager: Required value: is required for apply patch')
        found = self.store.get(call.resource, call.namespace if kind.namespaced else "", call.name)
        try:
            if applying:
                return self._apply(user, call, kind, found, self._parsed(raw))
            record = self._found(call)
            try:
                patch = json.loads(raw)
            except ValueError:
                raise Refused(400, "error decoding patch: invalid JSON document") from None
            whole = {**record.body, "kind": kind.kind, "apiVersion": kind.api_version(call.group, call.version)}
            if content_type == "application/json-patch+json":
                body = json_patch(whole, patch)
            elif isinstance(patch, dict):
                body = merge(whole, patch)
            else:
                raise Refused(400, "error decoding patch: json: cannot unmarshal")
            return self._store_changed(call, kind, record, body, copy.deepcopy(record.owners), (call.manager, "Update", call.subresource))
        except PatchRefused as refusal:
            reason = {400: "BadRequest", 409: "Conflict", 422: "Invalid"}[refusal.status]
            raise Refused(refusal.status, refusal.message, reason, {"causes": refusal.causes} if refusal.causes else None) from None

    def _apply(self, user, call, kind, found, said):
        if not said.get("kind") or not said.get("apiVersion"):
            raise Refused(400, "invalid object type: /, Kind=")
        manager = (call.query["fieldManager"], "Apply", call.subresource)
        force = call.query.get("force") == "true"
        revision = (said.get("metadata") or {}).get("resourceVersion")
        if found is None:
            if call.subresource:
                self._found(call)
            # Creating by apply is authorised with the name, which POST is not.
            self._permit(user, call, "create")
            if revision:
                raise Refused(409, f'{call.plural} "{call.name}": the object to be updated was not found', "Conflict")
            body = self._clean(call, kind, said)
            owners = {}
            apply({}, body, owners, manager, force)
            return self._store_new(call, kind, body, owners)
        said = self._clean(call, kind, said)
        said["metadata"] = {name: value for name, value in said["metadata"].items() if name not in ("name", "namespace")}
        if not said["metadata"]:
            del said["metadata"]
        said = {"status": said["status"]} if call.subresource and "status" in said else {n: v for n, v in said.items() if n != "status" or not kind.status}
        owners = copy.deepcopy(found.owners)
        body = apply(found.body, said, owners, manager, force)
        body["metadata"]["resourceVersion"] = revision or found.body["metadata"]["resourceVersion"]
        return self._store_changed(call, kind, found, body, owners, None)

    def _store_changed(self, call, kind, record, body, owners, manager):
        """The common end of every change: what may change there, versions, checks, and nothing at all when nothing changed."""
        old = record.body
        if not isinstance(body.get("metadata"), dict):
            raise Refused(422, "metadata is no object")
        revision = body["metadata"].get("resourceVersion")
        if revision and revision != old["metadata"]["resourceVersion"]:
            raise Refused(409, f'Operation cannot be fulfilled on {call.plural} "{call.name}": the object has been modified; please apply your changes to the latest '
                          "version and try again", "Conflict", {"name": call.name, "kind": call.plural})
        if body["metadata"].get("name", call.name) != call.name:
            raise Refused(400, f"the name of the object ({body['metadata']['name']}) does not match the name on the URL ({call.name})")
        new = self._clean(call, kind, body)
        if kind.status:
            if call.subresource == "status":
                new = {**copy.deepcopy(old), "status": new.get("status")}
                if new["status"] is None:
                    del new["status"]
            elif "status" in old:
                new["status"] = copy.deepcopy(old["status"])
            else:
                new.pop("status", None)
        for name in ("name", "namespace", "uid", "creationTimestamp", "resourceVersion", "generation"):
            if name in old["metadata"]:
                new["metadata"][name] = old["metadata"][name]
        kind.check(new, old)
        if kind.custom and not call.subresource and {n: v for n, v in new.items() if n != "metadata"} != {n: v for n, v in old.items() if n != "metadata"}:
            new["metadata"]["generation"] = old["metadata"].get("generation", 0) + 1
        if body["metadata"].get("managedFields") == [{}]:
            owners.clear()
        # Where nobody is noted, only an apply begins to.
        if manager is not None and owners:
            note_update(old, new, owners, manager)
        if new == old and owners == record.owners:
            return 200, record
        if call.query.get("dryRun") == "All":
            return 200, {**new, "kind": kind.kind, "apiVersion": kind.api_version(call.group, call.version)}
        return 200, self.store.replace(call.resource, call.namespace if kind.namespaced else "", call.name, new, owners)

    def _delete(self, user, call, kind, raw):
        record = self._found(call)
        wanted = (self._parsed(raw).get("preconditions") or {}) if raw else {}
        for name, member in (("resourceVersion", "resourceVersion"), ("uid", "uid")):
            if wanted.get(name) and wanted[name] != record.body["metadata"][member]:
                raise Refused(409, f'Operation cannot be fulfilled on {call.plural} "{call.name}": the {name} in the precondition does not match', "Conflict")
        if call.query.get("dryRun") != "All":
            self.store.delete(call.resource, call.namespace if kind.namespaced else "", call.name)
        return 200, {"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Success", "details": {"name": call.name, "kind": call.plural,
                                                                                                         "uid": record.body["metadata"]["uid"]}}
