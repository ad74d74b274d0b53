"""The account API through nginx, the pools, SQLite and the simulator: contract shapes, and each failure mode of a connect."""
import json
import re
import time
import unittest
import urllib.parse

from stack import Stack, on_a_day_that_lasts

PUSH_SCOPES_MESSAGE = "The token can read but not push"


class AccountCase(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.stack = Stack().start()
        cls.by_name = {row["name"]: row["token"] for row in cls.stack.control("GET", "/tokens")}
        cls.instance = cls.stack.simulator["url"]
        cls.host = urllib.parse.urlsplit(cls.instance).netloc

    @classmethod
    def tearDownClass(cls):
        cls.stack.close()

    def setUp(self):
        on_a_day_that_lasts()
        self.stack.mode("global", "normal")
        self.stack.disconnect()

    def assertError(self, answer, status, code, begins=None):
        self.assertEqual(answer.status, status, answer)
        body = answer.json
        self.assertEqual(sorted(body), ["code", "error", "remediation", "requestId", "statusCode"], answer)
        self.assertEqual((body["statusCode"], body["code"]), (status, code), answer)
        self.assertTrue(body["error"] and body["remediation"] and body["requestId"], answer)
        self.assertEqual(body["requestId"], answer.headers["X-Request-ID"])
        if begins:
            self.assertTrue(body["error"].startswith(begins), body["error"])
        return body


class ConnectTest(AccountCase):
    def test_connect_status_disconnect_have_the_documented_shapes(self):
        answer = self.stack.connect()
        self.assertEqual(answer.status, 200, answer)
        self.assertEqual(answer.headers["Content-Type"], "application/json; charset=utf-8")
        self.assertEqual(answer.headers["Cache-Control"], "no-store")
        self.assertEqual(len(answer.headers.get_all("X-Request-ID")), 1)
        body = answer.json
        self.assertEqual({k: body[k] for k in ("userId", "gitlabUserId", "username", "instanceUrl", "connected", "message")},
                         {"userId": self.stack.ready["user"], "gitlabUserId": "1001", "username": "john", "instanceUrl": self.instance, "connected": True,
                          "message": "GitLab account connected successfully"})
        self.assertRegex(body["updatedAt"], r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$")
        self.assertEqual(body["token"]["scopes"], ["api"])
        self.assertEqual((body["token"]["canRead"], body["token"]["canPush"]), (True, True))
        self.assertEqual(body["token"]["daysToExpiry"], 200)
        self.assertEqual(body["warnings"], [])

        status = self.stack.status().json
        self.assertEqual({k: status[k] for k in ("connected", "username", "instanceUrl", "gitlabUserId", "valid")},
                         {"connected": True, "username": "john", "instanceUrl": self.instance, "gitlabUserId": "1001", "valid": True})
        self.assertEqual(len(status["connections"]), 1)
        self.assertNotIn("data", status)

        gone = self.stack.disconnect()
        self.assertEqual((gone.status, gone.json), (200, {"message": "GitLab account disconnected successfully", "connected": False}))
        self.assertEqual(self.stack.status().body.strip(), b'{"connected":false}')

    def test_disconnecting_nothing_succeeds_with_both_methods(self):
        for method in ("POST", "DELETE"):
            answer = self.stack.api(method, "/api/auth/gitlab/disconnect")
            self.assertEqual((answer.status, answer.json["connected"]), (200, False), answer)

    def test_every_kind_of_personal_token_connects(self):
        for name in ("leastPrivilege", "routable", "routableLong", "instancePrefix", "customPrefix", "prefixless", "impersonation", "noExpiry", "granular"):
            with self.subTest(name):
                answer = self.stack.connect(self.by_name[name])
                self.assertEqual(answer.status, 200, answer)
                self.assertNotIn(self.by_name[name].encode(), answer.body)

    def test_warnings_are_named(self):
        for name, code in (("readOnly", "token_cannot_push"), ("expiring", "token_expiring"), ("sudo", "token_too_powerful"), ("bot", "token_is_bot"),
                           ("granular", "token_fine_grained"), ("noExpiry", "token_never_expires")):
            with self.subTest(name):
                self.stack.disconnect()
                answer = self.stack.connect(self.by_name[name])
                self.assertEqual(answer.status, 200, answer)
                self.assertIn(code, [warning["code"] for warning in answer.json["warnings"]])
                self.assertEqual(answer.json["token"]["canPush"], name != "readOnly")

    def test_refused_tokens_are_400_with_the_sentence_for_their_case(self):
        table = [  # token, code, how the message begins
            (self.by_name["expired"], "token_expired", "Invalid token"),
            (self.by_name["revoked"], "token_revoked", "Invalid token"),
            ("glpat-" + "unknown" * 3, "token_invalid", "Invalid token"),
            (self.by_name["impersonationDisabled"], "token_refused", "Invalid token"),
            (self.by_name["dpop"], "token_refused", "Invalid token"),
            (self.by_name["oauth"], "token_wrong_kind", None),
            (self.by_name["readRepository"], "token_scope_missing", "Insufficient permissions"),
            (self.by_name["writeRepository"], "token_scope_missing", "Insufficient permissions"),
            (self.by_name["granularNothing"], "token_permission_missing", "Insufficient permissions"),
            (self.by_name["blocked"], "account_blocked", None),
            (self.by_name["deactivated"], "account_deactivated", None),
            (self.by_name["unconfirmed"], "account_unconfirmed", None),
            (self.by_name["password-expired"], "account_password_expired", None),
            (self.by_name["terms"], "account_terms", None),
            ("gldt-abcdefghij0123456789", "token_wrong_kind", None),
            ("glcbt-64_abcdefghij0123456789", "token_wrong_kind", None),
            ("ghp_abcdefghij0123456789abcdefghij012345", "token_wrong_kind", None),
            ("", "token_malformed", None),
            ("short", "token_malformed", None),
            ("glpat-with blank inside 123", "token_malformed", None),
            ("glpat-\u00fcmlaut-0123456789012", "token_malformed", None),
            ("x" * 513, "token_malformed", None),
        ]
        for token, code, begins in table:
            with self.subTest(code=code, token=token[:12]):
                answer = self.stack.connect(token or " ")
                body = self.assertError(answer, 400, code, begins)
                if len(token) > 12:
                    self.assertNotIn(token, json.dumps(body))
        self.assertEqual(self.stack.status().json, {"connected": False})

    def test_blanks_around_a_token_are_removed(self):
        self.assertEqual(self.stack.connect(f"  {self.stack.tokens['good']}\n").status, 200)

    def test_rate_limit_is_429_with_gitlabs_wait_and_no_repeat(self):
        for name in ("rateLimited", "rateLimitedBare", "rateLimitedApp"):
            with self.subTest(name):
                before = len(self.stack.control("GET", "/requests"))
                answer = self.stack.connect(self.by_name[name])
                self.assertError(answer, 429, "rate_limited", "GitLab API rate limit exceeded. Please wait a few minutes before retrying.")
                self.assertGreater(int(answer.headers["Retry-After"]), 0)
                self.assertLessEqual(len(self.stack.control("GET", "/requests")) - before, 2)

    def test_unusable_instances_say_why(self):
        table = [  # simulator mode, status, code
            ("sign_in_redirect", 502, "instance_not_api"), ("html", 502, "instance_not_api"), ("cloudflare", 503, "instance_blocked"),
            ("not_gitlab_json", 502, "instance_not_gitlab"), ("error500", 502, "instance_error"), ("error502_html", 502, "instance_error"),
            ("maintenance503", 503, "instance_read_only"), ("truncated", 502, None), ("garbage", 502, None), ("reset", 502, None), ("huge", 502, None),
        ]
        for mode, status, code in table:
            with self.subTest(mode):
                # Each its own instance name would be nicer; the breaker of this one is kept calm by a success in between.
                self.stack.mode("global", mode)
                answer = self.stack.connect()
                self.stack.mode("global", "normal")
                body = self.assertError(answer, status, code or answer.json["code"])
                self.assertTrue(body["code"].startswith("instance_"), body)
                self.assertNotIn("<html", body["error"])
                self.assertEqual(self.stack.connect().status, 200)
                self.stack.disconnect()

    def test_a_silent_instance_is_given_up_after_ten_seconds(self):
        self.stack.mode("global", "silent")
        started = time.monotonic()
        answer = self.stack.connect()
        took = time.monotonic() - started
        body = self.assertError(answer, 504, "instance_timeout")
        self.assertRegex(body["error"], rf"^{re.escape(self.host)} did not answer within 1[0-4] s\.")
        self.assertGreater(took, 9)
        self.assertLess(took, 15)

    def test_a_redirect_to_another_host_names_it_and_gets_no_token(self):
        second = self.stack.control("POST", "/listener", {"kind": "strict_second"})
        self.stack.mode("global", "redirect", location=second["url"] + "/api/v4/user?private_token=x")
        answer = self.stack.connect()
        body = self.assertError(answer, 400, "instance_redirected")
        self.assertIn(urllib.parse.urlsplit(second["url"]).netloc, body["error"])
        self.assertNotIn("private_token", body["error"])
        seen = self.stack.control("GET", f"/listener/{second['port']}")
        self.assertEqual((seen["requests"], seen["credentials"]), (0, 0))

    def test_tls_faults_are_named(self):
        for kind in ("tls_expired", "tls_wrong_name", "tls_self_signed"):
            with self.subTest(kind):
                listener = self.stack.control("POST", "/listener", {"kind": kind})
                answer = self.stack.connect(instance=f"https://127.0.0.1:{listener['port']}")
                # The listener's port is not on the allow list: the same text as for every refused address.
                self.assertError(answer, 400, "instance_forbidden")

    def test_reserved_addresses_get_one_text_whatever_is_behind(self):
        listening = self.stack.control("POST", "/listener", {"kind": "tcp_silent"})["port"]
        texts = set()
        for port in (listening, 1, 22):
            body = self.assertError(self.stack.connect(instance=f"https://127.0.0.1:{port}"), 400, "instance_forbidden")
            texts.add(body["error"].replace(f"127.0.0.1:{port}", "H"))
        self.assertEqual(len(texts), 1, texts)
        for url in ("https://10.1.2.3", "https://169.254.169.254", "https://[::1]:8443", "https://192.168.0.1", "https://0.0.0.0"):
            with self.subTest(url):
                self.assertError(self.stack.connect(instance=url), 400, "instance_forbidden")

    def test_an_unknown_host_and_plain_http(self):
        self.assertError(self.stack.connect(instance="https://no-such-host.invalid"), 502, "instance_unresolvable")
        self.assertError(self.stack.connect(instance="http://gitlab.com"), 400, "instance_insecure")

    def test_instance_urls_are_corrected_not_guessed(self):
        table = [("gitlab.company.com", "https://gitlab.company.com"), ("https://gitlab.company.com/api/v4", "https://gitlab.company.com"),
                 ("https://user:pw@gitlab.company.com", "https://gitlab.company.com"), ("https://gitlab.com/group/project.git", "https://gitlab.com"),
                 ("https://gitlab.company.com?x=1", "https://gitlab.company.com"), ("https://gitlab.company.com/#a", "https://gitlab.company.com")]
        for url, corrected in table:
            with self.subTest(url):
                body = self.assertError(self.stack.connect(instance=url), 400, "instance_url_invalid")
                self.assertIn(corrected, body["remediation"])
                self.assertNotIn("pw", body["error"])
        for url in ("https://0x7f.1", "https://2130706433", "https://0177.0.0.1", "https://127.1", "https://", "https:///x", "ftp://gitlab.com", "https://git lab.com",
                    "https://gitlab.com\\@evil.com", "https://gitlab.com:0", "https://gitlab.com:99999", "https://%67itlab.com", "javascript:alert(1)", "https://" + "x" * 2000):
            with self.subTest(url[:40]):
                self.assertError(self.stack.connect(instance=url), 400, "instance_url_invalid")

    def test_a_trailing_slash_is_dropped(self):
        answer = self.stack.connect(instance=self.instance + "/")
        self.assertEqual((answer.status, answer.json["instanceUrl"]), (200, self.instance), answer)

    def test_a_failed_reconnect_leaves_the_old_connection(self):
        self.assertEqual(self.stack.connect().status, 200)
        before = self.stack.status().json
        for token in (self.by_name["expired"], "glpat-" + "unknown" * 3):
            self.assertEqual(self.stack.connect(token).status, 400)
        self.stack.mode("global", "error500")
        self.assertEqual(self.stack.connect(self.by_name["noExpiry"]).status, 502)
        self.stack.mode("global", "normal")
        after = self.stack.status().json
        self.assertEqual(after, before)

    def test_reconnecting_replaces_the_token_in_place(self):
        self.stack.connect()
        answer = self.stack.connect(self.by_name["readOnly"])
        self.assertEqual(answer.status, 200, answer)
        status = self.stack.status().json
        self.assertEqual((len(status["connections"]), status["token"]["canPush"]), (1, False))

    def test_two_instances_live_side_by_side(self):
        other = self.instance.replace("127.0.0.1", "localhost")
        self.assertEqual(self.stack.connect().status, 200)
        answer = self.stack.connect(self.by_name["noExpiry"], other)
        self.assertEqual(answer.status, 200, answer)
        status = self.stack.status().json
        self.assertEqual({c["instanceUrl"] for c in status["connections"]}, {self.instance, other})
        self.assertEqual(self.stack.disconnect(instance=other).status, 200)
        self.assertEqual([c["instanceUrl"] for c in self.stack.status().json["connections"]], [self.instance])

    def test_one_token_serves_one_user(self):
        second = self.stack.add_user("second@example.com")
        self.assertEqual(self.stack.connect().status, 200)
        self.assertError(self.stack.connect(bearer=second), 409, "token_in_use")
        self.assertEqual(self.stack.status(second).json, {"connected": False})
        self.stack.disconnect()
        self.assertEqual(self.stack.connect(bearer=second).status, 200)
        self.stack.disconnect(second)

    def test_test_stores_nothing(self):
        body = {"personalAccessToken": self.stack.tokens["good"], "instanceUrl": self.instance}
        answer = self.stack.api("POST", "/api/auth/gitlab/test", body)
        self.assertEqual((answer.status, answer.json["valid"], answer.json["username"]), (200, True, "john"), answer)
        self.assertEqual(self.stack.status().json, {"connected": False})
        body["personalAccessToken"] = self.stack.tokens["expired"]
        answer = self.stack.api("POST", "/api/auth/gitlab/test", body)
        self.assertEqual((answer.status, answer.json["valid"], answer.json["code"]), (200, False, "token_expired"), answer)
        self.assertTrue(answer.json["error"] and answer.json["remediation"])

    def test_check_asks_about_the_stored_token_and_keeps_the_answer(self):
        self.stack.connect()
        answer = self.stack.api("POST", "/api/auth/gitlab/check", {"instanceUrl": self.instance})
        self.assertEqual((answer.status, answer.json["valid"], answer.json["username"]), (200, True, "john"), answer)
        self.assertNotIn(self.stack.tokens["good"], answer.body.decode())
        self.stack.mode("api", "error500")
        answer = self.stack.api("POST", "/api/auth/gitlab/check", {})
        self.assertEqual((answer.status, answer.json["valid"], answer.json["code"]), (200, False, "instance_error"), answer)
        self.assertTrue(self.stack.status().json["valid"], "an instance that is down condemns no token")
        self.stack.mode("api", "normal")
        self.stack.control("POST", "/tokens", {"token": "good", "state": "revoked"})
        try:
            answer = self.stack.api("POST", "/api/auth/gitlab/check")
            self.assertEqual((answer.status, answer.json["valid"], answer.json["code"]), (200, False, "token_revoked"), answer)
            self.assertEqual((self.stack.status().json["valid"], self.stack.status().json["code"]), (False, "token_revoked"))
        finally:
            self.stack.control("POST", "/tokens", {"token": "good", "state": "active"})

    def test_check_without_a_connection_is_409(self):
        self.assertError(self.stack.api("POST", "/api/auth/gitlab/check"), 409, "not_connected", "no GitLab credentials available. Connect GitLab on the Integrations page")
        self.assertError(self.stack.api("POST", "/api/auth/github/check", {}), 409, "not_connected")

    def test_old_gitlab_without_introspection_connects_with_a_warning(self):
        self.stack.control("POST", "/reset")
        self.stack.control("POST", "/version", {"version": "15.4.0-ee"})
        try:
            answer = self.stack.connect()
        finally:
            self.stack.control("POST", "/version", {"version": "18.1.1-ee"})
        self.assertEqual(answer.status, 200, answer)
        self.assertIn("scopes_unknown", [warning["code"] for warning in answer.json["warnings"]])


class ProjectTest(AccountCase):
    def test_the_project_twins_do_the_same_for_members(self):
        base = "/api/projects/default/auth/gitlab"
        body = {"personalAccessToken": self.stack.tokens["good"], "instanceUrl": self.instance}
        self.assertEqual(self.stack.api("POST", base + "/test", body).json["valid"], True)
        self.assertEqual(self.stack.api("POST", base + "/connect", body).status, 200)
        self.assertEqual(self.stack.api("GET", base + "/status").json["connected"], True)
        self.assertEqual(self.stack.status().json["connected"], True)
        self.assertEqual(self.stack.api("DELETE", base + "/disconnect").json["connected"], False)

    def test_a_project_of_others_is_forbidden(self):
        self.assertError(self.stack.api("GET", "/api/projects/theirs/auth/gitlab/status"), 403, "forbidden")
        self.assertError(self.stack.api("GET", "/api/projects/No_Name/auth/gitlab/status"), 400, "field_invalid")

    def test_integrations_status_has_the_shape_of_the_platforms_client(self):
        empty = self.stack.api("GET", "/api/auth/integrations/status").json
        self.assertEqual(empty["gitlab"], {"connected": False})
        self.assertEqual((empty["google"], empty["jira"], empty["coderabbit"], empty["gerrit"]),
                         ({"connected": False}, {"connected": False}, {"connected": False}, {"instances": []}))
        self.assertEqual((empty["github"]["installed"], empty["github"]["pat"]["configured"]), (False, False))
        self.stack.connect()
        gitlab = self.stack.api("GET", "/api/auth/integrations/status").json["gitlab"]
        self.assertEqual((gitlab["connected"], gitlab["instanceUrl"], gitlab["valid"]), (True, self.instance, True))


class PublicTest(AccountCase):
    def test_health_and_version_need_no_bearer(self):
        for path in ("/livez", "/readyz", "/healthz", "/health"):
            answer = self.stack.api("GET", path, bearer="")
            self.assertEqual(answer.status, 200, answer)
        self.assertIn(b"ok", self.stack.api("GET", "/readyz?verbose", bearer="").body)
        version = self.stack.api("GET", "/api/version", bearer="").json
        self.assertGreaterEqual(tuple(int(n) for n in re.match(r"(\d+)\.(\d+)\.(\d+)", version["version"]).groups()), (1, 1, 0))

    def test_the_page_has_a_strict_policy(self):
        for path in ("/", "/integrations"):
            answer = self.stack.api("GET", path, bearer="")
            self.assertEqual(answer.status, 200)
            self.assertIn("default-src 'none'", answer.headers["Content-Security-Policy"])
        for path in re.findall(rb'(?:src|href)="(/assets/[^"]+)"', answer.body):
            self.assertEqual(self.stack.api("GET", path.decode(), bearer="").status, 200, path)


if __name__ == "__main__":
    unittest.main()
