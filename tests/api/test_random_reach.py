"""For random orders, regions and engineers who move, retire and decline: everybody sees the same everywhere."""

import json
from collections.abc import AsyncIterator, Collection, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given
from hypothesis import settings as effort
from hypothesis import strategies as st
from pydantic import BaseModel
from sqlalchemy import delete

from api.installation.schemas import InstallationResponse
from api.management_center.retirement import RetiredEngineers
from api.order_status.schemas import OrderStatusResponse
from domain.common import contexts
from domain.common.times import UNSET
from domain.installation import CancelInstallation, Installation, RecordAnswer, RequestInstallation
from domain.orders import Attention, AttentionReason, Event, HistoryEntry, Order
from runtime.settings import Settings
from stores.installation.installations import InstallationStore
from stores.installation.tables import INSTALLATION, INSTALLATION_ORDER
from stores.management_center.assignments import ManagementCenterStore
from stores.order_status.tables import ORDER_CHANGE, ORDER_STATUS
from stores.order_status.view import OrderStatusStore
from tests.api.fuzzed import end_streams
from tests.api.issuer import Issuer
from tests.api.known import EVERY_SCOPE, bearer
from tests.api.seen import of_customer, of_engineer
from tests.api.service import Service, but, serving
from tests.domain.filled import filled
from tests.whole import examples

REGIONS = ["KR-11", "KR-26", None]
ENGINEERS = ["kr-11-1", "kr-26-1"]
CUSTOMERS = ["1", "2"]
ORDERS = [f"o{number}" for number in range(4)]
STEPS = st.tuples(
    st.sampled_from(
        [
            "project",
            "project",
            "request",
            "request",
            "decline",
            "complete",
            "withdraw",
            "cancel",
            "retire",
            "return",
            "move",
        ]
    ),
    st.sampled_from(ORDERS),
    st.sampled_from(REGIONS),
    st.sampled_from(ENGINEERS),
    st.sampled_from([0, 8]),
    st.sampled_from([*AttentionReason]),
)
"""An event, an order, a region, an engineer, how many days ago it was, and why a person is needed."""
HISTORY = [
    HistoryEntry(Event.JOIN_ORDERED, UNSET, "customer:1", "by the first"),
    HistoryEntry(Event.INSTALLATION_DECLINED, UNSET, "engineer:kr-11-1", "the dog bites"),
    HistoryEntry(Event.VISIT_RESCHEDULED, UNSET, "manager:kim", "instead of 2026-12-11 06:00:00 UTC"),
    HistoryEntry(Event.VISIT_RESCHEDULED, UNSET, "manager:kim", "assigned by manager:kim"),
    HistoryEntry(Event.CANCEL_ORDERED, UNSET, "customer:2", "by the second"),
]


