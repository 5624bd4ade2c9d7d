"""Every field of an order is declared as personal or not, so that an erasure removes or keeps it."""

from dataclasses import fields, replace

from domain.common.personal import erased
from domain.erasure import skeleton
from domain.installation import Installation
from domain.orders import Order
from tests.domain.filled import default, filled

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

    left = skeleton(order)

    assert {name: getattr(left, name) for name in erased(Order)} == erased(Order)
    assert {name: getattr(left, name) for name in IMPERSONAL} == {name: getattr(order, name) for name in IMPERSONAL}
    assert (left.attention, left.version) == (None, order.version + 1)
    assert [replace(entry, detail=None) for entry in order.history] == left.history
