"""The log of events, for systems that fetch it: everything once and in order, also after a pause."""

import asyncio
import json
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from httpx2 import Response

from api.app import stop_serving
from api.event_delivery import log_watch
from api.security.tokens import Tokens
from domain.common import contexts
from domain.event_delivery.relay import AppendEvents, OutboxEvent
from runtime.settings import Settings
from stores.event_delivery.log import EventLog
from tests.api.issuer import Issuer
from tests.api.known import bearer
from tests.api.problems import assert_problem
from tests.api.service import NOWHERE, Service, but, serving
from tests.eventually import soon

SOURCE = contexts.ORDER_STATUS
AT = datetime(2026, 11, 28, 5, 7, 34, tzinfo=UTC)


@pytest.fixture
async def service(without_temporal: Settings) -> AsyncIterator[Service]:
    async with serving(without_temporal) as service:
        yield service


@pytest.fixture
async def guarded(without_temporal: Settings, issuer: Issuer) -> AsyncIterator[Service]:
    """The same API, which asks for tokens."""
    async with serving(but(without_temporal, **issuer.settings)) as service:
        yield service


def log_of(service: Service) -> EventLog:
    log: EventLog = service.app.state.services.get(EventLog)
    return log


async def tell(service: Service, *numbers: int, event: str = "JoinOrdered", region: str | None = None) -> None:
    """Append events to the log, as the relay does."""
    log = log_of(service)
    position = await log.position(SOURCE)
    written = [OutboxEvent(f"e{number}", f"o{number}", 0, event, AT, {"position": 0}, region) for number in numbers]
    await log.append(AppendEvents(SOURCE, position, written, position + len(written)))


async def read(service: Service, who: str | None = None, **query: Any) -> Response:
    return await service.http.get("/events", params=query, headers=bearer(who))


def ids(answer: Response) -> list[str]:
    assert answer.status_code == 200, answer.text
    return [item["id"] for item in answer.json()["items"]]


async def waiting(service: Service, requests: int = 1) -> None:
    """Wait until so many requests wait for events."""

    async def so() -> bool:
        metrics = await service.http.get("/metrics")
        return f"event_log_readers_waiting {float(requests)}" in metrics.text

    await soon(so)


async def test_a_consumer_reads_page_by_page_and_goes_on_where_it_was(service: Service) -> None:
    await tell(service, *range(5))
    first = await read(service, limit=2)
    assert ids(first) == ["e0", "e1"]
    second = await read(service, limit=2, after=first.json()["next"])
    assert ids(second) == ["e2", "e3"]
    last = await read(service, limit=2, after=second.json()["next"])
    assert ids(last) == ["e4"]
    assert last.json()["next"] == last.json()["last"] == last.json()["items"][0]["sequence"]

    # Away for a while.
    assert ids(await read(service, after=last.json()["next"])) == []
    await tell(service, 5, 6)
    assert ids(await read(service, after=last.json()["next"])) == ["e5", "e6"]
    # A number need not be padded, and whoever has none begins with the oldest event.
    assert ids(await read(service, after=int(last.json()["next"]))) == ["e5", "e6"]
    assert ids(await read(service)) == [f"e{number}" for number in range(7)]


async def test_an_event_is_sent_as_the_text_that_is_stored(service: Service) -> None:
    await tell(service, 1)

    answer = await read(service)

    async with service.opened(contexts.EVENT_DELIVERY) as database, database.reading() as connection:
        [document] = (await connection.exec_driver_sql("SELECT document FROM event")).scalars()
    assert document in answer.text
    assert answer.headers["Content-Type"] == "application/json"
    [item] = answer.json()["items"]
    assert (item["specversion"], item["type"], item["time"]) == (
        "1.0",
        "orders.JoinOrdered",
        "2026-11-28T05:07:34.000000Z",
    )


async def test_filters_select_by_type_family_and_region(service: Service) -> None:
    await tell(service, 1)
    await tell(service, 2, event="JoinCompleted", region="KR-11")
    await tell(service, 3, event="JoinCompleted", region="KR-26")

    assert ids(await read(service, type="orders.JoinCompleted")) == ["e2", "e3"]
    assert ids(await read(service, type=["orders.JoinOrdered", "orders.Other"])) == ["e1"]
    assert ids(await read(service, type="orders.*", region=["KR-26", "KR-11"])) == ["e2", "e3"]
    nothing = await read(service, type="afterService.*")
    assert (ids(nothing), nothing.json()["next"]) == ([], nothing.json()["last"])


async def test_who_waits_gets_the_next_event_when_it_is_there(service: Service) -> None:
    await tell(service, 1)
    last = (await read(service)).json()["last"]
    request = asyncio.create_task(read(service, after=last, wait=25))
    others = [asyncio.create_task(read(service, after=last, wait=25, type="orders.JoinCompleted")) for _ in range(3)]
    await waiting(service, requests=4)

    await tell(service, 2)
    assert ids(await request) == ["e2"]
    # What a filter passes over is no reason to answer.
    await waiting(service, requests=3)
    await tell(service, 3, event="JoinCompleted")
    assert [ids(answer) for answer in await asyncio.gather(*others)] == [["e3"]] * 3
    await waiting(service, requests=0)


async def test_nobody_waits_for_what_is_there(service: Service) -> None:
    await tell(service, 1)

    assert ids(await read(service, wait=25)) == ["e1"]


