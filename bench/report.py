"""Report of a measurement, as a table for people and as JSON for programs."""

import math
import statistics
from collections.abc import Sequence
from dataclasses import dataclass, field

Cell = str | int | float
Row = dict[str, Cell]


@dataclass(frozen=True)
class Aim:
    """Bound that a measured value should keep."""

    text: str
    measured: float
    bound: float
    at_least: bool = False
    """Whether the bound is a minimum instead of a maximum."""

    @property
    def met(self) -> bool:
        """Whether the value keeps the bound."""
        return self.measured >= self.bound if self.at_least else self.measured <= self.bound


@dataclass
class Measurement:
    """Result of one part of the bench: rows and aims."""

    title: str
    rows: list[Row] = field(default_factory=list)
    aims: list[Aim] = field(default_factory=list)

    def markdown(self) -> str:
        """Return a table and a line for each aim, in Markdown."""
        header = list(self.rows[0])
        lines = [f"### {self.title}", "", _line(header), _line(["---", *["---:"] * (len(header) - 1)])]
        lines += [_line([_shown(row[name]) for name in header]) for row in self.rows]
        lines += ["", *(_verdict(aim) for aim in self.aims)]
        return "\n".join(lines).rstrip() + "\n"

    def document(self) -> dict[str, object]:
        """Return the result for JSON."""
        aims = [
            {"aim": aim.text, "measured": _rounded(aim.measured), "bound": aim.bound, "met": aim.met}
            for aim in self.aims
        ]
        return {
            "title": self.title,
            "rows": [{name: _rounded(cell) for name, cell in row.items()} for row in self.rows],
            "aims": aims,
        }


def percentile(values: Sequence[float], share: float) -> float:
    """Return the smallest value that `share` of all values do not exceed."""
    return sorted(values)[max(math.ceil(share * len(values)) - 1, 0)]


def milliseconds(seconds: Sequence[float]) -> Row:
    """Return the median and the 99th percentile of some durations."""
    return {"p50 ms": statistics.median(seconds) * 1000, "p99 ms": percentile(seconds, 0.99) * 1000}


def _line(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"


def _verdict(aim: Aim) -> str:
    return (
        f"- {aim.text}: {_shown(aim.measured)} (aim: {'≥' if aim.at_least else '≤'} {_shown(aim.bound)}) "
        f"{'met' if aim.met else '**missed**'}"
    )


def _shown(cell: Cell) -> str:
    return str(_rounded(cell))


def _rounded(cell: Cell) -> Cell:
    if not isinstance(cell, float):
        return cell
    if cell.is_integer():
        return int(cell)
    return round(cell, 2) if abs(cell) < 100 else round(cell)
