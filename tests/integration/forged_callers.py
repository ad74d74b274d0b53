"""Requests that claim to be alice's and show no token of hers, and the check that nobody is taken in. For every way of knowing callers."""
import base64
import http.client
import json
import time
import urllib.parse

STATUS = "/api/auth/gitlab/status"


def raw(stack, method, path, headers, body=None):
    """A request with these headers as they are, twice the same one if it says so. Gives (status, body)."""
    parts = urllib.parse.urlsplit(stack.url)
    connection = http.client.HTTPConnection(parts.hostname, parts.port, timeout=30)
    try:
        connection.putrequest(method, path, skip_accept_encoding=True)
        for name, value in headers:
            connection.putheader(name, value)
        if body is not None:
            connection.putheader("Content-Length", str(len(body)))
        connection.endheaders(body)
        answer = connection.getresponse()
        return answer.status, answer.read()
    finally:
        connection.close()


def unsigned_jwt(**claims):
    parts = [{"alg": "none", "typ": "JWT"}, {"iss": "https://kubernetes.default.svc", "exp": int(time.time()) + 3600, **claims}]
    return ".".join(base64.urlsafe_b64encode(json.dumps(part).encode()).rstrip(b"=").decode() for part in parts) + "."


# What claims to be alice and shows no token of hers. Each is tried alone, and with carol's good token beside it: then it is carol who calls.
CLAIMS = {
    "X-Forwarded-User": [("X-Forwarded-User", "alice")],
    "X-Forwarded-Preferred-Username": [("X-Forwarded-Preferred-Username", "alice")],
    "X-Forwarded-Email": [("X-Forwarded-Email", "alice")],
    "X-Forwarded-Groups": [("X-Forwarded-User", "alice"), ("X-Forwarded-Groups", "system:masters")],
    "X-Auth-Request-User": [("X-Auth-Request-User", "alice")],
    "X-Remote-User": [("X-Remote-User", "alice")],
    "Remote-User": [("Remote-User", "alice")],
    "REMOTE_USER": [("REMOTE_USER", "alice")],
    "X_Forwarded_User, with underscores": [("X_Forwarded_User", "alice")],
    "X.Forwarded.User, with dots": [("X.Forwarded.User", "alice")],
    "X-Forwarded_User, mixed": [("X-Forwarded_User", "alice")],
    "HTTP_X_FORWARDED_USER": [("HTTP_X_FORWARDED_USER", "alice")],
    "x-forwarded-user, lower case": [("x-forwarded-user", "alice")],
    "Impersonate-User": [("Impersonate-User", "alice"), ("Impersonate-Group", "system:masters")],
    "X-User-Id": [("X-User-Id", "alice")],
    "X-User": [("X-User", "alice")],
    "X-Authenticated-User": [("X-Authenticated-User", "alice")],
    "Forwarded": [("Forwarded", "for=127.0.0.1;by=alice;user=alice")],
    "X-Forwarded-For of loopback": [("X-Forwarded-For", "127.0.0.1"), ("X-Real-IP", "127.0.0.1"), ("X-Forwarded-User", "alice")],
    "Cookie": [("Cookie", "user=alice; _oauth2_proxy=alice")],
    "From": [("From", "alice")],
}

