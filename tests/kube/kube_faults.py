"""What an API server, or the way to it, does instead of answering well. Used by the double and by the proxy before the real server.

A fault meets requests whose "METHOD /target" its pattern is found in, the first `times` of them or all until it is lifted. Some keep the request
from the server; the others let it be carried out and spoil the answer, so that the caller cannot know what became of it.
"""
import json
import re
import threading

KEEP_AWAY = ("status", "body", "silent", "reset")
SPOIL = ("lost", "truncated", "cut_json", "delay_after")
KINDS = ("delay", *KEEP_AWAY, *SPOIL)

REASONS = {400: "BadRequest", 401: "Unauthorized", 403: "Forbidden", 404: "NotFound", 409: "Conflict", 410: "Expired", 422: "Invalid", 429: "TooManyRequests",
           500: "InternalError", 503: "ServiceUnavailable", 504: "Timeout"}


def status_body(code, message, reason=None, details=None):
    """A Status object, as bytes."""
    answer = {"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Failure", "message": message, "reason": reason or REASONS.get(code, ""), "code": code}
    if details:
        answer["details"] = details
    return json.dumps(answer).encode()


class Fault:
    """`hits` counts the requests that it met."""

    def __init__(self, kind, match, times=None, seconds=1.0, code=500, retry_after=None, body=b"<html>gateway</html>", content_type="text/html", bytes_kept=40):
        if kind not in KINDS:
            raise ValueError(f"kind must be one of {', '.join(KINDS)}")
        self.kind, self.pattern, self.times, self.seconds = kind, re.compile(match), times, seconds
        self.code, self.retry_after, self.body, self.content_type, self.bytes_kept = code, retry_after, body, content_type, bytes_kept
        self.hits = 0
        self.lifted = False

    def lift(self):
        self.lifted = True

    def holds(self):
        return not self.lifted

    def before(self, connection):
        """True when the request ends here."""
        if self.kind == "delay":
            connection.pause(self.seconds)
        elif self.kind == "status":
            headers = [("content-type", "application/json")] + ([("retry-after", str(self.retry_after))] if self.retry_after is not None else [])
            connection.reply(self.code, headers, status_body(self.code, "a fault that was asked for"))
        elif self.kind == "body":
            connection.reply(self.code, [("content-type", self.content_type)], self.body)
        elif self.kind == "silent":
            connection.shape = self
            connection.hold()
        elif self.kind == "reset":
            connection.reset()
        return self.kind in KEEP_AWAY

    def after(self, connection, status, headers, body):
        """Delivers the server's answer, or less than that."""
        if self.kind == "lost":
            connection.reset()
        elif self.kind == "truncated":
            connection.shape = self
        elif self.kind == "cut_json":
            body = body[:self.bytes_kept]
        elif self.kind == "delay_after":
            connection.pause(self.seconds)
        connection.reply(status, headers, body)

    def send(self, connection, head, body):
        """(called by the simulator's Connection) The head promises all, and the connection ends early."""
        connection.sock.sendall(head + body[:self.bytes_kept])
        connection.reset()


class Faults:
    def __init__(self):
        self.guard = threading.Lock()
        self.faults = []

    def add(self, kind, match=".", **more):
        fault = Fault(kind, match, **more)
        with self.guard:
            self.faults.append(fault)
        return fault

    def clear(self):
        with self.guard:
            for fault in self.faults:
                fault.lift()
            self.faults = []

    def pick(self, method, target):
        """The first fault that meets this request, or None."""
        with self.guard:
            for fault in self.faults:
                if not fault.lifted and fault.pattern.search(f"{method} {target}"):
                    fault.hits += 1
                    if fault.times is not None and fault.hits >= fault.times:
                        fault.lift()
                    return fault
        return None
