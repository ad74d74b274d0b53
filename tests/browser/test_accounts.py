"""The cards of GitLab and GitHub in every state the API knows."""
import datetime
import re
import unittest

from page_case import PageCase
from stack import TOP, on_a_day_that_lasts, wait_until


def in_days(days):
    return (datetime.datetime.now(datetime.timezone.utc).date() + datetime.timedelta(days=days)).isoformat()


class FormTest(PageCase):
    def test_instance_is_corrected_while_typing(self):
        cases = [
            ("gitlab.company.com", "https://gitlab.company.com", "https:// added"),
            ("https://gitlab.company.com/api/v4", "https://gitlab.company.com", "the API path left out"),
            ("https://gitlab.company.com/group/project/-/tree/main?x#y", "https://gitlab.company.com", "the project left out"),
            ("git@git.myorg.io:group/project.git", "https://git.myorg.io", "https instead of ssh"),
            ("ssh://git@git.myorg.io:2222/group/project.git", "https://git.myorg.io", "https instead of ssh"),
            ("https://john:secret@gitlab.company.com", "https://gitlab.company.com", "user and password left out"),
            ("https://gitlab.company.com/users/sign_in", "https://gitlab.company.com", "the page left out"),
            ("https://company.com/gitlab/api/v4/user", "https://company.com/gitlab", "the API path left out"),
            ("https://gitlab.com/explore", "https://gitlab.com", "the page left out"),
            ("HTTPS:/GitLab.Company.com:8443", "https://gitlab.company.com:8443", "https:// added"),
        ]
        self.enter()
        self.press("#gitlab-body", "Connect GitLab")
        for typed, used, why in cases:
            with self.subTest(typed=typed):
                self.browser.type("#instance", typed)
                shown = self.see("#instance-note", used)
                self.assertIn(why, shown)
                self.assertNotIn("secret", shown)
                link = self.browser.run("return document.querySelector('#token-links a').href")
                self.assertTrue(link.startswith(used + "/-/user_settings/personal_access_tokens?name=Ambient+Code+Platform+Integration&scopes=api"), link)
                self.browser.keys("Tab")
                self.assertEqual(self.browser.run("return document.getElementById('instance').value"), used)

    def test_good_address_is_left_alone_and_a_deep_root_can_be_kept(self):
        self.enter()
        self.press("#gitlab-body", "Connect GitLab")
        for address in ("https://gitlab.company.com", "https://gitlab.company.com/", "https://company.com/gitlab", "http://localhost:8080"):
            self.browser.type("#instance", address)
            self.see("#instance-note", "The address you open in the browser.")
        self.browser.type("#instance", "https://intranet.company.com/apps/gitlab")
        self.see("#instance-note", "the project left out")
        self.press("#instance-note", "Keep as typed")
        self.browser.run("document.getElementById('instance').dispatchEvent(new Event('change'))")
        self.assertEqual(self.browser.run("return document.getElementById('instance').value"), "https://intranet.company.com/apps/gitlab")

    def test_testing_saves_nothing_and_names_the_stage(self):
        self.enter()
        self.press("#gitlab-body", "Connect GitLab")
        self.browser.type("#instance", self.gitlab)
        for name, words in (("expired", "Token: Invalid token"), ("revoked", "Token: Invalid token"), ("readOnly", "Read only"), ("good", "@john. Nothing was saved."),
                            ("rateLimited", "Try again in 0:")):
            with self.subTest(token=name):
                self.browser.type("#token", self.stack.tokens[name])
                self.press("#connect", "Test without saving")
                self.see("#verdict", words)
                self.snap_everywhere(f"form-{name}")
        self.browser.type("#instance", "https://127.0.0.1:1")
        self.press("#connect", "Test without saving")
        self.see("#verdict", "Address: ")
        self.browser.keys("Escape")
        self.assertEqual(self.stack.status().json, {"connected": False})
        wait_until("a closed form keeps no token", lambda: self.browser.run("return document.getElementById('token').value") == "", 5)

    def test_a_token_of_another_kind_is_not_sent(self):
        """The page knows the kinds that the API knows, by the API's own list."""
        listed = re.findall(r'\{"([^"]+)", "([^"]+)", (true|false), PROVIDER_(\w+)\}', (TOP / "core/model/token_text.c").read_text())
        self.assertGreater(len(listed), 15)
        self.enter()
        for provider, name in (("GITLAB", "GitLab"), ("GITHUB", "GitHub")):
            self.press(f"#{provider.lower()}-body", f"Connect {name}")
            if provider == "GITLAB":
                self.browser.type("#instance", self.gitlab)
            for begin, kind, behind, good in listed:
                for token in [begin + "0123456789abcdef"] + ([f"mycorp-{begin}0123456789abcdef"] if behind == "true" else []):
                    with self.subTest(form=name, token=token):
                        self.browser.type("#token", token)
                        told = self.browser.text("#token-note")
                        self.assertEqual(bool(told), good != provider, told)
                        if told:
                            self.assertIn(f"This is a {kind.split()[0]} ", told)
                            self.assertIn(f"a personal access token of {name} is needed", told)
                            self.assertEqual(self.browser.run("return document.getElementById('token').ariaInvalid"), "true")
            for token in ("glpat-0123456789abcdef", "mycorp-0123456789abcdef", "glorious-0123456789ab", "acme_pat_x9J2kQ7vB4nM", "0123456789abcdef"):
                if provider == "GITLAB":
                    self.browser.type("#token", token)
                    self.assertEqual(self.browser.text("#token-note"), "", token)
            # Neither button sends it.
            self.browser.type("#token", "glrt-0123456789abcdef")
            self.assertIn("GitLab runner token", self.browser.text("#token-note"))
            self.snap_everywhere(f"form-wrong-kind-{name}")
            self.browser.run("performance.clearResourceTimings()")
            for button in ("Test without saving", "Connect"):
                self.press("#connect", button)
            self.assertEqual([url for url in self.browser.run("return performance.getEntriesByType('resource').map((entry) => entry.name)") if "/api/" in url], [])
            self.press("#connect", "Cancel")
            wait_until("the form is empty", lambda: self.browser.text("#token-note") == "", 5)

    def test_a_token_can_be_looked_at_and_hides_again(self):
        self.enter()
        self.press("#gitlab-body", "Connect GitLab")
        self.browser.type("#token", "glpat-visible")
        self.assertEqual(self.browser.run("return document.getElementById('token').type"), "password")
        self.press("#connect", "Show the token")
        self.assertEqual(self.browser.run("return [document.getElementById('token').type, document.querySelector('#connect .eye').ariaPressed]"), ["text", "true"])
        self.press("#connect", "Cancel")
        wait_until("the form is empty", lambda: self.browser.run("return document.getElementById('token').value") == "", 5)
        self.press("#gitlab-body", "Connect GitLab")
        self.assertEqual(self.browser.run("return [document.getElementById('token').type, document.getElementById('token').value]"), ["password", ""])


