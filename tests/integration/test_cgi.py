"""The same program as plain CGI under fcgiwrap."""
import json
import os
import shutil
import subprocess
import tempfile
import unittest
from pathlib import Path

from stack import Stack, free_port, request, wait_until


class CgiTest(unittest.TestCase):
    def test_connect_status_and_disconnect_answer_under_fcgiwrap(self):
        wrapper = shutil.which("fcgiwrap") or "/usr/sbin/fcgiwrap"
        if not os.path.exists(wrapper):
            self.skipTest("fcgiwrap is not installed")
        with Stack() as stack, tempfile.TemporaryDirectory(prefix="acp-cgi.") as folder:
            folder = Path(folder)
            os.chmod(folder, 0o755)
            process = subprocess.Popen([wrapper, "-s", f"unix:{folder}/cgi.sock"], env=stack.environment(), stderr=(folder / "err").open("wb"), start_new_session=True)
            try:
                wait_until("fcgiwrap", (folder / "cgi.sock").exists, 10)
                os.chmod(folder / "cgi.sock", 0o666)
                port = free_port()
                user = "user root;" if os.getuid() == 0 else ""
                (folder / "nginx.conf").write_text(f"""daemon off; pid {folder}/pid; error_log {folder}/error.log; {user}
events {{}} http {{ access_log off; client_body_temp_path {folder}/1; proxy_temp_path {folder}/2; fastcgi_temp_path {folder}/3; uwsgi_temp_path {folder}/4; scgi_temp_path {folder}/5;
server {{ listen 127.0.0.1:{port}; location / {{ include {Path(__file__).resolve().parents[2]}/nginx/fastcgi_acp.conf; fastcgi_pass_request_headers off;
fastcgi_param SCRIPT_FILENAME {stack.build}/bin/acp-gitlab-fcgi; fastcgi_pass unix:{folder}/cgi.sock; }} }} }}
""")
                nginx = subprocess.Popen([shutil.which("nginx") or "/usr/sbin/nginx", "-p", folder, "-c", folder / "nginx.conf", "-e", folder / "error.log"], start_new_session=True)
                try:
                    direct, stack.url = stack.url, f"http://127.0.0.1:{port}"
                    wait_until("nginx", lambda: self.answers(stack), 10)
                    self.assertEqual(stack.api("GET", "/livez", bearer="").status, 200)
                    answer = stack.connect()
                    self.assertEqual((answer.status, answer.json["username"]), (200, "john"), answer)
                    self.assertEqual(stack.status().json["connected"], True)
                    self.assertEqual(stack.api("GET", "/api/nothing").status, 404)
                    self.assertEqual(stack.api("POST", "/api/auth/gitlab/connect", b"{").json["code"], "bad_json")
                    self.assertEqual(stack.disconnect().json["connected"], False)
                    stack.url = direct
                finally:
                    nginx.terminate()
                    nginx.wait(10)
            finally:
                process.terminate()
                process.wait(10)

    def test_a_request_that_is_sent_again_makes_one_session(self):
        """As nginx does when the process that had it has died: the id of a request stays the same."""
        with Stack() as stack:
            body = json.dumps({"spec": {"description": "x", "outputRepo": {"url": stack.simulator["repository"], "branch": "again"}}}).encode()

            def send(request_id):
                environment = {**stack.environment(), "REQUEST_METHOD": "POST", "REQUEST_URI": "/api/projects/default/agentic-sessions", "CONTENT_TYPE": "application/json",
                               "CONTENT_LENGTH": str(len(body)), "HTTP_AUTHORIZATION": f"Bearer {stack.bearer}", "HTTP_X_REQUEST_ID": request_id}
                result = subprocess.run([stack.build / "bin/acp-gitlab-fcgi"], input=body, stdout=subprocess.PIPE, env=environment, timeout=60, check=True)
                head, _, answer = result.stdout.partition(b"\r\n\r\n")
                self.assertIn(b"Status: 201", head)
                return json.loads(answer)["metadata"]["uid"]

            first, again, other = send("a" * 32), send("a" * 32), send("b" * 32)
            self.assertEqual(first, again)
            self.assertNotEqual(first, other)

    @staticmethod
    def answers(stack):
        try:
            return request("GET", stack.url + "/livez").status
        except OSError:
            return False


if __name__ == "__main__":
    unittest.main()
