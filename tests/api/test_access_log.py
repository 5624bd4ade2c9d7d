"""Who has looked at whose personal data is in the access log: through every door, and nothing else."""

import json
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from temporalio.api.common.v1 import Payload

from api.audit.access_log import AccessLog
from api.http import write_behind as batches
from api.security.permissions import RULES
from domain.audit import AccessFilter
from domain.common.times import UNSET
from domain.installation import RequestInstallation
from domain.management_center.assignments import AssignEngineer
from domain.orders import Order, OrderStatus
from runtime.access_log_key import AccessLogKey
from runtime.payload_codec import Encryption
from runtime.settings import Settings
from stores.audit.access_log import AccessLogStore
from stores.installation.installations import InstallationStore
from stores.management_center.assignments import ManagementCenterStore
from stores.order_status.view import OrderStatusStore
from tests.api.issuer import Issuer
from tests.api.known import EVERY_SCOPE, bearer
from tests.api.payloads import in_json, of_json
from tests.api.problems import assert_problem
from tests.api.service import NOWHERE, Service, but, serving
from tests.eventually import soon

ORDER = Order(
    "o1",
    "1",
    customer_name="PERSONAL",
    installation_address="Seoul PERSONAL",
    region="KR-11",
    engineer_id="kr-11-1",
    status=OrderStatus.INSTALLATION_REQUESTED,
    version=1,
)
OTHER = replace(ORDER, order_id="o2", customer_id="2", region="KR-26", engineer_id="kr-26-1")
SKELETON = Order("o3", "", status=OrderStatus.ORDER_CANCELED, version=1)
"""An order whose customer was erased."""
READING = "GET /orderStatuses"


@pytest.fixture
def settings(without_temporal: Settings, issuer: Issuer, monkeypatch: pytest.MonkeyPatch) -> Settings:
    monkeypatch.setattr(batches, "GATHER_FOR", 0.01)
    monkeypatch.setattr(batches, "PAUSE", 0.01)
    return but(without_temporal, **issuer.settings)


@pytest.fixture
async def service(settings: Settings) -> AsyncIterator[Service]:
    async with serving(settings) as service:
        await fill(service)
        yield service


async def fill(service: Service) -> None:
    services = service.app.state.services
    await services.get(OrderStatusStore).put([ORDER, OTHER, SKELETON])
    for order in (ORDER, OTHER):
        await services.get(InstallationStore).request(RequestInstallation.of(order, 1), datetime.now(UTC))


def manager(issuer: Issuer) -> dict[str, str]:
    return bearer(issuer.token("kim", "manager"))


async def written(service: Service, **wanted: Any) -> list[tuple[Any, ...]]:
    """Wait until no entry waits. Returns actor, route, filters and people of each entry, the oldest first."""

    async def nothing_waits() -> bool:
        return await metric_of(service, "access_entries_waiting") == 0

    await soon(nothing_waits, what="every entry is written")
    page = await service.app.state.services.get(AccessLogStore).list(AccessFilter(**wanted), 200)
    return [(entry.actor, entry.route, entry.filters, entry.people) for entry in page.items[::-1]]


async def metric_of(service: Service, name: str) -> float:
    value = service.app.state.health.registry.get_sample_value(name)
    assert value is not None
    return float(value)


def person(service: Service, customer_id: str) -> str:
    return service.app.state.services.get(AccessLogKey).person(customer_id)  # type: ignore[no-any-return]


async def test_every_door_notes_whom_it_shows_to_whom(service: Service, issuer: Issuer) -> None:
    kim, engineer = manager(issuer), bearer(issuer.token("kr-11-1", "engineer"))
    shop = bearer(issuer.token("shop", "service", scope=EVERY_SCOPE))
    for path, headers in (
        ("/orderStatuses", kim),
        ("/orderStatuses?q=PERSONAL&status=INSTALLATION_REQUESTED&hong=PERSONAL&limit=1", kim),
        ("/orderStatuses/o2", shop),
        ("/orders/o1", kim),
        ("/installations", kim),
        ("/installations?engineerId=kr-11-1", engineer),
        ("/installations/o1", engineer),
    ):
        assert (await service.http.get(path, headers=headers)).status_code == 200, path

    assert await written(service) == [
        ("manager:kim", READING, (), 2),
        ("manager:kim", READING, ("q", "status"), 1),
        ("service:shop", "GET /orderStatuses/{orderId}", (), 1),
        ("manager:kim", "GET /orders/{orderId}", (), 1),
        ("manager:kim", "GET /installations", (), 2),
        ("engineer:kr-11-1", "GET /installations", ("engineerId",), 1),
        ("engineer:kr-11-1", "GET /installations/{orderId}", (), 1),
    ]
    of_other = await written(service, person=person(service, "2"))
    assert [route for _, route, _, _ in of_other][-2:] == ["GET /orderStatuses/{orderId}", "GET /installations"]
    assert len(await written(service, actor="engineer:kr-11-1", person=person(service, "1"))) == 2


