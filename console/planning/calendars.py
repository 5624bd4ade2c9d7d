"""What a plan is made of: engineers, entries of calendars, and booked visits, as the API has them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, Self

from console.engineers.labels import TONE
from console.managers.explanations import INSTALLATION
from console.texts import Texts
from domain.installation import InstallationStatus
from domain.management_center.staff import Weekday
from domain.management_center.working_time import Hours, Span
from domain.visits import TimeWindow

_NOT_COMING = (InstallationStatus.DECLINED, InstallationStatus.CANCELED)
"""Statuses of visits that the engineer does not make."""


def minutes(text: str) -> int:
    """Return the minute of the day of a time of the API, `09:00`."""
    hours, _, rest = text.partition(":")
    return int(hours) * 60 + int(rest)


def hours_of(given: Mapping[str, str] | None) -> Span | None:
    """Return hours of the API as a part of a day."""
    return Span(minutes(given["from"]), minutes(given["until"])) if given else None


@dataclass(frozen=True)
class Member:
    """An engineer of a plan."""

    engineer_id: str
    name: str
    skills: Sequence[str] = ()
    region: str | None = None
    hours: Hours | None = None
    """The usual working hours. None: they are not known here."""

    @classmethod
    def of(cls, engineer: Mapping[str, Any], usual_visits: int) -> Self:
        """Make it from an engineer of the API. Whoever is not active works at no time."""
        begins, ends = hours_of(engineer["workingHours"]) or Span(0, 0)
        days = sum(1 << list(Weekday).index(Weekday(day)) for day in engineer["workingDays"])
        visits = engineer["visitsPerWindow"] or usual_visits
        return cls(
            engineer["engineerId"],
            engineer["name"],
            engineer["skills"],
            engineer["region"],
            Hours(days, begins, ends, visits) if engineer["active"] else None,
        )


@dataclass(frozen=True)
class Entry:
    """A day off or an extra shift, of an engineer or of a region."""

    engineer_id: str | None
    region: str | None
    first: date
    last: date
    hours: Span | None
    label: str
    """The hours as people read them, or empty for none."""

    @classmethod
    def of(cls, entry: Mapping[str, Any]) -> Self:
        """Make it from an entry of the API."""
        given = entry["hours"]
        return cls(
            entry["engineerId"],
            entry["region"],
            date.fromisoformat(entry["from"]),
            date.fromisoformat(entry["to"]),
            hours_of(given),
            f"{given['from']}–{given['until']}" if given else "",
        )

    def concerns(self, member: Member, day: date) -> bool:
        """Return whether the entry counts for an engineer on a day."""
        if not self.first <= day <= self.last:
            return False
        return self.engineer_id == member.engineer_id or (self.region is not None and self.region == member.region)


@dataclass(frozen=True)
class Booked:
    """A visit that an engineer is to make, or has made."""

    order_id: str
    engineer_id: str
    engineer_name: str
    who: str
    """The customer, or the product once the customer is not known any more."""
    status: str
    window: TimeWindow
    day: date
    """Day of the window, in the time zone of the visits."""

    @property
    def label(self) -> str:
        """The status, as a text marked for translation."""
        return INSTALLATION.get(self.status, self.status)

    @property
    def tone(self) -> str:
        """Color of the status. It only repeats what the text says."""
        return TONE.get(self.status, "moving")

    @classmethod
    def of(cls, row: Mapping[str, Any], texts: Texts) -> Self | None:
        """Make it from an installation of the API, or return None if nobody comes because of it."""
        window, engineer_id = row["visit"], row["engineerId"]
        if window is None or engineer_id is None or row["status"] in _NOT_COMING:
            return None
        start, end = (datetime.fromisoformat(window[each]) for each in ("start", "end"))
        return cls(
            row["orderId"],
            engineer_id,
            row["engineerName"] or engineer_id,
            row["customerName"] or row["productName"],
            row["status"],
            TimeWindow(start, end),
            texts.local(start).date(),
        )
