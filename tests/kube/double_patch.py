"""How the double changes an object: merge patch, JSON patch, server-side apply, and who owns which field afterwards.

A field's path is a tuple of member names. Lists are whole values, but for the ones whose entries have a key of their own (conditions), as
in the schemas that the real server knows.
"""
import copy
import json

KEYED_LISTS = {"conditions": "type", "subjects": None}
# Members that the server writes, or that say which object it is: no manager owns them.
UNOWNED = {("apiVersion",), ("kind",), ("metadata", "name"), ("metadata", "namespace"), ("metadata", "uid"), ("metadata", "resourceVersion"),
           ("metadata", "creationTimestamp"), ("metadata", "generation"), ("metadata", "managedFields")}


class PatchRefused(Exception):
    """`status` is 400 for what is no patch, 422 for one that does not fit the object, 409 for another manager's field."""

    def __init__(self, status, message, causes=()):
        super().__init__(message)
        self.status, self.message, self.causes = status, message, list(causes)


def merge(target, patch):
    """RFC 7386."""
    if not isinstance(patch, dict):
        return copy.deepcopy(patch)
    result = dict(target) if isinstance(target, dict) else {}
    for name, value in patch.items():
        if value is None:
            result.pop(name, None)
        else:
            result[name] = merge(result.get(name), value)
    return result


# ---------------------------------------------------------------------------------------------------- JSON patch
def _pointer(text):
    if text == "":
        return []
    if not text.startswith("/"):
        raise PatchRefused(422, f"jsonpatch: bad pointer {text}")
    return [part.replace("~1", "/").replace("~0", "~") for part in text[1:].split("/")]


def _step(holder, part):
    if isinstance(holder, dict) and part in holder:
        return holder[part]
    if isinstance(holder, list) and part.isdigit() and int(part) < len(holder):
        return holder[int(part)]
    raise PatchRefused(422, "the server rejected our request due to an error in our request")


def _put(holder, part, value, insert):
    if isinstance(holder, dict):
        holder[part] = value
    elif isinstance(holder, list) and part == "-":
        holder.append(value)
    elif isinstance(holder, list) and part.isdigit() and int(part) <= len(holder):
        if insert:
            holder.insert(int(part), value)
        else:
            holder[int(part)] = value
    else:
        raise PatchRefused(422, "the server rejected our request due to an error in our request")


def json_patch(target, operations):
    """RFC 6902, without move and copy, which nobody here uses."""
    if not isinstance(operations, list) or not all(isinstance(entry, dict) for entry in operations):
        raise PatchRefused(400, "error decoding patch")
    result = copy.deepcopy(target)
    for entry in operations:
        path = _pointer(entry.get("path", ""))
        if not path:
            raise PatchRefused(422, "the double changes no whole documents")
        holder = result
        for part in path[:-1]:
            holder = _step(holder, part)
        operation, last = entry.get("op"), path[-1]
        if operation == "test":
            found = holder.get(last) if isinstance(holder, dict) else _step(holder, last)
            if found != entry.get("value"):
                raise PatchRefused(422, "the server rejected our request due to an error in our request")
        elif operation == "add":
            _put(holder, last, entry.get("value"), True)
        elif operation == "replace":
            _step(holder, last)
            _put(holder, last, entry.get("value"), False)
        elif operation == "remove":
            _step(holder, last)
            if isinstance(holder, dict):
                del holder[last]
            else:
                del holder[int(last)]
        else:
            raise PatchRefused(422, f"the double does not know the operation {operation}")
    return result


# ---------------------------------------------------------------------------------------------------- fields and their owners
def leaves(value, path=()):
    """Path → value of everything below."""
    key = KEYED_LISTS.get(path[-1]) if path else None
    if isinstance(value, dict) and value:
        found = {}
        for name, member in value.items():
            found.update(leaves(member, (*path, name)))
        return found
    if isinstance(value, list) and key and value:
        found = {}
        for entry in value:
            found.update(leaves(entry, (*path, f'k:{{"{key}":{json.dumps(entry.get(key))}}}')))
        return found
    return {path: value}


def owned_leaves(value):
    return {path: leaf for path, leaf in leaves(value).items() if path and path not in UNOWNED}


def _remove(target, path):
    """Takes out the field at `path`, and what it leaves empty."""
    first, rest = path[0], path[1:]
    if first.startswith("k:"):
        wanted = json.loads(first[2:])
        for entry in [entry for entry in target if wanted.items() <= entry.items()]:
            if rest:
                _remove(entry, rest)
            if not rest or not entry.keys() - wanted.keys():
                target.remove(entry)
        return
    if first not in target:
        return
    if rest:
        _remove(target[first], rest)
    if not rest or target[first] in ({}, []):
        del target[first]


def _merge_applied(target, applied, path=()):
    """What apply says wins; keyed lists are merged entry by entry."""
    key = KEYED_LISTS.get(path[-1]) if path else None
    if isinstance(applied, dict) and isinstance(target, dict):
        return {**target, **{name: _merge_applied(target.get(name), value, (*path, name)) for name, value in applied.items()}}
    if isinstance(applied, list) and isinstance(target, list) and key:
        result = list(target)
        for entry in applied:
            places = [i for i, old in enumerate(result) if old.get(key) == entry.get(key)]
            if places:
                result[places[0]] = _merge_applied(result[places[0]], entry, (*path, "entry"))
            else:
                result.append(entry)
        return result
    return copy.deepcopy(applied)


def apply(target, body, owners, manager, force):
    """Server-side apply of `body`. `owners` (manager → paths) is changed; gives the new object."""
    said, present = owned_leaves(body), owned_leaves(target)
    conflicts = {}
    for other, paths in owners.items():
        if other != manager:
            for path in paths & said.keys():
                if present.get(path) != said[path]:
                    conflicts.setdefault(other, set()).add(path)
    if conflicts and not force:
        causes = [{"reason": "FieldManagerConflict", "message": f'conflict with "{other[0]}"', "field": "." + ".".join(path)}
                  for other, paths in conflicts.items() for path in sorted(paths)]
        raise PatchRefused(409, f"Apply failed with {len(causes)} conflict{'s' if len(causes) > 1 else ''}", causes)
    for other, paths in conflicts.items():
        owners[other] -= paths
    result = copy.deepcopy(target)
    for path in owners.get(manager, set()) - said.keys():
        if not any(path in paths for other, paths in owners.items() if other != manager):
            _remove(result, path)
    owners[manager] = set(said)
    return _merge_applied(result, body)


def note_update(before, after, owners, manager):
    """After any other write: who changed a field owns it, alone."""
    old, new = owned_leaves(before), owned_leaves(after)
    changed = {path for path in old.keys() | new.keys() if old.get(path) != new.get(path) or (path in old) != (path in new)}
    for other in owners:
        owners[other] -= changed
    kept = {path for path in changed if path in new}
    if kept:
        owners.setdefault(manager, set()).update(kept)


def managed_fields(owners, api_version, time):
    """metadata.managedFields as the real server shows it."""
    entries = []
    for (manager, operation, subresource), paths in owners.items():
        if not paths and operation == "Update":
            continue
        fields = {}
        for path in sorted(paths):
            holder = fields
            for part in path:
                holder = holder.setdefault(part if part.startswith("k:") else f"f:{part}", {})
        entry = {"manager": manager, "operation": operation, "apiVersion": api_version, "time": time, "fieldsType": "FieldsV1", "fieldsV1": fields}
        if subresource:
            entry["subresource"] = subresource
        entries.append(entry)
    return entries
