"""GitHub's REST API under /api/v3: who asks, may he, and which handler answers.

The handlers are in github_handlers.py, github_contents.py and github_app_handlers.py. Order as at GitHub: user agent, route,
credential, rate limit, then the handler.
"""

import datetime
import json
import re
import time
import urllib.parse
import uuid

from . import github_app_handlers, github_contents, github_pulls  # noqa: F401 (add their routes to HANDLERS)
from .api import match_route
from .github_app import looks_like_jwt, refused
from .github_handlers import HANDLERS
from .journal import judge_request
from .refusal import Refusal

JSON_TYPE = ("content-type", "application/json; charset=utf-8")
API_VERSION = "2022-11-28"
PLAIN, RAW, OBJECT = (f"application/vnd.github{kind}+json" for kind in ("", ".raw", ".object"))
FOREIGN = re.compile(r"gl[a-z]{2,8}-|.*glpat-|ghp_foreign")
TOKEN_IN_QUERY = re.compile(r"(^|&)(access_token|private_token|client_secret|token)=")

NO_AGENT = (
    "Request forbidden by administrative rules. Please make sure your request has a User-Agent header "
    "(https://docs.github.com/en/rest/overview/resources-in-the-rest-api#user-agent-required). Check "
    "https://developer.github.com for other possible causes.\n"
)
PRIMARY = (
    "API rate limit exceeded for user ID {id}. If you reach out to GitHub Support for help, please include the request ID "
    "{request}."
)
SECONDARY = (
    "You have exceeded a secondary rate limit. Please wait a few minutes before you try again. If you reach out to GitHub Support "
    "for help, please include the request ID {request}."
)


def credential_of(request):
    """(kind, value): ("bearer"|"token"|"jwt"|None, value)"""
    scheme, _, value = (request.header("authorization") or "").partition(" ")
    value = value.strip()
    if scheme.lower() not in ("bearer", "token") or not value:
        return None, None
    return ("jwt" if looks_like_jwt(value) else scheme.lower()), value


class Call:
    """One API request on its way: what handlers see."""

    def __init__(self, github, request, base):
        self.github, self.request, self.base = github, request, base
        self.api_base = base + "/api/v3"
        self.world, self.repositories = github.world, github.repositories
        self.query = dict(urllib.parse.parse_qsl(request.query, keep_blank_values=True))
        self.accept = request.header("accept") or ""
        self.headers = []
        self.token = self.user = None
        self.number = uuid.uuid4().hex[:4].upper() + ":" + uuid.uuid4().hex[:20].upper()

    def body(self):
        try:
            value = json.loads(self.request.body() or b"{}")
        except ValueError:
            raise refused(400, "Problems parsing JSON") from None
        return value if isinstance(value, dict) else {}


