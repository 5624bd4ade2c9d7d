"""Engineers follow their own orders by the event stream, and hear of it when one is no longer theirs."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx2
import pytest

from api.management_center import retirement
from api.order_status import change_stream
from api.order_status.schemas import OrderStatusResponse
from domain.installation import ContactPolicy
from domain.orders import Event, HistoryEntry, Order, OrderStatus
from runtime.settings import Settings
from stores.management_center.assignments import ManagementCenterStore
from stores.order_status.view import OrderStatusStore
from tests.api.fuzzed import end_streams
from tests.api.issuer import Issuer
from tests.api.known import bearer
from tests.api.problems import assert_problem
from tests.api.seen import CONTACT, NO, ORDER
from tests.api.service import Service, but, listening, serving
from tests.domain.filled import filled
from tests.eventually import PATIENCE

MINE, OTHERS = "kr-11-1", "kr-11-2"
REQUESTED = [Event.JOIN_ORDERED, Event.ORDER_ACCEPTED, Event.INSTALLATION_REQUESTED]


@pytest.fixture
def settings(without_temporal: Settings, issuer: Issuer) -> Settings:
    return but(without_temporal, **issuer.settings, rate_limit_anonymous=0)


@pytest.fixture
async def service(settings: Settings) -> AsyncIterator[Service]:
    async with serving(settings) as service:
        yield service


def order(version: int, engineer_id: str | None, *events: str, ago: timedelta = timedelta(), **more: Any) -> Order:
    """Return an order with all members, its history ended some time ago."""
    at = datetime.now(UTC) - ago
    history = [HistoryEntry(event, at, f"engineer:{OTHERS}", "the dog bites") for event in events or REQUESTED]
    return replace(filled(Order), order_id="o1", version=version, engineer_id=engineer_id, history=history, **more)


@asynccontextmanager
async def stream(url: str, headers: dict[str, str]) -> AsyncIterator[AsyncIterator[dict[str, Any]]]:
    async with (
        httpx2.AsyncClient(base_url=url, timeout=PATIENCE) as http,
        http.stream("GET", "/orderStatuses/events", headers=headers) as answer,
    ):
        assert answer.status_code == 200
        yield (
            json.loads(line.removeprefix("data: ")) async for line in answer.aiter_lines() if line.startswith("data: ")
        )


async def told(service: Service, headers: dict[str, str], query: str = "") -> list[dict[str, Any]]:
    """Return all events from the beginning, where streams end when everything is told."""
    answer = await service.http.get(f"/orderStatuses/events?{query}", headers=headers | {"Last-Event-ID": "0"})
    assert answer.status_code == 200, answer.text
    lines = answer.text.splitlines()
    return [json.loads(line.removeprefix("data: ")) for line in lines if line.startswith("data: ")]


async def test_an_order_that_is_no_longer_theirs_comes_once_more_and_says_nothing(
    settings: Settings, issuer: Issuer
) -> None:
    engineer, other = bearer(issuer.token(MINE, "engineer")), bearer(issuer.token(OTHERS, "engineer"))
    with listening(settings) as url:
        async with serving(settings) as inside, stream(url, engineer) as mine, stream(url, other) as others:
            store = inside.app.state.services.get(OrderStatusStore)
            await store.put([order(1, None), replace(order(1, OTHERS), order_id="o2")])
            await store.put([order(2, MINE)])
            first = await anext(mine)
            await store.put([order(3, OTHERS)])
            await store.put([order(4, OTHERS)])
            left = await anext(mine)
            await store.put([order(5, MINE)])
            back = await anext(mine)
            heard = [await anext(others) for _ in range(4)]

    assert (first["orderId"], first["engineerId"], first["version"]) == ("o1", MINE, 2)
    assert left == {"orderId": "o1", "engineerId": None, "version": 3}
    assert (back["engineerId"], back["version"]) == (MINE, 5)
    assert [(one["orderId"], one["version"]) for one in heard] == [("o2", 1), ("o1", 3), ("o1", 4), ("o1", 5)]
    assert heard[-1] == {"orderId": "o1", "engineerId": None, "version": 5}


@pytest.mark.parametrize("days_ago", [0, 8])
async def test_an_engineer_sees_of_their_order_what_the_view_names(
    service: Service, issuer: Issuer, monkeypatch: pytest.MonkeyPatch, days_ago: int
) -> None:
    end_streams(monkeypatch)
    done = order(3, MINE, *REQUESTED, Event.INSTALLATION_COMPLETED, ago=timedelta(days=days_ago))
    store = service.app.state.services.get(OrderStatusStore)
    await store.put([done])
    everything = json.loads(OrderStatusResponse.of_view(await store.get("o1")).model_dump_json(by_alias=True))

    [seen] = await told(service, bearer(issuer.token(MINE, "engineer")))

    hidden = {member for member, (_, how) in ORDER.items() if how == NO or (how == CONTACT and days_ago)}
    history = [entry | {"by": "engineer", "detail": None} for entry in everything["history"]]
    assert seen == {name: None if name in hidden else value for name, value in everything.items()} | {
        "history": history
    }


@pytest.mark.parametrize(("days_ago", "shown"), [(6, True), (8, False)])
async def test_a_version_from_before_the_work_ended_shows_no_more_of_the_customer_than_the_last_one(
    service: Service, issuer: Issuer, monkeypatch: pytest.MonkeyPatch, days_ago: int, shown: bool
) -> None:
    end_streams(monkeypatch)
    ago = timedelta(days=days_ago)
    store = service.app.state.services.get(OrderStatusStore)
    await store.put([order(2, MINE, ago=ago)])
    await store.put([order(3, MINE, *REQUESTED, Event.INSTALLATION_COMPLETED, ago=ago)])

    seen = await told(service, bearer(issuer.token(MINE, "engineer")))

    assert [each["version"] for each in seen] == [2, 3]
    contact = [each[name] for each in seen for name, (_, how) in ORDER.items() if how == CONTACT]
    assert [value is not None for value in contact] == [shown] * len(contact)


async def test_what_is_hidden_from_an_engineer_cannot_be_found_out_by_a_filter(
    service: Service, issuer: Issuer, monkeypatch: pytest.MonkeyPatch
) -> None:
    end_streams(monkeypatch)
    engineer = bearer(issuer.token(MINE, "engineer"))
    await service.app.state.services.get(OrderStatusStore).put([order(1, MINE, status=OrderStatus.JOIN_COMPLETED)])

    for query in ("customerId=c1", "q=Seoul", f"engineerId={OTHERS}"):
        answer = await service.http.get(f"/orderStatuses/events?{query}", headers=engineer)
        assert_problem(answer, 403, "forbidden")
    assert await told(service, engineer, "attention=true") == []
    assert await told(service, engineer, "status=JOIN_ORDERED") == []
    for query in ("attention=false", "status=JOIN_COMPLETED", f"engineerId={MINE}"):
        assert len(await told(service, engineer, query)) == 1
    for path in ("/orderStatuses", "/orderStatuses/o1", "/orderStatuses/summary"):
        assert_problem(await service.http.get(path, headers=engineer), 403, "forbidden")


async def test_the_stream_of_an_engineer_who_retires_ends(
    settings: Settings, issuer: Issuer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(retirement, "LOOK_EVERY", 0.01)
    monkeypatch.setattr(change_stream, "LOOK_FOR_REVOCATION", 0.01)
    with listening(settings) as url:
        async with serving(settings) as inside, stream(url, bearer(issuer.token(MINE, "engineer"))) as mine:
            store = inside.app.state.services.get(OrderStatusStore)
            await store.put([order(1, MINE)])
            await anext(mine)
            await inside.app.state.services.get(ManagementCenterStore).change_engineer(MINE, active=False)

            async with asyncio.timeout(PATIENCE):
                assert [event async for event in mine] == []


@pytest.mark.parametrize(
    ("events", "ago", "shown"),
    [
        ([], 0, False),
        ([Event.ORDER_ACCEPTED], 0, False),
        ([Event.ORDER_ACCEPTED, Event.INSTALLATION_REQUESTED], 30, True),
        ([Event.ORDER_ACCEPTED, Event.INSTALLATION_REQUESTED, Event.INSTALLATION_ACCEPTED], 30, True),
        ([Event.ORDER_ACCEPTED, Event.INSTALLATION_REQUESTED, Event.INSTALLATION_COMPLETED], 6, True),
        ([Event.ORDER_ACCEPTED, Event.INSTALLATION_REQUESTED, Event.INSTALLATION_COMPLETED], 8, False),
        ([Event.ORDER_ACCEPTED, Event.INSTALLATION_REQUESTED, Event.INSTALLATION_INCOMPLETE], 8, False),
        ([Event.ORDER_ACCEPTED, Event.INSTALLATION_REQUESTED, Event.CANCEL_ORDERED], 8, True),
        ([Event.ORDER_ACCEPTED, Event.INSTALLATION_REQUESTED, Event.INSTALLATION_CANCELED], 8, False),
        ([Event.ORDER_ACCEPTED, Event.INSTALLATION_CANCELED], 0, False),
        ([Event.INSTALLATION_REQUESTED, Event.INSTALLATION_DECLINED, Event.ORDER_ACCEPTED], 0, False),
        ([Event.INSTALLATION_REQUESTED, Event.VISIT_LOST, Event.ENGINEER_REASSIGNED], 0, False),
        ([Event.INSTALLATION_REQUESTED, Event.VISIT_RESCHEDULED, Event.INSTALLATION_REQUESTED], 8, True),
        ([Event.INSTALLATION_REQUESTED, Event.INSTALLATION_COMPLETED, Event.ORDER_CANCEL_REJECTED], 8, False),
    ],
)
def test_an_engineer_sees_the_customer_from_the_request_until_some_time_after_the_work(
    events: list[Event], ago: int, shown: bool
) -> None:
    now = datetime(2026, 7, 15, tzinfo=UTC)
    history = [HistoryEntry(event, now - timedelta(days=ago)) for event in events]

    assert ContactPolicy(timedelta(days=7)).shows_order(history, now) is shown
