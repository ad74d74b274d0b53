"""No used token is anywhere it could be read: files, logs, environments, arguments, answers; during and after a session."""
import base64
import os
import re
import tempfile
import unittest
import urllib.parse
from pathlib import Path

from stack import Stack, wait_until

# A slow agent keeps the session open while the search runs.
AGENT = """#!/bin/sh
touch "$ACP_WORKSPACE/waiting"
while [ ! -e "$ACP_WORKSPACE/go" ]; do sleep 0.1; done
rm -f "$ACP_WORKSPACE/go" "$ACP_WORKSPACE/waiting"
for folder in */; do echo x > "$folder/changed"; done
"""


def forms(token):
    """The raw token, percent-encoded, and the parts of its base64 that do not depend on what stands before it."""
    yield token.encode()
    encoded = urllib.parse.quote(token, safe="")
    yield encoded.encode()
    yield encoded.lower().encode()
    yield "".join(f"%{byte:02X}" for byte in token.encode()).encode()
    for encode in (base64.b64encode, base64.urlsafe_b64encode):
        for offset in range(3):
            # Cut what shares a group of three bytes with a neighbour.
            yield encode(b"\0" * offset + token.encode())[4 if offset else 0:].rstrip(b"=")[:-4]


class SecretsTest(unittest.TestCase):
    def search(self, needles, roots, pids):
        found = []

        def look(name, content):
            found.extend(f"{name}: {label}" for label, needle in needles if needle in content)

        for root in roots:
            for folder, _, names in os.walk(root):
                for name in names:
                    path = Path(folder, name)
                    try:
                        if path.is_file() and not path.is_symlink() and path.stat().st_size <= 50_000_000:
                            look(str(path), path.read_bytes())
                    except FileNotFoundError:
                        continue  # the session has just removed it
        for pid in pids:
            for part in ("environ", "cmdline"):
                try:
                    look(f"/proc/{pid}/{part}", Path(f"/proc/{pid}/{part}").read_bytes())
                except OSError:
                    pass
        return found

    def test_no_used_token_can_be_found_during_and_after_a_session(self):
        with tempfile.TemporaryDirectory(prefix="acp-agent.", dir="/opt" if os.access("/opt", os.W_OK) else None) as folder:
            script = Path(folder) / "agent"
            script.write_text(AGENT)
            script.chmod(0o755)
            with Stack(settings={"ACP_AGENT_COMMAND": str(script), "ACP_LOG_LEVEL": "debug"}) as stack:
                by_name = {row["name"]: row["token"] for row in stack.control("GET", "/tokens")}
                used = ["good", "readOnly", "expired", "revoked", "routable", "instancePrefix", "customPrefix", "prefixless", "rateLimited", "granular"]
                for name in used:
                    stack.connect(by_name[name])
                    stack.api("POST", "/api/auth/gitlab/test", {"personalAccessToken": by_name[name], "instanceUrl": stack.simulator["url"]})
                # Wrong uses that echo their input somewhere, if anything does.
                for path in ("/api/auth/gitlab/connect", f"/api/{by_name['good']}", "/api/projects/default/agentic-sessions"):
                    stack.api("POST", path, b'{"x": "' + by_name["good"].encode() + b'"')
                stack.connect(by_name["good"], f"https://oauth2:{by_name['good']}@gitlab.example.com")
                # The session uses a token that no pattern knows.
                self.assertEqual(stack.connect(by_name["customPrefix"]).status, 200)
                url = stack.simulator["url"].replace("https://", f"https://oauth2:{by_name['routable']}@")
                answer = stack.create_session("search", {"description": "search", "outputRepo": {"url": f"{url}/group/sub/api.git", "branch": "search"}})
                self.assertEqual(answer.status, 201, answer)
                workspace = stack.data / "workspaces" / answer.json["metadata"]["uid"]
                wait_until("the agent waits", (workspace / "waiting").exists, 60)

                # The simulator knows its tokens; everything else must not.
                simulator = [pid for pid, words in stack.commands().items() if any("gitlab_simulator" in word for word in words)]
                run = stack.run_folder()
                needles = [(f"{name} as {form[:6]!r}…", form) for name in used for form in forms(by_name[name]) if len(form) >= 12]
                needles += [("bearer", stack.bearer.encode())]

                def sweep():
                    roots = [stack.data / part for part in ("auth", "database", "keys", "logs", "workspaces")] + [run / "temp", run / "html"]
                    return self.search(needles, roots, [pid for pid in stack.pids() if pid not in simulator])

                self.assertEqual(sweep(), [])
                (workspace / "go").touch()
                session = stack.wait_for_session("search")
                self.assertEqual(session["status"]["phase"], "Completed", session["status"])
                self.assertNotIn(by_name["routable"], stack.session("search").body.decode())
                self.assertEqual(sweep(), [])
                self.assertTrue(re.search(r"glpat-\*\*\*", stack.log_text()), "the logs say nothing of tokens at all")
                self.assertEqual(stack.status().json["username"], "john")


if __name__ == "__main__":
    unittest.main()
