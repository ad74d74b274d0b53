"""The GitHub App: its RSA key, and a strict judge of the JWTs that are signed with it.

The key is made with the openssl command at the first start and kept, so that what was configured against one start works after
the next.
"""

import base64
import binascii
import hashlib
import json
import re
import secrets
import string
import subprocess
import time

from .github_world import Token
from .refusal import Refusal

APP_ID = 1234
CLIENT_ID = "Iv23liSimulator0001"
SLUG = "ambient-simulator"
LONGEST = 600
BASE62 = string.ascii_letters + string.digits
# What PKCS #1 puts before a SHA-256 hash.
SHA256_PREFIX = bytes.fromhex("3031300d060960864801650304020105000420")

NOT_DECODED = "A JSON web token could not be decoded"
NOT_FOUND = "Integration not found"
EXPIRED = "'Expiration time' claim ('exp') must be a numeric value representing the future time at which the assertion expires"
TOO_FAR = "'Expiration time' claim ('exp') is too far in the future"
ISSUED = "'Issued at' claim ('iat') must be an Integer representing the time that the assertion was issued"


def looks_like_jwt(value):
    return bool(re.fullmatch(r"[\w-]+\.[\w-]+\.[\w-]+", value, re.ASCII))


def _bytes(text):
    if not re.fullmatch(r"[A-Za-z0-9_-]+", text):
        raise ValueError("not base64url")
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


def _whole(value):
    return isinstance(value, int) and not isinstance(value, bool)


def refused(status, message):
    return Refusal(status, {"message": message})


class App:
    def __init__(self, folder):
        self.key_file = folder / "github-app.pem"
        if not self.key_file.exists():
            self._make_key()
        shown = self._openssl("rsa", "-in", self.key_file, "-noout", "-modulus").decode()
        self.modulus = int(shown.strip().removeprefix("Modulus="), 16)

    @staticmethod
    def _openssl(*arguments):
        return subprocess.run(["openssl", *map(str, arguments)], stdin=subprocess.DEVNULL, capture_output=True, check=True).stdout

    def _make_key(self):
        draft = self.key_file.with_suffix(".new")
        draft.touch(0o600)
        # The form in which GitHub hands out such keys: "BEGIN RSA PRIVATE KEY".
        draft.write_bytes(self._openssl("genrsa", "-traditional", "2048"))
        draft.rename(self.key_file)

    def _signed(self, text, signature):
        """RS256 by hand: the standard library has no RSA, and one power is all of it."""
        size = (self.modulus.bit_length() + 7) // 8
        number = int.from_bytes(signature, "big")
        if len(signature) != size or number >= self.modulus:
            return False
        hashed = SHA256_PREFIX + hashlib.sha256(text.encode()).digest()
        wanted = b"\0\1" + b"\xff" * (size - len(hashed) - 3) + b"\0" + hashed
        return pow(number, 65537, self.modulus).to_bytes(size, "big") == wanted

    def verify(self, value, now=None):
        """Raises the refusal that this JWT deserves."""
        try:
            head, body, signature = value.split(".")
            header, claims = json.loads(_bytes(head)), json.loads(_bytes(body))
            good = header.get("alg") == "RS256" and header.get("typ", "JWT") == "JWT" and isinstance(claims, dict)
            good = good and self._signed(f"{head}.{body}", _bytes(signature))
        except (ValueError, AttributeError, binascii.Error):
            good = False
        if not good:
            raise refused(401, NOT_DECODED)
        now = time.time() if now is None else now
        issued, expires = claims.get("iat"), claims.get("exp")
        if not _whole(expires) or expires <= now:
            raise refused(401, EXPIRED)
        if not _whole(issued) or issued > now:
            raise refused(401, ISSUED)
        if expires - now > LONGEST or expires - issued > LONGEST:
            raise refused(401, TOO_FAR)
        if str(claims.get("iss")) not in (str(APP_ID), CLIENT_ID):
            raise refused(404, NOT_FOUND)


def mint(world, installation, permissions, repositories):
    """A new token of an installation."""
    value = "ghs_" + "".join(secrets.choice(BASE62) for _ in range(36))
    token = Token(
        f"installation-{installation.id}",
        value,
        None,
        kind="installation",
        scopes=(),
        ends=int(time.time()) + installation.token_seconds,
        owner=world.account(installation.account_id).login,
        permissions=permissions,
        repositories=repositories,
        installation_id=installation.id,
    )
    return world.add_token(token)
