"""What the audit trail records of requests, and who may read it."""

import os
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from typing import Any
from urllib.parse import quote

import pytest

from api.http import write_behind as batches
from api.orders.erasure import ErasureClient
from domain.audit import Head
from domain.common import contexts
from ops import audit_verify
from runtime.settings import Settings
from stores.audit.heads import HeadsFile
from tests.api.issuer import Issuer
from tests.api.known import bearer, know_both
from tests.api.problems import assert_problem
from tests.api.service import CONTRACT_BODY, NOWHERE, Service, but, serving
from tests.eventually import soon


@pytest.fixture
def audited(settings: Settings, issuer: Issuer, monkeypatch: pytest.MonkeyPatch) -> Settings:
    monkeypatch.setattr(batches, "GATHER_FOR", 0.01)
    monkeypatch.setattr(batches, "PAUSE", 0.01)
    return but(settings, **issuer.settings, rate_limit_engineer=1)


@pytest.fixture
async def service(audited: Settings) -> AsyncIterator[Service]:
    async with serving(audited) as service:
        yield service


async def entries(service: Service, issuer: Issuer, number: int, query: str = "") -> list[dict[str, Any]]:
    """Wait for so many entries. Returns them as a manager sees them, the oldest first."""
    headers = bearer(issuer.token("kim", "manager"))

    async def look() -> list[dict[str, Any]] | None:
        items: list[dict[str, Any]] = (await service.http.get(f"/audit?{query}", headers=headers)).json()["items"]
        return items if len(items) >= number else None

    found = await soon(look, what=f"{number} entries")
    assert found is not None
    assert len(found) == number
    return found[::-1]


async def test_acts_and_refusals_are_noted_with_who_and_whence_and_how_they_ended(
    service: Service, issuer: Issuer
) -> None:
    await know_both(service)
    customer, engineer = bearer(issuer.token("1", "customer")), bearer(issuer.token("kr-11-1", "engineer"))
    body = CONTRACT_BODY | {"customerName": "PERSONAL", "note": "PERSONAL"}

    placed = (await service.http.post("/orders", json=body, headers=customer)).json()["orderId"]
    for method, path, headers in (
        ("GET", "/orderStatuses", customer),
        ("GET", "/orderStatuses/others-order", customer),
        ("GET", "/orderStatuses/PERSONAL%20NAME", customer),
        ("GET", "/metrics", customer),
        ("GET", "/orderStatuses", {}),
        ("POST", "/orders", bearer("no.good.token")),
        ("POST", "/orders/own-order/cancel?%ff", customer),
        ("GET", "/installations", engineer),
        ("POST", "/installations/own-order/accept", engineer),
    ):
        await service.http.request(method, path, headers=headers)

    found = await entries(service, issuer, 7)
    assert [(each["actor"], each["act"], each["target"], each["outcome"]) for each in found] == [
        ("customer:1", "POST /orders", placed, 201),
        ("customer:1", "GET /orderStatuses/{orderId}", "others-order", 404),
        ("customer:1", "GET /orderStatuses/{orderId}", None, 404),
        ("customer:1", "GET /metrics", None, 403),
        ("anonymous", "GET /orderStatuses", None, 401),
        ("anonymous", "POST /orders", None, 401),
        ("customer:1", "POST /orders/{orderId}/cancel", "own-order", 400),
    ]
    assert {each["address"] for each in found} == {"127.0.0.1"}
    assert "PERSONAL" not in str(found)


async def test_what_somebody_makes_is_named(service: Service, issuer: Issuer) -> None:
    headers = bearer(issuer.token("kim", "manager"))
    body = {"name": "김하나", "region": "KR-11"}
    made = await service.http.post("/managementCenters/engineers", json=body, headers=headers)

    (entry,) = await entries(service, issuer, 1, "actor=manager:kim&outcome=201&from=2020-01-01T00:00:00Z")
    assert entry["target"] == made.json()["engineerId"]
    for query in ("to=2020-01-01T00:00:00Z", "orderId=unknown"):
        assert (await service.http.get(f"/audit?{query}", headers=headers)).json()["items"] == []


async def test_only_a_manager_of_the_whole_country_reads_it(service: Service, issuer: Issuer) -> None:
    for token in (issuer.token("1", "customer"), issuer.token("lee", "manager", regions=["KR-11"])):
        assert_problem(await service.http.get("/audit", headers=bearer(token)), 403, "forbidden")


