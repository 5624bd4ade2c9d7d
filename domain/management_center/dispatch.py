"""Dispatch (배차): orders that should have their engineer decided anew, and the workflow that tells them so.

Two things bring that about: capacity has appeared for an order that waits, or the engineer of a booked visit is not
there any more at that time.
"""

from dataclasses import dataclass, field

from domain.common.commands import Command
from domain.common.contexts import MANAGEMENT_CENTER

WORKFLOW_TYPE = "DispatchWorkflow"
"""The name under which Temporal knows the workflow."""
WORKFLOW_ID = "dispatch"
"""One at a time: orders are told in their order of arrival."""
LOOK = "look"
"""The signal that there may be something to do."""


@dataclass(frozen=True)
class Reconsider:
    """What an order is told: have the round after this one decided."""

    round: int = 0


@dataclass
class FindDue:
    """Look for orders that are due, but for those that have been put off."""

    put_off: list[str] = field(default_factory=list)


@dataclass
class Due:
    """An order that is to have its engineer decided anew, and the highest round that has been decided for it."""

    order_id: str = ""
    round: int = 0


FIND_DUE = Command("find_due", MANAGEMENT_CENTER, FindDue, list[Due], "배차 대상 조회 · Find orders to dispatch")
"""Answers with the orders to be told next, one after the other; none: nothing is due."""
TELL_ORDER = Command("tell_order", MANAGEMENT_CENTER, Due, bool, "재배정 요청 · Have an order reconsidered")
"""Answers whether the order has decided; if not, it is to be put off."""
