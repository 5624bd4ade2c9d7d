"""Description of what the supervisor runs."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path


class Failure(Exception):
    """The service cannot run, or cannot continue. The text says why, and where to look."""


@dataclass(frozen=True)
class Part:
    """Process that is kept running."""

    name: str
    command: tuple[str, ...]
    port: int
    """Port that it serves, as listed in `run.json`."""
    ready_at: str
    """URL that answers 200 once the part can do its work."""
    live_at: str
    """URL that answers 200 while the part does not hang. It is probed once the part is ready."""
    echo: bool = True
    """Whether its output appears in the terminal in addition to its log."""
    before_start: Callable[[], None] | None = None
    """Called before each start, including restarts."""
    variables: Mapping[str, str] = field(default_factory=dict)
    """Environment variables of this part. What the environment already has takes precedence."""


@dataclass(frozen=True)
class Step:
    """Command that is executed before the next part starts.

    If it ends with `EX_TEMPFAIL` (75), something that it needs is down: the rest starts, and the step is retried.
    """

    name: str
    command: tuple[str, ...]
    purpose: str
    """Subject of messages such as `… failed`."""


@dataclass(frozen=True)
class Listener:
    """Port that must be free, the environment variable that sets it, and its purpose."""

    variable: str
    host: str
    port: int
    purpose: str


@dataclass(frozen=True)
class Limits:
    """Limits of the supervisor's patience, in seconds."""

    ready_within: float = 120
    """Maximum time from the start of a part or a step until it is ready or done. A part that was ready before is then
    killed and restarted, as often as necessary."""
    grace: float = 10
    """Time from the request to stop until a part is killed."""
    deaths: int = 5
    """Maximum number of deaths of all parts within `window` that are repaired. One more ends everything."""
    window: float = 60
    retry_every: float = 5
    """Time between two attempts of a postponed step."""
    probe_every: float = 2
    """Time between two probes of a part."""
    answer_within: float = 5
    """Timeout of a probe. A process that is short of the processor answers late, and does not hang."""
    misses: int = 3
    """Number of successive unanswered probes after which a part is killed."""


@dataclass(frozen=True)
class Service:
    """The parts and steps that run together."""

    plan: Sequence[Part | Step]
    """Each item is started once the previous one is ready or done."""
    listeners: Sequence[Listener]
    places: Sequence[str]
    """Lines that tell the user the address of everything."""
    data_dir: Path
    """Absolute path."""
    limits: Limits
