"""The installations of every order. Writes are idempotent, and a late write changes nothing newer."""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Select, bindparam, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from domain.common.errors import NotFound
from domain.common.paging import Page
from domain.common.personal import erased
from domain.installation import CancelInstallation, Installation, InstallationStatus, RecordAnswer, RequestInstallation
from stores.common.database import Database
from stores.installation.details import set_region
from stores.installation.lists import Span, WorkList, seen_by
from stores.installation.rows import as_installation, canceled_unasked, requested
from stores.installation.tables import INSTALLATION, INSTALLATION_ORDER

REQUESTED, ACCEPTED, STARTED = InstallationStatus.REQUESTED, InstallationStatus.ACCEPTED, InstallationStatus.STARTED
DECLINED, CANCELED = InstallationStatus.DECLINED, InstallationStatus.CANCELED
COMPLETED, INCOMPLETE = InstallationStatus.COMPLETED, InstallationStatus.INCOMPLETE

_open = INSTALLATION.c.status.not_in([status.value for status in InstallationStatus if not status.open])
"""Includes the statuses of newer releases, because no installation may outlive its order."""
_FOLLOWS: Mapping[InstallationStatus, ColumnElement[bool]] = {
    ACCEPTED: INSTALLATION.c.status == REQUESTED.value,
    DECLINED: INSTALLATION.c.status == REQUESTED.value,
    STARTED: INSTALLATION.c.status.in_([REQUESTED.value, ACCEPTED.value]),
    COMPLETED: _open,
    INCOMPLETE: _open,
    CANCELED: _open,
}
"""The new status of an installation, and the condition on its current one."""

_of_order = INSTALLATION.c.order_id == bindparam("of_order")
_of_round = INSTALLATION.c.round == bindparam("of_round")
_ORDER = select(INSTALLATION_ORDER).where(INSTALLATION_ORDER.c.order_id == bindparam("of_order"))
_LOCK_ORDER = _ORDER.with_for_update()
_NEW_ORDER = insert(INSTALLATION_ORDER)
_CHANGE_ORDER = update(INSTALLATION_ORDER).where(INSTALLATION_ORDER.c.order_id == bindparam("of_order"))
_ROUND = select(INSTALLATION.c.status).where(_of_order, _of_round)
_NEW_ROUND = insert(INSTALLATION)
_CANCEL_OPEN = update(INSTALLATION).where(_of_order, _open)
_ANSWER = {answer: update(INSTALLATION).where(_of_order, _of_round, before) for answer, before in _FOLLOWS.items()}
_OF_ROUND = select(INSTALLATION).where(_of_order, _of_round)
_ERASE = (
    update(INSTALLATION)
    .where(INSTALLATION.c.order_id.in_(bindparam("of_orders", expanding=True)))
    .values(**erased(Installation), serials=None)
)
_MOST_FAILED = 100
"""Failed visits of one order."""
_FAILED_BEFORE = (
    select(INSTALLATION)
    .where(_of_order, INSTALLATION.c.round < bindparam("of_round"), INSTALLATION.c.status == INCOMPLETE.value)
    .order_by(INSTALLATION.c.round.desc())
    .limit(_MOST_FAILED)
)
_NEWEST = select(INSTALLATION).where(_of_order).order_by(INSTALLATION.c.round.desc()).limit(1)


