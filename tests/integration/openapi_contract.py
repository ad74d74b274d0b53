"""docs/openapi.json as a judge: whether an answer of the service is one that the document describes, with no member that it leaves out.

The document lets answers have further members, as clients should; here they are a failure, or the document would fall behind unnoticed.
"""
import json
import re
import sys
from pathlib import Path

import pypi

TOP = Path(__file__).resolve().parents[2]
DOCUMENT = TOP / "docs/openapi.json"
REQUIREMENTS = Path(__file__).with_name("openapi-tools.txt")


def tools():
    """A folder with the programs of openapi-tools.txt. (folder, None) or (None, why not)."""
    return pypi.packages(REQUIREMENTS)


def closed(value):
    """The same schema, in which every object has its described members alone, unless it says that it may have others."""
    if isinstance(value, list):
        return [closed(one) for one in value]
    if not isinstance(value, dict):
        return value
    value = {name: closed(one) for name, one in value.items()}
    if value.get("type") == "object" and "properties" in value and "additionalProperties" not in value:
        value["additionalProperties"] = False
    if "allOf" in value:  # the members are those of all parts together
        value["unevaluatedProperties"] = False
    return value


def opened(schema):
    """For the parts of an allOf: what they leave out another part may have."""
    return {name: one for name, one in schema.items() if name != "additionalProperties"}


class Contract:
    def __init__(self, folder):
        [packages] = (folder / "lib").glob("python3*/site-packages")
        sys.path.insert(0, str(packages))
        from jsonschema import Draft202012Validator, FormatChecker
        self.document = json.loads(DOCUMENT.read_text())
        self.schemas = closed(self.document["components"]["schemas"])
        for name in ("Error", "Failure"):  # parts of others
            self.schemas[name] = opened(self.schemas[name])
        self.make = lambda schema: Draft202012Validator(schema, format_checker=FormatChecker())
        self.validators, self.seen = {}, set()
        self.patterns = [(re.compile(re.sub(r"{\w+}", "[^/]+", path.replace(".", "[.]"))), path) for path in self.document["paths"]]

    def operation(self, method, address):
        """(path, operation) that an address belongs to; those without parameters first."""
        path = address.partition("?")[0]
        found = [name for pattern, name in self.patterns if pattern.fullmatch(path)]
        if not found:
            return None, None
        name = min(found, key=lambda one: one.count("{"))
        return name, self.document["paths"][name].get(method.lower())

    def errors(self, schema, value):
        key = json.dumps(schema, sort_keys=True)
        if key not in self.validators:
            whole = {**closed(schema), "components": {"schemas": self.schemas}}
            self.validators[key] = self.make(whole)
        return [f"{'/'.join(map(str, error.absolute_path)) or 'the whole'}: {error.message[:400]}" for error in self.validators[key].iter_errors(value)]

    def complaints(self, method, address, answer):
        """What is wrong with an answer; [] for one that is described. Addresses that are not described must be answered with 404."""
        path, operation = self.operation(method, address)
        if path is None:
            return [] if answer.status in (400, 404) else [f"{method} {address} is not described and answers {answer.status}"]
        if operation is None:
            return [] if answer.status in (401, 405) or method == "HEAD" else [f"{method} {path} is not described and answers {answer.status}"]
        self.seen.add((path, method.lower(), str(answer.status)))
        described = operation["responses"].get(str(answer.status))
        if described is None:
            return [f"{method} {path} answers {answer.status}, which is not described: {answer.body[:300]!r}"]
        if "$ref" in described:
            described = self.document["components"]["responses"][described["$ref"].rsplit("/", 1)[1]]
        kind = (answer.headers.get("Content-Type") or "").partition(";")[0]
        if kind not in described["content"]:
            return [f"{method} {path} answers {answer.status} with {kind}"]
        where = f"{method} {path}, {answer.status}"
        missing = [f"{where}: no {name}" for name in described.get("headers", {}) if name not in answer.headers and name != "Retry-After"]
        if kind != "application/json":
            return missing
        value = json.loads(answer.body)
        data = [f"{where}: a member 'data'"] if isinstance(value, dict) and "data" in value else []
        return missing + data + [f"{where}: {error}" for error in self.errors(described["content"][kind]["schema"], value)]
