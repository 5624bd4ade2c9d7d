"""A manager's page about one order: facts, story with actors and reasons, and what can be done."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from starlette.responses import Response

from console import labels
from console.managers.explanations import INSTALLATION, Explanations
from console.managers.order_reading import Reading, read_order
from console.managers.rows import Attention
from console.managers.story import Entry, Teller
from console.page_request import PageRequest
from console.texts import KOREAN
from domain.orders import OrderStatus, workflow_id

_CHANGEABLE = frozenset(OrderStatus) - {
    OrderStatus.JOIN_COMPLETED,
    OrderStatus.CANCEL_ORDERED,
    OrderStatus.ORDER_CANCELED,
}


@dataclass(frozen=True)
class FailedVisit:
    """A visit that led to nothing."""

    visit: Mapping[str, str] | None
    at: str
    engineer: str | None
    why: str | None
    """In the language of the page. None: it is erased."""
    note: str | None

    @classmethod
    def of(cls, row: Mapping[str, Any], explanations: Explanations) -> "FailedVisit":
        """Return a failed visit of the API."""
        why = explanations.of_visit(row["reason"]) if row["reason"] else None
        return cls(row["visit"], row["statusAt"], row["engineerName"] or row["engineerId"], why, row["note"])


@dataclass(frozen=True)
class Facts:
    """The order, and what the other contexts say about it."""

    order: Mapping[str, Any]
    attention: Attention | None
    attention_detail: str | None
    """In the language of the page."""
    claimed_by: str | None
    """Who has taken on the order, as a text."""
    assignment: Mapping[str, Any] | None
    chosen_because: str | None
    chosen_by: str | None
    center_away: bool
    installation: Mapping[str, Any] | None
    installation_reason: str | None
    installations_away: bool
    failed_visits: Sequence[FailedVisit]
    """Those before the installation, the newest first."""
    failed_visits_away: bool

    @classmethod
    def of(cls, reading: Reading, teller: Teller) -> "Facts":
        """Collect what is known."""
        attention, assignment = Attention.of(reading.order["attention"]), reading.assignment.body
        installation, explanations = reading.installation.body, teller.explanations
        return cls(
            reading.order,
            attention,
            explanations.of_visit(attention.detail) if attention and attention.detail else None,
            teller.name(attention.acknowledged_by) if attention and attention.acknowledged_by else None,
            assignment,
            explanations.of(assignment["reason"]) if assignment else None,
            teller.chooser(assignment["by"]) if assignment else None,
            reading.assignment.away,
            installation,
            explanations.of_visit(installation["reason"]) if installation and installation["reason"] else None,
            reading.installation.away,
            [FailedVisit.of(one, explanations) for one in (reading.failed_visits.body or {"items": ()})["items"]],
            reading.failed_visits.away,
        )

    @property
    def order_id(self) -> str:
        """Id of the order."""
        return str(self.order["orderId"])

    @property
    def tone(self) -> str:
        """Color of the status."""
        return labels.TONE.get(self.order["status"], "plain")

    @property
    def installation_status(self) -> str:
        """Status of the engineer's job, as a text marked for translation."""
        status = self.installation["status"] if self.installation else ""
        return INSTALLATION.get(status, status)

    @property
    def changeable(self) -> bool:
        """Whether engineer, visit and the order itself can still be changed."""
        return self.order["status"] in _CHANGEABLE


@dataclass(frozen=True)
class OrderPage:
    """One order, as a manager sees it."""

    facts: Facts
    story: Sequence[Entry]
    product: str
    """Name of the product in the language of the page. Else, as it was ordered."""
    web_ui: str | None
    """Address of the order's process in Temporal's Web UI."""
    me: str
    """Subject of the manager who looks at it."""
    whole_country: bool
    """Whether the manager may do what only those of the whole country may."""


async def show_order(visit: PageRequest) -> Response:
    """Show an order."""
    reading = await read_order(visit)
    teller = Teller(visit.texts, reading)
    page = OrderPage(
        Facts.of(reading, teller),
        teller.entries(reading.order["history"]),
        _product(visit, reading),
        _web_ui(visit, reading.order["orderId"]),
        visit.person.subject,
        not visit.person.limited,
    )
    return await visit.page("managers/order.html", page)


def _product(visit: PageRequest, reading: Reading) -> str:
    known = reading.product.body or {}
    name = known.get("localName" if visit.preferences.language == KOREAN else "name")
    return str(name or reading.order["productName"])


def _web_ui(visit: PageRequest, order_id: str) -> str | None:
    namespace = visit.console.settings.console_web_ui_url
    return f"{namespace.rstrip('/')}/workflows/{workflow_id(order_id)}" if namespace else None
