"""Tests with many examples run once in each form: the quick one by `make test`, the whole one by `make test-whole`."""

from typing import Any
from unittest.mock import Mock

import pytest

from tests import whole


def item(*markers: str) -> Any:
    return Mock(markers=markers, get_closest_marker=lambda name: name if name in markers else None)


PLAIN, BOTH, WHOLE = item(), item("multiplied"), item("whole")


@pytest.mark.parametrize(
    ("asked", "chosen", "number"), [(False, [PLAIN, BOTH], 3), (True, [BOTH, WHOLE], 50)], ids=["quick", "whole"]
)
def test_each_form_has_its_tests(monkeypatch: pytest.MonkeyPatch, asked: bool, chosen: list[Any], number: int) -> None:
    monkeypatch.setattr(whole, "_whole", [asked])

    assert whole.select([PLAIN, BOTH, WHOLE])[0] == chosen
    assert whole.examples(3, whole=50) == number


@pytest.mark.parametrize(("asked", "times"), [(False, 0), (True, 1)], ids=["quick", "whole"])
def test_a_whole_form_has_more_time_unless_it_says_how_much(
    monkeypatch: pytest.MonkeyPatch, asked: bool, times: int
) -> None:
    monkeypatch.setattr(whole, "_whole", [asked])
    usual, own = item("multiplied"), item("multiplied", "timeout")

    whole.select([usual, own])

    assert [one.add_marker.call_count for one in (usual, own)] == [times, 0]
