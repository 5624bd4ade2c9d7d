"""Options and report of a drill: a table, checks, and a verdict."""

from dataclasses import dataclass, field

from harness import staff

Row = dict[str, str | int | float | None]


@dataclass(frozen=True)
class Options:
    """Options of a drill."""

    quick: bool = False
    """Whether it takes seconds instead of minutes, to see that it works. Its numbers are not meaningful."""
    plant: str | None = None
    """Name in `FAULTS` of a fault that is planted in the service. The drill has to find it."""
    minutes: float | None = None
    """Duration, for drills that allow a choice."""
    seed: int = 1
    """Seed of random choices."""

    @property
    def engineers(self) -> int:
        """Number of engineers. A quick drill needs only those with which the service starts."""
        return 1 if self.quick else staff.ENGINEERS


@dataclass
class Drill:
    """Report of one drill."""

    title: str
    rows: list[Row] = field(default_factory=list)
    checked: list[tuple[str, bool]] = field(default_factory=list)

    def check(self, what: str, so: bool) -> None:
        """Add a check and whether it has passed."""
        self.checked.append((what, so))

    @property
    def passed(self) -> bool:
        """Whether there was at least one check and all checks have passed."""
        return bool(self.checked) and all(so for _, so in self.checked)

    def report(self) -> str:
        """Return the table, a line for each check, and the verdict."""
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
