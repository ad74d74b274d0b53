"""doctor on Kubernetes: what the API server, the Secrets and our rights are like, in the order of what depends on what."""
import json
import subprocess
import unittest

import yaml

from double import Double
from kube_client import encode
from kube_stack import TOP, KubeStack


class DoctorTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.kube = Double().start()
        cls.stack = KubeStack(cls.kube).start()

    @classmethod
    def tearDownClass(cls):
        cls.stack.close()
        cls.kube.close()

    def tearDown(self):
        self.kube.faults.clear()

    def look(self, **settings):
        environment = {**self.stack.environment(), "ACP_URL": self.stack.url, **settings}
        result = subprocess.run([self.stack.build / "bin/acp-gitlab", "doctor", "--json"], env=environment, text=True, stdout=subprocess.PIPE,
                                stderr=subprocess.PIPE, timeout=90)
        return {finding["name"]: finding for finding in json.loads(result.stdout)["findings"]}

    def finds(self, name, says, **settings):
        found = self.look(**settings)
        self.assertEqual(found[name]["level"], "failed", found)
        self.assertIn(says, found[name]["message"])
        self.assertTrue(found[name]["remediation"])

    def test_all_is_well(self):
        self.assertEqual(self.stack.connect().status, 200)
        found = self.look()
        self.assertEqual({found[name]["level"] for name in ("Secrets", "callers")}, {"ok"}, found)
        self.assertIn("1 record of tokens", found["Secrets"]["message"])

    def test_a_right_to_the_secrets_is_missing(self):
        self.kube.faults.add("status", "GET .*secrets/github-user-tokens-003", code=403)
        self.finds("Secrets", "403")

    def test_a_right_to_ask_about_callers_is_missing(self):
        self.kube.faults.add("status", "tokenreviews", code=403)
        self.finds("callers", "403")
        self.kube.faults.clear()
        self.kube.faults.add("status", "subjectaccessreviews", code=403)
        self.finds("callers", "403")

    def test_what_a_project_gives_of_its_own_token(self):
        answer = self.stack.api("PUT", "/api/projects/team-a/repositories?reports=false", {"repositories": []})
        self.assertEqual(answer.status, 200, answer)
        path = "/api/v1/namespaces/team-a/secrets/git-token"

        def keep(**values):
            self.kube.admin.delete(path)
            self.kube.admin.apply(path, {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "git-token"},
                                         "data": {name: encode(value) for name, value in values.items()}}).must()

        def finds(level, says):
            found = self.look(ACP_GIT_TOKEN_SECRET="git-token")["GIT_TOKEN of team-a"]
            self.assertEqual(found["level"], level, found)
            self.assertIn(says, found["message"])
            self.assertNotIn("0123456789", str(found))
        self.assertNotIn("GIT_TOKEN of team-a", self.look())
        keep(GIT_TOKEN="ghp_0123456789abcdefghijklmnopqrstuvwxyz")
        finds("ok", "does not let us read")
        documents = list(yaml.safe_load_all((TOP / "deploy/kubernetes/project/git-token.yaml").read_text()))
        self.kube.role("team-a", "acp-gitlab-git-token", documents[0]["rules"], documents[1]["subjects"])
        finds("ok", "It has one, in its Secret git-token.")
        keep(OTHER="x")
        finds("warning", "has no key GIT_TOKEN")
        keep(GIT_TOKEN="glpat-01234567890123456789")
        finds("warning", "cannot be used")
        self.kube.admin.delete(path).must()
        finds("warning", "there is none")
        self.kube.faults.add("status", "secrets/git-token", code=500)
        finds("failed", "500")

    def test_another_number_of_secrets(self):
        self.finds("Kubernetes", "ACP_SECRET_SHARDS", ACP_SECRET_SHARDS="4")

    def test_nothing_says_where_the_api_server_is(self):
        self.finds("Kubernetes", "KUBECONFIG", KUBECONFIG="")

    def test_the_api_server_is_away(self):
        self.kube.faults.add("reset")
        found = self.look()
        self.assertEqual({found[name]["level"] for name in ("Secrets", "callers")}, {"failed"}, found)


if __name__ == "__main__":
    unittest.main()
