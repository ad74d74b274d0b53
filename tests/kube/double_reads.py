"""The double's get, list in pages, and watch."""
import base64
import json
import time

from double_call import Refused
from double_store import now
from kube_faults import status_body

JSON_TYPE = [("content-type", "application/json")]


class Reads:
    """Mixed into Api."""

    def _get(self, user, call, kind, body):
        return 200, self._found(call)

    @staticmethod
    def _selected(call, body):
        metadata = body["metadata"]
        field, _, wanted = call.query.get("fieldSelector", "").partition("=")
        if field == "metadata.name" and metadata["name"] != wanted:
            return False
        for pair in filter(None, call.query.get("labelSelector", "").split(",")):
            name, _, wanted = pair.replace("==", "=").partition("=")
            if (metadata.get("labels") or {}).get(name) != wanted:
                return False
        return True

    def _list(self, user, call, kind, body):
        after = None
        if call.query.get("continue"):
            try:
                token = json.loads(base64.urlsafe_b64decode(call.query["continue"]))
                revision, after = token["rv"], tuple(token["after"])
            except (ValueError, KeyError, TypeError):
                raise Refused(400, "continue key is not valid") from None
            if revision < self.store.compacted:
                raise Refused(410, "The provided continue parameter is too old to display a consistent list result.", "Expired")
        namespace = "" if call.plural == "namespaces" else call.namespace
        records = [record for record in self.store.select(call.resource, namespace) if self._selected(call, record.body)]
        records = [r for r in records if after is None or (r.body["metadata"].get("namespace", ""), r.body["metadata"]["name"]) > after]
        limit = int(call.query.get("limit") or 0)
        metadata = {"resourceVersion": str(self.store.revision)}
        if limit and len(records) > limit:
            last = records[limit - 1].body["metadata"]
            token = json.dumps({"rv": self.store.revision, "after": [last.get("namespace", ""), last["name"]]})
            metadata.update({"continue": base64.urlsafe_b64encode(token.encode()).decode(), "remainingItemCount": len(records) - limit})
            records = records[:limit]
        items = [self._shown(call, kind, record) for record in records]
        return 200, {"kind": f"{kind.kind}List", "apiVersion": kind.api_version(call.group, call.version), "metadata": metadata, "items": items}

    def _watch(self, call):
        kind = self.kinds.get(call.resource)
        if kind is None:
            raise Refused(404, "the server could not find the requested resource")
        connection = call.request.connection
        ends = time.monotonic() + float(call.query.get("timeoutSeconds") or 1800)
        bookmarks = call.query.get("allowWatchBookmarks") in ("1", "true")
        revision = int(call.query.get("resourceVersion") or 0)
        connection.start(200, JSON_TYPE)

        def say(what, body):
            shown = {**body, "kind": kind.kind, "apiVersion": kind.api_version(call.group, call.version)} if what not in ("ERROR", "BOOKMARK") else body
            connection.write(json.dumps({"type": what, "object": shown}).encode() + b"\n")

        def bookmark():
            say("BOOKMARK", {"kind": kind.kind, "apiVersion": kind.api_version(call.group, call.version), "metadata": {"resourceVersion": str(revision), "creationTimestamp": None}})

        with self.store.lock:
            present = [] if revision else [r for r in self.store.select(call.resource, call.namespace) if self._selected(call, r.body)]
            revision = revision or self.store.revision
        for record in present:
            say("ADDED", record.body)
        next_bookmark = time.monotonic() + self.bookmark_seconds
        while not self.stopping.is_set():
            with self.store.lock:
                events = self.store.events_after(revision, call.resource, call.namespace)
                if events == []:
                    self.store.lock.wait(min(0.25, max(0.01, ends - time.monotonic())))
                    events = self.store.events_after(revision, call.resource, call.namespace)
                newest = self.store.revision
            if events is None:
                say("ERROR", json.loads(status_body(410, f"too old resource version: {revision} ({self.store.compacted})", "Expired")))
                break
            for number, what, body, before in events:
                selected = self._selected(call, body)
                was = before is not None and self._selected(call, before)
                revision = number
                if selected or was:
                    say(what if selected and (was or what == "ADDED") else "ADDED" if selected else "DELETED", body)
            if not events:
                revision = max(revision, newest)
            ended = time.monotonic() >= ends
            if bookmarks and (ended or time.monotonic() >= next_bookmark):
                bookmark()
                next_bookmark = time.monotonic() + self.bookmark_seconds
            if ended:
                break
        connection.finish()
