"""The story of an order: what happened, by whom, and why."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from console import labels
from console.managers.explanations import Explanations
from console.managers.order_reading import Reading
from console.texts import N_, Texts
from domain.orders import Event

_TONES: Mapping[str, str] = {
    Event.ENGINEER_AWAITED: "waiting",
    Event.INSTALLATION_DECLINED: "waiting",
    Event.INSTALLATION_UNANSWERED: "waiting",
    Event.VISIT_LOST: "alert",
    Event.INSTALLATION_INCOMPLETE: "alert",
    Event.ORDER_CANCEL_REJECTED: "alert",
    Event.INSTALLATION_ACCEPTED: "good",
    Event.INSTALLATION_COMPLETED: "good",
    Event.JOIN_COMPLETED: "good",
}
_BY_A_MOVE = N_("moved by the customer")


@dataclass(frozen=True)
class Entry:
    """One event."""

    event: str
    at: str
    by: str
    """Who did it, as a text."""
    why: str | None
    tone: str


class Teller:
    """Tells what happened to an order in the language of the page."""

    def __init__(self, texts: Texts, reading: Reading) -> None:
        self._texts = texts
        self._reading = reading
        self.explanations = Explanations(texts, self.name)

    def name(self, actor: str) -> str:
        """Return what an actor of the API (`role:id`) is called."""
        role, _, subject = actor.partition(":")
        known = labels.ACTOR.get(role)
        if known is None:
            return actor
        if role == "engineer":
            subject = self._reading.name_of(subject)
        # Whoever has the link of an order is known by that link alone.
        return self._texts(known) if role == "tracker" or not subject else f"{self._texts(known)} {subject}"

    def chooser(self, actor: str) -> str:
        """Return who has chosen an engineer. A customer chooses no engineer, only another time."""
        moved = actor.startswith(("customer:", "tracker:"))
        return self._texts(_BY_A_MOVE) if moved else self.name(actor)

    def entries(self, history: Sequence[Mapping[str, Any]]) -> list[Entry]:
        """Return what happened, in the order in which it did."""
        return [
            Entry(
                entry["event"],
                entry["at"],
                self.name(entry["by"]),
                self.explanations.of_event(entry["event"], entry["detail"]),
                _TONES.get(entry["event"], "plain"),
            )
            for entry in history
        ]
