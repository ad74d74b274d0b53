"""Sealing keys: made, changed under load, retired, missed."""
import json
import threading
import unittest

from stack import Stack, wait_until

USERS = 8
SETTLE_S = 10  # in which every pool has taken a key over, on a busy machine, too


class RotationTest(unittest.TestCase):
    def keys(self, stack, *arguments, check=True):
        return stack.program("acp-gitlab", "keys", *arguments, check=check, timeout=120)

    def status(self, stack):
        report = json.loads(self.keys(stack, "status", "--json").stdout)
        return report, {key["id"]: key for key in report["keys"]}

    def test_all_tokens_get_a_new_key_while_users_connect_and_use_them(self):
        with Stack() as stack:
            users = [(stack.add_user(f"user-{n}"), f"glpat-user{n}-0123456789abcdefghij") for n in range(1, USERS + 1)]
            for bearer, token in users:
                self.assertEqual(stack.connect(token, bearer=bearer).status, 200)
            report, before = self.status(stack)
            old = next(key for key in before if before[key]["state"] == "active")
            self.assertEqual((report["tokens"], report["broken"], before[old]["tokens"]), (USERS, 0, USERS))
            refused = self.keys(stack, "retire", old, check=False)
            self.assertEqual(refused.returncode, 1)
            self.assertIn(f"{USERS} stored tokens are sealed", refused.stderr)

            over, answers = threading.Event(), []

            def work(number, bearer, token):
                while not over.is_set():
                    if number % 2:
                        answers.append(("connect", stack.connect(token, bearer=bearer)))
                    answers.append(("use", stack.api("POST", "/api/projects/default/repositories/validate",
                                                     {"url": stack.simulator["repository"], "access": "read"}, bearer=bearer)))

            threads = [threading.Thread(target=work, args=(number, *user)) for number, user in enumerate(users)]
            for thread in threads:
                thread.start()
            try:
                rotated = json.loads(self.keys(stack, "rotate", "--settle", SETTLE_S, "--json").stdout)
            finally:
                over.set()
                for thread in threads:
                    thread.join(60)
            failed = [(what, answer) for what, answer in answers if answer.status != 200 or
                      not next(check["ok"] for check in answer.json["checks"] if check["name"] == "token")]
            self.assertEqual(failed, [])
            self.assertGreater(len(answers), 4 * USERS)

            self.assertEqual((rotated["tokens"], rotated["broken"]), (USERS, 0))
            report, after = self.status(stack)
            self.assertEqual((after[old]["state"], after[old]["tokens"], after[old]["canOpen"]), ("open-only", 0, True))
            self.assertEqual((after[rotated["key"]]["state"], after[rotated["key"]]["tokens"]), ("active", USERS))
            self.assertEqual(self.keys(stack, "check").returncode, 0)
            self.assertEqual(self.keys(stack, "retire", rotated["key"], check=False).returncode, 1)
            self.keys(stack, "retire", old)
            self.assertNotIn(old, self.status(stack)[1])
            wait_until("the pools have taken the files over", lambda: stack.connect(users[0][1], bearer=users[0][0]).status == 200, 15)
            for bearer, token in users:
                answer = stack.api("POST", "/api/projects/default/repositories/validate", {"url": stack.simulator["repository"]}, bearer=bearer)
                self.assertTrue(next(check["ok"] for check in answer.json["checks"] if check["name"] == "token"), answer)
            self.assertNotIn("seal_key_missing", stack.log_text())

    def test_steps_of_a_rotation_where_files_are_handed_out(self):
        with Stack() as stack:
            self.assertEqual(stack.connect().status, 200)
            self.assertEqual(self.keys(stack, "rotate", "--activate", check=False).returncode, 1)  # nothing waits
            new = self.keys(stack, "rotate", "--prepare").stdout.strip()
            self.assertEqual(self.keys(stack, "rotate", "--prepare").stdout.strip(), new)  # the same one: it was not used yet
            self.assertEqual(self.status(stack)[1][new]["state"], "open-only")
            self.assertEqual(self.keys(stack, "rotate", "--activate").stdout.strip(), new)
            self.assertEqual(json.loads(self.keys(stack, "rotate", "--resume", "--json").stdout), {"key": new, "tokens": 1, "sealed": 1, "broken": 0})
            self.assertEqual(self.keys(stack, "rotate", "--prepare", "--resume", check=False).returncode, 2)
            self.assertEqual(self.keys(stack, "rotate", "--rate", "many", check=False).returncode, 2)


class MissingKeysTest(unittest.TestCase):
    def test_without_an_active_key_the_service_is_not_ready(self):
        with Stack() as stack:
            path = stack.data / "keys/public.keys"
            whole = path.read_text()
            ready = lambda: stack.api("GET", "/readyz", bearer="")
            self.assertEqual(ready().status, 200)
            for what, text in (("an inactive key", whole.replace(" active", " open-only")), ("no file", None)):
                with self.subTest(what):
                    if text is None:
                        path.unlink()
                    else:
                        path.write_text(text)
                    # The next answer may be that of a process that has not looked yet.
                    answer = wait_until("not ready", lambda: found if (found := ready()).status == 503 else None, 15)
                    self.assertEqual(answer.json["code"], "keys_not_ready")
                    self.assertEqual(stack.status().status, 200)  # what needs no key goes on
                    path.write_text(whole)
                    wait_until("ready again", lambda: ready().status == 200, 15)
            wait_until("connects again", lambda: stack.connect().status == 200, 15)

    def test_a_token_whose_key_is_gone_raises_an_alert_and_comes_back_with_the_key(self):
        with Stack() as stack:
            self.assertEqual(stack.connect().status, 200)
            keys = [stack.data / "keys" / name for name in ("public.keys", "private.keys")]
            kept = [key.read_text() for key in keys]
            stack.program("acp-gitlab", "keys", "rotate", "--prepare")
            stack.program("acp-gitlab", "keys", "rotate", "--activate")
            lost = [line.split()[1] for line in kept[0].splitlines() if line.startswith("seal ")][0]
            for key in keys:  # a person does what `keys retire` refuses
                key.write_text("".join(line for line in key.read_text().splitlines(True) if lost not in line))
            shown = stack.program("acp-gitlab", "keys", "status", "--json", check=False)
            report = json.loads(shown.stdout)
            self.assertEqual((shown.returncode, report["broken"], report["problems"][0]["code"]), (3, 1, "seal_key_missing"))
            self.assertEqual(report["problems"][0]["user"], stack.ready["user"])
            self.assertEqual([key["state"] for key in report["keys"] if key["id"] == lost], ["missing"])
            once = stack.program("acp-gitlab", "housekeeping", "--once", "--json", check=False)
            self.assertEqual((once.returncode, json.loads(once.stdout)["broken"]), (3, 1))
            wait_until("the pools have taken the files over", lambda: self.use(stack) == "seal_key_missing", 20)
            self.assertTrue(stack.status().json["valid"])  # it is the operator's to mend
            for key, text in zip(keys, kept):
                key.write_text(text)
            wait_until("the token is used again", lambda: self.use(stack) is None, 20)
            self.assertEqual(stack.program("acp-gitlab", "keys", "check").returncode, 0)

    def use(self, stack):
        answer = stack.api("POST", "/api/projects/default/repositories/validate", {"url": stack.simulator["repository"]})
        if answer.status != 200:
            return answer.status
        return next((check["code"] for check in answer.json["checks"] if check["ok"] is False), None)


if __name__ == "__main__":
    unittest.main()