async def test_a_request_that_waited_in_vain_is_answered_with_where_to_go_on(
    service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(log_watch, "LONGEST_WAIT", 0.01)

    answer = await read(service, wait=25)

    assert ids(answer) == []
    assert answer.json()["next"] == answer.json()["last"]


async def test_one_look_at_the_log_is_for_all_who_wait(service: Service, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(log_watch, "LOOK_EVERY", 10.0**6)
    looks, last = [], EventLog.last

    async def counted(log: EventLog) -> int:
        looks.append(log)
        return await last(log)

    monkeypatch.setattr(EventLog, "last", counted)
    requests = [asyncio.create_task(read(service, wait=25)) for _ in range(10)]
    await waiting(service, requests=10)

    await stop_serving(service.app)

    assert [ids(answer) for answer in await asyncio.gather(*requests)] == [[]] * 10
    assert len(looks) <= 1


async def test_a_process_that_stops_sends_everybody_on(service: Service) -> None:
    request = asyncio.create_task(read(service, wait=25))
    await waiting(service)

    await stop_serving(service.app)

    assert ids(await request) == []


async def test_a_client_can_wait_with_a_few_requests_only(without_temporal: Settings) -> None:
    async with serving(but(without_temporal, max_listeners_per_client=2)) as service:
        requests = [asyncio.create_task(read(service, wait=25)) for _ in range(2)]
        await waiting(service, requests=2)

        assert_problem(await read(service, wait=1), 429, "too-many-requests")
        # Without waiting, anybody reads.
        assert ids(await read(service)) == []
        await tell(service, 1)
        assert [ids(answer) for answer in await asyncio.gather(*requests)] == [["e1"]] * 2


async def test_who_was_away_for_too_long_is_told_from_where_nothing_is_missing(service: Service) -> None:
    begin = (await read(service)).json()["last"]
    await tell(service, 1, 2)
    after_first = (await read(service, limit=1)).json()["next"]
    await log_of(service).prune(datetime.now(UTC) + timedelta(minutes=1))
    await tell(service, 3)

    for after in (0, begin, after_first):
        for wait in (0, 25):
            gone = assert_problem(await read(service, after=after, wait=wait), 410, "events-gone")
    assert ids(await read(service, after=gone["oldest"])) == ["e3"]
    assert ids(await read(service)) == ["e3"]


@pytest.mark.parametrize(
    "query",
    [
        {"after": "99999999999999999999"},
        {"after": str(2**63 - 1)},
        {"after": "-1"},
        {"after": "1e5"},
        {"limit": 0},
        {"limit": 501},
        {"wait": 26},
        {"wait": -1},
        {"type": "orders.Join%"},
        {"type": "*"},
        {"type": "o" * 81},
        {"region": "Seoul"},
    ],
)
async def test_a_malformed_request_is_refused(service: Service, query: dict[str, Any]) -> None:
    assert_problem(await read(service, **query), 400, "malformed-request")


async def test_a_manager_with_regions_sees_the_events_in_them(guarded: Service, issuer: Issuer) -> None:
    await tell(guarded, 1)
    await tell(guarded, 2, region="KR-11")
    await tell(guarded, 3, region="KR-26")
    regional = issuer.token("lee", "manager", regions=["KR-11"])

    assert ids(await read(guarded, issuer.token("kim", "manager"))) == ["e1", "e2", "e3"]
    assert ids(await read(guarded, issuer.token("crm", "service", scope="events:read"))) == ["e1", "e2", "e3"]
    assert ids(await read(guarded, regional)) == ids(await read(guarded, regional, region="KR-11")) == ["e2"]
    assert_problem(await read(guarded, regional, region="KR-26"), 403, "forbidden")
    assert_problem(await read(guarded, issuer.token("crm", "service", scope="orders:read")), 403, "forbidden")


async def test_nobody_is_answered_whose_token_counts_no_more(
    guarded: Service, issuer: Issuer, monkeypatch: pytest.MonkeyPatch
) -> None:
    token = issuer.token("kim", "manager")
    request = asyncio.create_task(read(guarded, token, wait=25))
    for_metrics = bearer(issuer.token("ops", "operator", scope="metrics:read"))

    async def waits() -> bool:
        metrics = await guarded.http.get("/metrics", headers=for_metrics)
        return "event_log_readers_waiting 1.0" in metrics.text

    await soon(waits)
    monkeypatch.setattr(Tokens, "revoked", lambda *_: True)
    await tell(guarded, 1)

    assert_problem(await request, 401, "unauthenticated")


async def test_without_the_log_everything_else_is_served(without_temporal: Settings) -> None:
    async with serving(but(without_temporal, event_delivery_database_url=NOWHERE)) as service:
        for wait in (0, 25):
            assert_problem(await read(service, wait=wait), 503, "no-answer-in-time")
        assert (await service.http.get("/orderStatuses")).is_success
        parts = (await service.http.get("/health/ready")).json()["parts"]
        assert (parts["eventDeliveryStore"], parts["orderStatusStore"]) == ("down", "up")


async def test_what_other_systems_write_into_facts_stays_json(service: Service) -> None:
    log = log_of(service)
    odd = {"name": '한글 "quoted" \\ \u2028 </script>', "nothing": None, "nested": {"a": [1, 2.5]}}
    await log.append(AppendEvents(SOURCE, 0, [OutboxEvent("e1", "o1", 0, "JoinOrdered", AT, odd)], 1))

    answer = await read(service)

    assert json.loads(answer.text)["items"][0]["data"] == odd
