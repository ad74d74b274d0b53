"""The running product with its tokens in Secrets: two connects of one user at once, and a rotation under its feet."""
import concurrent.futures
import json
import threading
import unittest

from kube_server import KubeServer, Unavailable
from kube_stack import KubeStack

USERS = [f"user-{number}" for number in range(8)]


def setUpModule():
    global kube, stack
    try:
        kube = KubeServer(users={user: ["developers"] for user in USERS}).start()
    except Unavailable as reason:
        raise unittest.SkipTest(str(reason))
    stack = KubeStack(kube).start()
    for number in range(len(USERS)):
        stack.add_gitlab_user(number)


def tearDownModule():
    try:
        stack.close()
    finally:
        kube.close()


def connect(number, token=None):
    return stack.connect(token or stack.gitlab_token(number), bearer=kube.tokens[USERS[number]], timeout=60)


class PoolsTest(unittest.TestCase):
    def test_two_connects_of_one_user_at_once_end_in_one_of_the_tokens_whole(self):
        tokens = [stack.add_gitlab_token(0, f"round{number}") for number in range(10)]
        for pair in zip(tokens[::2], tokens[1::2]):
            with concurrent.futures.ThreadPoolExecutor(2) as workers:
                answers = list(workers.map(lambda token: connect(0, token), pair))
            self.assertIn(200, [answer.status for answer in answers], answers)
            self.assertLessEqual({answer.status for answer in answers}, {200, 409}, answers)
            checked = stack.api("POST", "/api/auth/gitlab/check", {}, bearer=kube.tokens[USERS[0]])
            self.assertTrue(checked.json["valid"], checked)

    def test_every_token_gets_the_new_key_while_users_connect(self):
        for number in range(1, len(USERS)):
            self.assertEqual(connect(number).status, 200)
        over, answers = threading.Event(), []

        def work(number):
            while not over.is_set():
                answers.append(connect(number))
                answers.append(stack.api("POST", "/api/auth/gitlab/check", {}, bearer=kube.tokens[USERS[number]], timeout=60))

        threads = [threading.Thread(target=work, args=(number,)) for number in range(1, 5)]
        for thread in threads:
            thread.start()
        try:
            rotated = json.loads(stack.program("acp-gitlab", "keys", "rotate", "--settle", "5", "--json", timeout=200).stdout)
        finally:
            over.set()
            for thread in threads:
                thread.join(90)
        self.assertEqual([answer for answer in answers if answer.status != 200 or not answer.json.get("valid", True)], [])
        self.assertGreater(len(answers), 8)
        self.assertEqual(rotated["broken"], 0)
        self.assertEqual(stack.program("acp-gitlab", "keys", "check", check=False, timeout=120).returncode, 0)


if __name__ == "__main__":
    unittest.main()
