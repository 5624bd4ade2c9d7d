"""A management center for tests, with a clock that stands still until a test moves it."""

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from domain.management_center.assignments import AssignEngineer, AssignmentOutcome, AssignmentRefusal, CloseAssignment
from domain.management_center.dispatch import Due, FindDue
from domain.visits import BookingRules
from stores.common.database import Database
from stores.management_center.assignments import ManagementCenterStore

SEOUL = "서울특별시 강남구 테헤란로 1"
NOWHERE = "Tokyo"
MIDNIGHT = datetime(2026, 7, 12, 15, tzinfo=UTC)
"""A Monday in Seoul."""
HOUR = timedelta(hours=1)
DAY = timedelta(days=1)
NINE = MIDNIGHT + 9 * HOUR
"""The first window of that Monday. Engineers work in the windows at 9, 11, 13 and 15 o'clock, except on Sundays."""
RULES = BookingRules(lead=timedelta(0), horizon=timedelta(days=1))


@dataclass
class Center:
    """The three engineers of Seoul, with twelve windows on one day."""

    database: Database
    rules: BookingRules = RULES
    now: datetime = MIDNIGHT
    rounds: dict[str, int] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.store = ManagementCenterStore(self.database, self.rules, now=lambda: self.now)

    async def outcome(self, order_id: str, **asked: Any) -> AssignmentOutcome:
        """Decide the order's next round. Orders were placed in the order of their ids."""
        self.rounds[order_id] = self.rounds.get(order_id, 0) + 1
        usual = {"installation_address": SEOUL, "product_id": "2001", "ordered_at": MIDNIGHT - DAY}
        return await self.store.assign_engineer(
            AssignEngineer(order_id=order_id, round=self.rounds[order_id], **{**usual, **asked})
        )

    async def place(self, order_id: str, **asked: Any) -> tuple[str, datetime] | AssignmentRefusal | None:
        """Decide the order's next round. Returns the engineer and the start of the window, or the refusal."""
        outcome = await self.outcome(order_id, **asked)
        if outcome.assignment is None or outcome.assignment.visit is None:
            return outcome.refusal
        return outcome.assignment.engineer_id, outcome.assignment.visit.start

    async def fill(self) -> list[str]:
        """Book every free window in Seoul. Returns the orders, in the order of their windows."""
        orders: list[str] = []
        while isinstance(await self.place(f"full-{len(orders):02}"), tuple):
            orders.append(f"full-{len(orders):02}")
        await self.close(f"full-{len(orders):02}")
        return orders

    async def close(self, order_id: str) -> None:
        """Close the order."""
        await self.store.close_assignment(CloseAssignment(order_id))

    async def due(self, *put_off: str, region: str | None = None) -> list[str]:
        """Return the orders that the dispatcher of a region, or of all regions, would notify."""
        return [due.order_id for due in await self.store.find_due(FindDue(list(put_off), region))]

    async def asked_in_vain(self, order_id: str, round_: int | None = None) -> None:
        """Postpone the order after it was asked to decide the round after this one, or after its last."""
        await self.store.postpone(Due(order_id, self.rounds[order_id] if round_ is None else round_))
