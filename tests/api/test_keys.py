"""The issuer's keys: found, cached, refreshed; and an issuer that does not answer."""

import asyncio
import json
import ssl
import threading
from asyncio import StreamReader, StreamWriter
from collections.abc import Callable, Iterator, Mapping
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

from api.http.errors import NoAnswerInTime, Unauthenticated
from api.security import jwks as keys
from api.security.jwks import AGAIN_AFTER, FRESH_FOR, Keys
from api.security.tokens import Tokens, Trust
from tests.api.issuer import Issuer, as_jwk, ec_key, rsa_key
from tests.eventually import soon


class Clock:
    """A clock that stands still until it is moved."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def issuer(tmp_path: Path) -> Issuer:
    return Issuer(tmp_path / "keys.json")


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def tokens(issuer: Issuer, clock: Clock) -> Tokens:
    return Tokens(issuer.trust, Keys(issuer.name, issuer.trust.jwks_url, now=clock))


async def test_a_new_key_counts_at_once_and_the_old_one_until_it_is_withdrawn(
    issuer: Issuer, clock: Clock, tokens: Tokens
) -> None:
    old = issuer.token()
    await tokens.check(old)
    issuer.keys["two"] = rsa_key()
    issuer.publish()
    clock.now += AGAIN_AFTER

    await tokens.check(issuer.sign(issuer.claims(), "two"))
    await tokens.check(old)

    del issuer.keys["one"]
    issuer.publish()
    clock.now += FRESH_FOR

    async def withdrawn() -> bool:
        try:
            await tokens.check(old)
        except Unauthenticated:
            return True
        return False

    await soon(withdrawn, what="the old key is withdrawn")


async def test_unknown_keys_do_not_have_the_issuer_asked_each_time(
    issuer: Issuer, clock: Clock, tokens: Tokens
) -> None:
    await tokens.check(issuer.token())
    issuer.keys["two"] = ec_key(1)
    issuer.publish()
    token = issuer.sign(issuer.claims(), "two")

    clock.now += AGAIN_AFTER - 1
    with pytest.raises(Unauthenticated):
        await tokens.check(token)
    clock.now += 1
    await tokens.check(token)


@pytest.mark.parametrize(
    "content",
    [
        None,
        "",
        "[]",
        '{"keys": []}',
        '{"keys": 1}',
        '{"keys": [{"kid": "one", "kty": "EC", "alg": ["ES256"]}]}',
        " " * 300_000,
        "[" * 200_000,
    ],
)
async def test_while_the_issuer_does_not_answer_known_keys_count_on(
    issuer: Issuer, clock: Clock, tokens: Tokens, content: str | None
) -> None:
    await tokens.check(issuer.token())
    issuer.file.unlink() if content is None else issuer.file.write_text(content)
    clock.now += FRESH_FOR
    unknown = Issuer(issuer.file.with_name("other.json"), keys={"two": ec_key(1)}).sign(issuer.claims(), "two")

    with pytest.raises(NoAnswerInTime):
        await tokens.check(unknown)
    await tokens.check(issuer.token())


async def test_keys_for_other_purposes_are_not_used(issuer: Issuer, tokens: Tokens) -> None:
    others = [
        as_jwk("one", ec_key(), use="enc"),
        as_jwk("one", rsa_key(), alg="RS512"),
        {"kty": "oct", "k": "c2VjcmV0", "kid": "one"},
        {"kty": "OKP", "crv": "X448", "kid": "one"},
        "one",
        as_jwk("two", rsa_key(), use="sig", alg="RS256"),
    ]
    issuer.file.write_text(json.dumps({"keys": others}))

    with pytest.raises(Unauthenticated):
        await tokens.check(issuer.token())


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


class Dripping:
    """An issuer whose responses begin and never end."""

    def __init__(self, begins: bytes) -> None:
        self.begins = begins
        self.discovery: Mapping[str, str] | None = None
        self.begun = asyncio.Event()
        self.connected = 0

    async def __call__(self, reader: StreamReader, writer: StreamWriter) -> None:
        self.connected += 1
        with suppress(ConnectionError):
            await self._answer(await reader.read(4096), writer)
        writer.close()
        self.connected -= 1

    async def _answer(self, asked: bytes, writer: StreamWriter) -> None:
        if self.discovery is not None and b".well-known" in asked:
            writer.write(b"HTTP/1.1 200 OK\r\n\r\n" + json.dumps(self.discovery).encode())
            return
        writer.write(self.begins)
        self.begun.set()
        while True:
            writer.write(b"a")
            await writer.drain()
            await asyncio.sleep(0.02)

    async def is_left(self) -> None:
        async def nobody() -> bool:
            return not self.connected

        await soon(nobody, what="no connection is left")


async def is_given_up(fetched: Callable[[], Keys], dripping: Dripping, monkeypatch: pytest.MonkeyPatch) -> None:
    """Run with a growing deadline, until it is long enough to begin, on any machine."""
    within = 0.1
    while not dripping.begun.is_set():
        within *= 2
        monkeypatch.setattr(keys, "FETCH_WITHIN", within)
        with pytest.raises(NoAnswerInTime):
            await fetched().find("one")
    await dripping.is_left()


@pytest.mark.parametrize(
    ("scheme", "begins"),
    [
        ("https", b"\x16\x03\x03\x3f\xff"),
        ("http", b"HTTP/1.1 200 OK\r\n"),
        ("http", b"HTTP/1.1 200 OK\r\n\r\n"),
        ("http", b"HTTP/1.1 302 Found\r\nLocation: /\r\nContent-Length: 1000000000\r\n\r\n"),
    ],
    ids=["handshake", "headers", "body", "redirect"],
)
async def test_an_issuer_that_drips_its_answer_is_given_up_and_its_connection_closed(
    scheme: str, begins: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    dripping = Dripping(begins)
    async with await asyncio.start_server(dripping, "127.0.0.1", 0) as server:
        url = f"{scheme}://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        await is_given_up(lambda: Keys("https://isp.example", url), dripping, monkeypatch)


async def test_both_documents_have_one_deadline(monkeypatch: pytest.MonkeyPatch) -> None:
    dripping = Dripping(b"HTTP/1.1 200 OK\r\n\r\n")
    async with await asyncio.start_server(dripping, "127.0.0.1", 0) as server:
        url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        dripping.discovery = {"issuer": url, "jwks_uri": f"{url}/keys"}
        await is_given_up(lambda: Keys(url), dripping, monkeypatch)


async def test_a_fetch_that_is_stopped_hangs_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(keys, "FETCH_WITHIN", 1e6)
    dripping = Dripping(b"HTTP/1.1 200 OK\r\n\r\n")
    async with await asyncio.start_server(dripping, "127.0.0.1", 0) as server:
        fetched = Keys("https://isp.example", f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}")
        finding = asyncio.create_task(fetched.find("one"))
        await dripping.begun.wait()
        fetched.stop()
        await dripping.is_left()
        with pytest.raises(asyncio.CancelledError):
            await finding


async def test_a_redirect_is_followed_but_not_to_a_file(tmp_path: Path) -> None:
    published = {"keys": [as_jwk("one", ec_key())]}
    file = tmp_path / "keys.json"
    file.write_text(json.dumps(published))
    with serving({"/keys": published, "/moved": "/keys", "/loop": "/loop", "/file": file.as_uri()}) as url:
        assert await Keys("https://isp.example", f"{url}/moved").find("one") is not None
        for path in ("loop", "file"):
            with pytest.raises(NoAnswerInTime):
                await Keys("https://isp.example", f"{url}/{path}").find("one")


@pytest.mark.parametrize(("size", "known"), [(200_000, True), (300_000, False)])
async def test_an_answer_may_be_so_large(size: int, known: bool) -> None:
    with serving({"/keys": {"keys": [as_jwk("one", ec_key())], "padding": " " * size}}) as url:
        found = Keys("https://isp.example", f"{url}/keys").find("one")
        if known:
            assert await found is not None
        else:
            with pytest.raises(NoAnswerInTime):
                await found


@pytest.mark.parametrize(
    "said",
    [b"220 mail.example\r\n", b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n", b""],
    ids=["another protocol", "a broken body", "nothing"],
)
async def test_an_issuer_that_speaks_nonsense_is_one_that_does_not_answer(tmp_path: Path, said: bytes) -> None:
    async def speak(_: StreamReader, writer: StreamWriter) -> None:
        writer.write(said)
        await writer.drain()
        writer.close()

    issuer = Issuer(tmp_path / "unused.json")
    async with await asyncio.start_server(speak, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        with pytest.raises(NoAnswerInTime):
            await Tokens(Trust(issuer.name, issuer.audience, f"http://127.0.0.1:{port}")).check(issuer.token())
