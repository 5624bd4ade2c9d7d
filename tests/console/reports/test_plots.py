"""Lines of plots stay within their area, and no value is left out."""

import re
from itertools import pairwise

import pytest

from console.reports import plots
from console.reports.plots import Time, plot_of


def drawn(*values: int | None) -> plots.Plot:
    return plot_of("p", "", "", [("a", values)], [Time(str(at), str(at)) for at in range(len(values))])


@pytest.mark.parametrize("values", [(0,), (0, 0), (1,), (3, 7, 4), (999, 0), (1_000_001, 12), (None, 5, None)])
def test_every_value_is_within_the_area(values: tuple[int | None, ...]) -> None:
    plot = drawn(*values)

    numbers = [float(each) for each in re.findall(r"[\d.]+", plot.lines[0].path)]
    for x, y in zip(numbers[::2], numbers[1::2], strict=True):
        assert plots.LEFT <= x <= plots.RIGHT
        assert plots.TOP <= y <= plots.BOTTOM
    assert [mark.label for mark in plot.lines[0].marks] == [
        f"{at} · a: {value}" for at, value in enumerate(values) if value is not None
    ]


@pytest.mark.parametrize("highest", [0, 1, 3, 4, 5, 9, 10, 99, 100, 12345])
def test_the_axis_has_a_few_whole_numbers_up_to_the_highest_value(highest: int) -> None:
    numbers = [int(tick.label) for tick in drawn(highest).numbers]

    assert numbers[0] == 0
    assert numbers[-1] >= highest
    assert 2 <= len(numbers) <= 6
    assert len({after - before for before, after in pairwise(numbers)}) == 1


def test_a_gap_breaks_the_line() -> None:
    assert drawn(1, 1, None, 1, 1).lines[0].path.count("M") == 2


def test_a_value_between_gaps_is_marked_also_where_others_are_not() -> None:
    values = [None if at in (10, 12) else 1 for at in range(40)]

    assert [mark.label for mark in drawn(*values).lines[0].marks] == ["11 · a: 1"]
