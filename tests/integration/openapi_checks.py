"""A check of schemathesis' own kind: a 5xx is this service's failure, unless it says that the server which the request named is what failed."""
import sys

import schemathesis

# Its generators nest deeper than Python 3.11 likes: the parser then takes an overflow for a fault of its own.
sys.setrecursionlimit(20000)

NAMED = ("instance_", "git_redirect_refused", "proxy_decodes_paths", "rate_limited", "ip_banned")


@schemathesis.check
def only_named_servers_fail(context, response, case):
    if response.status_code < 500:
        return
    code = response.json().get("code", "")
    assert code.startswith(NAMED), f"{response.status_code} {code}"