# Authorization headers that are no good token. {alice} is replaced by hers.
BEARERS = {
    "none": [],
    "an empty one": [("Authorization", "")],
    "Bearer without a token": [("Authorization", "Bearer")],
    "Bearer and blanks": [("Authorization", "Bearer    ")],
    "Basic": [("Authorization", "Basic " + base64.b64encode(b"alice:password").decode())],
    "Basic with the token as the password": [("Authorization", "Basic {alice64}")],
    "Token": [("Authorization", "Token {alice}")],
    "the bare token": [("Authorization", "{alice}")],
    "the user's name": [("Authorization", "Bearer alice")],
    "a token cut short": [("Authorization", "Bearer {alice_cut}")],
    "a token and more": [("Authorization", "Bearer {alice}x")],
    "two tokens in one": [("Authorization", "Bearer {alice},{alice}")],
    "a token and a blank inside": [("Authorization", "Bearer {alice} {alice}")],
    "the header twice": [("Authorization", "Bearer {carol}"), ("Authorization", "Bearer {alice}")],
    "twice, the first is nothing": [("Authorization", "Bearer nobody"), ("Authorization", "Bearer {alice}")],
    "an unsigned JWT": [("Authorization", "Bearer " + unsigned_jwt(sub="alice"))],
    "an unsigned JWT of a ServiceAccount": [("Authorization", "Bearer " + unsigned_jwt(sub="system:serviceaccount:vteam-backend:vteam-backend"))],
    "Proxy-Authorization": [("Proxy-Authorization", "Bearer {alice}")],
    "X-Forwarded-Access-Token, from nobody's proxy": [("X-Forwarded-Access-Token", "{alice}")],
    "X_Forwarded_Access_Token": [("X_Forwarded_Access_Token", "{alice}")],
    "Authorization with an underscore before": [("_Authorization", "Bearer {alice}")],
    "X-Authorization": [("X-Authorization", "Bearer {alice}")],
    "17 KiB of token": [("Authorization", "Bearer " + "a" * 17 * 1024)],
}


class ForgedCallers:
    """Mixed into a TestCase with `stack`, `alice` (a bearer whose user is connected), `carol` (one whose user is not) and `stored()`, which tells what
    is kept of connections."""

    def filled(self, headers):
        words = {"{alice}": self.alice, "{carol}": self.carol, "{alice_cut}": self.alice[:-1], "{alice64}": base64.b64encode(f"alice:{self.alice}".encode()).decode()}
        for word, value in words.items():
            headers = [(name, text.replace(word, value)) for name, text in headers]
        return headers

    def refused(self, answer):
        status, body = answer
        # 400, 494: nginx has no use for the request at all.
        self.assertIn(status, (400, 401, 494), body)
        self.assertIn("remediation", json.loads(body))

    def test_alice_is_connected(self):
        self.assertTrue(self.stack.status(self.alice).json["connected"])

    def test_a_claim_without_a_token_is_nobody(self):
        for name, headers in CLAIMS.items():
            with self.subTest(claim=name):
                self.refused(raw(self.stack, "GET", STATUS, headers))

    def test_a_claim_beside_a_good_token_changes_nothing(self):
        good = ("Authorization", f"Bearer {self.carol}")
        for name, headers in CLAIMS.items():
            for order in ([good, *headers], [*headers, good]):
                with self.subTest(claim=name, first=order[0][0]):
                    status, body = raw(self.stack, "GET", STATUS, order)
                    if status != 400:
                        self.assertEqual((200, {"connected": False}), (status, json.loads(body)))

    def test_what_is_no_bearer_is_nobody(self):
        for name, headers in BEARERS.items():
            with self.subTest(bearer=name):
                self.refused(raw(self.stack, "GET", STATUS, self.filled(headers)))

    def test_a_token_in_the_address_is_none(self):
        for query in ("token", "access_token", "bearer", "authorization"):
            with self.subTest(query=query):
                self.refused(raw(self.stack, "GET", f"{STATUS}?{query}={urllib.parse.quote(self.alice)}", []))

    def test_nobody_connects_nothing(self):
        before = self.stored()
        body = json.dumps({"personalAccessToken": self.stack.tokens["expiring"], "instanceUrl": self.stack.simulator["url"]}).encode()
        for headers in (*CLAIMS.values(), *BEARERS.values()):
            self.refused(raw(self.stack, "POST", "/api/auth/gitlab/connect", [*self.filled(headers), ("Content-Type", "application/json")], body))
        self.assertEqual(before, self.stored())
