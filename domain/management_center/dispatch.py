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
"""The release before calls this one, for the orders of all regions. It is not needed once no such process is left."""
LOOK = "look"
"""Signal: orders may be due."""
NO_REGION = ""
"""Stands for the region of orders that have none yet, because no service area matches their address."""
_PREFIX, _WITHOUT_REGION = "dispatch-", "without-region"


@dataclass(frozen=True)
class Reconsider:
    """Request to an order: decide the round after this one."""

    round: int = 0


@dataclass
class FindDue:
    """Find orders that are due, of one region or of all."""

    put_off: list[str] = field(default_factory=list)
    """Orders to pass over. Only the dispatcher of all regions uses this: of the others, the store knows them."""
    region: str | None = None
    """A region or `NO_REGION`. None: all orders."""


@dataclass
class Due:
    """An order whose engineer is to be decided again, and the highest round that has been decided for it."""

    order_id: str = ""
    round: int = 0


def workflow_id_of(region: str) -> str:
    """Return the id of a region's dispatch workflow.

    Only one runs at a time for each region, so that orders that wait there are asked in their order of arrival.
    """
    return _PREFIX + (region or _WITHOUT_REGION)


def region_of(workflow_id: str) -> str | None:
    """Return the region of a dispatch workflow, `NO_REGION`, or None if it serves all regions."""
    region = workflow_id.removeprefix(_PREFIX)
    if region == workflow_id:
        return None
    return NO_REGION if region == _WITHOUT_REGION else region


FIND_DUE = Command("find_due", MANAGEMENT_CENTER, FindDue, list[Due], "배차 대상 조회 · Find orders to dispatch")
"""Returns the next orders to ask: some whose visit has no engineer now, or the first that waits. Empty: none is due."""
TELL_ORDER = Command("tell_order", MANAGEMENT_CENTER, Due, bool, "재배정 요청 · Have an order reconsidered")
"""Returns whether the order has decided. If it has not, `FIND_DUE` does not find it again for a while."""
