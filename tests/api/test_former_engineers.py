"""What engineers see of installations that are no longer theirs to do."""

from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from domain.installation import CancelInstallation, RecordAnswer, RequestInstallation
from domain.orders import Order, OrderStatus
from runtime.settings import Settings
from stores.installation.installations import InstallationStore
from stores.order_status.view import OrderStatusStore
from tests.api.issuer import Issuer
from tests.api.known import bearer
from tests.api.service import Service, but, serving
from tests.domain.filled import filled

CONTACT = ("installationAddress", "customerName", "contactPhone", "customerNote")


@pytest.fixture
def closed(settings: Settings, issuer: Issuer) -> Settings:
    """Settings of a service with authentication."""
    return but(settings, **issuer.settings, rate_limit_anonymous=0)


@pytest.fixture
async def service(closed: Settings) -> AsyncIterator[Service]:
    async with serving(closed) as service:
        yield service


async def an_installation(service: Service, ends: str | None, days_ago: int) -> InstallationStore:
    """Store an installation of engineer `e1`, which ended as given, so many days ago."""
    services, at = service.app.state.services, datetime.now(UTC) - timedelta(days=days_ago)
    store: InstallationStore = services.get(InstallationStore)
    request = replace(filled(RequestInstallation), order_id="o1", round=1, engineer_id="e1", region="KR-11")
    await store.request(request, at)
    if ends == "replaced":
        await store.request(replace(request, round=2, engineer_id="e2"), at)
    elif ends == "canceled":
        await store.cancel(CancelInstallation("o1", reason="moves to Busan"), at)
    elif ends is not None:
        await getattr(store, ends)(RecordAnswer("o1", 1, at, "the dog bites", "rang twice"))
    # The order has ended, so an act that has been done before needs no worker.
    order = Order("o1", "1", status=OrderStatus.JOIN_COMPLETED, engineer_id="e1", region="KR-11")
    await services.get(OrderStatusStore).put([order])
    return store


async def seen(service: Service, headers: dict[str, str]) -> list[dict[str, Any]]:
    """Return what a list and an id show of the installation."""
    one = await service.http.get("/installations/o1", headers=headers)
    several = await service.http.get("/installations", headers=headers)
    assert (one.status_code, several.status_code) == (200, 200), one.text
    [listed] = several.json()["items"]
    return [dict(one.json()), listed]


@pytest.mark.parametrize("ends", ["decline", "complete", "incomplete", "withdraw", "replaced", "canceled"])
async def test_an_engineer_reads_how_to_reach_the_customer_for_some_days_after_their_work(
    service: Service, issuer: Issuer, ends: str
) -> None:
    engineer = bearer(issuer.token("e1", "engineer"))
    await an_installation(service, ends, days_ago=6)
    assert all(one[member] is not None for one in await seen(service, engineer) for member in CONTACT)


@pytest.mark.parametrize("ends", ["decline", "complete", "incomplete", "withdraw", "replaced", "canceled"])
async def test_after_that_an_engineer_sees_the_skeleton_alone(service: Service, issuer: Issuer, ends: str) -> None:
    engineer = bearer(issuer.token("e1", "engineer"))
    store = await an_installation(service, ends, days_ago=8)
    stored = await store.newest("o1", engineer_id="e1")

    for one in await seen(service, engineer):
        assert [one[member] for member in (*CONTACT, "reason", "note")] == [None] * 6
        assert (one["status"], one["productName"], one["engineerName"]) == (
            stored.status,
            stored.product_name,
            stored.engineer_name,
        )
    manager = await service.http.get("/installations?engineerId=e1", headers=bearer(issuer.token("kim", "manager")))
    assert [manager.json()["items"][0][member] is not None for member in CONTACT] == [True] * 4


async def test_work_that_is_not_done_shows_the_customer_however_old_it_is(service: Service, issuer: Issuer) -> None:
    await an_installation(service, None, days_ago=100)

    for one in await seen(service, bearer(issuer.token("e1", "engineer"))):
        assert all(one[member] is not None for member in CONTACT)


@pytest.mark.parametrize(("days_ago", "shows"), [(6, True), (8, False)])
@pytest.mark.parametrize(("act", "ends"), [("decline", "decline"), ("complete", "complete")])
async def test_the_answer_to_an_act_shows_no_more_than_the_id(
    service: Service, issuer: Issuer, act: str, ends: str, days_ago: int, shows: bool
) -> None:
    engineer = bearer(issuer.token("e1", "engineer"))
    await an_installation(service, ends, days_ago)

    again = await service.http.post(f"/installations/o1/{act}", headers=engineer, json={})

    assert again.status_code == 200, again.text
    assert again.json() == (await seen(service, engineer))[0]
    assert (again.json()["contactPhone"] is not None) is shows


async def test_how_long_is_a_setting(closed: Settings, issuer: Issuer) -> None:
    async with serving(but(closed, contact_visible_for=9 * 24 * 60 * 60)) as service:
        await an_installation(service, "decline", days_ago=8)
        for one in await seen(service, bearer(issuer.token("e1", "engineer"))):
            assert all(one[member] is not None for member in CONTACT)
