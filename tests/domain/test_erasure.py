"""Every field of an order is declared as personal or not, so that an erasure removes or keeps it."""

from dataclasses import fields, replace
from datetime import UTC, datetime, timedelta

from domain.common.personal import erased
from domain.erasure import skeleton
from domain.installation import Installation
from domain.orders import Event, HistoryEntry, Order
from tests.domain.filled import default, filled

NOON = datetime(2026, 7, 15, 12, tzinfo=UTC)
IMPERSONAL = {
    "order_id",
    "product_id",
    "product_name",
    "order_date",
    "status",
    "region",
    "engineer_id",
    "engineer_name",
    "visit",
    "install_completed_at",
}
OTHERWISE = {"attention", "version", "history"}
"""Fields that `skeleton` handles itself."""
IMPERSONAL_OF_INSTALLATION = IMPERSONAL - {"order_date", "install_completed_at"} | {
    "round",
    "status_at",
    "completed_at",
}


def test_every_field_is_personal_or_stays() -> None:
    assert {field.name for field in fields(Order)} == erased(Order).keys() | IMPERSONAL | OTHERWISE
    assert not erased(Order).keys() & (IMPERSONAL | OTHERWISE)
    installation = {field.name for field in fields(Installation)} - {"serials"}
    assert installation == erased(Installation).keys() | IMPERSONAL_OF_INSTALLATION
    assert not erased(Installation).keys() & IMPERSONAL_OF_INSTALLATION


def test_personal_data_are_erased_as_by_default() -> None:
    defaults = {field.name: default(field) for field in fields(Order)}

    assert erased(Order).items() <= defaults.items()


def test_a_skeleton_has_nothing_personal_and_the_rest_as_it_was() -> None:
    order = filled(Order)

    left = skeleton(order, at=NOON)

    assert {name: getattr(left, name) for name in erased(Order)} == erased(Order)
    assert {name: getattr(left, name) for name in IMPERSONAL} == {name: getattr(order, name) for name in IMPERSONAL}
    assert (left.attention, left.version) == (None, order.version + 1)
    *before, erased_at_last = left.history
    assert [replace(entry, detail=None) for entry in order.history] == before
    last = before[-1]
    assert erased_at_last == replace(
        HistoryEntry(Event.PERSONAL_DATA_ERASED, NOON),
        region=order.region,
        engineer_id=order.engineer_id,
        visit=order.visit,
        round=last.round,
    )


def test_the_history_says_once_that_the_personal_data_were_erased() -> None:
    once = skeleton(filled(Order), at=NOON)

    again = skeleton(once, at=NOON + timedelta(hours=1))

    assert (again.history, again.version) == (once.history, once.version + 1)
    assert [entry.event for entry in skeleton(Order(), at=NOON).history] == [Event.PERSONAL_DATA_ERASED]
