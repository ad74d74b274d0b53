"""The REST API under /api/v4: who asks, may he, and which handler answers.

The handlers themselves are in api_handlers.py. Order as in GitLab: route, throttle, token, scope, account, then the handler.
"""

import json
import re
import time
import urllib.parse
import uuid

from . import api_files, api_merge_requests  # noqa: F401 (add their routes to HANDLERS)
from .api_handlers import HANDLERS
from .journal import judge_request
from .refusal import Refusal, error_refusal, message_refusal, oauth_refusal
from .world import OTHER_KINDS

JSON_TYPE = ("content-type", "application/json")
TEXT_TYPE = ("content-type", "text/plain")

SCOPE_TEXT = "The request requires higher privileges than provided by the access token."
EXPIRED = "Token is expired. You can either do re-authorization or token refresh."
REVOKED = "Token was revoked. You have to re-authorize from the user."
IMPERSONATION_OFF = "Token is an impersonation token but impersonation was disabled."
DPOP = "DPoP validation error: DPoP header is missing"
TOO_OFTEN = "This endpoint has been requested too many times. Try again later."


def match_route(routes, method, path):
    """(handler, its arguments decoded, whether the path is known with another method)"""
    other_method = False
    for known, pattern, handler in routes:
        match = pattern.fullmatch(path)
        if match and known == method:
            found = match.groupdict().items()
            return handler, {name: value and urllib.parse.unquote(value) for name, value in found}, False
        other_method |= bool(match)
    return None, {}, other_method


