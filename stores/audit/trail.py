"""The audit: entries that are only ever added, each with a hash that rests on all before it.

An entry that is changed, removed or moved breaks the chain there; entries that are removed at its end are missed by the
head. Whoever can write to the database can also forge a whole chain anew: against that, keep a head somewhere else, and
have it checked later.
"""

import hashlib
import json
from collections.abc import Sequence
from datetime import UTC

from sqlalchemy import Row, bindparam, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from domain.audit import AuditEntry, AuditFilter, AuditRecord, BrokenChain, Head
from domain.common.paging import Page
from stores.audit.tables import AUDIT_ENTRY, AUDIT_HEAD
from stores.common.database import Database
from stores.common.paging import Keyset

CHECKED_AT_ONCE = 1000
_GENESIS = Head(0, "")
_LOCK = update(AUDIT_HEAD).values(sequence=AUDIT_HEAD.c.sequence)
_HEAD = select(AUDIT_HEAD.c.sequence, AUDIT_HEAD.c.hash)
_MOVE_HEAD = update(AUDIT_HEAD).values(sequence=bindparam("new_sequence"), hash=bindparam("new_hash"))
_WRITTEN = select(AUDIT_ENTRY.c.act_id).where(AUDIT_ENTRY.c.act_id.in_(bindparam("act_ids", expanding=True)))
_ADD = insert(AUDIT_ENTRY)
_NEXT = (
    select(AUDIT_ENTRY)
    .where(AUDIT_ENTRY.c.sequence > bindparam("after"), AUDIT_ENTRY.c.sequence <= bindparam("up_to"))
    .order_by(AUDIT_ENTRY.c.sequence)
    .limit(CHECKED_AT_ONCE)
)
_NEWEST_FIRST = Keyset("sequence", (AUDIT_ENTRY.c.sequence,), descending=True)


class AuditStore:
    """Every method raises `StoreUnavailable` where the database does not answer."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def append(self, acts: Sequence[AuditRecord]) -> Head:
        """Add entries, all or none; those that are there already, by their ids, are not added again.

        Returns:
            How far the chain reaches now.
        """
        return await self._database.transact(lambda connection: _append(connection, acts))

    async def list(self, wanted: AuditFilter, limit: int, cursor: str | None = None) -> Page[AuditEntry]:
        """The entries that meet all conditions, the newest first.

        Raises:
            MalformedCursor: the cursor is not of this list.
        """
        entry = AUDIT_ENTRY.c
        conditions = [
            *([entry.actor == wanted.actor] if wanted.actor is not None else []),
            *([entry.target == wanted.target] if wanted.target is not None else []),
            *([entry.outcome == wanted.outcome] if wanted.outcome is not None else []),
            *([entry.at >= wanted.since] if wanted.since is not None else []),
            *([entry.at < wanted.before] if wanted.before is not None else []),
        ]
        statement = _NEWEST_FIRST.page(
            select(AUDIT_ENTRY).where(*conditions), limit=limit, cursor=cursor, dialect=self._database.dialect
        )
        async with self._database.reading() as connection:
            return _NEWEST_FIRST.cut((await connection.execute(statement)).all(), limit, _entry)

    async def verify(self, noted: Head | None = None) -> Head:
        """Check every entry.

        Args:
            noted: A head that was kept elsewhere: the chain has to contain it.

        Returns:
            How far the chain reaches.

        Raises:
            BrokenChain: at the first entry that is not as it was written.
        """
        async with self._database.reading() as connection:
            found = (await connection.execute(_HEAD)).one_or_none()
        if found is None:
            raise BrokenChain(0, "the head is missing")
        head, last = Head(found.sequence, found.hash), _GENESIS
        while last.sequence < head.sequence:
            async with self._database.reading() as connection:
                rows = (await connection.execute(_NEXT, {"after": last.sequence, "up_to": head.sequence})).all()
            if not rows:
                raise BrokenChain(last.sequence + 1, "it and all after it are missing")
            for row in rows:
                last = _checked(_entry(row), last, noted)
        if last != head:
            raise BrokenChain(head.sequence, "the head is another one's")
        if noted is not None and noted.sequence > head.sequence:
            raise BrokenChain(head.sequence + 1, f"it is missing: the chain has been {noted.sequence} entries long")
        return head


async def _append(connection: AsyncConnection, acts: Sequence[AuditRecord]) -> Head:
    # Whoever else adds entries waits here until this is committed: there is one chain.
    await connection.execute(_LOCK)
    row = (await connection.execute(_HEAD)).one()
    head = Head(row.sequence, row.hash)
    written = set((await connection.execute(_WRITTEN, {"act_ids": [act.act_id for act in acts]})).scalars())
    rows = []
    for act in acts:
        if act.act_id not in written:
            head = _after(head, act)
            rows.append({**vars(act), "sequence": head.sequence, "hash": head.hash})
    if rows:
        await connection.execute(_ADD, rows)
        await connection.execute(_MOVE_HEAD, {"new_sequence": head.sequence, "new_hash": head.hash})
    return head


def _after(head: Head, act: AuditRecord) -> Head:
    """The chain with one entry more: SHA-256 over the hash before and the entry, as JSON in one form."""
    sequence = head.sequence + 1
    at = act.at.astimezone(UTC).isoformat(timespec="microseconds")
    said = [head.hash, sequence, act.act_id, at, act.actor, act.address, act.act, act.target, act.outcome]
    text = json.dumps(said, ensure_ascii=False, separators=(",", ":"))
    return Head(sequence, hashlib.sha256(text.encode()).hexdigest())


def _checked(entry: AuditEntry, last: Head, noted: Head | None) -> Head:
    if entry.sequence != last.sequence + 1:
        raise BrokenChain(last.sequence + 1, "it is missing")
    expected = _after(last, entry.act)
    if entry.hash != expected.hash:
        raise BrokenChain(entry.sequence, "it, or what was before it, is not as it was written")
    if noted is not None and noted.sequence == entry.sequence and noted.hash != entry.hash:
        raise BrokenChain(entry.sequence, "it is not the one that was noted: the chain has been made anew")
    return expected


def _entry(row: Row[*tuple[object, ...]]) -> AuditEntry:
    members = row._asdict()
    sequence, found = members.pop("sequence"), members.pop("hash")
    return AuditEntry(sequence, AuditRecord(**members), found)
