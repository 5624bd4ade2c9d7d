"""What the supervisor is given to run."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path


class Failure(Exception):
    """The service cannot run, or not any longer; the text says to a person why, and what to look at."""


@dataclass(frozen=True)
class Part:
    """A process that is kept running."""

    name: str
    command: tuple[str, ...]
    port: int
    """Where it serves, as `run.json` has it."""
    ready_at: str
    """The URL that answers 200 once the part can do its work."""
    live_at: str
    """The URL that answers 200 for as long as the part does not hang; asked from when it was ready on."""
    echo: bool = True
    """Its output is shown in the terminal too, not in its log alone."""
    before_start: Callable[[], None] | None = None
    """Done before each start, also before one that follows a death."""


@dataclass(frozen=True)
class Step:
    """A command that is carried out before the next part starts.

    Where it ends with `EX_TEMPFAIL` (75), what it needs is out of order for now: the rest starts, it is tried again.
    """

    name: str
    command: tuple[str, ...]
    purpose: str
    """What failed, if it does: `… failed`."""


@dataclass(frozen=True)
class Listener:
    """A port that must be free, the environment variable that sets it, and what it is for."""

    variable: str
    host: str
    port: int
    purpose: str


@dataclass(frozen=True)
class Limits:
    """How patient the supervisor is; seconds."""

    ready_within: float = 120
    """From the start of a part, or of a step, until it is ready, or done. A part that was ready before is then killed
    and started again, as often as that takes."""
    grace: float = 10
    """From asking a part to stop until it is killed."""
    deaths: int = 5
    """So many deaths of parts, of all together, are put right within `window`; one more ends everything."""
    window: float = 60
    retry_every: float = 5
    """Between two tries of a step that was put off."""
    probe_every: float = 2
    """Between two looks whether a part hangs."""
    answer_within: float = 2
    """What a part that does not hang has to answer in."""
    misses: int = 3
    """So many looks in a row without an answer, and the part is killed."""


@dataclass(frozen=True)
class Service:
    """Everything that runs together."""

    plan: Sequence[Part | Step]
    """Each is begun once the one before it is ready, or done."""
    listeners: Sequence[Listener]
    places: Sequence[str]
    """Where everything is, a line each, for the person who started it."""
    data_dir: Path
    """Absolute."""
    limits: Limits
