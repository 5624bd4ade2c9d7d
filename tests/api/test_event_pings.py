"""A ping over HTTP, by a real workflow: what its answer is, and when there is none yet."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from unittest.mock import Mock

import pytest
from httpx2 import Response

from api.event_delivery import ping as pings
from api.event_delivery.delivery_trigger import DeliveryTrigger
from domain.common import contexts
from domain.event_delivery.ping import workflow_id
from runtime.settings import Settings
from tests.api.ending import deleted, terminated
from tests.api.problems import assert_problem
from tests.api.service import Service, but, serving
from tests.event_delivery.consumer import Consumer, consumer, silent
from tests.eventually import PATIENCE, soon


@pytest.fixture
def changed(monkeypatch: pytest.MonkeyPatch) -> Mock:
    """Keep deliveries from being started: they would ping, too."""
    changed = Mock()
    monkeypatch.setattr(DeliveryTrigger, "changed", changed)
    return changed


@pytest.fixture
async def service(settings: Settings, changed: Mock) -> AsyncIterator[Service]:
    async with serving(but(settings, event_target_networks="127.0.0.0/8")) as service:
        yield service


async def subscribed(service: Service, seen: Consumer) -> str:
    """Make a subscription. Returns its path."""
    body = {"name": "billing", "url": f"http://127.0.0.1:{seen.port}/"}
    return str((await service.http.post("/eventSubscriptions", json=body)).headers["Location"])


async def test_a_ping_makes_a_subscription_active(
    service: Service, changed: Mock, monkeypatch: pytest.MonkeyPatch
) -> None:
    await service.work(contexts.EVENT_DELIVERY)
    monkeypatch.setattr(pings, "PING_WITHIN", PATIENCE)
    async with consumer() as seen:
        path = await subscribed(service, seen)

        answer = await service.http.post(f"{path}/ping")

        assert changed.call_count == 2, "events that wait are sent"
        assert (answer.status_code, answer.json()["outcome"], answer.json()["status"]) == (200, "delivered", 204)
        assert (await service.http.get(path)).json()["state"] == "ACTIVE"
        [attempt] = (await service.http.get(f"{path}/attempts")).json()["items"]
        assert attempt["eventId"] == seen.headers()["webhook-id"]
        assert (attempt["outcome"], attempt["sequence"], attempt["number"]) == ("delivered", None, 1)


async def test_a_consumer_that_is_slow_is_told_of_by_the_attempts(
    service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    await service.work(contexts.EVENT_DELIVERY)
    async with consumer(silent) as seen:
        path = await subscribed(service, seen)
        monkeypatch.setattr(pings, "PING_WITHIN", 0.5)

        async def under_way() -> Response | None:
            # Repeated requests share one ping, which a worker may not have taken at first.
            answer = await service.http.post(f"{path}/ping")
            return answer if answer.status_code == 202 else None

        answer = await soon(under_way, what="a worker has taken the ping")
        assert answer is not None
        assert set(answer.json().values()) == {None}


async def test_without_a_worker_there_is_no_answer(service: Service, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pings, "PING_WITHIN", 0.1)
    async with consumer() as seen:
        path = await subscribed(service, seen)

        assert_problem(await service.http.post(f"{path}/ping"), 503, "no-answer-in-time")
        assert_problem(await service.http.post("/eventSubscriptions/unknown/ping"), 404, "not-found")
        assert seen.heads == []


@pytest.mark.parametrize("end", [terminated, deleted])
async def test_a_ping_that_somebody_ends_has_no_answer(
    service: Service, monkeypatch: pytest.MonkeyPatch, end: Callable[[Service, str], Awaitable[bool]]
) -> None:
    monkeypatch.setattr(pings, "PING_WITHIN", PATIENCE)
    async with consumer() as seen:
        path = await subscribed(service, seen)
        answering = asyncio.create_task(service.http.post(f"{path}/ping"))
        await soon(lambda: end(service, workflow_id(path.rpartition("/")[2])), what="the ping is ended")

        assert_problem(await answering, 503, "no-answer-in-time")


async def test_a_consumer_is_not_flooded_with_pings(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pings, "PINGS_PER_MINUTE", 2)
    monkeypatch.setattr(pings, "PING_WITHIN", 0.01)
    async with serving(but(settings, event_target_networks="127.0.0.0/8")) as service, consumer() as seen:
        first, second = await subscribed(service, seen), await subscribed(service, seen)

        statuses = [(await service.http.post(f"{first}/ping")).status_code for _ in range(4)]

        assert statuses == [503, 503, 429, 429]
        assert (await service.http.post(f"{second}/ping")).status_code == 503
