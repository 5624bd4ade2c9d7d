"""What is told of visits that came to nothing to whoever comes next, and to managers."""

from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from domain.installation import RecordAnswer, RequestInstallation
from runtime.settings import Settings
from stores.installation.installations import InstallationStore
from tests.api.issuer import Issuer
from tests.api.known import EVERY_SCOPE, bearer
from tests.api.problems import assert_problem
from tests.api.service import Service, but, serving
from tests.domain.filled import filled

PATH = "/installations/o1/failedVisits"
ABSENT, FACILITY = ("CUSTOMER_ABSENT", "rang twice"), ("FACILITY_PROBLEM", "no duct: bring a drill")


@pytest.fixture
async def service(without_temporal: Settings, issuer: Issuer) -> AsyncIterator[Service]:
    async with serving(but(without_temporal, **issuer.settings, rate_limit_anonymous=0)) as service:
        yield service


async def visits(service: Service, days_ago: int = 0) -> InstallationStore:
    """Store five rounds of an order: `e1` and `e4` have declined, `e2` and `e3` have failed, `e5` is asked."""
    store: InstallationStore = service.app.state.services.get(InstallationStore)
    began = datetime.now(UTC) - timedelta(days=days_ago)
    for round_ in range(1, 6):
        at = began + timedelta(minutes=round_)
        request = replace(filled(RequestInstallation), order_id="o1", round=round_, region="KR-11")
        await store.request(replace(request, engineer_id=f"e{round_}", engineer_name=f"Engineer {round_}"), at)
        match round_:
            case 1 | 4:
                await store.decline(RecordAnswer("o1", round_, at, "the dog bites"))
            case 2:
                await store.incomplete(RecordAnswer("o1", round_, at, *ABSENT))
            case 3:
                await store.incomplete(RecordAnswer("o1", round_, at, *FACILITY))
    return store


async def told(service: Service, token: str) -> list[dict[str, Any]]:
    answer = await service.http.get(PATH, headers=bearer(token))
    assert answer.status_code == 200, answer.text
    assert answer.json()["nextCursor"] is None
    items: list[dict[str, Any]] = answer.json()["items"]
    return items


def words(items: list[dict[str, Any]]) -> list[tuple[Any, Any]]:
    return [(one["reason"], one["note"]) for one in items]


async def test_the_engineer_who_comes_next_reads_why_and_what_to_prepare_but_not_who_was_there(
    service: Service, issuer: Issuer
) -> None:
    await visits(service)

    found = await told(service, issuer.token("e5", "engineer"))

    assert words(found) == [FACILITY, ABSENT]
    assert [(one["engineerId"], one["engineerName"]) for one in found] == [(None, None)] * 2
    assert all(one["visit"]["start"] and one["statusAt"] for one in found)


@pytest.mark.parametrize(
    ("role", "more"),
    [("manager", {}), ("manager", {"regions": ["KR-11"]}), ("service", {"scope": EVERY_SCOPE})],
)
async def test_managers_and_services_see_who_was_there_as_well(
    service: Service, issuer: Issuer, role: str, more: dict[str, Any]
) -> None:
    await visits(service)

    found = await told(service, issuer.token("kim", role, **more))

    assert words(found) == [FACILITY, ABSENT]
    assert [one["engineerName"] for one in found] == ["Engineer 3", "Engineer 2"]


@pytest.mark.parametrize(
    ("engineer", "expected"), [("e1", []), ("e2", []), ("e3", [ABSENT]), ("e4", [FACILITY, ABSENT])]
)
async def test_an_engineer_reads_of_the_visits_before_their_own(
    service: Service, issuer: Issuer, engineer: str, expected: list[tuple[str, str]]
) -> None:
    await visits(service)

    assert words(await told(service, issuer.token(engineer, "engineer"))) == expected


async def test_some_days_after_their_work_engineers_see_the_skeleton_alone(service: Service, issuer: Issuer) -> None:
    await visits(service, days_ago=8)

    ended, open_ = [await told(service, issuer.token(one, "engineer")) for one in ("e4", "e5")]

    assert words(ended) == [(None, None)] * 2
    assert words(open_) == [FACILITY, ABSENT]


async def test_nobody_else_is_told(service: Service, issuer: Issuer) -> None:
    await visits(service)

    async def asked(subject: str, role: str, path: str = PATH, **more: Any) -> Any:
        return await service.http.get(path, headers=bearer(issuer.token(subject, role, **more)))

    assert_problem(await asked("e6", "engineer"), 404, "not-found")
    assert_problem(await asked("lee", "manager", regions=["KR-26"]), 404, "not-found")
    assert_problem(await asked("1", "customer"), 403, "forbidden")
    assert_problem(await asked("kim", "manager", "/installations/o2/failedVisits"), 404, "not-found")


async def test_an_erasure_takes_the_words(service: Service, issuer: Issuer) -> None:
    store = await visits(service)
    await store.erase(["o1"])

    assert words(await told(service, issuer.token("kim", "manager"))) == [(None, None)] * 2
