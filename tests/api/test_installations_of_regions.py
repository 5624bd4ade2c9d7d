"""Managers of certain regions see installations by the order's region, not by the engineer's."""

from collections.abc import AsyncIterator, Mapping
from dataclasses import replace
from datetime import timedelta
from random import Random
from typing import Any

import pytest
from sqlalchemy import update

from domain.common import contexts
from domain.common.times import UNSET
from domain.installation import CancelInstallation, RecordAnswer, RequestInstallation
from runtime.settings import Settings
from stores.installation.installations import InstallationStore
from stores.installation.tables import INSTALLATION
from tests.api.issuer import Issuer
from tests.api.known import bearer
from tests.api.problems import assert_problem
from tests.api.service import NOWHERE, Service, but, serving
from tests.eventually import soon

ORDER = {"productId": "2001", "productName": "internet", "installationAddress": "Seoul", "customerId": "1"}
BEFORE_THE_ROUTE = "?%ff"
"""A query that is refused right after the authorization."""
ACTS = ("accept", "decline", "start", "complete", "incomplete")
REGIONS = ("KR-11", "KR-26", "KR-41")
SEOUL = RequestInstallation("o1", 1, "e1", "이름", "Seoul", region="KR-11")


@pytest.fixture
def closed(settings: Settings, issuer: Issuer) -> Settings:
    """Settings of a service with authentication."""
    return but(settings, **issuer.settings, rate_limit_anonymous=0)


@pytest.fixture
async def service(closed: Settings) -> AsyncIterator[Service]:
    async with serving(closed) as service:
        yield service


def manager(issuer: Issuer, *regions: str) -> dict[str, str]:
    """Return a manager's headers, for these regions or without a limit."""
    return bearer(issuer.token("kim", "manager", **({"regions": list(regions)} if regions else {})))


async def listed(service: Service, headers: Mapping[str, str], **query: Any) -> list[str]:
    """Return the orders of all listed installations, read page by page."""
    found: list[str] = []
    cursor: dict[str, str] = {}
    while True:
        answer = await service.http.get("/installations", headers=headers, params={"limit": 3, **query, **cursor})
        assert answer.status_code == 200, answer.text
        found += [one["orderId"] for one in answer.json()["items"]]
        if (after := answer.json()["nextCursor"]) is None:
            return found
        cursor = {"cursor": after}


async def seen(service: Service, headers: Mapping[str, str], order_id: str) -> bool:
    """Return whether the caller may see the order's installation, and act on it."""
    looked = (await service.http.get(f"/installations/{order_id}", headers=headers)).status_code
    acts = [f"/installations/{order_id}/{act}{BEFORE_THE_ROUTE}" for act in ACTS]
    answers = {(await service.http.post(act, headers=headers, json={})).status_code for act in acts}
    assert (looked, answers) in ((200, {400}), (404, {404}))
    return looked == 200


async def test_they_need_neither_the_management_center_nor_the_read_model_nor_temporal(
    closed: Settings, issuer: Issuer, free_port: int
) -> None:
    stores = {f"{context}_database_url": NOWHERE for context in ("management_center", "order_status")}
    away = but(closed, temporal_port=free_port, **stores)
    async with serving(away) as service:
        store = service.app.state.services.get(InstallationStore)
        await store.request(SEOUL, UNSET)
        await store.request(replace(SEOUL, order_id="o2", region="KR-26"), UNSET)

        for query, theirs in (
            ({"region": "KR-11"}, ["o1"]),
            ({"region": ["KR-26", "KR-11"]}, ["o1", "o2"]),
            ({"region": ["KR-11", "KR-11"]}, ["o1"]),
            ({"region": ["KR-26", "KR-11", "KR-26"]}, ["o1", "o2"]),
        ):
            assert await listed(service, manager(issuer, *REGIONS), **query) == theirs
            assert await listed(service, manager(issuer), **query) == theirs
        beyond = {"region": ["KR-11", "KR-26"]}
        refused = await service.http.get("/installations", headers=manager(issuer, "KR-11"), params=beyond)
        assert_problem(refused, 403, "forbidden")
        for regions, theirs in ((["KR-11"], ["o1"]), (["KR-26"], ["o2"]), (REGIONS, ["o1", "o2"]), (["KR-41"], [])):
            headers = manager(issuer, *regions)
            assert await listed(service, headers) == theirs
            assert [order_id for order_id in ("o1", "o2", "o3") if await seen(service, headers, order_id)] == theirs


