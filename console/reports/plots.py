"""Plots as SVG: the geometry of lines and axes, computed here, so that a page needs no script and no inline style."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

WIDTH, HEIGHT = 360, 200
"""The size of a plot in its own units. It is as readable on a phone as it is wide there."""
LEFT, RIGHT, TOP, BOTTOM = 44, 350, 10, 172
"""Edges of the area with the lines."""
_MOST_STEPS = 4
_MOST_MARKS = 31
"""The largest number of points of which each has a mark."""


@dataclass(frozen=True)
class Time:
    """A time to which values belong."""

    begin: str
    """Its beginning, as an axis says it."""
    name: str
    """All of it."""


@dataclass(frozen=True)
class Tick:
    """A number on an axis."""

    at: float
    label: str


@dataclass(frozen=True)
class Mark:
    """One value."""

    x: float
    y: float
    label: str
    """What it says where the pointer rests."""


@dataclass(frozen=True)
class Line:
    """One line, and where its values are."""

    name: str
    path: str
    """The line, as the attribute `d`."""
    marks: Sequence[Mark]


@dataclass(frozen=True)
class Plot:
    """Lines over time."""

    plot_id: str
    title: str
    text: str
    """What it shows, in words."""
    lines: Sequence[Line]
    numbers: Sequence[Tick]
    """Labels of the vertical axis."""
    times: Sequence[Tick]
    """Labels of the horizontal axis: its ends."""


def plot_of(
    plot_id: str,
    title: str,
    text: str,
    series: Sequence[tuple[str, Sequence[int | None]]],
    times: Sequence[Time],
) -> Plot:
    """Lay out a plot.

    Args:
        plot_id: Its id in the page.
        title: What it is called.
        text: What it shows, in words.
        series: Names and values, one value for each time. None: there is none.
        times: The times, at least one.
    """
    steps = _steps(max((value or 0 for _, values in series for value in values), default=0))
    xs = [_x(number, len(times)) for number in range(len(times))]
    lines = []
    for name, values in series:
        points = [None if value is None else (x, _y(value, steps[-1])) for x, value in zip(xs, values, strict=True)]
        marks = [
            Mark(*point, f"{time.name} · {name}: {value}")
            for point, value, time in zip(points, values, times, strict=True)
            if point is not None
        ]
        # A value between two gaps has no line: without its mark, it would not be seen.
        lines.append(Line(name, _path(points), marks if len(times) <= _MOST_MARKS else _alone(points, marks)))
    ends = [Tick(xs[at], times[at].begin) for at in ((0,) if len(times) == 1 else (0, -1))]
    return Plot(plot_id, title, text, lines, [Tick(_y(step, steps[-1]), str(step)) for step in steps], ends)


def _steps(highest: int) -> list[int]:
    """Return the numbers of an axis, from 0 up to at least the highest value."""
    power = 1
    while True:
        for factor in (1, 2, 5):
            step = factor * power
            if step * _MOST_STEPS >= highest:
                return list(range(0, max(highest, 1) + step, step))
        power *= 10


def _x(number: int, count: int) -> float:
    return round(LEFT + (RIGHT - LEFT) * (number / (count - 1) if count > 1 else 0.5), 1)


def _y(value: int, highest: int) -> float:
    return round(BOTTOM - (BOTTOM - TOP) * value / highest, 1)


def _path(points: Sequence[tuple[float, float] | None]) -> str:
    """Return a line through the points, broken where there is none."""
    parts = []
    for before, point in pairwise([None, *points]):
        if point is not None:
            parts.append(f"{'L' if before else 'M'}{point[0]} {point[1]}")
    return "".join(parts)


def _alone(points: Sequence[tuple[float, float] | None], marks: Sequence[Mark]) -> list[Mark]:
    alone = {
        point
        for before, point, after in zip([None, *points], points, [*points[1:], None], strict=False)
        if point is not None and before is None and after is None
    }
    return [mark for mark in marks if (mark.x, mark.y) in alone]