class GitLabTest(PageCase):
    def connected(self, token="good", **changes):
        """The page with one connection, made with a token that then changes."""
        answer = self.stack.connect(self.token(token, **{"state": "active", **changes}))
        self.assertEqual(answer.status, 200, answer)
        self.enter()
        return self.see("#gitlab-body", "@john")

    def tearDown(self):
        self.token("good", state="active", scopes=["api"])
        super().tearDown()

    def test_connect_shows_the_account_and_disconnect_asks_first(self):
        self.enter()
        self.snap_everywhere("not-connected")
        self.press("#gitlab-body", "Connect GitLab")
        self.browser.type("#instance", self.gitlab)
        self.browser.type("#token", self.stack.tokens["good"])
        self.browser.keys("Enter")
        shown = self.see("#gitlab-body", "@john")
        for words in (self.gitlab_host, "Connected", "good", "api", "Validate: yes", "Clone: yes", "Push: yes", "Checked just now"):
            self.assertIn(words, shown)
        self.assertNotIn(self.stack.tokens["good"], self.browser.run("return document.documentElement.outerHTML"))
        self.see("#toasts", f"Connected to {self.gitlab_host} as @john.")

        self.press("#gitlab-body", f"Disconnect: @john at {self.gitlab_host}")
        self.see("#ask", "Disconnect @john?")
        self.assertEqual(self.browser.focused()[1], "Keep it", "the harmless answer has the focus")
        self.snap_everywhere("disconnect-question")
        self.browser.keys("Enter")
        self.assertTrue(self.stack.status().json["connected"])
        self.press("#gitlab-body", f"Disconnect: @john at {self.gitlab_host}")
        self.press("#ask", "Disconnect")
        self.see("#gitlab-body", "No GitLab account is connected")
        self.assertEqual(self.stack.status().json, {"connected": False})

    def test_older_status_does_not_replace_a_newer_one(self):
        self.enter()
        self.meddle("""const answer = await real(path, options);
            if (path === '/api/auth/gitlab/status' && !window.late) { window.late = true; %s window.arrived = true; }
            return answer;""" % self.HOLD)
        self.browser.run("document.dispatchEvent(new Event('visibilitychange'))")
        wait_until("the status is on its way", lambda: self.browser.run("return Boolean(window.held)"), 10)
        self.stack.connect()
        self.browser.run("document.dispatchEvent(new Event('visibilitychange'))")
        self.see("#gitlab-body", "@john")
        self.browser.run(self.RELEASE)
        wait_until("it came", lambda: self.browser.run("return window.arrived"), 10)
        self.browser.run("return new Promise((done) => setTimeout(done, 300))")
        self.assertIn("@john", self.browser.text("#gitlab-body"))

    def test_connection_that_was_made_after_cancelling_is_told_and_shown(self):
        self.enter()
        self.meddle("if (path === '/api/auth/gitlab/connect') { %s } return real(path, options);" % self.HOLD)
        self.press("#gitlab-body", "Connect GitLab")
        self.browser.type("#instance", self.gitlab)
        self.browser.type("#token", self.stack.tokens["good"])
        self.browser.keys("Enter")
        wait_until("the token is on its way", lambda: self.browser.run("return Boolean(window.held)"), 10)
        self.press("#connect", "Cancel")
        # Another form that was opened meanwhile stays.
        self.press("#github-body", "Connect GitHub")
        self.browser.run(self.RELEASE)
        self.see("#toasts", f"Connected to {self.gitlab_host} as @john.")
        self.see("#gitlab-body", "@john")
        self.see("#connect", "Connect GitHub")

    def test_expiry_is_counted_down(self):
        for days, label in ((200, "Connected"), (30, "Expires in 30 days"), (7, "Expires in 7 days"), (1, "Expires in 1 day")):
            with self.subTest(days=days):
                on_a_day_that_lasts(60)
                shown = self.connected(expiresAt=in_days(days))
                self.assertIn(label, shown)
                self.assertRegex(shown, rf"in {days} days?")
                self.snap_everywhere(f"expiring-{days}")

    def test_token_that_dies_is_found_by_checking(self):
        for change, label, code in (({"state": "revoked"}, "Revoked", "token_revoked"), ({"state": "expired"}, "Expired", "token_expired"),
                                    ({"scopes": ["read_user"]}, "Scope missing", "token_scope_missing")):
            with self.subTest(label):
                self.connected()
                self.token("good", **change)
                self.press("#gitlab-body", f"Check now: @john at {self.gitlab_host}")
                shown = self.see("#gitlab-body", label)
                for words in (code, "Validate: no", "Clone: no", "Push: no"):
                    self.assertIn(words, shown)
                self.snap_everywhere(label.lower().replace(" ", "-"))
                self.browser.open(self.stack.url + "/?again")
                self.see("#gitlab-body", label)
                self.token("good", state="active", scopes=["api"])

    def test_trouble_of_the_instance_condemns_no_token(self):
        self.connected()
        self.stack.mode("api", "error500")
        self.press("#gitlab-body", f"Check now: @john at {self.gitlab_host}")
        shown = self.see("#gitlab-body", "Unreachable")
        self.assertIn("Server: ", shown)
        self.assertIn("Push: yes", shown, "what was found before stays")
        self.snap_everywhere("unreachable")
        self.stack.mode("api", "normal")
        self.press("#gitlab-body", f"Check now: @john at {self.gitlab_host}")
        self.see("#gitlab-body", "Connected")

    def test_rate_limit_counts_down_and_ends(self):
        self.connected()
        self.stack.mode("api", "rate_limited")
        self.press("#gitlab-body", f"Check now: @john at {self.gitlab_host}")
        shown = self.see("#gitlab-body", "Rate limited")
        self.assertRegex(shown, r"Try again in\s+0:[01]\d")
        self.snap_everywhere("rate-limited")
        self.stack.mode("api", "normal")
        self.see("#gitlab-body", "Connected", seconds=60)

    def test_checking_is_shown_while_it_lasts(self):
        self.connected()
        self.meddle("if (path === '/api/auth/gitlab/check') { window.checks = (window.checks ?? 0) + 1; %s } return real(path, options);" % self.HOLD)
        self.press("#gitlab-body", f"Check now: @john at {self.gitlab_host}")
        self.see("#gitlab-body", "Checking")
        self.press("#gitlab-body", f"Check now: @john at {self.gitlab_host}")
        self.snap_everywhere("checking")
        self.browser.run(self.RELEASE)
        self.see("#gitlab-body", "Connected")
        self.assertEqual(self.browser.run("return window.checks"), 1, "a second press while it lasts asks nothing")

    def test_loading_is_shown_until_the_first_answers(self):
        self.enter()
        hold = "const real = window.fetch; window.held = []; window.fetch = async (...all) => { await new Promise((go) => window.held.push(go)); return real(...all); };"
        script = self.browser.cdp("Page.addScriptToEvaluateOnNewDocument", source=hold + "window.letGo = () => { window.fetch = real; for (const go of window.held) go(); };")
        self.addCleanup(self.browser.cdp, "Page.removeScriptToEvaluateOnNewDocument", identifier=script["identifier"])
        self.browser.open(self.stack.url + "/?again")
        for card in ("gitlab", "github", "repositories", "sessions"):
            self.see(f"#{card}-body", "Loading")
        self.snap_everywhere("loading")
        self.browser.run("window.letGo()")
        for card, words in (("gitlab", "No GitLab account"), ("github", "No GitHub account"), ("repositories", "No repositories"), ("sessions", "No sessions")):
            self.see(f"#{card}-body", words)

    def test_read_only_token_is_called_so(self):
        self.assertEqual(self.stack.connect(self.stack.tokens["readOnly"]).status, 200)
        self.enter()
        shown = self.see("#gitlab-body", "Read only")
        for words in ("Clone: yes", "Push: no", "can read but not push"):
            self.assertIn(words, shown)
        self.snap_everywhere("read-only")

    def test_fine_grained_token_claims_nothing_unchecked(self):
        granular = next(row["token"] for row in self.stack.control("GET", "/tokens") if row["name"] == "granular")
        self.assertEqual(self.stack.connect(granular).status, 200)
        self.enter()
        self.assertIn("Push: found out per repository", self.see("#gitlab-body", "@john"))

    def test_replacing_keeps_the_old_token_until_the_new_one_works(self):
        on_a_day_that_lasts(60)
        self.connected()
        self.press("#gitlab-body", f"Replace token: @john at {self.gitlab_host}")
        self.see("#connect", "The old token stays in use until the new one was found valid.")
        self.assertTrue(self.browser.run("return document.getElementById('instance').readOnly"))
        self.browser.type("#token", self.stack.tokens["expired"])
        self.browser.keys("Enter")
        self.see("#verdict", "This token expired")
        self.assertEqual(self.stack.status().json["token"]["name"], "good")
        self.browser.type("#token", self.stack.tokens["expiring"])
        self.browser.keys("Enter")
        self.see("#gitlab-body", "Expires in 3 days")
        self.assertEqual(len(self.stack.status().json["connections"]), 1)

    def test_a_failing_service_is_said_and_retried(self):
        self.connected()
        self.snap_everywhere("connected")
        self.browser.cdp("Network.enable")
        self.browser.cdp("Network.emulateNetworkConditions", offline=True, latency=0, downloadThroughput=0, uploadThroughput=0)
        try:
            self.press("#gitlab-body", f"Check now: @john at {self.gitlab_host}")
            shown = self.see("#gitlab-body", "The service cannot be reached.")
            self.assertIn("@john", shown, "what is known stays")
            self.snap_everywhere("service-down")
        finally:
            self.browser.cdp("Network.emulateNetworkConditions", offline=False, latency=0, downloadThroughput=-1, uploadThroughput=-1)
        self.press("#gitlab-body", "Try again")
        wait_until("it is well again", lambda: "cannot be reached" not in self.browser.text("#gitlab-body"), 30)


