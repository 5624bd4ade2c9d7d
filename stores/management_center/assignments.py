"""Assignments: which engineer visits for which order, and when. Each round is decided once, in one transaction."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import bindparam, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from domain.common.actors import without_customer
from domain.common.errors import NotFound
from domain.management_center.addresses import Placement
from domain.management_center.assignments import (
    AssignEngineer,
    Assignment,
    AssignmentOutcome,
    AssignmentRefusal,
    CloseAssignment,
    ReleaseAssignment,
    WhenNobody,
)
from domain.visits import TimeWindow
from stores.management_center import bookings
from stores.management_center import waiting_list as waiting
from stores.management_center.candidate_list import CandidateList
from stores.management_center.decision import AssignmentDecision, NoCandidate, Selected
from stores.management_center.dispatch import Dispatch
from stores.management_center.slots import Slots
from stores.management_center.staff import Staffing
from stores.management_center.tables import ASSIGNMENT, BOOKING, ENGINEER

ENGINEER_UNAVAILABLE = AssignmentRefusal.ENGINEER_UNAVAILABLE
CLOSED, SUPERSEDED = AssignmentRefusal.CLOSED, AssignmentRefusal.SUPERSEDED

_of_order = ASSIGNMENT.c.order_id == bindparam("of_order")
_ORDER = select(ASSIGNMENT).where(_of_order)
_LOCK_ORDER = _ORDER.with_for_update()
_NEW_ORDER = insert(ASSIGNMENT)
_CHANGE_ORDER = update(ASSIGNMENT).where(_of_order)
_ERASE = (
    update(ASSIGNMENT)
    .where(
        ASSIGNMENT.c.order_id.in_(bindparam("of_orders", expanding=True)), ASSIGNMENT.c.assigned_by.like("customer:%")
    )
    .values(assigned_by=without_customer("customer:"))
)
_REGIONS = select(
    select(ENGINEER.c.region).where(ENGINEER.c.engineer_id == bindparam("of_engineer")).scalar_subquery(),
    select(BOOKING.c.region)
    .where(BOOKING.c.order_id == bindparam("of_order"), BOOKING.c.visit_start > bindparam("now"))
    .scalar_subquery(),
)
_BOOKING = select(BOOKING).where(BOOKING.c.order_id == bindparam("of_order"))
_NOBODY = dict.fromkeys(
    (
        *("engineer_id", "engineer_name", "region", "round", "reason", "assigned_at", "assigned_by"),
        *("visit_start", "visit_end"),
    ),
    None,
)


class ManagementCenterStore(Staffing, Slots, CandidateList, Dispatch):
    """Stores assignments and their booked visits, the staff, and the orders that wait.

    Every method raises `StoreUnavailable` if the database does not answer.
    """

    async def assign_engineer(self, request: AssignEngineer) -> AssignmentOutcome:
        """Decide a round, or return the decision of a round that was decided before.

        If the request names an engineer, that engineer is assigned. Otherwise the engineer is one of the address's
        region who has the skills and was not passed over: one who is free at the wanted time, or else at the earliest
        free window after it. The earlier window of the order is freed in the same transaction. If nobody is available,
        `request` says what happens to the order.
        """

        async def work(connection: AsyncConnection) -> AssignmentOutcome:
            of = request.installation_address, request.product_id, request.order_id
            placement, skills = await self._locate(connection, *of)
            if placement.region is None and request.engineer_id is None:
                # With every region locked, no area can be added that this order would not learn of.
                await self._lock_all(connection)
                placement, skills = await self._locate(connection, *of)
            await self._lock_for(connection, request.order_id, placement.region, request.engineer_id)
            row = (await connection.execute(_LOCK_ORDER, {"of_order": request.order_id})).one_or_none()
            known = _known(row, request, placement)
            return known or await self._decide(connection, request, placement, skills, row)

        return await self._database.transact(work)

    async def release_assignment(self, request: ReleaseAssignment) -> None:
        """Free the window of a round. The assignment itself stays readable."""

        async def work(connection: AsyncConnection) -> None:
            await self._lock_for(connection, request.order_id)
            row = (await connection.execute(_LOCK_ORDER, {"of_order": request.order_id})).one_or_none()
            if row is not None and row.round == request.round:
                await self._unbook(connection, request.order_id)

        await self._database.transact(work)

    async def close_assignment(self, request: CloseAssignment) -> None:
        """Free the order's window, and refuse any later assignment of the order."""
        of_order = {"of_order": request.order_id}

        async def work(connection: AsyncConnection) -> None:
            await self._lock_for(connection, request.order_id)
            if (await connection.execute(_CHANGE_ORDER, {**of_order, "closed": True})).rowcount:
                if not await self._unbook(connection, request.order_id):
                    await waiting.leave(connection, request.order_id)
            else:
                await connection.execute(_NEW_ORDER, {"order_id": request.order_id, "decided_round": 0, "closed": True})

        await self._database.transact(work)

    async def erase(self, order_ids: Sequence[str]) -> None:
        """Erase the customer's id as the author of assignments, from orders that have ended."""
        async with self._database.writing() as connection:
            await connection.execute(_ERASE, {"of_orders": list(order_ids)})
        await self._database.discard_overwritten()

    async def assignment(self, order_id: str) -> Assignment:
        """Return the assignment of an order; of an ended order, the last one.

        Raises:
            NotFound: nobody is assigned.
        """
        async with self._database.reading() as connection:
            row = (await connection.execute(_ORDER, {"of_order": order_id})).one_or_none()
        if row is None or row.engineer_id is None:
            raise NotFound("no engineer is assigned to the order")
        return _as_assignment(row)

    async def _decide(
        self,
        connection: AsyncConnection,
        request: AssignEngineer,
        placement: Placement,
        skills: tuple[str, ...],
        row: Any,
    ) -> AssignmentOutcome:
        now, region = self._now(), placement.region
        booked = await self._booked(connection, request.order_id) if row is not None else None
        if booked is not None:
            # Without its booking, the order itself can take the same window again.
            await bookings.unbook(connection, request.order_id)
        decision = AssignmentDecision(
            connection, self._rules, now, request, region, skills, _visit(row), booked and booked.engineer_id
        )
        found = await decision.decide()
        assignment, refusal = None, None
        if isinstance(found, Selected):
            await bookings.book(connection, request.order_id, found.engineer, found.window, found.skills, self._rules)
            assignment = _made(request, region, found, now)
        else:
            refusal = found.refusal
        decided = {
            "decided_round": request.round,
            "address_region": region,
            "refusal": refusal,
            "postponed_until": None,
        }
        if assignment is not None and assignment.region in placement.regions:
            # The manager's choice of an engineer tells in which of the regions the address is, from now on.
            decided["address_region"] = assignment.region
        if assignment is not None:
            decided |= _as_row(assignment)
        elif not request.keeps_assignment:
            decided |= _NOBODY
        if row is None:
            await connection.execute(_NEW_ORDER, {"order_id": request.order_id, "closed": False, **decided})
        else:
            await connection.execute(_CHANGE_ORDER, {"of_order": request.order_id, **decided})
        if isinstance(found, NoCandidate):
            await self._handle_no_candidate(connection, request, region, found, booked)
        elif row is not None:
            await waiting.leave(connection, request.order_id)
        if booked is not None and not _keeps(booked, found, request):
            await waiting.capacity_appeared(connection, now, booked.region)
        return AssignmentOutcome(assignment, refusal, region, request.round, _in_question(refusal, placement))

    async def _handle_no_candidate(
        self, connection: AsyncConnection, request: AssignEngineer, region: str | None, found: NoCandidate, booked: Any
    ) -> None:
        now = self._now()
        if found.on_hold and region is not None:
            await waiting.make_earlier_ready(connection, region, request.ordered_at, request.order_id, now)
        if request.keeps_assignment:
            if booked is not None:
                await bookings.book_again(connection, booked)
        elif request.otherwise is WhenNobody.QUEUE:
            later = waiting.next_try(now, enough=request.enough or region is None)
            await waiting.put(connection, request, region, now if found.on_hold else later)
        else:
            await waiting.leave(connection, request.order_id)

    async def _unbook(self, connection: AsyncConnection, order_id: str) -> bool:
        """Free the order's window, and make the orders that wait in its region ready. Returns whether it had one."""
        await waiting.booking_freed(connection, self._now(), order_id)
        return await bookings.unbook(connection, order_id)

    async def _lock_for(
        self, connection: AsyncConnection, order_id: str, region: str | None = None, engineer_id: str | None = None
    ) -> None:
        """Lock the regions in which the order may take or free a window: no waiting order then misses a freed one.

        A window that has begun is of no use to others. An order whose visit takes place closes without a lock.
        """
        if not self._one_at_a_time:
            of = {"of_order": order_id, "of_engineer": engineer_id, "now": self._now()}
            await self._lock(connection, region, *(await connection.execute(_REGIONS, of)).one())

    @staticmethod
    async def _booked(connection: AsyncConnection, order_id: str) -> Any:
        return (await connection.execute(_BOOKING, {"of_order": order_id})).one_or_none()