async def test_without_its_store_everything_works_and_what_is_too_much_is_counted(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(batches, "MOST_WAITING", 2)
    async with serving(but(settings, audit_database_url=NOWHERE)) as service:
        for _ in range(3):
            await service.order()
        counted = (await service.http.get("/metrics")).text
        assert "audit_entries_waiting 2.0" in counted
        assert "audit_entries_dropped_total 1.0" in counted
        assert_problem(await service.http.get("/audit"), 503, "no-answer-in-time")


async def test_it_is_written_down_before_the_process_ends_and_can_be_checked(
    settings: Settings, capsys: pytest.CaptureFixture[str]
) -> None:
    async with serving(settings) as service:
        await service.order()
    url = settings.database_url(contexts.AUDIT)

    assert await audit_verify.verify(url, []) == 0
    said, head = capsys.readouterr().out.splitlines()[-2:]
    assert said == "1 entries, none of them changed; compared with 0 heads"
    assert HeadsFile(settings.data_dir / "audit_heads").heads() == [Head.parse(head)]
    assert await audit_verify.verify(url, [Head.parse(head)]) == 0
    assert await audit_verify.verify(url, [Head(1, "0" * 64)]) == 1
    assert "entry 1" in capsys.readouterr().err
    assert await audit_verify.verify(NOWHERE, []) == 75


def test_the_heads_that_the_api_has_kept_are_compared(
    settings: Settings, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("DATA_DIR", str(settings.data_dir))
    monkeypatch.setattr("sys.argv", ["audit_verify"])
    assert audit_verify.main() == 0
    HeadsFile(settings.data_dir / "audit_heads").keep(Head(1, "0" * 64), datetime.now(UTC))

    assert audit_verify.main() == 1
    assert "the chain once had 1 entries" in capsys.readouterr().err
    (settings.data_dir / "audit_heads").write_text("no head\n")
    assert audit_verify.main() == os.EX_NOINPUT


@pytest.mark.parametrize("customer_id", ["hong@example.com", "홍길동/2 동", "c" * 200, "%" * 200])
async def test_an_erasure_names_its_customer_so_that_it_can_be_requested_again(
    service: Service, issuer: Issuer, monkeypatch: pytest.MonkeyPatch, customer_id: str
) -> None:
    erased: list[str] = []

    async def erase(_: ErasureClient, customer_id: str) -> None:
        erased.append(customer_id)

    monkeypatch.setattr(ErasureClient, "erase", erase)
    headers = bearer(issuer.token("kim", "manager"))
    path = "/orders/customers/{}/personalData"
    await service.http.delete(path.format(quote(customer_id, safe="")), headers=headers)

    (entry,) = await entries(service, issuer, 1, f"target={quote(customer_id)}&actor=manager:kim")
    assert (entry["outcome"], len(entry["target"]) <= 200) == (202, True)
    if not entry["target"].startswith("sha256-"):
        await service.http.delete(path.format(entry["target"]), headers=headers)
        assert erased == [customer_id] * 2


async def test_who_may_not_erase_writes_no_text_of_theirs_into_the_audit(service: Service, issuer: Issuer) -> None:
    path = "/orders/customers/PERSONAL%20NAME/personalData"
    for headers in ({}, bearer(issuer.token("1", "customer"))):
        await service.http.delete(path, headers=headers)

    found = await entries(service, issuer, 2)
    assert [(each["outcome"], each["target"]) for each in found] == [(401, None), (403, None)]


async def test_a_product_of_another_system_is_named_as_well(service: Service, issuer: Issuer) -> None:
    headers = bearer(issuer.token("kim", "manager"))
    product_id = "기가 인터넷"
    body = {"productId": product_id, "skills": []}
    assert (await service.http.post("/managementCenters/products", json=body, headers=headers)).status_code == 201
    path = f"/managementCenters/products/{quote(product_id)}"
    assert (await service.http.delete(path, headers=headers)).status_code == 204

    found = await entries(service, issuer, 2, f"target={quote(product_id)}")
    assert [(each["outcome"], each["target"]) for each in found] == [(201, "기가%20인터넷"), (204, "기가%20인터넷")]
