"""The Go implementation's connections, taken over: for the user that is proven, and for nobody else."""
import base64
import json
import unittest

from stack import Stack

FAMILY = "glpat-user%d-0123456789abcdefghij"


def secret(name, **entries):
    return {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": name},
            "data": {key: base64.b64encode((value if isinstance(value, str) else json.dumps(value)).encode()).decode() for key, value in entries.items()}}


class ImportTest(unittest.TestCase):
    def run_import(self, stack, *arguments, given, code=0):
        path = stack.data / "given.json"
        path.write_text(json.dumps(given))
        with open(path) as standard_input:
            result = stack.program("acp-gitlab", "import", "--json", *arguments, "-", check=False, stdin=standard_input)
        self.assertEqual(result.returncode, code, result.stdout + result.stderr)
        for number in range(1, 9):
            self.assertNotIn(FAMILY % number, result.stdout + result.stderr)
        report = json.loads(result.stdout)
        return report, {row["name"]: row for row in report["entries"]}

    def test_connections_come_over_and_nobody_gets_anothers(self):
        with Stack() as stack:
            stack.put_to_sleep("housekeeping")  # it would check what was imported
            url = stack.simulator["url"]
            bearers = {user: stack.add_user(user) for user in ("john@company.com", "john:company.com", "ann@company.com", "has.connected@x")}
            self.assertEqual(stack.connect(FAMILY % 5, bearer=bearers["has.connected@x"]).status, 200)
            given = {"kind": "List", "items": [
                secret("gitlab-credentials", **{
                    "ann-company.com": {"userId": "ann@company.com", "token": FAMILY % 1, "instanceUrl": url, "updatedAt": "2026-01-01T00:00:00Z"},
                    "john-company.com": {"userId": "john-company.com", "token": FAMILY % 2, "instanceUrl": url},
                    "has.connected-x": {"userId": "has.connected@x", "token": FAMILY % 6, "instanceUrl": url},
                    "broken-x": {"userId": "broken@x", "token": "has a blank", "instanceUrl": url}}),
                secret("gitlab-user-tokens", **{"old-company.com": FAMILY % 3}),
                {"kind": "ConfigMap", "metadata": {"name": "gitlab-connections"},
                 "data": {"old-company.com": json.dumps({"username": "old", "gitlabUserId": "3", "instanceUrl": url})}}]}

            tried, rows = self.run_import(stack, "--dry-run", given=given, code=3)
            self.assertEqual({name: row["result"] for name, row in rows.items()},
                             {"ann-company.com": "imported", "john-company.com": "unproven", "has.connected-x": "newer", "broken-x": "refused",
                              "old-company.com": "unproven"})
            self.assertEqual(stack.status(bearer=bearers["ann@company.com"]).json, {"connected": False})

            report, rows = self.run_import(stack, given=given, code=3)
            self.assertEqual((report["imported"], report["left"]), (1, 3))
            self.assertEqual(rows["broken-x"]["code"], "token_malformed")
            shown = stack.status(bearer=bearers["ann@company.com"]).json
            self.assertEqual((shown["connected"], shown["instanceUrl"], shown["lastCheckedAt"]), (True, url, None))
            self.assertEqual(stack.status(bearer=bearers["has.connected@x"]).json["username"], "user5")
            for user in ("john@company.com", "john:company.com"):
                self.assertEqual(stack.status(bearer=bearers[user]).json, {"connected": False})

            names = stack.data / "users.map"
            names.write_text("# who is who\njohn-company.com=john:company.com\nold-company.com=old@company.com\n")
            report, rows = self.run_import(stack, "--map", str(names), given=given, code=3)
            self.assertEqual({name: row["result"] for name, row in rows.items()},
                             {"ann-company.com": "present", "john-company.com": "imported", "has.connected-x": "newer", "broken-x": "refused",
                              "old-company.com": "imported"})
            self.assertTrue(stack.status(bearer=bearers["john:company.com"]).json["connected"])
            self.assertEqual(stack.status(bearer=bearers["john@company.com"]).json, {"connected": False})
            self.assertEqual(stack.status(bearer=stack.add_user("old@company.com")).json["username"], "old")

            # It is the real token: it is used, and housekeeping checks it.
            answer = stack.api("POST", "/api/projects/default/repositories/validate", {"url": stack.simulator["repository"]}, bearer=bearers["ann@company.com"])
            self.assertTrue(next(check["ok"] for check in answer.json["checks"] if check["name"] == "token"), answer)
            checked = json.loads(stack.program("acp-gitlab", "housekeeping", "--once", "--json").stdout)
            self.assertGreaterEqual(checked["checked"], 1)
            self.assertIsNotNone(stack.status(bearer=bearers["ann@company.com"]).json["lastCheckedAt"])

    def test_a_map_that_cannot_be_is_refused(self):
        with Stack(demo=False) as stack:
            names = stack.data / "users.map"
            given = stack.data / "secret.json"
            given.write_text(json.dumps(secret("gitlab-credentials")))
            for text in ("john-company.com=mary@company.com", "no pair", "a-b=a@b\na-b=a:b"):
                names.write_text(text)
                self.assertEqual(stack.program("acp-gitlab", "import", "--map", str(names), str(given), check=False).returncode, 2, text)

    def test_verify_asks_the_server_and_leaves_what_it_refuses(self):
        with Stack() as stack:
            url = stack.simulator["url"]
            given = secret("gitlab-credentials", **{"ann-x": {"userId": "ann@x", "token": FAMILY % 1, "instanceUrl": url},
                                                    "bob-x": {"userId": "bob@x", "token": stack.tokens["revoked"], "instanceUrl": url}})
            _, rows = self.run_import(stack, "--verify", given=given, code=3)
            self.assertEqual((rows["ann-x"]["result"], rows["bob-x"]["code"]), ("imported", "token_revoked"))
            self.assertEqual(stack.status(bearer=stack.add_user("ann@x")).json["username"], "user1")
            self.assertEqual(stack.status(bearer=stack.add_user("bob@x")).json, {"connected": False})
            uses = [json.loads(line) for line in (stack.data / "logs/audit.log").read_text().splitlines()]
            self.assertEqual([(use["pool"], use["user"], use["actor"].split(":")[0], use["outcome"]) for use in uses],
                             [("import", "ann@x", "operator", "ok"), ("import", "bob@x", "operator", "token_revoked")])


if __name__ == "__main__":
    unittest.main()