def throttle_headers(limit, name, observed):
    """What Rack::Attack and gitlab.com add."""
    reset = int(time.time() // 60 * 60 + 60)
    shown = time.strftime("%a, %d %b %Y %H:%M:%S GMT", time.gmtime(reset))
    return [
        ("ratelimit-limit", limit),
        ("ratelimit-name", name),
        ("ratelimit-observed", observed),
        ("ratelimit-remaining", max(0, limit - observed)),
        ("ratelimit-reset", reset),
        ("ratelimit-resettime", shown),
    ]


def credential_of(request):
    """(kind, value) of the credential on an API request; ("private-token"|"bearer"|None, value)."""
    value = request.header("private-token")
    if value is not None:
        return "private-token", value
    scheme, _, value = (request.header("authorization") or "").partition(" ")
    if scheme.lower() == "bearer":
        return "bearer", value.strip()
    return None, None


def throttle(token):
    """Tokens that always meet a limit, in the three ways GitLab says so."""
    if token is None:
        return
    if token.problem == "rate_limited":
        headers = [TEXT_TYPE, ("retry-after", 30), *throttle_headers(2000, "throttle_authenticated_api", 2001)]
        raise Refusal(429, "Retry later\n", headers)
    if token.problem == "rate_limited_bare":
        raise Refusal(429, "Retry later\n", [TEXT_TYPE])
    if token.problem == "rate_limited_app":
        raise Refusal(429, {"message": {"error": TOO_OFTEN}}, [("retry-after", 60)])


def validate(token):
    """A token that exists but is not accepted (API: with a reason; git: not)."""
    if token.revoked:
        raise oauth_refusal(401, "invalid_token", REVOKED)
    if token.expired:
        raise oauth_refusal(401, "invalid_token", EXPIRED)
    if token.problem == "impersonation_disabled":
        raise oauth_refusal(401, "invalid_token", IMPERSONATION_OFF)
    if token.problem == "dpop":
        raise oauth_refusal(401, "dpop_error", DPOP)


class Call:
    """One API request on its way: what handlers see."""

    def __init__(self, simulator, request, base):
        self.simulator, self.request, self.base = simulator, request, base
        self.world, self.repositories = simulator.world, simulator.repositories
        self.query = dict(urllib.parse.parse_qsl(request.query, keep_blank_values=True))
        self.headers = []
        self.token = self.user = None

    def body(self):
        """The fields of a POST, sent as JSON or as a form."""
        data = self.request.body()
        if "json" not in (self.request.header("content-type") or ""):
            return dict(urllib.parse.parse_qsl(data.decode(errors="replace")))
        try:
            value = json.loads(data or b"{}")
        except ValueError:
            raise error_refusal(400, "The provided parameters are invalid.") from None
        return value if isinstance(value, dict) else {}

    def require_grant(self, grant, boundary):
        """The permission a fine-grained token needs here; other tokens go by scope."""
        if self.token.grants is not None and grant not in self.token.grants:
            text = f"Access denied: Your Personal Access Token lacks the required permissions: [{grant}]{boundary}."
            raise oauth_refusal(403, "insufficient_granular_scope", text)


class Api:
    def __init__(self, simulator):
        self.simulator = simulator
        self.routes = [(method, re.compile(pattern), handler) for method, pattern, handler in HANDLERS]

    # -- strictness -------------------------------------------------------------------------------------------

    def judge(self, request, kind, value):
        """What a well-behaved client never does."""

        def violate(rule, detail=""):
            self.simulator.journal.violate(rule, request, detail)

        names = judge_request(request, violate)
        if "authorization" in names and "private-token" in names:
            violate("two_credentials")
        # The one question that a stranger may ask: whether an API answers here.
        if kind is None and request.path != "/api/v4/version":
            violate("no_credential", "Authorization is not Bearer" if "authorization" in names else "")
        if re.search(r"(^|&)(private_token|access_token|job_token)=", request.query):
            violate("token_in_query")
        if value is not None and self.simulator.world.is_foreign(value):
            violate("foreign_token")
        elif value is not None and OTHER_KINDS.search(value) and "glpat-" not in value:
            violate("wrong_kind_of_token", "its prefix says that GitLab would not take it")

    # -- answering --------------------------------------------------------------------------------------------

    def find_route(self, call, path):
        handler, arguments, other_method = match_route(self.routes, call.request.method, path)
        if handler is not None:
            return handler, arguments
        detail = "wrong method" if other_method else ""
        if re.match(r"/projects/[^/%]+/[^/]+", path):
            detail = "is this a project's path with raw slashes?"
        self.simulator.journal.violate("unknown_path", call.request, detail)
        if other_method:
            raise error_refusal(405, "405 Not Allowed")
        raise error_refusal(404, "404 Not Found")

    def authenticate(self, call, kind, value, accepted):
        token = call.world.token(value) if value else None
        throttle(token)
        if token is None or (token.kind == "oauth" and kind != "bearer"):
            raise message_refusal(401, "401 Unauthorized")
        validate(token)
        if accepted and token.grants is None and not token.allows(accepted):
            raise oauth_refusal(403, "insufficient_scope", SCOPE_TEXT, " ".join(accepted))
        user = call.world.user(token.user_id)
        refusal = user.refusal(call.base)
        if refusal:
            raise message_refusal(403, f"403 Forbidden - {refusal}")
        call.token, call.user = token, user

    def handle(self, request, path, kind, value):
        """`path` is what follows /api/v4, undecoded."""
        call = Call(self.simulator, request, self.simulator.base_url(request))
        try:
            handler, arguments = self.find_route(call, path)
            self.authenticate(call, kind, value, handler.scopes)
            status, body = handler(call, **arguments)
            headers = call.headers + throttle_headers(2000, "throttle_authenticated_api", 12)
        except Refusal as refusal:
            status, body, headers = refusal.status, refusal.body, refusal.headers
        self.reply(request, status, body, headers)

    @staticmethod
    def reply(request, status, body, headers):
        if not isinstance(body, (str, bytes)):
            body = json.dumps(body, separators=(",", ":"), ensure_ascii=False)
        if not any(name == "content-type" for name, _ in headers):
            headers = [JSON_TYPE, *headers]
        number = uuid.uuid4().hex[:26].upper()
        meta = json.dumps({"correlation_id": number, "version": "1"}, separators=(",", ":"))
        request.connection.reply(
            status,
            [
                *headers,
                ("cache-control", "max-age=0, private, must-revalidate"),
                ("vary", "Origin"),
                ("x-content-type-options", "nosniff"),
                ("x-frame-options", "SAMEORIGIN"),
                ("x-gitlab-meta", meta),
                ("x-request-id", number),
                ("x-runtime", "0.021"),
            ],
            body if isinstance(body, bytes) else body.encode(),
        )