class GitHubTest(PageCase):
    def test_token_and_installations(self):
        self.enter()
        self.press("#github-body", "Connect GitHub")
        self.see("#instance-note", "github.com")
        self.assertTrue(self.browser.run("return document.querySelector('#token-links a').href").startswith("https://github.com/settings/tokens/new?"))
        self.browser.type("#token", self.stack.github_tokens["classic"])
        self.browser.keys("Enter")
        shown = self.see("#github-body", "@octo")
        for words in ("repo", "Push: yes", "GitHub App"):
            self.assertIn(words, shown)
        self.press("#github-body", "Add an installation")
        self.browser.type("#github-body input", str(self.stack.github["installations"]["user"]))
        self.browser.keys("Enter")
        self.see("#github-body", "installation 7001")
        self.snap_everywhere("github")
        self.browser.type("#github-body input", "999999")
        self.browser.keys("Enter")
        self.see("#toasts", "installation")
        self.press("#github-body", f"Disconnect: @octo at {self.github.removeprefix('https://')}")
        self.press("#ask", "Disconnect")
        self.see("#github-body", "In use")
        self.press("#github-body", "Remove the installations")
        self.press("#ask", "Remove")
        wait_until("the installation is gone", lambda: "installation 7001" not in self.browser.text("#github-body"), 30)

    def test_refused_tokens_of_github(self):
        self.enter()
        self.press("#github-body", "Connect GitHub")
        for name in ("revoked", "noScope", "rateLimited"):
            with self.subTest(token=name):
                self.browser.type("#token", self.stack.github_tokens[name])
                self.press("#connect", "Test without saving")
                self.see("#verdict", {"revoked": "Token: ", "noScope": "Scopes: ", "rateLimited": "Try again in"}[name])


if __name__ == "__main__":
    unittest.main()
