"""A calendar entry as it is shown."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any, Self

from console.calendars.kinds import Kind
from console.texts import Texts


@dataclass(frozen=True)
class Entry:
    """Days of an engineer or of a region. Both days are included."""

    engineer_id: str | None
    engineer: str | None
    """Name of the engineer. None: it is the region's, or the engineer is not known any more."""
    region: str | None
    """None: of an engineer who is not known any more."""
    days: str
    hours: str | None
    """None: it has no hours of its own."""
    reason: str | None
    over: bool
    """Whether it has passed."""
    removal: str
    """Where it can be removed."""

    @classmethod
    def of(cls, entry: Mapping[str, Any], kind: Kind, texts: Texts, engineer: Mapping[str, Any] | None) -> Self:
        """Make it from an entry of the API and its engineer."""
        first, last = (date.fromisoformat(entry[end]) for end in ("from", "to"))
        hours, today = entry["hours"], texts.today()
        return cls(
            entry["engineerId"],
            engineer["name"] if engineer else None,
            engineer["region"] if engineer else entry["region"],
            texts.day(first) if first == last else f"{texts.day(first)} – {texts.day(last)}",
            f"{hours['from']}–{hours['until']}" if hours else None,
            entry["reason"],
            last < today,
            kind.removal(entry[kind.key]),
        )
