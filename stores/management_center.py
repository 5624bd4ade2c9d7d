"""Who is assigned to which order: decided in one transaction, once for each round of asking."""

from datetime import UTC, datetime
from typing import Any

from sqlalchemy import bindparam, false, func, insert, select, true, update
from sqlalchemy.ext.asyncio import AsyncConnection

from domain.dispatch import Due, FindDue
from domain.errors import NotFound
from domain.management_center import (
    AssignEngineer,
    Assignment,
    AssignmentOutcome,
    AssignmentRefusal,
    CloseAssignment,
    ReleaseAssignment,
    area_of,
)
from domain.staff import Slot
from stores.database import SQLITE
from stores.staffing import LIVE_AREAS, LIVE_ENGINEERS, Staffing, as_service_area
from stores.tables.management_center import ASSIGNMENT, ENGINEER, SERVICE_AREA

NO_SERVICE_AREA, NO_ENGINEER = AssignmentRefusal.NO_SERVICE_AREA, AssignmentRefusal.NO_ENGINEER
ENGINEER_UNAVAILABLE = AssignmentRefusal.ENGINEER_UNAVAILABLE
CLOSED, SUPERSEDED = AssignmentRefusal.CLOSED, AssignmentRefusal.SUPERSEDED

_of_order = ASSIGNMENT.c.order_id == bindparam("of_order")
_ORDER = select(ASSIGNMENT).where(_of_order)
_LOCK_ORDER = _ORDER.with_for_update()
_NEW_ORDER = insert(ASSIGNMENT)
_CHANGE_ORDER = update(ASSIGNMENT).where(_of_order)
_LOCK_REGION = (
    select(SERVICE_AREA.c.service_area_id)
    .where(SERVICE_AREA.c.region == bindparam("of_region"))
    .order_by(SERVICE_AREA.c.service_area_id)
    .with_for_update()
)
_ACTIVE = LIVE_ENGINEERS.where(ENGINEER.c.active == true())
_NAMED = _ACTIVE.where(ENGINEER.c.engineer_id == bindparam("of_engineer"))
_open_elsewhere = (
    select(func.count())
    .where(
        ASSIGNMENT.c.engineer_id == ENGINEER.c.engineer_id,
        ASSIGNMENT.c.closed == false(),
        ASSIGNMENT.c.order_id != bindparam("of_order"),
    )
    .scalar_subquery()
    .label("open_elsewhere")
)
_LEAST_BUSY = (
    _ACTIVE.add_columns(_open_elsewhere)
    .where(
        ENGINEER.c.region == bindparam("of_region"),
        ENGINEER.c.engineer_id.not_in(bindparam("passed_over", expanding=True)),
    )
    .order_by(_open_elsewhere, ENGINEER.c.engineer_id)
    .limit(1)
)
_NOBODY = dict.fromkeys(
    ("engineer_id", "engineer_name", "region", "round", "reason", "assigned_at", "assigned_by"), None
)


