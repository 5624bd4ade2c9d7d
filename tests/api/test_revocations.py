"""Tokens that an operator has revoked by a file."""

import time
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path

import httpx2
import pytest
from prometheus_client import CollectorRegistry

from api.http.errors import Unauthenticated
from api.order_status import change_stream
from api.security import revocations
from api.security.revocations import Revocations
from api.security.tokens import Tokens
from domain.orders import Order
from runtime.settings import InsecureConfiguration, Settings
from stores.order_status.view import OrderStatusStore
from tests.api.issuer import Issuer
from tests.api.known import bearer
from tests.api.problems import assert_problem
from tests.api.service import Service, but, listening, serving
from tests.eventually import PATIENCE, soon


@pytest.fixture
def file(tmp_path: Path) -> Path:
    file = tmp_path / "revoked_subjects"
    file.touch()
    return file


@pytest.fixture
def registry() -> CollectorRegistry:
    return CollectorRegistry()


def write(file: Path, *lines: str) -> None:
    file.write_text("\n".join(lines))


def at(moment: float) -> str:
    return f"{datetime.fromtimestamp(moment, UTC):%Y-%m-%dT%H:%M:%SZ}"


async def counts(tokens: Tokens, token: str) -> bool:
    try:
        await tokens.check(token)
    except Unauthenticated:
        return False
    return True


async def test_no_token_of_a_revoked_subject_counts_that_is_older_or_of_no_known_age(
    issuer: Issuer, file: Path, registry: CollectorRegistry
) -> None:
    now = int(time.time())
    said = Revocations(file, registry)
    tokens = Tokens(issuer.trust, revocations=said)
    older, ageless = issuer.token("kim", "manager", iat=now - 100), issuer.token("kim", "manager", iat=None)
    newer, anothers = issuer.token("kim", "manager", iat=now - 50), issuer.token("kim lee", "manager", iat=now - 100)
    for token in (older, ageless, newer, anothers):
        assert await counts(tokens, token)

    write(file, "# who has left", "", f"lee {at(now)}", f"  kim   {at(now - 50)}  \r", f"kim {at(now - 200)}", "")
    said.reload()

    assert [await counts(tokens, token) for token in (older, ageless, newer, anothers)] == [False, False, True, True]
    write(file, f"kim lee {at(now)}")
    said.reload()
    assert [await counts(tokens, token) for token in (older, ageless, newer, anothers)] == [True, True, True, False]


MALFORMED = {
    "no time": b"kim\n",
    "no subject": b"2026-07-01T09:00:00Z\n",
    "a time without a zone": b"kim 2026-07-01T09:00:00\n",
    "a day": b"kim 2026-07-01\n",
    "no such time": b"kim 2026-13-01T09:00:00Z\n",
    "one bad line among good ones": b"lee 2026-07-01T09:00:00Z\nkim now\n",
    "not UTF-8": b"\xff 2026-07-01T09:00:00Z\n",
    "too large": b"#" * (revocations.LARGEST + 1),
    "missing": None,
}


@pytest.mark.parametrize("content", MALFORMED.values(), ids=MALFORMED)
def test_what_a_file_said_counts_while_it_cannot_be_read(
    file: Path, registry: CollectorRegistry, content: bytes | None
) -> None:
    file.write_text("old 2026-07-01T09:00:00Z\n")
    said = Revocations(file, registry)
    assert registry.get_sample_value("revoked_tokens_unreadable") == 0

    file.unlink() if content is None else file.write_bytes(content)
    said.reload()
    said.reload()

    assert said.applies("old", 0)
    assert not said.applies("lee", 0)
    assert registry.get_sample_value("revoked_tokens_unreadable") == 1
    file.write_text("new 2026-07-01T09:00:00Z\n")
    said.reload()
    assert not said.applies("old", 0)
    assert said.applies("new", 0)
    assert registry.get_sample_value("revoked_tokens_unreadable") == 0


@pytest.mark.parametrize("content", MALFORMED.values(), ids=MALFORMED)
def test_with_such_a_file_the_api_does_not_start(
    file: Path, registry: CollectorRegistry, content: bytes | None
) -> None:
    file.unlink() if content is None else file.write_bytes(content)

    with pytest.raises(InsecureConfiguration, match="REVOKED_TOKENS") as refusal:
        Revocations(file, registry)
    assert "kim" not in str(refusal.value)


@pytest.fixture
async def service(settings: Settings, issuer: Issuer, file: Path) -> AsyncIterator[Service]:
    async with serving(but(settings, **issuer.settings, revoked_tokens=file)) as service:
        yield service


async def test_the_streams_of_a_revoked_subject_end(
    settings: Settings, issuer: Issuer, file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(revocations, "LOOK_EVERY", 0.01)
    monkeypatch.setattr(change_stream, "LOOK_FOR_REVOCATION", 0.01)
    issued = int(time.time()) - 10
    kim, lee = (bearer(issuer.token(name, "manager", iat=issued)) for name in ("kim", "lee"))
    with listening(but(settings, **issuer.settings, revoked_tokens=file)) as url:
        async with (
            serving(settings) as inside,
            httpx2.AsyncClient(base_url=url, timeout=PATIENCE) as http,
            http.stream("GET", "/orderStatuses/events", headers=kim) as revoked,
            http.stream("GET", "/orderStatuses/events", headers=lee) as other,
        ):
            write(file, f"kim {at(time.time())}")
            async for _ in revoked.aiter_lines():
                pass
            await inside.app.state.services.get(OrderStatusStore).put([Order("o1", "1")])
            assert any([line.startswith("data: ") async for line in _first_event(other)])


async def _first_event(stream: httpx2.Response) -> AsyncIterator[str]:
    async for line in stream.aiter_lines():
        yield line
        if line.startswith("data: "):
            return


async def test_a_running_api_notices_a_revocation(
    service: Service, issuer: Issuer, file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(revocations, "LOOK_EVERY", 0.01)
    headers = bearer(issuer.token("kim", "manager", iat=int(time.time()) - 10))
    assert (await service.http.get("/orderStatuses", headers=headers)).is_success

    write(file, f"kim {at(time.time())}")

    async def refused() -> bool:
        return (await service.http.get("/orderStatuses", headers=headers)).status_code == 401

    await soon(refused, what="the token is refused")
    assert_problem(await service.http.get("/orderStatuses", headers=headers), 401, "unauthenticated")
    others = bearer(issuer.token("lee", "manager"))
    assert (await service.http.get("/orderStatuses", headers=others)).is_success