def _known(row: Any, request: AssignEngineer, placement: Placement) -> AssignmentOutcome | None:
    """Return the outcome if nothing is left to decide."""
    if row is None:
        return None
    if row.closed:
        return AssignmentOutcome(None, CLOSED, placement.region, row.decided_round)
    if request.round < row.decided_round:
        return AssignmentOutcome(None, SUPERSEDED, placement.region, row.decided_round)
    if request.round > row.decided_round:
        return None
    if row.refusal is None:
        return AssignmentOutcome(_as_assignment(row), None, row.address_region, row.decided_round)
    refusal = AssignmentRefusal(row.refusal)
    if request.engineer_id is not None and refusal is not ENGINEER_UNAVAILABLE:
        # The round found nobody, and now a manager names an engineer: that is a new question, not a repetition.
        return None
    return AssignmentOutcome(None, refusal, row.address_region, row.decided_round, _in_question(refusal, placement))


def _in_question(refusal: AssignmentRefusal | None, placement: Placement) -> list[str]:
    """Return the regions of an ambiguous address, if the order was refused because of it."""
    return list(placement.regions) if refusal is AssignmentRefusal.NO_SERVICE_AREA else []


def _made(request: AssignEngineer, region: str | None, found: Selected, now: datetime) -> Assignment:
    return Assignment(
        order_id=request.order_id,
        engineer_id=found.engineer.engineer_id,
        engineer_name=found.engineer.name,
        region=region or found.engineer.region,
        round=request.round,
        reason=found.reason,
        assigned_at=now,
        by=request.by,
        visit=found.window,
    )


