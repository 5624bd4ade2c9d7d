"""The requests that create installations contain every field that an installation has from its order."""

from dataclasses import fields, replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from domain.installation import (
    CancelInstallation,
    ContactPolicy,
    Installation,
    InstallationStatus,
    OrderDetails,
    RequestInstallation,
)
from domain.orders import Order
from tests.domain.filled import filled

OWN = {"round", "status", "status_at", "completed_at", "reason", "note", "serials"}
"""The installation's own fields."""
WITH_ENGINEER = {"engineer_id", "engineer_name", "visit"}
"""The fields from its order that it has once it is requested from an engineer."""


def names(cls: type[Any]) -> set[str]:
    return {field.name for field in fields(cls)}


def test_requests_have_every_field_that_an_installation_has_of_its_order() -> None:
    assert names(RequestInstallation) - {"round"} == names(Installation) - OWN
    assert names(CancelInstallation) - {"reason"} == names(Installation) - OWN - WITH_ENGINEER


def test_every_field_is_the_orders() -> None:
    order = filled(Order)
    told = vars(order) | {"customer_note": order.note, "round": 7, "reason": "moved"}

    for made in (RequestInstallation.of(order, 7), CancelInstallation.of(order, "moved"), OrderDetails.of(order)):
        assert vars(made) == {name: told[name] for name in names(type(made))}


def test_an_order_that_nobody_has_makes_a_request_to_nobody() -> None:
    request = RequestInstallation.of(replace(filled(Order), engineer_id=None, engineer_name=None), 7)

    assert (request.engineer_id, request.engineer_name) == ("", "")


@pytest.mark.parametrize("status", [*InstallationStatus, InstallationStatus("OF_A_NEWER_RELEASE")])
def test_an_engineer_sees_the_customer_until_some_time_after_the_end_of_their_work(status: InstallationStatus) -> None:
    ended = datetime(2026, 7, 15, tzinfo=UTC)
    policy, installation = ContactPolicy(timedelta(days=7)), Installation(status=status, status_at=ended)

    assert policy.shows(installation, ended + timedelta(days=6, hours=23))
    assert policy.shows(installation, ended + timedelta(days=7)) is status.open
    assert not ContactPolicy(timedelta(0)).shows(replace(installation, status=InstallationStatus.DECLINED), ended)