@pytest.mark.parametrize("damaged", [{"customer_id": "\ud800"}, {"order_id": "\ud800"}])
async def test_a_decrypted_id_with_half_a_character_hides_nobody(
    service: Service, issuer: Issuer, damaged: dict[str, str]
) -> None:
    contents = [json.dumps(each).encode() for each in ({"order_id": "o1", "customer_id": "1"}, damaged)]
    encryption = service.app.state.services.get(Encryption)
    encrypted = await encryption.encode([Payload(data=content) for content in contents])
    shop = bearer(issuer.token("shop", "service", scope=EVERY_SCOPE))

    given = {"payloads": [in_json(payload) for payload in encrypted]}
    answer = await service.http.post("/codec/default/decode", headers=shop, json=given)

    assert [payload.data for payload in of_json(answer)] == contents
    route = "POST /codec/{namespace}/decode"
    assert await written(service, person=person(service, "1")) == [("service:shop", route, (), 2)]


async def test_an_assignment_shows_the_customer_who_asked_for_it(service: Service, issuer: Issuer) -> None:
    store = service.app.state.services.get(ManagementCenterStore)
    for round_, by in enumerate(("customer:1", "customer", "manager:kim"), start=1):
        await store.assign_engineer(AssignEngineer("o1", round_, "Seoul", by=by, ordered_at=datetime.now(UTC)))
        answer = await service.http.get("/managementCenters/assignments/o1", headers=manager(issuer))
        assert answer.json()["by"] == by

    noted = [("manager:kim", "GET /managementCenters/assignments/{orderId}", (), 1)]
    assert await written(service) == await written(service, person=person(service, "1")) == noted


async def test_who_consults_the_audit_is_noted(service: Service, issuer: Issuer) -> None:
    answer = await service.http.get("/audit?actor=customer:1&limit=1", headers=manager(issuer))

    assert answer.status_code == 200
    assert await written(service) == [("manager:kim", "GET /audit", ("actor",), 0)]


async def test_what_shows_nobody_or_only_the_customer_themselves_is_not_noted(service: Service, issuer: Issuer) -> None:
    customer = bearer(issuer.token("1", "customer"))
    for path, headers, status in (
        ("/orderStatuses", customer, 200),
        ("/orderStatuses/o1", customer, 200),
        ("/orders/o1", customer, 200),
        ("/orderStatuses/o2", customer, 404),
        ("/orderStatuses/o3", manager(issuer), 200),
        ("/orderStatuses?customerId=nobody", manager(issuer), 200),
        ("/orderStatuses/summary", manager(issuer), 200),
        ("/managementCenters/slots?address=Seoul", manager(issuer), 200),
        ("/orderStatuses?limit=0", manager(issuer), 400),
        ("/orderStatuses", {}, 401),
        ("/metrics", bearer(issuer.token("ops", "operator")), 200),
    ):
        assert (await service.http.get(path, headers=headers)).status_code == status, path

    assert await written(service) == []


async def test_an_installation_whose_customer_is_not_known_counts_as_a_person(service: Service, issuer: Issuer) -> None:
    store = service.app.state.services.get(InstallationStore)
    for order_id in ("old1", "old2"):
        await store.request(RequestInstallation(order_id, 1, "kr-11-1", "E", "Seoul", region="KR-11"), UNSET)
    await service.http.get("/installations", headers=manager(issuer))

    assert await written(service) == [("manager:kim", "GET /installations", (), 4)]


