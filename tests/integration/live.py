"""A real GitLab, for people who have one: GITLAB_TEST_TOKEN, GITLAB_TEST_REPO_URL, and GITLAB_TEST_INSTANCE for a self-managed one.

Connects, shows the status, clones the repository in a session that pushes nothing, and disconnects.
"""
import os
import sys
import urllib.parse

from stack import Stack


def main():
    token, repository = os.environ.get("GITLAB_TEST_TOKEN"), os.environ.get("GITLAB_TEST_REPO_URL")
    if not token or not repository:
        print("set GITLAB_TEST_TOKEN and GITLAB_TEST_REPO_URL to try a real GitLab")
        return 1
    parts = urllib.parse.urlsplit(repository)
    instance = os.environ.get("GITLAB_TEST_INSTANCE", f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}")
    with Stack(demo=False, settings={"ACP_AGENT_COMMAND": "ls */ | head"}) as stack:
        answer = stack.connect(token, instance)
        print("connect:", answer)
        if answer.status != 200:
            return 1
        print("status:", stack.status())
        spec = {"description": "looks at the repository", "repos": [{"url": repository, "provider": "gitlab", "autoPush": False}]}
        stack.create_session("live", spec)
        session = stack.wait_for_session("live", 600)
        print("session:", session["status"]["phase"], session["status"].get("notification"))
        print("disconnect:", stack.disconnect())
        return 0 if session["status"]["phase"] == "Completed" else 1


if __name__ == "__main__":
    sys.exit(main())
