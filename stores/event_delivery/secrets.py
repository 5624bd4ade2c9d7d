"""Secrets of subscriptions. At most two of a subscription count at the same time, while one replaces the other."""

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import bindparam, delete, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from domain.common.errors import AlreadyExists
from domain.event_delivery.subscriptions import MOST_SECRETS, SecretPeriod
from runtime.secret_seal import SecretSeal, SecretUnreadable
from stores.common.database import Database
from stores.event_delivery.subscription_rows import locked
from stores.event_delivery.tables import EVENT_SECRET, EVENT_SUBSCRIPTION

_ALL = select(EVENT_SECRET).order_by(EVENT_SECRET.c.subscription_id, EVENT_SECRET.c.number)
_OF = _ALL.where(EVENT_SECRET.c.subscription_id.in_(bindparam("ids", expanding=True)))
_NOTICE = (
    update(EVENT_SUBSCRIPTION)
    .where(EVENT_SUBSCRIPTION.c.subscription_id == bindparam("of_id"))
    .values(run=EVENT_SUBSCRIPTION.c.run + 1)
)
_one = (EVENT_SECRET.c.subscription_id == bindparam("of_id")) & (EVENT_SECRET.c.number == bindparam("of_number"))
_EXPIRE = update(EVENT_SECRET).where(_one).values(expires_at=bindparam("at"))
_REMOVE = delete(EVENT_SECRET).where(_one)
_RESEAL = update(EVENT_SECRET).where(_one, EVENT_SECRET.c.sealed == bindparam("before")).values(sealed=bindparam("now"))


@dataclass
class Resealed:
    """What was encrypted anew."""

    secrets: int = 0
    """Number of secrets."""
    unreadable: list[str] = field(default_factory=list)
    """Subscriptions with a secret that no key of this process decrypts."""


class SecretStore:
    """Stores secrets. Every method raises `StoreUnavailable` if the database does not answer."""

    def __init__(
        self, database: Database, seal: SecretSeal, *, now: Callable[[], datetime] = lambda: datetime.now(UTC)
    ) -> None:
        self._database = database
        self._seal = seal
        self._now = now

    async def keys(self, subscription_id: str) -> list[str]:
        """Return the secrets that count now, the oldest first.

        Raises:
            SecretUnreadable: no key of this process decrypts one of them.
        """
        now = self._now()
        async with self._database.reading() as connection:
            rows = (await connection.execute(_OF, {"ids": [subscription_id]})).all()
        return [self._seal.open(subscription_id, row.sealed) for row in rows if _counts(row, now)]

    async def replace(
        self, subscription_id: str, secret: str, previous_for: timedelta, *, within: frozenset[str] | None = None
    ) -> datetime:
        """Add a secret. The one before counts for some time more. Returns when it ends.

        The time is counted from now, whatever an earlier replacement has left. `within` are the regions to which the
        caller is limited, if it is.

        Raises:
            NotFound: no subscription has this id, or it is not about orders of these regions alone.
            AlreadyExists: two secrets count, and the time is not 0. With 0, only the new one counts.
        """
        now = self._now()

        async def work(connection: AsyncConnection) -> datetime:
            await locked(connection, subscription_id, within)
            rows = (await connection.execute(_OF, {"ids": [subscription_id]})).all()
            counting = [row for row in rows if previous_for and _counts(row, now)]
            if len(counting) >= MOST_SECRETS:
                raise AlreadyExists("two secrets count already; with `expirePreviousAfter` 0, both end at once")
            for row in rows:
                named = {"of_id": subscription_id, "of_number": row.number}
                if row in counting:
                    await connection.execute(_EXPIRE, {**named, "at": now + previous_for})
                else:
                    await connection.execute(_REMOVE, named)
            number = max((row.number for row in rows), default=0) + 1
            await add(connection, subscription_id, number, self._seal.seal(subscription_id, secret), now)
            await connection.execute(_NOTICE, {"of_id": subscription_id})
            return now + previous_for

        return await self._database.transact(work)

    async def reseal(self) -> "Resealed":
        """Encrypt with the newest key what an older one has encrypted, so that the older one can be taken away.

        A secret that counts no more is left as it is: nobody reads it.
        """
        now, resealed = self._now(), Resealed()
        async with self._database.reading() as connection:
            rows = (await connection.execute(_ALL)).all()
        for row in rows:
            if self._seal.is_newest(row.sealed) or not _counts(row, now):
                continue
            try:
                secret = self._seal.open(row.subscription_id, row.sealed)
            except SecretUnreadable:
                resealed.unreadable.append(row.subscription_id)
                continue
            named = {"of_id": row.subscription_id, "of_number": row.number, "before": row.sealed}
            async with self._database.writing() as connection:
                await connection.execute(_RESEAL, {**named, "now": self._seal.seal(row.subscription_id, secret)})
            resealed.secrets += 1
        return resealed


async def add(connection: AsyncConnection, subscription_id: str, number: int, sealed: str, now: datetime) -> None:
    """Insert a secret."""
    values = {"subscription_id": subscription_id, "number": number, "sealed": sealed, "created_at": now}
    await connection.execute(insert(EVENT_SECRET), values)


async def periods(
    connection: AsyncConnection, subscription_ids: Sequence[str], now: datetime
) -> Mapping[str, list[SecretPeriod]]:
    """Return when the secrets of subscriptions count, by subscription, as far as they count now."""
    found: dict[str, list[SecretPeriod]] = defaultdict(list)
    for row in (await connection.execute(_OF, {"ids": list(subscription_ids)})).all():
        if _counts(row, now):
            found[row.subscription_id].append(SecretPeriod(row.created_at, row.expires_at))
    return found


def _counts(row: Any, now: datetime) -> bool:
    return row.expires_at is None or bool(row.expires_at > now)
