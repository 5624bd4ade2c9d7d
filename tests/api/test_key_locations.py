"""Where the issuer's keys come from: its discovery document or a setting, by TLS, without redirects or proxies."""

import json
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, HTTPServer
from ipaddress import ip_address
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID

from api.http.errors import NoAnswerInTime
from api.security.jwks import Keys
from api.security.tokens import Tokens, Trust
from tests.api.issuer import Issuer, as_jwk, ec_key


@contextmanager
def serving(documents: dict[str, Any], certificate: Path | None = None) -> Iterator[str]:
    """Run a server of JSON documents or redirects, by path. Yields its URL.

    With a certificate (and its key, in one file), it uses TLS.
    """

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            document = documents.get(self.path)
            if isinstance(document, str):
                self.send_response(302)
                self.send_header("Location", document)
                self.end_headers()
                return
            self.send_response(200 if document else 404)
            self.end_headers()
            with suppress(ConnectionError):
                self.wfile.write(json.dumps(document).encode())

        def log_message(self, *_: object) -> None:
            """Log nothing."""

    with HTTPServer(("127.0.0.1", 0), Handler) as server:
        if certificate is not None:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(certificate)
            server.socket = context.wrap_socket(server.socket, server_side=True)
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield f"{'https' if certificate else 'http'}://127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()
            thread.join()


async def test_the_issuers_discovery_document_tells_where_its_keys_are(tmp_path: Path) -> None:
    documents: dict[str, Any] = {"/keys": {"keys": [as_jwk("one", ec_key())]}}
    with serving(documents) as url:
        issuer = Issuer(tmp_path / "unused.json", f"{url}/realms/isp")
        documents["/realms/isp/.well-known/openid-configuration"] = {"issuer": issuer.name, "jwks_uri": f"{url}/keys"}
        await Tokens(Trust(issuer.name, issuer.audience)).check(issuer.token())

        documents["/realms/isp/.well-known/openid-configuration"]["issuer"] = "https://stranger.example"
        with pytest.raises(NoAnswerInTime):
            await Tokens(Trust(issuer.name, issuer.audience)).check(issuer.token())


def self_signed(directory: Path) -> Path:
    """Create a certificate for 127.0.0.1 and its key, in one file."""
    key, file = ec_key(), directory / "certificate.pem"
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "issuer")])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))]), critical=False)
        .sign(key, SHA256())
    )
    private = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    file.write_bytes(made.public_bytes(Encoding.PEM) + private)
    return file


async def test_over_tls_only_an_issuer_with_a_good_certificate_tells_its_keys(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    certificate = self_signed(tmp_path)
    with serving({"/keys": {"keys": [as_jwk("one", ec_key())]}}, certificate) as url:
        with pytest.raises(NoAnswerInTime):
            await Keys("https://isp.example", f"{url}/keys").find("one")

        monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
        assert await Keys("https://isp.example", f"{url}/keys").find("one") is not None


async def test_no_redirect_is_followed(tmp_path: Path) -> None:
    published = {"keys": [as_jwk("one", ec_key())]}
    file = tmp_path / "keys.json"
    file.write_text(json.dumps(published))
    with serving({"/keys": published, "/moved": "/keys", "/file": file.as_uri()}) as url:
        assert await Keys("https://isp.example", f"{url}/keys").find("one") is not None
        for path in ("moved", "file"):
            with pytest.raises(NoAnswerInTime):
                await Keys("https://isp.example", f"{url}/{path}").find("one")


async def test_a_discovery_document_names_web_addresses_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    published = {"keys": [as_jwk("one", ec_key())]}
    file = tmp_path / "keys.json"
    documents: dict[str, Any] = {"/keys": published}
    file.write_text(json.dumps(published))
    certificate = self_signed(tmp_path)
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
    with serving(documents) as plain, serving(documents, certificate) as tls:
        for issuer, location, found in (
            (plain, f"{plain}/keys", True),
            (plain, f"{tls}/keys", True),
            (tls, f"{tls}/keys", True),
            (tls, f"{plain}/keys", False),
            (plain, file.as_uri(), False),
            (plain, f"data:application/json,{json.dumps(published)}", False),
            (plain, plain.replace("http", "ftp") + "/keys", False),
            (plain, None, False),
        ):
            documents["/.well-known/openid-configuration"] = {"issuer": issuer, "jwks_uri": location}
            if found:
                assert await Keys(issuer).find("one") is not None
            else:
                with pytest.raises(NoAnswerInTime):
                    await Keys(issuer).find("one")


async def test_keys_do_not_come_through_a_proxy_of_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    elsewhere = {"/keys": {"keys": [as_jwk("two", ec_key())]}}
    with serving({"/keys": {"keys": [as_jwk("one", ec_key())]}}) as url, serving(elsewhere) as proxy:
        for name in ("ALL_PROXY", "HTTP_PROXY", "http_proxy"):
            monkeypatch.setenv(name, proxy)
        for name in ("NO_PROXY", "no_proxy"):
            monkeypatch.delenv(name, raising=False)

        assert await Keys("urn:isp", f"{url}/keys").find("one") is not None


@pytest.mark.parametrize(("size", "known"), [(200_000, True), (300_000, False)])
async def test_an_answer_may_be_so_large(size: int, known: bool) -> None:
    with serving({"/keys": {"keys": [as_jwk("one", ec_key())], "padding": " " * size}}) as url:
        found = Keys("https://isp.example", f"{url}/keys").find("one")
        if known:
            assert await found is not None
        else:
            with pytest.raises(NoAnswerInTime):
                await found
