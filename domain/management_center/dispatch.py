"""Dispatch (배차): finds orders whose engineer should be decided again, and asks their workflows to do so.

An order is due for two reasons: capacity has appeared for an order that waits, or the engineer of a booked visit is
no longer available at that time.
"""

from dataclasses import dataclass, field

from domain.common.commands import Command
from domain.common.contexts import MANAGEMENT_CENTER

WORKFLOW_TYPE = "DispatchWorkflow"
"""Workflow type in Temporal."""
WORKFLOW_ID = "dispatch"
"""Only one dispatch workflow runs at a time, so that orders are asked in their order of arrival."""
LOOK = "look"
"""Signal: orders may be due."""


@dataclass(frozen=True)
class Reconsider:
    """Request to an order: decide the round after this one."""

    round: int = 0


@dataclass
class FindDue:
    """Find orders that are due, except those that were postponed."""

    put_off: list[str] = field(default_factory=list)


@dataclass
class Due:
    """An order whose engineer is to be decided again, and the highest round that has been decided for it."""

    order_id: str = ""
    round: int = 0


FIND_DUE = Command("find_due", MANAGEMENT_CENTER, FindDue, list[Due], "배차 대상 조회 · Find orders to dispatch")
"""Returns the next orders to ask, one after the other. The list is empty if nothing is due."""
TELL_ORDER = Command("tell_order", MANAGEMENT_CENTER, Due, bool, "재배정 요청 · Have an order reconsidered")
"""Returns whether the order has decided. If it has not, the caller postpones it."""
