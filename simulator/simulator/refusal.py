"""Answers other than success, in GitLab's two shapes."""


class Refusal(Exception):
    """Status, body (a JSON value, or text) and further headers."""

    def __init__(self, status, body, headers=()):
        super().__init__(status)
        self.status, self.body, self.headers = status, body, list(headers)


def message_refusal(status, message):
    """{"message": …}: what Grape's helpers say. The message may be an object or a list."""
    return Refusal(status, {"message": message})


def error_refusal(status, error):
    """{"error": …}: routes and parameters."""
    return Refusal(status, {"error": error})


def oauth_refusal(status, code, description, scope=None):
    """{"error", "error_description", "scope"?}: what rack-oauth2 says of a token."""
    body = {"error": code, "error_description": description}
    headers = [("www-authenticate", f'Bearer realm="Protected by OAuth 2.0", error="{code}", error_description="{description}"')]
    return Refusal(status, body | ({"scope": scope} if scope else {}), headers)
