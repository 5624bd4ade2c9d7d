"""Every operation of the OpenAPI document, with valid and invalid input generated from it."""

import asyncio
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck
from hypothesis import settings as effort
from schemathesis.specs.openapi.checks import (
    negative_data_rejection,
    positive_data_acceptance,
)

from api.app import create_app
from api.event_delivery import ping as pings
from api.orders import erasure as erasures
from domain.common import contexts
from domain.common.times import UNSET
from domain.event_delivery.subscriptions import SubscriptionRequest
from domain.installation import RequestInstallation
from domain.orders import Order
from runtime.secret_seal import SecretSeal, new_secret
from runtime.settings import Settings
from runtime.temporal_client import payload_keys_of
from stores.common.database import Database
from stores.event_delivery.subscriptions import SubscriptionStore
from stores.installation.installations import InstallationStore
from stores.management_center.assignments import ManagementCenterStore
from stores.management_center.calendar_entries import DAYS_OFF, EXTRA_SHIFTS
from stores.order_status.view import OrderStatusStore
from tests.api.fuzzed import end_streams
from tests.api.service import copy_databases, listening
from tests.eventually import PATIENCE
from tests.processes import starts_processes
from tests.servers import dev_server
from tests.whole import examples, is_whole

KNOWN = {
    "orderId": "known-order",
    "engineerId": "kr-11-1",
    "serviceAreaId": "kr-11",
    "productId": "known/product",
    "namespace": "default",
    "customerId": "1",
}
"""The ids of existing resources."""
schema = schemathesis.openapi.from_dict(create_app(Settings()).openapi())
# The cases that are derived from each member of each schema multiply: there are some 4,700.
schema.config.phases.coverage.enabled = is_whole()
schema.config.request_timeout = PATIENCE


@pytest.fixture(scope="module")
@starts_processes()
def api_url(migrated: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """An API with an order, and with its own Temporal server, because the tests leave many orders there."""
    data_dir = tmp_path_factory.mktemp("openapi")
    copy_databases(migrated, data_dir)
    with dev_server() as address, pytest.MonkeyPatch.context() as impatient:
        impatient.setattr(erasures, "ERASE_WITHIN", 0.01)  # nobody works
        impatient.setattr(pings, "PING_WITHIN", 0.01)
        impatient.setattr(pings, "_UNTOUCHED", 0)
        impatient.setattr(pings, "PINGS_PER_MINUTE", 0)
        end_streams(impatient)
        port = int(address.rpartition(":")[2])
        settings = Settings(data_dir=data_dir, temporal_address=None, temporal_port=port)
        asyncio.run(know_something(settings))
        with listening(settings) as url:
            yield url


async def know_something(settings: Settings) -> None:
    order_id = KNOWN["orderId"]
    statuses = Database(settings.database_url(contexts.ORDER_STATUS), deadline_seconds=PATIENCE)
    await OrderStatusStore(statuses).put([Order(order_id)])
    await statuses.dispose()
    installations = Database(settings.database_url(contexts.INSTALLATION), deadline_seconds=PATIENCE)
    await InstallationStore(installations).request(RequestInstallation(order_id, 1, "kr-11-1", "a", "b"), UNSET)
    await installations.dispose()
    centers = Database(settings.database_url(contexts.MANAGEMENT_CENTER), deadline_seconds=PATIENCE)
    center = ManagementCenterStore(centers, settings.booking_rules)
    await center.create_product(KNOWN["productId"], [])
    today = datetime.now(UTC).date()
    entry: dict[str, Any] = {"engineer_id": None, "first_day": today, "last_day": today, "reason": None}
    KNOWN["dayOffId"] = (await center.create_entry(DAYS_OFF, region="KR-11", **entry)).day_off_id
    KNOWN["extraShiftId"] = (await center.create_entry(EXTRA_SHIFTS, region="KR-11", **entry)).extra_shift_id
    await centers.dispose()
    events = Database(settings.database_url(contexts.EVENT_DELIVERY), deadline_seconds=PATIENCE)
    subscription = SubscriptionRequest("billing", "https://billing.example/", "anonymous")
    await SubscriptionStore(events, SecretSeal(payload_keys_of(settings))).create("known", subscription, new_secret())
    KNOWN["eventSubscriptionId"] = "known"
    await events.dispose()


@pytest.mark.multiplied
@schema.parametrize()
@effort(max_examples=examples(10, whole=40), suppress_health_check=list(HealthCheck))
def test_every_answer_is_one_that_the_document_describes(case: schemathesis.Case[Any], api_url: str) -> None:
    # What a text has to be beyond its schema, a real date for one, only the API knows.
    case.call_and_validate(base_url=api_url, excluded_checks=[positive_data_acceptance])


@pytest.mark.multiplied
@schema.include(path_regex="{").parametrize()
@effort(max_examples=examples(5, whole=20), suppress_health_check=list(HealthCheck))
def test_every_answer_about_something_that_exists_is_described_too(case: schemathesis.Case[Any], api_url: str) -> None:
    case.path_parameters = {name: KNOWN[name] for name in case.path_parameters}

    # Whether what was made up is valid as a whole is not known any more.
    case.call_and_validate(base_url=api_url, excluded_checks=[positive_data_acceptance, negative_data_rejection])
