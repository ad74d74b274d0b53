"""The double's objects: one revision counter for all, a bounded history for watches, and continue tokens that grow old."""
import copy
import threading
import uuid
from collections import deque
from datetime import datetime, timezone

HISTORY = 10_000


def now():
    return datetime.now(timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")


class Record:
    """An object, and what belongs to it without being shown: `owners` (see double_patch.py)."""

    def __init__(self, body, owners):
        self.body, self.owners = body, owners

    @property
    def revision(self):
        return int(self.body["metadata"]["resourceVersion"])


class Store:
    """Keyed by (resource, namespace, name); `resource` is (group, plural). Callers hold `lock` over reading and writing."""

    def __init__(self):
        self.lock = threading.Condition(threading.RLock())
        self.records = {}
        self.revision = 1
        self.compacted = 1
        self.history = deque()

    def get(self, resource, namespace, name):
        return self.records.get((resource, namespace or "", name))

    def select(self, resource, namespace):
        """All of a resource, of one namespace or of every one, in the order of their names."""
        keys = sorted(key for key in self.records if key[0] == resource and (not namespace or key[1] == namespace))
        return [self.records[key] for key in keys]

    def _note(self, kind, resource, namespace, body, before):
        self.history.append((self.revision, kind, resource, namespace or "", copy.deepcopy(body), before))
        if len(self.history) > HISTORY:
            self.compacted = self.history.popleft()[0] + 1
        self.lock.notify_all()

    def create(self, resource, namespace, name, body, owners):
        self.revision += 1
        metadata = body.setdefault("metadata", {})
        metadata.update(name=name, uid=str(uuid.uuid4()), creationTimestamp=now(), resourceVersion=str(self.revision))
        if namespace:
            metadata["namespace"] = namespace
        record = self.records[(resource, namespace or "", name)] = Record(body, owners)
        self._note("ADDED", resource, namespace, body, None)
        return record

    def replace(self, resource, namespace, name, body, owners):
        self.revision += 1
        before = self.records[(resource, namespace or "", name)].body
        body["metadata"]["resourceVersion"] = str(self.revision)
        record = self.records[(resource, namespace or "", name)] = Record(body, owners)
        self._note("MODIFIED", resource, namespace, body, before)
        return record

    def delete(self, resource, namespace, name):
        self.revision += 1
        record = self.records.pop((resource, namespace or "", name))
        body = copy.deepcopy(record.body)
        body["metadata"]["resourceVersion"] = str(self.revision)
        self._note("DELETED", resource, namespace, body, record.body)
        return record

    def compact(self):
        """Forgets the history, as a restart of the API server and a compaction of etcd do together."""
        with self.lock:
            self.history.clear()
            self.compacted = self.revision
            self.lock.notify_all()

    def events_after(self, revision, resource, namespace):
        """[(revision, type, body, before)] of a resource; None when some of them are forgotten."""
        if revision < self.compacted:
            return None
        return [(number, kind, body, before) for number, kind, of, where, body, before in self.history
                if number > revision and of == resource and (not namespace or where == namespace)]