class InstallationStore:
    """Stores the requests, answers and cancellations of the saga, and returns the engineers' work lists.

    Every method raises `StoreUnavailable` if the database does not answer.
    """

    def __init__(self, database: Database) -> None:
        self._database = database

    async def request(self, request: RequestInstallation, at: datetime) -> InstallationStatus:
        """Request an installation from the engineer of a round. Returns the status of that installation.

        The status is `CANCELED` if the order was canceled, or a later round requested, before. Nothing is stored then.
        """

        async def work(connection: AsyncConnection) -> InstallationStatus:
            order = (await connection.execute(_LOCK_ORDER, {"of_order": request.order_id})).one_or_none()
            if order is None:
                await connection.execute(_NEW_ORDER, _order(request.order_id, request.round))
            elif order.canceled or request.round < order.newest_round:
                return CANCELED
            elif request.round == order.newest_round:
                known = await connection.execute(_ROUND, {"of_order": request.order_id, "of_round": request.round})
                return InstallationStatus(known.scalar_one())
            else:
                await _cancel_open(connection, request.order_id, at, f"replaced by round {request.round}")
                await connection.execute(_CHANGE_ORDER, {"of_order": request.order_id, "newest_round": request.round})
                await set_region(connection, request.order_id, request.region)
            await connection.execute(_NEW_ROUND, requested(request, at))
            return REQUESTED

        return await self._database.transact(work)

    async def accept(self, answer: RecordAnswer) -> InstallationStatus:
        """Record that the engineer accepts the installation.

        Raises:
            LookupError: this round was never requested.
        """
        return await self._record(answer, ACCEPTED)

    async def decline(self, answer: RecordAnswer) -> InstallationStatus:
        """Record that the engineer declines the installation.

        Raises:
            LookupError: this round was never requested.
        """
        return await self._record(answer, DECLINED, reason=answer.reason)

    async def start(self, answer: RecordAnswer) -> InstallationStatus:
        """Record that the engineer has begun the installation.

        Raises:
            LookupError: this round was never requested.
        """
        return await self._record(answer, STARTED)

    async def complete(self, answer: RecordAnswer) -> InstallationStatus:
        """Record that the engineer has completed the installation.

        Raises:
            LookupError: this round was never requested.
        """
        reported = {"note": answer.note, "serials": answer.serials}
        return await self._record(answer, COMPLETED, completed_at=answer.at, **reported)

    async def incomplete(self, answer: RecordAnswer) -> InstallationStatus:
        """Record that the visit led to no installation. Another visit is needed, in a new round.

        Raises:
            LookupError: this round was never requested.
        """
        return await self._record(answer, INCOMPLETE, reason=answer.reason, note=answer.note)

    async def withdraw(self, answer: RecordAnswer) -> InstallationStatus:
        """Withdraw the installation from the engineer. A later round may request it from another one.

        Raises:
            LookupError: this round was never requested.
        """
        return await self._record(answer, CANCELED, reason=answer.reason)

    async def cancel(self, request: CancelInstallation, at: datetime) -> None:
        """Cancel every open round, and refuse later ones.

        An order without any round gets a canceled installation of round 0, so that a lookup finds one.
        """

        async def work(connection: AsyncConnection) -> None:
            order = (await connection.execute(_LOCK_ORDER, {"of_order": request.order_id})).one_or_none()
            if order is None:
                await connection.execute(_NEW_ORDER, _order(request.order_id, 0, canceled=True))
                await connection.execute(_NEW_ROUND, canceled_unasked(request, at))
            elif not order.canceled:
                await connection.execute(_CHANGE_ORDER, {"of_order": request.order_id, "canceled": True})
                await _cancel_open(connection, request.order_id, at, request.reason)
                await set_region(connection, request.order_id, request.region)

        await self._database.transact(work)

    async def erase(self, order_ids: Sequence[str]) -> None:
        """Erase personal data, including notes and reasons, from every round of orders that have ended."""
        async with self._database.writing() as connection:
            await connection.execute(_ERASE, {"of_orders": list(order_ids)})
        await self._database.discard_overwritten()

    async def newest(
        self, order_id: str, *, engineer_id: str | None = None, regions: Collection[str] | None = None
    ) -> Installation:
        """Return the newest installation of an order, among those that `list` shows with the same limits.

        Raises:
            NotFound: the order has none.
        """
        return _found(await self._one(_NEWEST.where(*seen_by(engineer_id, regions)), of_order=order_id))

    async def of_round(self, order_id: str, round_: int) -> Installation:
        """Return the installation of one round of an order.

        Raises:
            NotFound: the round was not requested.
        """
        return _found(await self._one(_OF_ROUND, of_order=order_id, of_round=round_))

    async def failed_before(self, installation: Installation) -> Sequence[Installation]:
        """Return the visits of an order that led to no installation before this one, the newest first: 100 at most."""
        wanted = {"of_order": installation.order_id, "of_round": installation.round}
        async with self._database.reading() as connection:
            rows = (await connection.execute(_FAILED_BEFORE, wanted)).all()
        return [as_installation(row) for row in rows]

    async def list(
        self,
        engineer_id: str | None = None,
        status: InstallationStatus | None = None,
        limit: int = 50,
        cursor: str | None = None,
        *,
        span: Span | None = None,
        regions: Collection[str] | None = None,
    ) -> Page[Installation]:
        """Return a page of installations, one for each round, in the order in which they were requested.

        The installations of a span are listed in the order of their visits.

        Args:
            engineer_id: Only the installations of this engineer.
            status: Only the installations in this status.
            limit: The largest number of items.
            cursor: Where the previous page ended.
            span: Only visits that begin in this span.
            regions: Only the installations of orders of these regions.

        Raises:
            MalformedCursor: the cursor does not belong to such a list.
        """
        listed = WorkList(engineer_id, status, span, regions)
        statement = listed.page(limit=limit, cursor=cursor, dialect=self._database.dialect)
        async with self._database.reading() as connection:
            rows = (await connection.execute(statement)).all()
        return listed.keyset.cut(rows, limit, as_installation)

    async def _one(self, statement: Select[*tuple[Any, ...]], **wanted: Any) -> Installation | None:
        async with self._database.reading() as connection:
            row = (await connection.execute(statement, wanted)).one_or_none()
        return None if row is None else as_installation(row)

    async def _record(self, answer: RecordAnswer, status: InstallationStatus, **more: Any) -> InstallationStatus:
        of_round = {"of_order": answer.order_id, "of_round": answer.round}
        async with self._database.writing() as connection:
            change = {"status": status.value, "status_at": answer.at, **more}
            if (await connection.execute(_ANSWER[status], of_round | change)).rowcount:
                return status
            return await _standing(connection, answer)


async def _standing(connection: AsyncConnection, answer: RecordAnswer) -> InstallationStatus:
    """Return the status of a round whose answer comes too late, or is repeated."""
    of_round = {"of_order": answer.order_id, "of_round": answer.round}
    if (found := (await connection.execute(_ROUND, of_round)).scalar_one_or_none()) is not None:
        return InstallationStatus(found)
    order = (await connection.execute(_ORDER, {"of_order": answer.order_id})).one_or_none()
    if order is None or not (order.canceled or answer.round < order.newest_round):
        raise LookupError("this round was never requested")
    return CANCELED


def _found(installation: Installation | None) -> Installation:
    if installation is None:
        raise NotFound("the order has no such installation")
    return installation


async def _cancel_open(connection: AsyncConnection, order_id: str, at: datetime, reason: str | None) -> None:
    change = {"status": CANCELED.value, "status_at": at, "reason": reason}
    await connection.execute(_CANCEL_OPEN, {"of_order": order_id, **change})


def _order(order_id: str, newest_round: int, *, canceled: bool = False) -> dict[str, Any]:
    return {"order_id": order_id, "newest_round": newest_round, "canceled": canceled}
