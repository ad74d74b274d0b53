"""The certificate authority of the simulator and the certificates it issues, made with the openssl command.

The CA stays in the simulator's folder, so that what trusts it keeps working after a restart; the server's certificate is new at
every start. Keys are P-256: making one costs nothing and a handshake little.
"""

import ssl
import subprocess
from pathlib import Path

NAMES = "IP:127.0.0.1,DNS:localhost,DNS:gitlab.test"
CA_DAYS = "3650"
LEAF_DAYS = "30"

CA_DATABASE = """[ca]
default_ca = authority
[authority]
database = {folder}/index.txt
serial = {folder}/serial
new_certs_dir = {folder}
default_md = sha256
policy = anything
copy_extensions = copy
unique_subject = no
[anything]
commonName = supplied
"""


def _openssl(*arguments):
    result = subprocess.run(["openssl", *map(str, arguments)], stdin=subprocess.DEVNULL, capture_output=True, check=False)
    if result.returncode != 0:
        raise RuntimeError(f"openssl {arguments[0]}: {result.stderr.decode(errors='replace').strip()}")


def _new_key(path):
    _openssl("ecparam", "-name", "prime256v1", "-genkey", "-noout", "-out", path)
    path.chmod(0o600)


class Authority:
    """Issues certificates into one folder."""

    def __init__(self, folder):
        self.folder = Path(folder)
        self.folder.mkdir(parents=True, exist_ok=True)
        self.ca_file = self.folder / "ca.pem"
        self.ca_key = self.folder / "ca.key"
        if not (self.ca_file.exists() and self.ca_key.exists()):
            self._create()

    def _create(self):
        _new_key(self.ca_key)
        _openssl(
            "req",
            "-x509",
            "-new",
            "-key",
            self.ca_key,
            "-out",
            self.ca_file,
            "-days",
            CA_DAYS,
            "-sha256",
            "-subj",
            "/O=GitLab simulator/CN=GitLab simulator CA",
            "-addext",
            "keyUsage=critical,keyCertSign,cRLSign",
        )

    def _request(self, name, names):
        key, request = self.folder / f"{name}.key", self.folder / f"{name}.csr"
        _new_key(key)
        _openssl(
            "req",
            "-new",
            "-key",
            key,
            "-out",
            request,
            "-subj",
            "/CN=gitlab.test",
            "-addext",
            f"subjectAltName={names}",
            "-addext",
            "extendedKeyUsage=serverAuth",
        )
        return key, request

    def issue(self, name="server", names=NAMES):
        """A good certificate. Returns an ssl.SSLContext."""
        key, request = self._request(name, names)
        certificate = self.folder / f"{name}.pem"
        _openssl(
            "x509",
            "-req",
            "-in",
            request,
            "-CA",
            self.ca_file,
            "-CAkey",
            self.ca_key,
            "-CAcreateserial",
            "-out",
            certificate,
            "-days",
            LEAF_DAYS,
            "-sha256",
            "-copy_extensions",
            "copyall",
        )
        return self._context(certificate, key)

    def issue_expired(self, name="expired"):
        """Right names, right issuer, over since 2021. Only `openssl ca` takes dates in the past."""
        key, request = self._request(name, NAMES)
        certificate, config = self.folder / f"{name}.pem", self.folder / "ca.cnf"
        config.write_text(CA_DATABASE.format(folder=self.folder))
        (self.folder / "index.txt").write_text("")
        (self.folder / "serial").write_text("1000\n")
        _openssl(
            "ca",
            "-batch",
            "-notext",
            "-config",
            config,
            "-in",
            request,
            "-cert",
            self.ca_file,
            "-keyfile",
            self.ca_key,
            "-startdate",
            "20200101000000Z",
            "-enddate",
            "20210101000000Z",
            "-out",
            certificate,
        )
        return self._context(certificate, key)

    def issue_self_signed(self, name="self-signed"):
        key, certificate = self.folder / f"{name}.key", self.folder / f"{name}.pem"
        _new_key(key)
        _openssl(
            "req",
            "-x509",
            "-new",
            "-key",
            key,
            "-out",
            certificate,
            "-days",
            LEAF_DAYS,
            "-sha256",
            "-subj",
            "/CN=127.0.0.1",
            "-addext",
            f"subjectAltName={NAMES}",
        )
        return self._context(certificate, key)

    @staticmethod
    def _context(certificate, key):
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        context.load_cert_chain(certificate, key)
        context.set_alpn_protocols(["http/1.1"])
        return context
