"""What managers see of the last days: `GET /orderStatuses/statistics`."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any
from unittest.mock import Mock
from zoneinfo import ZoneInfo

import pytest
from prometheus_client import CollectorRegistry
from sqlalchemy import update
from temporalio.testing import ActivityEnvironment

from activities.common.serving import Resources
from activities.order_status.part import part
from domain.common import contexts
from domain.erasure import CustomersOrders
from domain.installation import Installation
from domain.order_status.reconciliation import EndOrder
from domain.orders import Event, HistoryEntry, Order, OrderStatus
from runtime.settings import Settings
from stores.order_status.tables import ORDER_STATUS, STATISTICS_BEGIN
from stores.order_status.view import OrderStatusStore
from tests.api.issuer import Issuer
from tests.api.known import bearer
from tests.api.problems import assert_problem
from tests.api.service import NOWHERE, Service, but, serving

KOREA = ZoneInfo("Asia/Seoul")
PATH = "/orderStatuses/statistics"
NOTHING = {
    "ordered": 0,
    "completed": 0,
    "canceled": 0,
    "declined": 0,
    "unanswered": 0,
    "incompleteByReason": {},
    "hoursToCompletion": None,
}


SPANS = [
    ("from=2025-01-01&to=2026-01-01", 200),
    ("from=2024-01-01&to=2024-12-31", 200),
    ("from=2025-01-01&to=2026-01-02", 400),
    ("from=2026-01-02&to=2026-01-01", 400),
    ("from=2999-01-01", 400),
    ("from=20260101", 400),
    ("from=2026-02-30", 400),
    ("from=2026-01-01T00:00:00Z", 400),
    ("to=0000-01-01", 400),
    ("to=1970-01-01", 200),
    ("to=8999-12-31", 200),
    ("region=Seoul", 400),
    ("region=", 400),
]


@dataclass
class Days:
    """Three days, ten days ago, and what happens on them."""

    noon: datetime
    """Of the first day, in Korea."""

    @classmethod
    def ago(cls, days: int) -> "Days":
        return cls(datetime.now(KOREA).replace(hour=12, minute=0, second=0, microsecond=0) - timedelta(days=days))

    def day(self, number: int) -> str:
        return (self.noon + timedelta(days=number)).date().isoformat()

    def order(
        self, order_id: str, region: str | None, *events: tuple[float, str, str | None], hour: float = 0
    ) -> Order:
        """Return an order that was placed hours after noon of the first day, and its events, hours after the order."""
        placed = self.noon.astimezone(UTC) + timedelta(hours=hour)
        history = [HistoryEntry(event, placed + timedelta(hours=hours), detail=why) for hours, event, why in events]
        return Order(order_id, region=region, version=1, history=[HistoryEntry(Event.JOIN_ORDERED, placed), *history])


@pytest.fixture
def settings(without_temporal: Settings) -> Settings:
    return without_temporal


@pytest.fixture
def days() -> Days:
    return Days.ago(10)


@pytest.fixture
async def service(settings: Settings, days: Days) -> AsyncIterator[Service]:
    async with serving(settings) as service:
        await fill(service, days)
        yield service


async def fill(service: Service, days: Days) -> None:
    async with service.opened(contexts.ORDER_STATUS) as database, database.writing() as connection:
        await connection.execute(update(STATISTICS_BEGIN).values(at=days.noon - timedelta(days=1)))
    await service.app.state.services.get(OrderStatusStore).put(
        [
            days.order("o1", "KR-11", (1, "InstallationDeclined", None), (40, "JoinCompleted", None)),
            days.order("o2", "KR-11", (3, "JoinCompleted", None)),
            days.order("o3", "KR-26", (1, "InstallationIncomplete", "CUSTOMER_ABSENT"), (2, "OrderCanceled", None)),
            days.order("o4", "KR-26", (1, "InstallationUnanswered", None)),
            days.order("o5", None, hour=11.99),
            days.order("o6", None, hour=12),
        ]
    )


async def read(service: Service, query: str = "", **headers: str) -> list[dict[str, Any]]:
    answer = await service.http.get(f"{PATH}?{query}", headers=headers)
    assert answer.status_code == 200, answer.text
    assert answer.json()["nextCursor"] is None
    return list(answer.json()["items"])


def item(day: str, region: str | None, **counts: Any) -> dict[str, Any]:
    return {"day": day, "region": region, **NOTHING, **counts}


async def test_each_day_and_region_says_what_happened_then_and_there(service: Service, days: Days) -> None:
    first, second, third = (days.day(number) for number in range(3))
    eight = {"median": 4, "p90": 4}

    assert await read(service, f"from={first}&to={third}") == [
        item(first, None, ordered=1),
        item(first, "KR-11", ordered=2, declined=1, completed=1, hoursToCompletion=eight),
        item(first, "KR-26", ordered=2, canceled=1, unanswered=1, incompleteByReason={"CUSTOMER_ABSENT": 1}),
        item(second, None, ordered=1),
        item(third, "KR-11", completed=1, hoursToCompletion={"median": 64, "p90": 64}),
    ]
    assert await read(service) == await read(service, f"from={first}&to={third}")
    assert await read(service, f"from={second}&to={second}") == [item(second, None, ordered=1)]
    assert {one["region"] for one in await read(service, "region=KR-11")} == {"KR-11"}
    assert {one["region"] for one in await read(service, "region=KR-11&region=KR-26")} == {"KR-11", "KR-26"}


async def test_the_default_is_the_last_thirty_days(service: Service, days: Days) -> None:
    thirty_days_later = (days.noon + timedelta(days=29)).date()

    for last, found in ((thirty_days_later, True), (thirty_days_later + timedelta(days=1), False)):
        assert (days.day(0) in {one["day"] for one in await read(service, f"to={last}")}) is found
    assert await read(service, f"from={datetime.now(KOREA).date()}") == []


async def test_a_span_has_at_most_366_days_and_two_ends(service: Service) -> None:
    for query, status in SPANS:
        answer = await service.http.get(f"{PATH}?{query}")
        assert answer.status_code == status, (query, answer.text)
        if status == 400:
            assert_problem(answer, 400, "malformed-request")


async def test_a_limited_manager_reads_of_their_regions_alone(settings: Settings, issuer: Issuer, days: Days) -> None:
    async with serving(but(settings, **issuer.settings)) as service:
        await fill(service, days)
        regional = bearer(issuer.token("lee", "manager", regions=["KR-26", "KR-41"]))

        assert {one["region"] for one in await read(service, **regional)} == {"KR-26"}
        assert await read(service, "region=KR-41", **regional) == []
        refused = await service.http.get(f"{PATH}?region=KR-26&region=KR-11", headers=regional)
        assert_problem(refused, 403, "forbidden")
        everywhere = bearer(issuer.token("kim", "manager"))
        assert {one["region"] for one in await read(service, **everywhere)} == {None, "KR-11", "KR-26"}


async def test_without_the_read_model_there_is_no_answer(settings: Settings) -> None:
    async with serving(but(settings, order_status_database_url=NOWHERE)) as service:
        assert_problem(await service.http.get(PATH), 503, "no-answer-in-time")


async def test_whoever_stores_an_order_counts_by_the_days_of_the_configured_zone(settings: Settings) -> None:
    """The API, the projection, the reconciliation and the erasure."""
    zone = ZoneInfo("Pacific/Kiritimati")  # two o'clock in the morning of the next day, when it is noon in UTC
    settings = but(settings, visit_time_zone=zone)
    noon = datetime.now(UTC).replace(hour=12, minute=0, second=0, microsecond=0) - timedelta(days=3)

    def placed(order_id: str, status: OrderStatus = OrderStatus.JOIN_COMPLETED) -> Order:
        return Order(order_id, "c", status=status, version=1, history=[HistoryEntry(Event.JOIN_ORDERED, noon)])

    async with serving(settings) as service, service.opened(contexts.ORDER_STATUS) as database:
        store = service.app.state.services.get(OrderStatusStore)
        async with database.writing() as connection:
            await connection.execute(update(STATISTICS_BEGIN).values(at=noon))
        resources = Resources(database, Mock(), settings, CollectorRegistry())
        doing = {activity.__name__: activity for activity in part(resources).activities}
        await store.put([placed("by the API"), Order("by the erasure", "c", status=OrderStatus.JOIN_COMPLETED)])
        worker = ActivityEnvironment()
        await worker.run(doing["project_order"], placed("by the projection"))
        lost = EndOrder(placed("by the reconciliation", OrderStatus.JOIN_ORDERED), Installation())
        await worker.run(doing["end_order"], lost)
        async with database.writing() as connection:
            # As a worker of the release before stores it.
            late = update(ORDER_STATUS).where(ORDER_STATUS.c.order_id == "by the erasure")
            await connection.execute(late.values(history=placed("").history))
        await worker.run(doing["erase_view"], CustomersOrders(["by the erasure"], open=False))

        found = {each.day: each.counts.ordered for each in await store.statistics(date.min, date.max)}

    assert found.pop(noon.date() + timedelta(days=1)) == 4
    assert not any(found.values())