@pytest.fixture
async def service(
    without_temporal: Settings, issuer: Issuer, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[Service]:
    end_streams(monkeypatch)
    unlimited = {f"rate_limit_{role}": 0 for role in ("anonymous", "customer", "engineer", "manager", "service")}
    async with serving(but(without_temporal, **issuer.settings, **unlimited)) as service:
        yield service


@dataclass
class World:
    """What has happened."""

    service: Service
    orders: dict[str, Order] = field(default_factory=dict)
    rounds: dict[str, int] = field(default_factory=dict)
    retired: set[str] = field(default_factory=set)
    left: dict[tuple[str | None, str], int] = field(default_factory=dict)
    """The version with which an order last left an engineer."""

    @property
    def installations(self) -> InstallationStore:
        found: InstallationStore = self.service.app.state.services.get(InstallationStore)
        return found

    async def clear(self) -> None:
        for context, tables in (
            (contexts.INSTALLATION, (INSTALLATION, INSTALLATION_ORDER)),
            (contexts.ORDER_STATUS, (ORDER_STATUS, ORDER_CHANGE)),
        ):
            async with self.service.opened(context) as database, database.writing() as connection:
                for table in tables:
                    await connection.execute(delete(table))
        for engineer_id in ENGINEERS:
            await self.staff(engineer_id, active=True)

    async def staff(self, engineer_id: str, **changes: Any) -> None:
        services = self.service.app.state.services
        await services.get(ManagementCenterStore).change_engineer(engineer_id, **changes)
        await services.get(RetiredEngineers).refresh()

    async def happen(
        self, step: str, order_id: str, region: str | None, engineer_id: str, days_ago: int, reason: AttentionReason
    ) -> None:
        at = datetime.now(UTC) - timedelta(days=days_ago)
        round_ = self.rounds.get(order_id, 0)
        match step:
            case "project":
                before = self.orders.get(order_id, Order())
                version = before.version + 1
                if before.engineer_id != engineer_id:
                    self.left[before.engineer_id, order_id] = version
                order = replace(
                    filled(Order),
                    order_id=order_id,
                    customer_id=CUSTOMERS[ORDERS.index(order_id) % 2],
                    region=region,
                    engineer_id=engineer_id,
                    attention=replace(filled(Attention), reason=reason),
                    history=HISTORY,
                    version=version,
                )
                self.orders[order_id] = order
                await self.service.app.state.services.get(OrderStatusStore).put([order])
            case "request":
                self.rounds[order_id] = round_ + 1
                request = replace(
                    filled(RequestInstallation),
                    order_id=order_id,
                    round=round_ + 1,
                    engineer_id=engineer_id,
                    region=region,
                )
                await self.installations.request(request, at)
            case "cancel":
                cancel = replace(filled(CancelInstallation), order_id=order_id, region=region)
                await self.installations.cancel(cancel, at)
            case "decline" | "complete" | "withdraw" if round_:
                answer = RecordAnswer(order_id, round_, at, "the dog bites", "rang twice", ["serial"])
                await getattr(self.installations, step)(answer)
            case "retire" | "return":
                await self.staff(engineer_id, active=step == "return")
                (self.retired.add if step == "retire" else self.retired.discard)(engineer_id)
            case "move":
                await self.staff(engineer_id, region=region)


@pytest.mark.multiplied
@effort(
    max_examples=examples(6, whole=60),
    suppress_health_check=list(HealthCheck),
    phases=[Phase.explicit, Phase.reuse, Phase.generate],
)
@given(steps=st.lists(STEPS, min_size=4, max_size=24))
async def test_everybody_sees_the_same_in_a_list_in_a_stream_and_by_id(
    service: Service, issuer: Issuer, steps: list[tuple[str, str, str | None, str, int, AttentionReason]]
) -> None:
    world = World(service)
    await world.clear()
    for step in steps:
        await world.happen(*step)

    for customer_id in CUSTOMERS:
        of = {name: order for name, order in world.orders.items() if order.customer_id == customer_id}
        expected = {name: of_customer(one, customer_id) for name, one in (await everything(world, of)).items()}
        await assert_orders(world, bearer(issuer.token(customer_id, "customer")), expected)
    for regions in (["KR-11"], ["KR-26"], ["KR-11", "KR-26"]):
        headers = bearer(issuer.token("lee", "manager", regions=regions))
        of = {name: order for name, order in world.orders.items() if order.region in regions}
        await assert_orders(world, headers, await everything(world, of))
        await assert_installations(world, headers, [one for one in await rows(world) if one.region in regions])
    for headers in (
        bearer(issuer.token("kim", "manager")),
        bearer(issuer.token("shop", "service", scope=EVERY_SCOPE)),
    ):
        await assert_orders(world, headers, await everything(world, world.orders))
        await assert_installations(world, headers, await rows(world))
    for engineer_id in ENGINEERS:
        headers = bearer(issuer.token(engineer_id, "engineer"))
        assert (await world.service.http.get("/orderStatuses", headers=headers)).status_code == 403
        if engineer_id in world.retired:
            paths = ["/orderStatuses/events", "/installations", *(f"/installations/{order_id}" for order_id in ORDERS)]
            for path in paths:
                assert (await world.service.http.get(path, headers=headers)).status_code == 403
        else:
            own = [one for one in await rows(world) if one.engineer_id == engineer_id]
            await assert_installations(world, headers, own, engineer=True)
            newest: dict[str, tuple[str | None, int]] = {
                name: (None, version) for (whose, name), version in world.left.items() if whose == engineer_id
            }
            for name, order in world.orders.items():
                if order.engineer_id == engineer_id:
                    newest[name] = engineer_id, order.version
            told = await told_of(world, headers)
            assert {one["orderId"]: (one["engineerId"], one["version"]) for one in told} == newest


async def everything(world: World, orders: Collection[str]) -> dict[str, dict[str, Any]]:
    """Return all of these orders."""
    store = world.service.app.state.services.get(OrderStatusStore)
    return {name: _json(OrderStatusResponse.of_view(await store.get(name))) for name in orders}


async def rows(world: World) -> list[Installation]:
    """Return all installations, in the order of a list."""
    return list((await world.installations.list(limit=200)).items)


async def assert_orders(world: World, headers: Mapping[str, str], expected: dict[str, dict[str, Any]]) -> None:
    """Assert that a list, the stream and ids show these orders, so, and no others."""
    http = world.service.http
    listed = (await http.get("/orderStatuses?limit=200", headers=headers)).json()["items"]
    by_id = {order_id: await http.get(f"/orderStatuses/{order_id}", headers=headers) for order_id in world.orders}
    told = await told_of(world, headers)

    without_history = [{name: value for name, value in one.items() if name != "history"} for one in expected.values()]
    assert sorted(listed, key=_order_id) == sorted(without_history, key=_order_id)
    assert {order_id: one.json() for order_id, one in by_id.items() if one.is_success} == expected
    assert {one.status_code for one in by_id.values()} <= {200, 404}
    assert {one["orderId"]: one for one in told} == expected


async def told_of(world: World, headers: Mapping[str, str]) -> list[dict[str, Any]]:
    """Return all events of the stream."""
    stream = await world.service.http.get("/orderStatuses/events", headers={**headers, "Last-Event-ID": "0"})
    return [json.loads(line.removeprefix("data: ")) for line in stream.text.splitlines() if line.startswith("data: ")]


async def assert_installations(
    world: World, headers: Mapping[str, str], expected: list[Installation], *, engineer: bool = False
) -> None:
    """Assert that a list and ids show these installations, as the caller may see them, and no others."""
    http, long_ago = world.service.http, datetime.now(UTC) - timedelta(days=7)

    def seen(one: Installation) -> dict[str, Any]:
        shown = _json(InstallationResponse.model_validate(one))
        return of_engineer(shown, contact=one.status.open or one.status_at > long_ago) if engineer else shown

    listed = (await http.get("/installations?limit=200", headers=headers)).json()["items"]
    by_id = {order_id: await http.get(f"/installations/{order_id}", headers=headers) for order_id in ORDERS}

    assert listed == [seen(one) for one in expected]
    newest = {one.order_id: seen(one) for one in sorted(expected, key=lambda one: one.round)}
    assert {order_id: one.json() for order_id, one in by_id.items() if one.is_success} == newest
    assert {one.status_code for one in by_id.values()} <= {200, 404}


def _order_id(one: dict[str, Any]) -> str:
    return str(one["orderId"])


def _json(answer: BaseModel) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(answer.model_dump_json(by_alias=True))
    return found
