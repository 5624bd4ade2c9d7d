"""Visits: what the API says of an engineer's installations, and what the engineer may do next."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from http import HTTPStatus
from typing import Any, Self
from urllib.parse import quote

from console.engineers.labels import REASON, STATUS, TONE
from console.lists import all_of
from console.page_request import PageRequest
from console.paths import path_of
from console.service import Api, ApiAway, Problem, Query
from console.texts import Texts
from domain.installation import EngineerAction, InstallationStatus

_INSTALLATIONS = "/installations"
_SHORT = 8
"""Characters of an order's id that tell the orders of a day apart."""
_NEXT: Mapping[str, tuple[EngineerAction, ...]] = {
    InstallationStatus.REQUESTED: (EngineerAction.ACCEPT, EngineerAction.DECLINE),
    InstallationStatus.ACCEPTED: (EngineerAction.START, EngineerAction.COMPLETE, EngineerAction.INCOMPLETE),
    InstallationStatus.STARTED: (EngineerAction.COMPLETE, EngineerAction.INCOMPLETE),
}
"""What an engineer may do in each status, the usual first."""


@dataclass(frozen=True)
class Visit:
    """One installation, as its engineer sees it. After some days the customer is not shown any more."""

    order_id: str
    status: InstallationStatus
    window: Mapping[str, str] | None
    """Start and end. None: the visit has no window."""
    day: date | None
    """Day of the window, in the time zone of the visits."""
    product: str
    customer: str | None
    phone: str | None
    address: str | None
    wish: str | None
    """The customer's note."""
    status_at: str
    reason: str | None
    """Why the engineer has declined or did not answer, or could not install."""
    note: str | None
    """The engineer's own note."""
    serials: Sequence[str]
    map_url: str | None

    @classmethod
    def of(cls, row: Mapping[str, Any], texts: Texts, map_url: str) -> Self:
        """Return an installation of the API.

        Args:
            row: The installation.
            texts: The language.
            map_url: URL of a map; `{address}` stands for the address.
        """
        window, address = row["visit"], row["installationAddress"]
        return cls(
            row["orderId"],
            InstallationStatus(row["status"]),
            window,
            texts.local(window["start"]).date() if window else None,
            row["productName"],
            row["customerName"],
            row["contactPhone"],
            address,
            row["customerNote"],
            row["statusAt"],
            row["reason"],
            row["note"],
            row["serials"],
            map_url.replace("{address}", quote(address, safe="")) if address else None,
        )

    @property
    def path(self) -> str:
        """Path of its page."""
        return page_of(self.order_id)

    @property
    def short_id(self) -> str:
        """The beginning of the order's id, to tell it from the others of a day."""
        return self.order_id[:_SHORT]

    @property
    def start(self) -> str:
        """Start of the window as the API writes it, or empty."""
        return self.window["start"] if self.window else ""

    @property
    def label(self) -> str:
        """The status, as a text marked for translation."""
        return STATUS.get(self.status, str(self.status))

    @property
    def tone(self) -> str:
        """Color of the status. It only repeats what the text says."""
        return TONE.get(self.status, "waiting")

    @property
    def why(self) -> str | None:
        """The reason, as a text marked for translation if it is one of the known ones."""
        return REASON.get(self.reason, self.reason) if self.reason else None

    @property
    def actions(self) -> tuple[EngineerAction, ...]:
        """What the engineer may do next, the usual first."""
        return _NEXT.get(self.status, ())


@dataclass(frozen=True)
class FailedVisit:
    """An earlier visit of the order that led to nothing. Who made it is not told."""

    window: Mapping[str, str] | None
    status_at: str
    why: str | None
    """The reason, as a text marked for translation if it is one of the known ones. None: it is not shown any more."""
    note: str | None

    @classmethod
    def of(cls, row: Mapping[str, Any]) -> Self:
        """Return a failed visit of the API."""
        reason = row["reason"]
        return cls(row["visit"], row["statusAt"], REASON.get(reason, reason), row["note"])


def page_of(order_id: str, action: EngineerAction | None = None) -> str:
    """Return the path of a visit, or of one thing that an engineer does about it."""
    return path_of("/visits", order_id, action or "")


async def find(asked: PageRequest, order_id: str) -> Visit:
    """Return the newest installation of an order that was requested from this engineer.

    Raises:
        Problem: there is none, or it cannot be told now.
        ApiAway: there is no answer.
    """
    return _visit(asked, await asked.api.get(path_of(_INSTALLATIONS, order_id)))


async def failed_before(asked: PageRequest, order_id: str) -> list[FailedVisit] | None:
    """Return the visits that led to nothing before this engineer's, the newest first. None: it cannot be told now."""
    try:
        found = await asked.api.get(path_of(_INSTALLATIONS, order_id, "failedVisits"))
    except Problem as problem:
        if problem.status == HTTPStatus.NOT_FOUND:  # by an API of the release before, which does not tell it
            return []
        if problem.status == HTTPStatus.UNAUTHORIZED:
            raise
        return None
    except ApiAway:
        return None
    return [FailedVisit.of(row) for row in found["items"]]


@dataclass(frozen=True)
class Visits:
    """Installations of this engineer."""

    items: Sequence[Visit]
    complete: bool
    """Whether these are all."""


async def listed(asked: PageRequest, query: Query) -> Visits:
    """Return all installations of this engineer that a query finds, up to a thousand.

    Raises:
        Problem: the API refuses the query, or cannot answer it now.
        ApiAway: there is no answer.
    """
    found = await all_of(asked.api, _INSTALLATIONS, query)
    return Visits([_visit(asked, row) for row in found.items], found.complete)


async def act(api: Api, order_id: str, action: EngineerAction, body: Mapping[str, Any]) -> None:
    """Have the API carry out an engineer's action. The same action again counts once.

    Raises:
        Problem: the API refuses it, or cannot tell now whether it was carried out.
        ApiAway: there is no answer. The action may have been carried out.
    """
    await api.send("POST", path_of(_INSTALLATIONS, order_id, action), body)


def _visit(asked: PageRequest, row: Mapping[str, Any]) -> Visit:
    return Visit.of(row, asked.texts, asked.console.settings.console_map_url)