async def test_an_engineer_who_sees_only_the_skeleton_has_seen_nobody(
    settings: Settings, issuer: Issuer, without_temporal: Settings
) -> None:
    async with serving(but(settings, contact_visible_for=1)) as service:
        store = service.app.state.services.get(InstallationStore)
        await store.request(RequestInstallation.of(ORDER, 1), UNSET)
        await store.request(RequestInstallation.of(replace(ORDER, engineer_id="e2"), 2), UNSET)
        answer = await service.http.get("/installations/o1", headers=bearer(issuer.token("kr-11-1", "engineer")))

        assert answer.json()["installationAddress"] is None
        assert await written(service) == []


async def test_without_tokens_everybody_is_anonymous(without_temporal: Settings) -> None:
    async with serving(without_temporal) as service:
        await fill(service)
        await service.http.get("/orderStatuses/o1")

        assert await written(service) == [("anonymous", "GET /orderStatuses/{orderId}", (), 1)]


async def test_a_manager_finds_who_has_looked_and_is_noted_as_well(service: Service, issuer: Issuer) -> None:
    kim, lee = manager(issuer), bearer(issuer.token("lee", "manager"))
    await service.http.get("/orderStatuses/o1", headers=kim)
    await service.http.get("/orderStatuses?q=o2", headers=lee)
    await written(service)

    async def found(query: str) -> list[dict[str, Any]]:
        answer = await service.http.get(f"/accessLog?{query}", headers=kim)
        assert answer.status_code == 200, answer.text
        items: list[dict[str, Any]] = answer.json()["items"]
        return [item for item in items if not item["route"].endswith("/accessLog")]

    (entry,) = await found("customerId=1")
    assert entry.pop("at").endswith("Z")
    assert entry == {
        "actor": "manager:kim",
        "address": "127.0.0.1",
        "route": "GET /orderStatuses/{orderId}",
        "filters": [],
        "people": 1,
        "workflows": [],
    }
    (entry,) = await found("actor=manager:lee")
    assert (entry["filters"], entry["people"]) == (["q"], 1)
    today = datetime.now(UTC).astimezone(settings_zone(service)).date()
    assert len(await found(f"from={today}&to={today}")) == 2
    assert await found(f"to={today - timedelta(days=1)}") == []
    assert await found("to=2020-01-01T00:00:00Z") == []
    assert await found("customerId=nobody") == []
    consulted = await written(service, actor="manager:kim")
    assert ("manager:kim", "GET /accessLog", ("from", "to"), 0) in consulted


def settings_zone(service: Service) -> Any:
    return service.settings.visit_time_zone


@pytest.mark.parametrize("query", ["from=yesterday", "customerId=", "cursor=x", "actor=%00"])
async def test_a_search_that_makes_no_sense_is_refused(service: Service, issuer: Issuer, query: str) -> None:
    answer = await service.http.get(f"/accessLog?{query}", headers=manager(issuer))

    assert_problem(answer, 400, "malformed-request")
    assert await written(service) == []


async def test_while_the_store_is_away_reads_are_answered_and_what_is_too_much_is_counted(
    settings: Settings, issuer: Issuer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(AccessLog, "capacity", 2)
    async with serving(but(settings, audit_database_url=NOWHERE)) as service:
        await service.app.state.services.get(OrderStatusStore).put([ORDER])
        for _ in range(3):
            assert (await service.http.get("/orderStatuses/o1", headers=manager(issuer))).status_code == 200

        assert await metric_of(service, "access_entries_waiting") == 2
        assert await metric_of(service, "access_entries_dropped_total") == 1
        answer = await service.http.get("/accessLog", headers=manager(issuer))
        assert_problem(answer, 503, "no-answer-in-time")


async def test_who_reads_of_many_people_is_counted_and_not_named(settings: Settings, issuer: Issuer) -> None:
    async with serving(but(settings, bulk_read_people=1)) as service:
        await fill(service)
        for _ in range(3):
            await service.http.get("/orderStatuses/o1", headers=manager(issuer))
        await service.http.get("/orderStatuses", headers=bearer(issuer.token("lee", "manager")))
        await written(service)

        ops = bearer(issuer.token("ops", "operator"))
        lines = (await service.http.get("/metrics", headers=ops)).text.splitlines()
        assert "access_bulk_readers 1.0" in lines
        assert not [line for line in lines if "lee" in line.split()]


def test_the_access_log_is_read_as_the_audit_is() -> None:
    assert RULES["GET /accessLog"] == RULES["GET /audit"]
