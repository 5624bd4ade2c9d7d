"""A token that is shown counts, also where none is required; and what `/whoami` says of it."""

import time
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from domain.orders import Order
from runtime import development_issuer
from runtime.development_issuer import AUDIENCE, ISSUER
from runtime.settings import Settings
from stores.order_status.view import OrderStatusStore
from tests.api.issuer import Issuer, ec_key
from tests.api.known import bearer
from tests.api.problems import assert_problem
from tests.api.service import Service, but, serving

NOBODY: dict[str, object] = {"roles": [], "subject": None, "regions": None, "expiresAt": None}


@pytest.fixture
def settings(without_temporal: Settings) -> Settings:
    return without_temporal


@pytest.fixture
async def service(settings: Settings) -> AsyncIterator[Service]:
    """An API that requires no token, with an order of each of two customers."""
    async with serving(settings) as service:
        orders = [Order("own-order", "1", region="KR-11"), Order("others-order", "2", region="KR-26")]
        await service.app.state.services.get(OrderStatusStore).put(orders)
        yield service


def token(service: Service, subject: str, *roles: str, **claims: Any) -> dict[str, str]:
    """Return the header with a token of the issuer in `DATA_DIR`."""
    said = {"sub": subject, "roles": list(roles), **claims}
    return bearer(development_issuer.token(service.settings.data_dir, said, hours=1))


async def test_who_shows_none_is_nobody_and_may_do_everything(service: Service) -> None:
    assert (await service.http.get("/whoami")).json() == NOBODY
    assert len((await service.http.get("/orderStatuses")).json()["items"]) == 2
    for path in ("/orderStatuses/summary", "/orderStatuses/others-order", "/managementCenters/engineers", "/audit"):
        assert (await service.http.get(path)).status_code == 200, path


async def test_its_role_bounds_the_request_as_anywhere(service: Service) -> None:
    customer, manager = token(service, "1", "customer"), token(service, "lee", "manager", regions=["KR-26"])

    async def listed(headers: dict[str, str]) -> list[str]:
        answer = await service.http.get("/orderStatuses", headers=headers)
        return [order["orderId"] for order in answer.json()["items"]]

    assert await listed(customer) == ["own-order"]
    assert await listed(manager) == ["others-order"]
    for headers, own, others in ((customer, "own-order", "others-order"), (manager, "others-order", "own-order")):
        assert (await service.http.get(f"/orderStatuses/{own}", headers=headers)).status_code == 200
        assert_problem(await service.http.get(f"/orderStatuses/{others}", headers=headers), 404, "not-found")
        assert_problem(await service.http.get("/audit", headers=headers), 403, "forbidden")
    for nothing in (token(service, "1"), token(service, "1", "cook"), token(service, "shop", "service")):
        assert_problem(await service.http.get("/orderStatuses", headers=nothing), 403, "forbidden")


async def test_a_bad_one_is_refused_everywhere_but_where_nothing_is_asked(service: Service, tmp_path: Path) -> None:
    another = Issuer(tmp_path / "another.json", ISSUER, AUDIENCE, {"one": ec_key(1)})
    good = token(service, "kim", "manager")["Authorization"]
    for shown in (
        [("Authorization", f"{good[:-8]}AAAAAAAA")],
        [("Authorization", f"Bearer {another.token('kim', 'manager')}")],
        [("Authorization", "Bearer x.y.z")],
        [("Authorization", "Bearer")],
        [("Authorization", "Basic a2ltOmtpbQ==")],
        [("Authorization", good), ("Authorization", good)],
        [*token(service, "kim", "manager", exp=1).items()],
    ):
        for path in ("/orderStatuses", "/whoami", "/metrics"):
            answer = await service.http.get(path, headers=shown)
            assert_problem(answer, 401, "unauthenticated")
            assert 'error="invalid_token"' in answer.headers["WWW-Authenticate"], (path, shown)
        for path in ("/health/ready", "/openapi.json"):
            assert (await service.http.get(path, headers=shown)).status_code == 200, path


async def test_a_revoked_one_is_a_bad_one(settings: Settings, tmp_path: Path) -> None:
    file = tmp_path / "revoked"
    file.write_text(f"kim {datetime.fromtimestamp(time.time() + 60, UTC):%Y-%m-%dT%H:%M:%SZ}\n")
    async with serving(but(settings, revoked_tokens=file)) as service:
        answers = [
            await service.http.get("/whoami", headers=token(service, name, "manager")) for name in ("kim", "lee")
        ]

    assert [answer.status_code for answer in answers] == [401, 200]


async def test_it_has_the_rate_of_its_role_and_the_others_have_none(settings: Settings) -> None:
    async with serving(but(settings, rate_limit_customer=2)) as service:
        one = token(service, "1", "customer")
        answers = [await service.http.get("/whoami", headers=one) for _ in range(3)]
        assert [answer.status_code for answer in answers] == [200, 200, 429]
        for headers in ({}, token(service, "2", "customer")):
            assert (await service.http.get("/whoami", headers=headers)).status_code == 200


@pytest.mark.parametrize(
    ("claims", "roles", "regions"),
    [
        ({"roles": ["manager"], "regions": ["KR-26", "KR-11"]}, ["manager"], ["KR-11", "KR-26"]),
        ({"roles": ["manager"], "regions": ["*"]}, ["manager"], None),
        ({"roles": ["manager"], "regions": []}, ["manager"], []),
        ({"roles": "customer engineer cook"}, ["engineer", "customer"], None),
        ({"roles": ["customer"], "regions": ["KR-11"]}, ["customer"], None),
        ({"roles": ["service"], "scope": "openid"}, ["service"], None),
        ({"roles": ["operator"], "scope": "metrics:read"}, ["operator"], None),
        ({"roles": ["tracker"]}, [], None),
        ({}, [], None),
    ],
)
async def test_every_good_token_may_ask_what_it_says(
    service: Service, claims: dict[str, Any], roles: list[str], regions: list[str] | None
) -> None:
    ends = int(time.time()) + 600
    headers = token(service, "kim", **{"roles": [], **claims, "exp": ends})

    answer = await service.http.get("/whoami", headers=headers)

    expected = {"roles": roles, "subject": "kim", "regions": regions}
    assert answer.json() == expected | {"expiresAt": f"{datetime.fromtimestamp(ends, UTC):%Y-%m-%dT%H:%M:%SZ}"}


async def test_where_a_token_is_required_it_is_for_that_too(settings: Settings) -> None:
    async with serving(but(settings, auth_required=True)) as service:
        assert_problem(await service.http.get("/whoami"), 401, "unauthenticated")
        assert (await service.http.get("/whoami", headers=token(service, "1"))).json()["subject"] == "1"


@pytest.mark.parametrize("required", [True, False])
async def test_the_description_says_whether_a_token_is_required(settings: Settings, required: bool) -> None:
    async with serving(but(settings, auth_required=required)) as service:
        described = (await service.http.get("/openapi.json")).json()["paths"]["/orderStatuses"]["get"]

    assert ({"bearer": []} in described["security"], {} in described["security"]) == (True, not required)
    assert {"401", "403"} <= described["responses"].keys()