class ManagementCenterStore(Staffing):
    """Assignments, and the service areas and engineers that they are made from.

    Every method raises `StoreUnavailable` where the database does not answer.
    """

    async def release_assignment(self, asked: ReleaseAssignment) -> None:
        """Free the window of a round; the assignment itself is kept for those who ask."""
        raise NotImplementedError

    async def find_due(self, asked: FindDue) -> list[Due]:
        """The orders that are to have their engineer decided anew, to be told one after the other."""
        raise NotImplementedError

    async def has_due(self) -> bool:
        """Whether `find_due` may find something."""
        return False

    async def slots(self, address: str, product_id: str | None, start: datetime, end: datetime) -> list[Slot]:
        """The windows that begin in this span and can be booked now for the address, in order."""
        raise NotImplementedError

    async def slots_near(self, address: str, product_id: str | None, wanted: datetime, *, count: int = 5) -> list[Slot]:
        """Of the windows that can be booked now for the address those nearest to a start, in order."""
        raise NotImplementedError

    async def assign_engineer(self, asked: AssignEngineer) -> AssignmentOutcome:
        """Decide a round, or tell how it was decided.

        The engineer who is named; else, of those of the address's region who were not passed over, the one with the
        fewest open assignments, and of several the first by id. Where nobody is, the order's earlier assignment ends;
        where the engineer who is named cannot be had, it stands.
        """

        async def work(connection: AsyncConnection) -> AssignmentOutcome:
            areas = map(as_service_area, await connection.execute(LIVE_AREAS))
            area = area_of(asked.installation_address, areas)
            region = area.region if area else None
            if asked.engineer_id is None and region is not None:
                await self._lock(connection, region)
            row = (await connection.execute(_LOCK_ORDER, {"of_order": asked.order_id})).one_or_none()
            known = _known(row, asked, region)
            return known or await self._decide(connection, asked, region, is_new=row is None)

        return await self._database.transact(work)

    async def close_assignment(self, asked: CloseAssignment) -> None:
        """Free the order's engineer, and assign nobody to it any more."""

        async def work(connection: AsyncConnection) -> None:
            if not (await connection.execute(_CHANGE_ORDER, {"of_order": asked.order_id, "closed": True})).rowcount:
                await connection.execute(_NEW_ORDER, {"order_id": asked.order_id, "decided_round": 0, "closed": True})

        await self._database.transact(work)

    async def assignment(self, order_id: str) -> Assignment:
        """Who is assigned to an order, or was when it ended.

        Raises:
            NotFound: nobody is.
        """
        async with self._database.reading() as connection:
            row = (await connection.execute(_ORDER, {"of_order": order_id})).one_or_none()
        if row is None or row.engineer_id is None:
            raise NotFound("nobody is assigned to the order")
        return _as_assignment(row)

    async def _decide(
        self, connection: AsyncConnection, asked: AssignEngineer, region: str | None, *, is_new: bool
    ) -> AssignmentOutcome:
        found = await self._engineer_for(connection, asked, region)
        refusal = found if isinstance(found, AssignmentRefusal) else None
        decided: dict[str, Any] = {
            "decided_round": asked.round,
            "refusal": refusal.value if refusal else None,
            "address_region": region,
        }
        if isinstance(found, Assignment):
            decided |= _as_row(found)
        elif refusal is not ENGINEER_UNAVAILABLE:
            decided |= _NOBODY
        if is_new:
            await connection.execute(_NEW_ORDER, {"order_id": asked.order_id, "closed": False, **decided})
        else:
            await connection.execute(_CHANGE_ORDER, {"of_order": asked.order_id, **decided})
        return AssignmentOutcome(found if isinstance(found, Assignment) else None, refusal, region, asked.round)

    @staticmethod
    async def _engineer_for(
        connection: AsyncConnection, asked: AssignEngineer, region: str | None
    ) -> Assignment | AssignmentRefusal:
        if asked.engineer_id is not None:
            found = (await connection.execute(_NAMED, {"of_engineer": asked.engineer_id})).one_or_none()
            if found is None:
                return ENGINEER_UNAVAILABLE
            reason = f"assigned by {asked.by}"
        elif region is None:
            return NO_SERVICE_AREA
        else:
            wanted = {"of_order": asked.order_id, "of_region": region, "passed_over": asked.passed_over}
            found = (await connection.execute(_LEAST_BUSY, wanted)).one_or_none()
            if found is None:
                return NO_ENGINEER
            reason = f"fewest open assignments ({found.open_elsewhere}) in {region}"
        return Assignment(
            order_id=asked.order_id,
            engineer_id=found.engineer_id,
            engineer_name=found.name,
            region=region or found.region,
            round=asked.round,
            reason=reason,
            assigned_at=datetime.now(UTC),
            by=asked.by,
        )

    async def _lock(self, connection: AsyncConnection, region: str) -> None:
        """Whoever decides for this region at the same time waits, and counts this assignment.

        Always before the order is locked, or two who decide for the same new order may wait for each other.
        """
        if self._database.dialect != SQLITE:  # where they are one at a time anyway
            await connection.execute(_LOCK_REGION, {"of_region": region})


def _known(row: Any, asked: AssignEngineer, region: str | None) -> AssignmentOutcome | None:
    """The answer, where nothing is left to decide."""
    if row is None:
        return None
    if row.closed:
        return AssignmentOutcome(None, CLOSED, region, row.decided_round)
    if asked.round < row.decided_round:
        return AssignmentOutcome(None, SUPERSEDED, region, row.decided_round)
    if asked.round > row.decided_round:
        return None
    if row.refusal is None:
        return AssignmentOutcome(_as_assignment(row), None, row.address_region, row.decided_round)
    refusal = AssignmentRefusal(row.refusal)
    if asked.engineer_id is not None and refusal is not ENGINEER_UNAVAILABLE:
        # Nobody was found, and now somebody is named: that is another question, not the same one again.
        return None
    return AssignmentOutcome(None, refusal, row.address_region, row.decided_round)


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
    }
