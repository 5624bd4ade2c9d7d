"""An engineer who has retired, or is not active, is no engineer to the API any more."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from dataclasses import replace

import pytest

from api.management_center import retirement
from domain.common.errors import StoreUnavailable
from domain.common.times import UNSET
from domain.installation import RequestInstallation
from runtime.settings import Settings
from stores.installation.installations import InstallationStore
from stores.management_center.assignments import ManagementCenterStore
from tests.api.issuer import Issuer
from tests.api.known import bearer
from tests.api.problems import assert_problem
from tests.api.service import NOWHERE, Service, but, serving
from tests.domain.filled import filled
from tests.eventually import soon

ENGINEER = "kr-11-1"
ROUTES = [
    ("GET", "/installations"),
    ("GET", "/installations/o1"),
    ("GET", "/installations/unknown"),
    *(("POST", f"/installations/o1/{act}") for act in ("accept", "decline", "start", "complete", "incomplete")),
]


@pytest.fixture
def closed(without_temporal: Settings, issuer: Issuer) -> Settings:
    """Settings of a service with authentication."""
    return but(without_temporal, **issuer.settings, rate_limit_anonymous=0)


@pytest.fixture
async def service(closed: Settings) -> AsyncIterator[Service]:
    async with serving(closed) as service:
        await assigned(service)
        yield service


async def assigned(service: Service) -> None:
    """Store an installation that waits for the engineer's answer."""
    request = replace(filled(RequestInstallation), order_id="o1", round=1, engineer_id=ENGINEER, region="KR-11")
    await service.app.state.services.get(InstallationStore).request(request, UNSET)


async def statuses(service: Service, issuer: Issuer) -> set[int]:
    """Return how each route answers the engineer. A bad body keeps them from acting."""
    headers = bearer(issuer.token(ENGINEER, "engineer")) | {"Content-Type": "application/json"}
    return {(await service.http.request(*route, headers=headers, content="{")).status_code for route in ROUTES}


@pytest.mark.parametrize(("method", "body"), [("DELETE", None), ("PATCH", {"active": False})])
async def test_who_has_retired_reads_and_does_nothing(
    service: Service, issuer: Issuer, method: str, body: dict[str, bool] | None
) -> None:
    manager, path = bearer(issuer.token("kim", "manager")), f"/managementCenters/engineers/{ENGINEER}"
    assert await statuses(service, issuer) == {200, 400, 404}

    answer = await service.http.request(method, path, headers=manager, json=body)

    assert answer.is_success, answer.text
    assert await statuses(service, issuer) == {403}
    refused = await service.http.get("/installations/o1", headers=bearer(issuer.token(ENGINEER, "engineer")))
    assert_problem(refused, 403, "forbidden")
    told = await service.http.get("/whoami", headers=bearer(issuer.token(ENGINEER, "engineer")))
    assert told.json()["subject"] == ENGINEER
    assert (await service.http.get("/installations/o1", headers=manager)).status_code == 200
    other = bearer(issuer.token("kr-11-2", "engineer"))
    assert (await service.http.get("/installations", headers=other)).status_code == 200


async def test_who_is_active_again_is_an_engineer_again(service: Service, issuer: Issuer) -> None:
    manager, path = bearer(issuer.token("kim", "manager")), f"/managementCenters/engineers/{ENGINEER}"
    for active, expected in ((False, {403}), (True, {200, 400, 404})):
        answer = await service.http.patch(path, headers=manager, json={"active": active})
        assert answer.is_success, answer.text
        assert await statuses(service, issuer) == expected


async def test_every_process_hears_of_it(
    service: Service, closed: Settings, issuer: Issuer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(retirement, "LOOK_EVERY", 0.05)
    async with serving(closed) as another:
        await service.app.state.services.get(ManagementCenterStore).retire_engineer(ENGINEER)

        async def refused() -> bool:
            return await statuses(another, issuer) == {403}

        await soon(refused)


async def test_while_the_management_center_is_away_the_last_answer_counts(
    service: Service, issuer: Issuer, monkeypatch: pytest.MonkeyPatch
) -> None:
    services = service.app.state.services
    await services.get(ManagementCenterStore).retire_engineer(ENGINEER)
    await services.get(retirement.RetiredEngineers).refresh()

    async def away(_: ManagementCenterStore) -> Sequence[str]:
        raise StoreUnavailable("away")

    monkeypatch.setattr(ManagementCenterStore, "inactive_engineers", away)
    await services.get(retirement.RetiredEngineers).refresh()

    assert await statuses(service, issuer) == {403}


async def test_engineers_work_while_the_management_center_has_not_been_there_yet(
    closed: Settings, issuer: Issuer
) -> None:
    async with serving(but(closed, management_center_database_url=NOWHERE)) as service:
        await assigned(service)

        assert await statuses(service, issuer) == {200, 400, 404}


async def test_the_first_requests_wait_for_the_first_answer(
    closed: Settings, issuer: Issuer, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked, answers = asyncio.Event(), asyncio.Event()

    async def late(_: ManagementCenterStore) -> Sequence[str]:
        asked.set()
        await answers.wait()
        return [ENGINEER]

    monkeypatch.setattr(ManagementCenterStore, "inactive_engineers", late)
    async with serving(closed) as service:
        await assigned(service)
        await asked.wait()
        answering = asyncio.create_task(statuses(service, issuer))
        # A manager's request passes in the meantime.
        manager = bearer(issuer.token("kim", "manager"))
        assert (await service.http.get("/installations/o1", headers=manager)).status_code == 200
        assert not answering.done()
        answers.set()

        assert await answering == {403}