def _keeps(booked: Any, found: Selected | NoCandidate, request: AssignEngineer) -> bool:
    """Tell whether the order keeps its booking, so that no capacity is freed."""
    if isinstance(found, NoCandidate):
        return request.keeps_assignment
    return (booked.engineer_id, booked.visit_start) == (found.engineer.engineer_id, found.window.start)


def _visit(row: Any) -> TimeWindow | None:
    return TimeWindow(row.visit_start, row.visit_end) if row is not None and row.visit_start is not None else None


def _as_assignment(row: Any) -> Assignment:
    return Assignment(
        order_id=row.order_id,
        engineer_id=row.engineer_id,
        engineer_name=row.engineer_name,
        region=row.region,
        round=row.round,
        reason=row.reason,
        assigned_at=row.assigned_at,
        by=row.assigned_by,
        visit=_visit(row),
    )


def _as_row(assignment: Assignment) -> dict[str, Any]:
    return {
        "engineer_id": assignment.engineer_id,
        "engineer_name": assignment.engineer_name,
        "region": assignment.region,
        "round": assignment.round,
        "reason": assignment.reason,
        "assigned_at": assignment.assigned_at,
        "assigned_by": assignment.by,
        "visit_start": assignment.visit.start if assignment.visit else None,
        "visit_end": assignment.visit.end if assignment.visit else None,
    }
