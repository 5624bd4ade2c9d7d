"""The issuer's keys: found, cached, refreshed; and an issuer that does not answer."""

import asyncio
import json
from asyncio import StreamReader, StreamWriter
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path

import pytest

from api.http.errors import NoAnswerInTime, Unauthenticated
from api.security import jwks as keys
from api.security.jwks import AGAIN_AFTER, FRESH_FOR, STALE_AFTER, Keys
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
        "{}",
        '{"keys": 1}',
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


@pytest.mark.parametrize(
    "keys", [[], ["one", 1, None], [{"kid": "one", "kty": "EC", "alg": ["ES256"]}], [{"kid": "one", "kty": "new"}]]
)
async def test_an_issuer_that_shows_no_key_has_withdrawn_all(
    issuer: Issuer, clock: Clock, tokens: Tokens, keys: list[object]
) -> None:
    token = issuer.token()
    await tokens.check(token)
    issuer.file.write_text(json.dumps({"keys": keys}))
    clock.now += FRESH_FOR

    async def withdrawn() -> bool:
        try:
            await tokens.check(token)
        except Unauthenticated:
            return True
        return False

    await soon(withdrawn, what="the key is withdrawn")


async def test_keys_count_for_a_day_without_the_issuer_and_again_when_it_is_back(
    issuer: Issuer, clock: Clock, tokens: Tokens
) -> None:
    token = issuer.token()
    await tokens.check(token)
    issuer.file.unlink()

    clock.now += STALE_AFTER - 1
    await tokens.check(token)
    assert tokens.keys.age() == STALE_AFTER - 1
    clock.now += AGAIN_AFTER
    with pytest.raises(NoAnswerInTime):
        await tokens.check(token)
    issuer.publish()
    clock.now += AGAIN_AFTER
    await tokens.check(token)
    assert tokens.keys.age() == 0


async def test_after_a_silent_day_of_nobody_asking_the_issuer_is_asked_first(
    issuer: Issuer, clock: Clock, tokens: Tokens
) -> None:
    token = issuer.token()
    await tokens.check(token)
    del issuer.keys["one"]
    issuer.publish()
    clock.now += STALE_AFTER

    with pytest.raises(Unauthenticated):
        await tokens.check(token)


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
