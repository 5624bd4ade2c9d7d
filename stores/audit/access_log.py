"""The access log: who has looked at whose personal data, until the entries expire."""

from collections.abc import Sequence
from datetime import datetime
from itertools import count
from typing import Any

from sqlalchemy import Row, Select, bindparam, delete, func, insert, select
from sqlalchemy.ext.asyncio import AsyncConnection

from domain.audit import AccessEntry, AccessFilter, Reader
from domain.common.paging import Page
from stores.audit.tables import ACCESS_ENTRY, ACCESS_PERSON
from stores.common.database import Database
from stores.common.paging import Keyset

EXPIRED_AT_ONCE = 100
"""Entries that one transaction removes, with the people whom they name."""
_ENTRIES = Keyset("accessedAt", (ACCESS_ENTRY.c.at, ACCESS_ENTRY.c.entry_id), descending=True)
_ENTRIES_OF_PERSON = Keyset("accessedAt", (ACCESS_PERSON.c.at, ACCESS_PERSON.c.entry_id), descending=True)
_IS_NAMED = ACCESS_PERSON.c.entry_id == ACCESS_ENTRY.c.entry_id
_STORED = select(ACCESS_ENTRY.c.entry_id).where(ACCESS_ENTRY.c.entry_id.in_(bindparam("entry_ids", expanding=True)))
_EXPIRED = (
    select(ACCESS_ENTRY.c.at)
    .where(ACCESS_ENTRY.c.at < bindparam("before"))
    .order_by(ACCESS_ENTRY.c.at)
    .limit(EXPIRED_AT_ONCE)
)
_SPAN = (ACCESS_ENTRY.c.at >= bindparam("since"), ACCESS_ENTRY.c.at < bindparam("before"))
_READS = (
    select(ACCESS_ENTRY.c.actor, func.count().label("reads"), func.sum(ACCESS_ENTRY.c.people).label("shown"))
    .where(*_SPAN)
    .group_by(ACCESS_ENTRY.c.actor)
    .having(func.sum(ACCESS_ENTRY.c.people) > bindparam("more_than"))
)
_NAMED = (
    select(
        ACCESS_ENTRY.c.actor,
        func.count().label("named"),
        func.count(ACCESS_PERSON.c.person.distinct()).label("different"),
    )
    .join_from(ACCESS_ENTRY, ACCESS_PERSON, _IS_NAMED)
    # An index finds the people of a span only by their own time.
    .where(ACCESS_PERSON.c.at >= bindparam("since"), ACCESS_PERSON.c.at < bindparam("before"))
    .where(ACCESS_ENTRY.c.actor.in_(bindparam("actors", expanding=True)))
    .group_by(ACCESS_ENTRY.c.actor)
)
_LARGEST = (
    select(ACCESS_ENTRY)
    .where(*_SPAN)
    .order_by(ACCESS_ENTRY.c.people.desc(), ACCESS_ENTRY.c.at.desc())
    .limit(bindparam("limit"))
)


class AccessLogStore:
    """Stores the entries. Every method raises `StoreUnavailable` if the database does not answer."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def add(self, entries: Sequence[AccessEntry]) -> None:
        """Add entries, all or none. Entries whose ids are already stored are not added again."""
        tries = count()

        async def work(connection: AsyncConnection) -> None:
            # Nearly always, all entries are new. After a conflict, the work runs again, and looks.
            new = await _not_stored(connection, entries) if next(tries) else entries
            if new:
                await connection.execute(insert(ACCESS_ENTRY), [_columns(entry) for entry in new])
            if persons := [
                {"person": person, "at": entry.at, "entry_id": entry.entry_id}
                for entry in new
                for person in entry.persons
            ]:
                await connection.execute(insert(ACCESS_PERSON), persons)

        await self._database.transact(work)

    async def list(self, wanted: AccessFilter, limit: int, cursor: str | None = None) -> Page[AccessEntry]:
        """Return a page of the entries that meet all conditions, the newest first.

        Raises:
            MalformedCursor: the cursor does not belong to this list.
        """
        statement: Select[*tuple[Any, ...]] = select(ACCESS_ENTRY)
        keyset, at = _ENTRIES, ACCESS_ENTRY.c.at
        if wanted.person is not None:
            keyset, at = _ENTRIES_OF_PERSON, ACCESS_PERSON.c.at
            statement = statement.join(ACCESS_PERSON, _IS_NAMED).where(ACCESS_PERSON.c.person == wanted.person)
        conditions = [
            *([ACCESS_ENTRY.c.actor == wanted.actor] if wanted.actor is not None else []),
            *([at >= wanted.since] if wanted.since is not None else []),
            *([at < wanted.before] if wanted.before is not None else []),
        ]
        statement = keyset.page(
            statement.where(*conditions), limit=limit, cursor=cursor, dialect=self._database.dialect
        )
        async with self._database.reading() as connection:
            return keyset.cut((await connection.execute(statement)).all(), limit, _entry)

    async def readers(self, since: datetime, before: datetime, *, more_than: int = -1) -> Sequence[Reader]:
        """Return the actors who have read of more than so many people in a span, those with the most people first."""
        span = {"since": since, "before": before}
        async with self._database.reading() as connection:
            reads = (await connection.execute(_READS, {**span, "more_than": more_than})).all()
            actors = [row.actor for row in reads]
            rows = (await connection.execute(_NAMED, {**span, "actors": actors})).all() if actors else []
        named = {row.actor: row.named - row.different for row in rows}
        found = [Reader(row.actor, row.reads, int(row.shown) - named.get(row.actor, 0)) for row in reads]
        return sorted((one for one in found if one.people > more_than), key=lambda one: (-one.people, one.actor))

    async def largest(self, since: datetime, before: datetime, limit: int) -> Sequence[AccessEntry]:
        """Return the entries of a span that show the most people."""
        async with self._database.reading() as connection:
            rows = await connection.execute(_LARGEST, {"since": since, "before": before, "limit": limit})
            return [_entry(row) for row in rows]

    async def expire(self, before: datetime) -> int:
        """Remove the oldest entries from before a time, about `EXPIRED_AT_ONCE`. Returns how many; 0: none is left."""

        async def work(connection: AsyncConnection) -> int:
            expired = (await connection.execute(_EXPIRED, {"before": before})).scalars().all()
            if not expired:
                return 0
            for table in (ACCESS_PERSON, ACCESS_ENTRY):
                removed = await connection.execute(delete(table).where(table.c.at <= expired[-1]))
            return removed.rowcount

        return await self._database.transact(work)


async def _not_stored(connection: AsyncConnection, entries: Sequence[AccessEntry]) -> Sequence[AccessEntry]:
    ids = {"entry_ids": [entry.entry_id for entry in entries]}
    stored = set((await connection.execute(_STORED, ids)).scalars())
    return [entry for entry in entries if entry.entry_id not in stored]


def _columns(entry: AccessEntry) -> dict[str, Any]:
    members = {name: value for name, value in vars(entry).items() if name != "persons"}
    return members | {"filters": list(entry.filters), "workflows": list(entry.workflows)}


def _entry(row: Row[*tuple[Any, ...]]) -> AccessEntry:
    members = row._asdict()
    return AccessEntry(**members | {"filters": tuple(row.filters), "workflows": tuple(row.workflows)})