async def test_an_engineer_who_has_moved_takes_no_order_along(service: Service, issuer: Issuer) -> None:
    await service.work()
    everywhere, seoul, busan = manager(issuer), manager(issuer, "KR-11"), manager(issuer, "KR-26")
    order_id = (await service.http.post("/orders", headers=everywhere, json=ORDER)).json()["orderId"]

    async def asked() -> bool:
        return (await service.http.get(f"/installations/{order_id}", headers=everywhere)).is_success

    await soon(asked)
    installation = (await service.http.get(f"/installations/{order_id}", headers=seoul)).json()
    assert installation["region"] == "KR-11"
    moved = await service.http.patch(
        f"/managementCenters/engineers/{installation['engineerId']}", headers=everywhere, json={"region": "KR-26"}
    )
    assert moved.status_code == 200, moved.text

    assert (await listed(service, seoul), await listed(service, busan)) == ([order_id], [])
    assert (await seen(service, seoul, order_id), await seen(service, busan, order_id)) == (True, False)


async def test_an_order_that_goes_to_another_region_takes_its_rounds_along(service: Service, issuer: Issuer) -> None:
    await service.work()
    everywhere, seoul, busan = manager(issuer), manager(issuer, "KR-11"), manager(issuer, "KR-26")
    order_id = (await service.http.post("/orders", headers=everywhere, json=ORDER)).json()["orderId"]

    async def asked(region: str) -> bool:
        answer = await service.http.get(f"/installations/{order_id}", headers=everywhere)
        return answer.is_success and answer.json()["region"] == region

    await soon(lambda: asked("KR-11"))
    area = {"region": "KR-26", "name": "Redrawn", "localName": "부산", "matches": [ORDER["installationAddress"]]}
    redrawn = [
        await service.http.patch(
            "/managementCenters/serviceAreas/kr-11", headers=everywhere, json={"matches": ["서울"]}
        ),
        await service.http.post("/managementCenters/serviceAreas", headers=everywhere, json=area),
        await service.http.post(f"/installations/{order_id}/decline", headers=seoul, json={}),
    ]
    assert [answer.status_code for answer in redrawn] == [200, 201, 200]
    await soon(lambda: asked("KR-26"))

    assert (await listed(service, seoul), await listed(service, busan)) == ([], [order_id] * 2)
    assert (await seen(service, seoul, order_id), await seen(service, busan, order_id)) == (False, True)


async def test_what_an_earlier_release_has_requested_is_seen_by_who_is_not_limited(
    service: Service, issuer: Issuer
) -> None:
    store = service.app.state.services.get(InstallationStore)
    await store.request(SEOUL, UNSET)
    async with service.opened(contexts.INSTALLATION) as database, database.writing() as connection:
        left_out = {"region": None, "customer_note": None, "product_id": None, "customer_id": None}
        await connection.execute(update(INSTALLATION).values(left_out))

    for headers in (manager(issuer), bearer(issuer.token("e1", "engineer"))):
        assert await listed(service, headers) == ["o1"]
        assert await seen(service, headers, "o1")
        shown = (await service.http.get("/installations/o1", headers=headers)).json()
        assert (shown["region"], shown["customerNote"], shown["productId"]) == (None, None, None)
    limited = manager(issuer, *REGIONS)
    assert await listed(service, limited) == []
    unknown = await service.http.get("/installations/unknown", headers=limited)
    theirs = await service.http.get("/installations/o1", headers=limited)
    assert_problem(theirs, 404, "not-found")
    assert theirs.content == unknown.content


@pytest.mark.parametrize("seed", range(5))
async def test_what_a_list_shows_an_id_shows(service: Service, issuer: Issuer, seed: int) -> None:
    """Holds for any rounds, in any regions, requested by this release or by the previous one."""
    random = Random(seed)  # noqa: S311 - nothing secret
    store = service.app.state.services.get(InstallationStore)
    orders = [f"o{number}" for number in range(6)]
    for order_id in orders:
        for round_ in range(1, random.randrange(1, 4)):
            region = random.choice([*REGIONS, None])
            at = UNSET + timedelta(minutes=random.randrange(9))
            engineer_id = random.choice(["e1", "e2"])
            asked = replace(SEOUL, order_id=order_id, round=round_, engineer_id=engineer_id, region=region)
            await store.request(asked, at)
            if random.random() < 0.5:
                await store.decline(RecordAnswer(order_id, round_, at))
        if random.random() < 0.4:
            await store.cancel(CancelInstallation(order_id, region=random.choice([*REGIONS, None])), UNSET)

    for regions in (["KR-11"], ["KR-26"], ["KR-11", "KR-41"], REGIONS):
        headers = manager(issuer, *regions)
        shown = set(await listed(service, headers))
        for engineer_id in ("e1", "e2"):
            assert set(await listed(service, headers, engineerId=engineer_id)) <= shown
        assert {order_id for order_id in orders if await seen(service, headers, order_id)} == shown
    assert shown
    assert set(await listed(service, manager(issuer))) >= shown
