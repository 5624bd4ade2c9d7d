"""The audit and the access log: found by what is asked for, told in full, for managers of the whole country alone."""

import re
from datetime import UTC, datetime, timedelta
from html import unescape

import pytest

from domain.audit import AccessEntry, AuditRecord
from runtime.access_log_key import AccessLogKey
from stores.audit.access_log import AccessLogStore
from stores.audit.trail import AuditStore
from tests.console.browser import MANAGER, Pages, text_of

AT = datetime(2026, 11, 3, 1, tzinfo=UTC)
ADDRESS = "192.0.2.7"


async def audited(pages: Pages, *records: AuditRecord) -> None:
    await pages.service.app.state.services.get(AuditStore).append(records)


def record(number: int, **more: object) -> AuditRecord:
    given: dict[str, object] = {
        "at": AT + timedelta(minutes=number),
        "actor": "manager:kim",
        "address": ADDRESS,
        "act": "POST /orders/{orderId}/cancel",
        "target": f"order-{number}",
        "outcome": 200,
    }
    return AuditRecord(f"act-{number}", **(given | more))  # type: ignore[arg-type]


async def accessed(pages: Pages, *entries: AccessEntry) -> None:
    await pages.service.app.state.services.get(AccessLogStore).add(entries)


async def test_an_entry_says_who_did_what_when_from_where_and_how_it_ended(bare: Pages) -> None:
    await audited(
        bare,
        record(1),
        record(2, actor="engineer:seo", act="PATCH /managementCenters/engineers/{engineerId}", outcome=403),
    )
    page = await (await bare.person(MANAGER)).get("/audit")

    text = text_of(page)
    assert (
        "1 November 3, 2026 10:01 Service manager kim 192.0.2.7 POST /orders/{orderId}/cancel order-1 200 Done" in text
    )
    assert "Engineer seo 192.0.2.7 PATCH /managementCenters/engineers/{engineerId} order-2 403 Refused" in text
    assert 'href="/orders/order-1"' in page.text
    assert 'href="/orders/order-2"' not in page.text, "it is no order"


async def test_an_id_stands_in_a_link_as_the_audit_escapes_it(bare: Pages) -> None:
    await audited(bare, record(1, target="a%2Fb"), record(2, target="sha256-" + "0" * 64))
    page = await (await bare.person(MANAGER)).get("/audit")

    assert 'href="/orders/a%2Fb"' in page.text
    assert 'href="/orders/sha256' not in page.text


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("actor=engineer:seo", {2}),
        ("target=order-1", {1}),
        ("outcome=403", {2}),
        ("from=2026-11-03&to=2026-11-03", {1, 2}),
        ("from=2026-11-04", set()),
        ("actor=&target=&outcome=&from=&to=", {1, 2}),
    ],
)
async def test_the_audit_is_searched_by_what_the_form_asks(bare: Pages, query: str, found: set[int]) -> None:
    await audited(bare, record(1), record(2, actor="engineer:seo", outcome=403))

    page = await (await bare.person(MANAGER)).get(f"/audit?{query}")

    assert page.status_code == 200
    assert {number for number in (1, 2) if f">order-{number}<" in page.text} == found
    assert ("No entry meets these filters." in text_of(page)) == (not found)


@pytest.mark.parametrize("path", ["/audit", "/access-log"])
async def test_a_long_list_goes_on_with_its_filters(bare: Pages, path: str) -> None:
    await audited(bare, *(record(number) for number in range(60)))
    await accessed(
        bare,
        *(AccessEntry(f"{n:032}", AT + timedelta(minutes=n), "manager:kim", ADDRESS, "GET /orders") for n in range(60)),
    )
    person = await bare.person(MANAGER)

    first = await person.get(f"{path}?actor=manager:kim&to=2026-11-03")
    assert first.text.count(ADDRESS) == 50
    [following] = re.findall(r'href="([^"]*cursor=[^"]*)"', first.text)
    assert following.startswith(f"{path}?actor=manager%3Akim&amp;to=2026-11-03&amp;")
    second = await person.get(unescape(following))
    assert second.text.count(ADDRESS) == 10
    assert "Next page" not in second.text


async def test_the_access_log_is_searched_for_a_customer_and_names_nobody(bare: Pages) -> None:
    key = bare.service.app.state.services.get(AccessLogKey)
    seen = [("GET /orders/{orderId}", "kim@example.com"), ("POST /orderStatuses/search", "other")]
    await accessed(
        bare,
        *(
            AccessEntry(f"{n:032}", AT, "manager:kim", ADDRESS, route, ("q",), 1, (key.person(customer),))
            for n, (route, customer) in enumerate(seen)
        ),
    )
    person = await bare.person(MANAGER)

    everything = text_of(await person.get("/access-log"))
    assert "Service manager kim 192.0.2.7 GET /orders/{orderId} Filters: q 1" in everything
    assert "POST /orderStatuses/search" in everything
    assert key.person("other") not in everything
    found = text_of(await person.get("/access-log?customerId=kim%40example.com"))
    assert "GET /orders/{orderId}" in found
    assert "POST /orderStatuses/search" not in found


@pytest.mark.parametrize("path", ["/audit", "/access-log"])
async def test_what_cannot_be_looked_for_comes_back_with_the_reason(bare: Pages, path: str) -> None:
    person = await bare.person(MANAGER)
    page = await person.get(f"{path}?from=2026-13-01&actor={'x' * 201}")

    assert page.status_code == 422
    assert "Please choose a day." in text_of(page)
    assert "At most 200 characters are possible." in text_of(page)
    assert 'value="2026-13-01"' in page.text
    assert "No entry meets these filters." not in text_of(page), "nobody has looked"
    assert (await person.get(f"{path}?cursor=nonsense")).status_code == 400


@pytest.mark.parametrize("path", ["/audit", "/access-log"])
async def test_a_manager_of_a_region_sees_no_entry(bare: Pages, path: str) -> None:
    await audited(bare, record(1))
    page = await (await bare.person("manager:KR-11")).get(path)

    assert page.status_code == 403
    assert "You are not allowed to do this." in text_of(page)
    assert ADDRESS not in page.text
