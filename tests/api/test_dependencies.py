"""The app's objects are found by their type."""

import pytest

from api.dependencies import Services
from domain.order_policy import OrderPolicy
from domain.visits import VisitGrid


def test_each_object_is_found_by_its_type() -> None:
    policy, grid = OrderPolicy(), VisitGrid()
    services = Services(policy, grid)

    assert (services.get(OrderPolicy), services.get(VisitGrid)) == (policy, grid)
    with pytest.raises(KeyError):
        services.get(str)


def test_two_objects_of_one_type_are_refused() -> None:
    with pytest.raises(ValueError, match="two objects of one type"):
        Services(OrderPolicy(), VisitGrid(), OrderPolicy())