class GitHubApi:
    def __init__(self, github):
        self.github = github
        self.routes = [(method, re.compile(pattern), handler) for method, pattern, handler in HANDLERS]

    # -- strictness -------------------------------------------------------------------------------------------

    def judge(self, request, kind, value):
        """What a well-behaved client never does."""

        def violate(rule, detail=""):
            self.github.journal.violate(rule, request, detail)

        names = judge_request(request, violate)
        if "private-token" in names:
            violate("private_token_on_github")
        if kind is None and not request.path.endswith("/meta"):
            violate("no_credential", "Authorization is not Bearer" if "authorization" in names else "")
        if TOKEN_IN_QUERY.search(request.query):
            violate("token_in_query")
        if value is not None and self.github.is_foreign(value):
            violate("foreign_token")
        version = request.header("x-github-api-version")
        if version is None:
            violate("no_api_version")
        elif version != API_VERSION:
            violate("wrong_api_version", version)
        accepted = (PLAIN, RAW, OBJECT) if "/contents" in request.path else (PLAIN,)
        if request.header("accept") not in accepted:
            violate("wrong_accept", request.header("accept") or "none")

    # -- answering --------------------------------------------------------------------------------------------

    def find_route(self, call, path):
        handler, arguments, other_method = match_route(self.routes, call.request.method, path)
        if handler is None:
            self.github.journal.violate("unknown_path", call.request, "wrong method" if other_method else "")
            raise refused(404, "Not Found")
        return handler, arguments

    def authenticate_app(self, call, kind, value):
        if kind != "jwt":
            self.github.journal.violate("token_on_app_route", call.request)
            raise refused(401, "A JSON web token could not be decoded")
        self.github.app.verify(value)

    def authenticate(self, call, kind, value):
        if kind == "jwt":
            self.github.journal.violate("jwt_on_token_route", call.request)
        token = self.github.world.token(value) if value else None
        if token is None:
            raise refused(401, "Bad credentials" if value else "Requires authentication")
        if not token.active:
            raise refused(401, "Bad credentials")
        call.token, call.user = token, self.github.world.account(token.user_id)
        if self.github.world.suspended(token):
            raise refused(403, "This installation has been suspended")
        self.limit(call)

    @staticmethod
    def limit(call):
        """Tokens that always meet a limit, in the ways GitHub says so."""
        problem = call.token.problem or ""
        if problem == "rate_limited":
            raise refused(403, PRIMARY.format(id=call.token.user_id, request=call.number))
        if problem.startswith("secondary"):
            refusal = refused(403 if problem == "secondary_403" else 429, SECONDARY.format(request=call.number))
            if problem != "secondary_bare":
                refusal.headers.append(("retry-after", 60))
            raise refusal

    def handle(self, request, path, kind, value):
        """`path` is what follows /api/v3, undecoded."""
        call, docs = Call(self.github, request, self.github.base_url(request)), ""
        try:
            if not request.header("user-agent"):
                raise Refusal(403, NO_AGENT, [("content-type", "text/html; charset=utf-8")])
            handler, arguments = self.find_route(call, path)
            docs = handler.docs
            if request.header("x-github-api-version") not in (None, API_VERSION):
                raise refused(400, "The API version specified is not supported.")
            if handler.caller == "app":
                self.authenticate_app(call, kind, value)
            elif handler.caller == "token":
                self.authenticate(call, kind, value)
            status, body = handler(call, **arguments)
            headers = call.headers
        except Refusal as refusal:
            status, body, headers = refusal.status, refusal.body, refusal.headers
            if isinstance(body, dict):
                body = self.complete(body, docs, status)
        self.reply(call, status, body, headers)

    def complete(self, body, docs, status):
        release = ".".join(str(part) for part in self.github.world.release)
        where = f"https://docs.github.com/enterprise-server@{release}/rest" + (f"/{docs}" if docs else "")
        return {"documentation_url": where, "status": str(status)} | body

    def reply(self, call, status, body, headers):
        if not isinstance(body, (str, bytes)):
            body = json.dumps(body, separators=(",", ":"), ensure_ascii=False)
        if not any(name == "content-type" for name, _ in headers):
            headers = [JSON_TYPE, *headers]
        call.request.connection.reply(
            status,
            [
                *headers,
                *self.token_headers(call),
                ("cache-control", "private, max-age=60, s-maxage=60"),
                ("x-github-api-version-selected", API_VERSION),
                ("x-github-enterprise-version", self.github.world.version),
                ("x-github-media-type", "github.v3; format=json"),
                ("x-github-request-id", call.number),
                ("x-content-type-options", "nosniff"),
            ],
            body if isinstance(body, bytes) else body.encode(),
        )

    @staticmethod
    def token_headers(call):
        """Scopes, expiry and limits: what GitHub tells of a token with every answer."""
        token = call.token
        if token is None:
            return []
        left = 0 if token.problem == "rate_limited" else 4987
        headers = [
            ("x-ratelimit-limit", 5000),
            ("x-ratelimit-remaining", left),
            ("x-ratelimit-reset", int(time.time()) + 1800),
            ("x-ratelimit-resource", "core"),
            ("x-ratelimit-used", 5000 - left),
        ]
        if not token.selective:
            headers += [("x-oauth-scopes", ", ".join(token.scopes)), ("x-accepted-oauth-scopes", "repo")]
        if token.expires_at is not None and token.kind != "installation":
            moment = datetime.datetime.fromtimestamp(token.expires_at, datetime.UTC)
            # Both forms are seen: classic tokens have "UTC", fine-grained ones an offset.
            zone = "+0000" if token.kind == "fine" else "UTC"
            headers.append(("github-authentication-token-expiration", moment.strftime(f"%Y-%m-%d %H:%M:%S {zone}")))
        return headers
