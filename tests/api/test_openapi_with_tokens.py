"""Every operation of the OpenAPI document, with made-up input about something that exists, sent by every role."""

import asyncio
import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck
from hypothesis import settings as effort
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from api.app import create_app
from domain import contexts
from domain.installation import RequestInstallation
from domain.orders import Order, OrderStatus
from domain.times import UNSET
from settings import Settings
from stores.database import Database
from stores.installation import InstallationStore
from stores.order_status import OrderStatusStore
from tests.api.issuer import Issuer
from tests.api.known import EVERY_SCOPE, bearer
from tests.api.service import copy_databases, listening

MARK = "marked 77-1"
"""An address that nobody may read but whose it is."""
OWNER, STRANGER = "owner-77", "stranger-77"
KNOWN = {
    "orderId": "known-order",
    "engineerId": "kr-11-1",
    "serviceAreaId": "kr-11",
    "productId": "p",
    "dayOffId": "d",
    "namespace": "default",
    "customerId": OWNER,
}
WHO: dict[str, tuple[Any, ...]] = {
    "nobody": (),
    "no role": (STRANGER,),
    "another customer": (STRANGER, "customer"),
    "another engineer": ("kr-26-1", "engineer"),
    "a manager of elsewhere": ("kim", "manager", {"regions": ["KR-26"]}),
    "a program without the scope": ("shop", "service", {"scope": "metrics:read"}),
    "an operator": ("ops", "operator", {"scope": EVERY_SCOPE}),
    "the customer": (OWNER, "customer"),
    "the engineer": ("kr-11-1", "engineer"),
}
UNLIMITED: dict[str, Any] = {f"rate_limit_{who}": 0 for who in ("customer", "engineer", "manager", "anonymous")}
"""A refusal for being too many would hide others."""
THEIRS = {"the customer", "the engineer"}
schema = (
    schemathesis.openapi.from_dict(
        create_app(Settings(auth_issuer="https://issuer.example", auth_audience="orders")).openapi()
    )
    .exclude(path="/orderStatuses/events")
    .exclude(path="/orders")  # which a manager of elsewhere may place, too
)
# Each example is sent nine times: without the many that are made up systematically, which need no token to be tried.
schema.config.phases.coverage.enabled = False


@pytest.fixture(scope="module")
def issuer(tmp_path_factory: pytest.TempPathFactory) -> Issuer:
    return Issuer(tmp_path_factory.mktemp("issuer") / "keys.json")


@pytest.fixture(scope="module")
def api_url(
    migrated: Path, temporal_address: str, issuer: Issuer, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[str]:
    """An API that knows an order. In the end its databases have to be as they were: nobody here may change them."""
    data_dir = tmp_path_factory.mktemp("roles")
    copy_databases(migrated, data_dir)
    port = int(temporal_address.rpartition(":")[2])
    settings = Settings(data_dir=data_dir, temporal_address=None, temporal_port=port, **issuer.settings, **UNLIMITED)
    asyncio.run(_know_an_order(settings))
    before = _dump(data_dir)
    with listening(settings) as url:
        yield url
    assert _dump(data_dir) == before


@pytest.fixture(scope="module")
def tokens(issuer: Issuer) -> dict[str, str | None]:
    found: dict[str, str | None] = {}
    for who, given in WHO.items():
        words = [one for one in given if isinstance(one, str)]
        more = next((one for one in given if isinstance(one, dict)), {})
        found[who] = issuer.token(*words, **more) if words else None
    return found


@schema.parametrize()
@effort(max_examples=3, deadline=None, suppress_health_check=list(HealthCheck))
def test_whoever_asks_nothing_leaks_nothing_breaks(
    case: schemathesis.Case[Any], api_url: str, tokens: dict[str, str | None]
) -> None:
    case.path_parameters = {name: KNOWN[name] for name in case.path_parameters}
    for who, token in tokens.items():
        answer = case.call(base_url=api_url, headers=bearer(token))

        assert answer.status_code < 500, who
        assert who in THEIRS or MARK not in answer.text, who
        case.validate_response(
            answer, checks=[status_code_conformance, content_type_conformance, response_schema_conformance]
        )


async def _know_an_order(settings: Settings) -> None:
    order = Order("known-order", OWNER, installation_address=MARK, engineer_id="kr-11-1", region="KR-11")
    order.status = OrderStatus.INSTALLATION_REQUESTED
    statuses, installations = (
        Database(settings.database_url(context)) for context in (contexts.ORDER_STATUS, contexts.INSTALLATION)
    )
    await OrderStatusStore(statuses).put([order])
    await InstallationStore(installations).request(RequestInstallation("known-order", 1, "kr-11-1", "a", MARK), UNSET)
    await statuses.dispose()
    await installations.dispose()


def _dump(data_dir: Path) -> dict[str, list[str]]:
    found = {}
    for file in sorted(data_dir.glob("*.db")):
        if file.stem == contexts.AUDIT:  # where it is written down
            continue
        connection = sqlite3.connect(file)
        found[file.name] = list(connection.iterdump())
        connection.close()
    assert len(found) == 3
    return found
