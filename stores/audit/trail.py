"""The audit trail: an append-only chain of entries. The hash of each entry covers all entries before it.

An entry that is changed, removed or moved breaks the chain at that point. The head reveals entries that are removed or
added at the end. Anybody who can write to the database can also forge a whole new chain. To detect that, keep copies of
heads somewhere else (`stores.audit.heads`), and pass them to `verify` later.
"""

import hashlib
import json
from collections.abc import Sequence
from datetime import UTC
from itertools import count

from sqlalchemy import Row, bindparam, func, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from domain.audit import AuditEntry, AuditFilter, AuditRecord, BrokenChain, Head
from domain.common.paging import Page
from stores.audit.tables import AUDIT_ENTRY, AUDIT_HEAD
from stores.common.database import Database
from stores.common.paging import Keyset

CHECKED_AT_ONCE = 1000
_GENESIS = Head(0, "")
_LOCK = update(AUDIT_HEAD).values(sequence=AUDIT_HEAD.c.sequence)
_HEAD = select(
    AUDIT_HEAD.c.sequence,
    AUDIT_HEAD.c.hash,
    select(func.min(AUDIT_ENTRY.c.sequence)).scalar_subquery().label("first"),
    select(func.max(AUDIT_ENTRY.c.sequence)).scalar_subquery().label("last"),
)
"""The head, and the span of the entries' numbers. One statement sees both as of the same moment."""
_MOVE_HEAD = update(AUDIT_HEAD).values(sequence=bindparam("new_sequence"), hash=bindparam("new_hash"))
_WRITTEN = select(AUDIT_ENTRY.c.act_id).where(AUDIT_ENTRY.c.act_id.in_(bindparam("act_ids", expanding=True)))
_ADD = insert(AUDIT_ENTRY)
_NEXT = (
    select(AUDIT_ENTRY)
    .where(AUDIT_ENTRY.c.sequence > bindparam("after"), AUDIT_ENTRY.c.sequence <= bindparam("up_to"))
    .order_by(AUDIT_ENTRY.c.sequence)
    .limit(CHECKED_AT_ONCE)
)
_IN_CHAIN = AUDIT_ENTRY.c.sequence.between(_GENESIS.sequence + 1, select(AUDIT_HEAD.c.sequence).scalar_subquery())
_NEWEST_FIRST = Keyset("sequence", (AUDIT_ENTRY.c.sequence,), descending=True)


class AuditStore:
    """Stores audit entries. Every method raises `StoreUnavailable` if the database does not answer."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def append(self, records: Sequence[AuditRecord]) -> Head:
        """Append records as entries, all or none. Records whose ids are already stored are not appended again.

        Returns:
            The new head of the chain.

        Raises:
            BrokenChain: somebody else has added entries. Nothing is appended, because the chain could not continue.
        """
        tries = count()

        async def work(connection: AsyncConnection) -> Head:
            # Nearly always, all are new. After a conflict, the work runs again, and looks.
            return await _append(connection, records, look=next(tries) > 0)

        return await self._database.transact(work)

    async def list(self, wanted: AuditFilter, limit: int, cursor: str | None = None) -> Page[AuditEntry]:
        """Return a page of the entries of the chain that meet all conditions, the newest first.

        Raises:
            MalformedCursor: the cursor does not belong to this list.
        """
        entry = AUDIT_ENTRY.c
        conditions = [
            _IN_CHAIN,
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

    async def verify(self, *noted: Head) -> Head:
        """Verify every entry of the chain, and that no entry is outside of it.

        Args:
            noted: Heads that were kept elsewhere. The chain has to contain all of them.

        Returns:
            The head of the chain.

        Raises:
            BrokenChain: an entry is not as it was written. It names the first such entry.
        """
        async with self._database.reading() as connection:
            found = (await connection.execute(_HEAD)).one_or_none()
        if found is None:
            raise BrokenChain(0, "the head is missing")
        head, last, kept = Head(found.sequence, found.hash), _GENESIS, frozenset(noted)
        kept_sequences = {each.sequence for each in kept}
        while last.sequence < head.sequence:
            async with self._database.reading() as connection:
                rows = (await connection.execute(_NEXT, {"after": last.sequence, "up_to": head.sequence})).all()
            if not rows:
                raise BrokenChain(last.sequence + 1, "this entry and all later ones are missing")
            for row in rows:
                last = _checked(_entry(row), last)
                if last.sequence in kept_sequences and last not in kept:
                    raise BrokenChain(last.sequence, "this entry differs from the noted head: the chain was rewritten")
        if last != head:
            raise BrokenChain(head.sequence, "the head does not match the last entry")
        if (longest := max(kept_sequences, default=0)) > head.sequence:
            raise BrokenChain(head.sequence + 1, f"this entry is missing: the chain once had {longest} entries")
        _check_span(found)
        return head


async def _append(connection: AsyncConnection, records: Sequence[AuditRecord], *, look: bool) -> Head:
    # Other writers wait here until this transaction is committed, because there is one chain.
    await connection.execute(_LOCK)
    row = (await connection.execute(_HEAD)).one()
    _check_span(row)
    head = Head(row.sequence, row.hash)
    act_ids = [record.act_id for record in records]
    written = set((await connection.execute(_WRITTEN, {"act_ids": act_ids})).scalars()) if look else ()
    rows = []
    for record in records:
        if record.act_id not in written:
            head = _after(head, record)
            rows.append({**vars(record), "sequence": head.sequence, "hash": head.hash})
    if rows:
        await connection.execute(_ADD, rows)
        await connection.execute(_MOVE_HEAD, {"new_sequence": head.sequence, "new_hash": head.hash})
    return head


def _after(head: Head, record: AuditRecord) -> Head:
    """Return the head after one more entry: SHA-256 over the previous hash and the entry, as canonical JSON."""
    sequence = head.sequence + 1
    at = record.at.astimezone(UTC).isoformat(timespec="microseconds")
    hashed = [
        *(head.hash, sequence, record.act_id, at),
        *(record.actor, record.address, record.act, record.target, record.outcome),
    ]
    text = json.dumps(hashed, ensure_ascii=False, separators=(",", ":"))
    return Head(sequence, hashlib.sha256(text.encode()).hexdigest())


def _check_span(head: Row[*tuple[object, ...]]) -> None:
    """Check that no entry is before the beginning or beyond the head. Entries and head are written together.

    Raises:
        BrokenChain: somebody else has added such an entry.
    """
    if head.first is not None and head.first <= _GENESIS.sequence:
        raise BrokenChain(head.first, "this entry is before the beginning of the chain: somebody else has added it")
    if head.last is not None and head.last > head.sequence:
        raise BrokenChain(head.sequence + 1, "here are entries beyond the head: somebody else has added them")


def _checked(entry: AuditEntry, last: Head) -> Head:
    if entry.sequence != last.sequence + 1:
        raise BrokenChain(last.sequence + 1, "this entry is missing")
    expected = _after(last, entry.act)
    if entry.hash != expected.hash:
        raise BrokenChain(entry.sequence, "this entry, or the one before it, was changed")
    return expected


def _entry(row: Row[*tuple[object, ...]]) -> AuditEntry:
    members = row._asdict()
    sequence, found = members.pop("sequence"), members.pop("hash")
    return AuditEntry(sequence, AuditRecord(**members), found)
