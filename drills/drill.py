"""What a drill is given, and what it has seen: a table, what should have been and was not, and a verdict."""

from dataclasses import dataclass, field

from harness import staff

Row = dict[str, str | int | float | None]


@dataclass(frozen=True)
class Options:
    """How a drill is run."""

    quick: bool = False
    """Seconds instead of minutes, to see that it works; its numbers say little."""
    plant: str | None = None
    """A fault of the drill's `FAULTS` that is put into the service: the drill has to find it."""
    minutes: float | None = None
    """How long it lasts, where a drill lets one choose."""
    seed: int = 1
    """Of what is left to chance."""

    @property
    def engineers(self) -> int:
        """Enough for its orders: quick, those that the service begins with."""
        return 1 if self.quick else staff.ENGINEERS


@dataclass
class Drill:
    """One drill, as far as it has come."""

    title: str
    rows: list[Row] = field(default_factory=list)
    checked: list[tuple[str, bool]] = field(default_factory=list)

    def check(self, what: str, so: bool) -> None:
        """Note whether it was as it should be."""
        self.checked.append((what, so))

    @property
    def passed(self) -> bool:
        """Everything that was looked at was as it should be, and something was looked at."""
        return bool(self.checked) and all(so for _, so in self.checked)

    def report(self) -> str:
        """The table, a line for each check, and the verdict."""
        lines = [f"### {self.title}", ""]
        if self.rows:
            header = list(self.rows[0])
            cells = [header, ["---"] * len(header), *([_cell(row.get(name)) for name in header] for row in self.rows)]
            lines += [f"| {' | '.join(row)} |" for row in cells]
            lines.append("")
        lines += [f"- {'✓' if so else '✗'} {what}" for what, so in self.checked]
        lines += ["", f"**{'통과 · passed' if self.passed else '실패 · FAILED'}**"]
        return "\n".join(lines)


def _cell(value: str | int | float | None) -> str:
    if value is None:
        return "–"
    return f"{value:.2f}" if isinstance(value, float) else str(value)
