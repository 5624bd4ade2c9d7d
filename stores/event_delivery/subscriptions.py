"""Subscriptions: made, read, changed, paused and resumed. Nothing here needs Temporal or a worker.

Every change by a person raises `run`, so that a delivery under way notices it.
"""

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import bindparam, case, delete, func, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from domain.common.errors import AlreadyExists, IllegalTransition
from domain.common.paging import Page
from domain.event_delivery.subscriptions import (
    Edge,
    EventSubscription,
    PauseReason,
    Start,
    SubscriptionFilter,
    SubscriptionRequest,
    SubscriptionState,
    SubscriptionView,
    TooManySubscriptions,
)
from runtime.secret_seal import SecretSeal
from stores.common.database import Database
from stores.common.paging import Keyset
from stores.event_delivery import secrets
from stores.event_delivery.held_orders import release
from stores.event_delivery.positions import LOCK_LOG, position_of
from stores.event_delivery.subscription_rows import MEMBERS, as_subscription, as_values, locked, row_of
from stores.event_delivery.subscription_views import view_of, views_of
from stores.event_delivery.tables import EVENT_HELD, EVENT_SECRET, EVENT_SUBSCRIPTION

MOST_SUBSCRIPTIONS = 1000
"""The largest number of subscriptions that a setting can allow. Lists read all of them."""

_COUNT = select(
    func.count().label("all"),
    func.coalesce(func.sum(case((EVENT_SUBSCRIPTION.c.owner == bindparam("of_owner"), 1), else_=0)), 0).label("own"),
).select_from(EVENT_SUBSCRIPTION)
_NAMED = EVENT_SUBSCRIPTION.c.subscription_id == bindparam("of_id")
_EXISTING = select(EVENT_SUBSCRIPTION.c.subscription_id).where(_NAMED)
_CHANGE = update(EVENT_SUBSCRIPTION).where(_NAMED)
_IN_ORDER = Keyset("eventSubscriptions", (EVENT_SUBSCRIPTION.c.created_at, EVENT_SUBSCRIPTION.c.subscription_id))
_FILTER = ("types", "regions")
_ELSEWHERE: Mapping[str, Any] = {"ahead": None, "batches_after": None}
"""Members of a subscription that goes on at another position."""
_NO_FAILURES: Mapping[str, Any] = {"failing_since": None, "forbidden_since": None, "failures": 0, "retry_at": None}

_Change = Callable[[EventSubscription], dict[str, Any]]
"""Returns the new values of members."""


class SubscriptionStore:
    """Stores subscriptions. Every method raises `StoreUnavailable` if the database does not answer.

    A method with `within` changes nothing beyond the regions to which its caller is limited. `None`: no limit.
    """

    def __init__(
        self, database: Database, seal: SecretSeal, *, now: Callable[[], datetime] = lambda: datetime.now(UTC)
    ) -> None:
        self._database = database
        self._seal = seal
        self._now = now

    async def create(
        self,
        subscription_id: str,
        request: SubscriptionRequest,
        secret: str,
        *,
        start: Start = Edge.END,
        fingerprint: str | None = None,
        most: int = MOST_SUBSCRIPTIONS,
        most_of_owner: int = MOST_SUBSCRIPTIONS,
    ) -> SubscriptionView:
        """Store a subscription with its first secret.

        Args:
            subscription_id: Its id.
            request: What the subscriber wants.
            secret: The secret that signs what is sent.
            start: Where it begins.
            fingerprint: Equal for a repeated request, and for no other.
            most: The largest number of subscriptions.
            most_of_owner: The largest number of one owner.

        Raises:
            AlreadyExists: the id is taken.
            TooManySubscriptions: there are as many as allowed.
            PositionGone: the first events are not kept any more.
            ValueError: the log has no such position yet.
        """
        now = self._now()

        async def work(connection: AsyncConnection) -> SubscriptionView:
            # Others who make subscriptions wait here, and nobody appends events, so the end of the log is known.
            await connection.execute(LOCK_LOG)
            if (await connection.execute(_EXISTING, {"of_id": subscription_id})).one_or_none():
                raise AlreadyExists("a subscription with this id already exists")
            count = (await connection.execute(_COUNT, {"of_owner": request.owner})).one()
            if count.all >= most or count.own >= most_of_owner:
                raise TooManySubscriptions("there are as many subscriptions as allowed")
            subscription = EventSubscription(
                subscription_id=subscription_id,
                **vars(request),
                created_at=now,
                changed_at=now,
                delivered=await position_of(connection, start),
            )
            values = as_values({name: getattr(subscription, name) for name in MEMBERS})
            await connection.execute(insert(EVENT_SUBSCRIPTION), values | {"fingerprint": fingerprint})
            await secrets.add(connection, subscription_id, 1, self._seal.seal(subscription_id, secret), now)
            return await view_of(connection, subscription_id, now)

        return await self._database.transact(work)

    async def get(self, subscription_id: str) -> SubscriptionView:
        """Return one subscription.

        Raises:
            NotFound: no subscription has this id.
        """
        async with self._database.reading() as connection:
            return await view_of(connection, subscription_id, self._now())

    async def fingerprint(self, subscription_id: str) -> str | None:
        """Return the fingerprint of the request that has made a subscription.

        Raises:
            NotFound: no subscription has this id.
        """
        async with self._database.reading() as connection:
            found: str | None = (await row_of(connection, subscription_id)).fingerprint
            return found

    async def list(
        self, wanted: SubscriptionFilter, *, limit: int = 50, cursor: str | None = None
    ) -> Page[SubscriptionView]:
        """Return a page of the subscriptions, the oldest first.

        Raises:
            MalformedCursor: the cursor does not belong to this list.
        """
        # All that follow are read, because the filter is not one of the database.
        statement = _IN_ORDER.page(
            select(EVENT_SUBSCRIPTION), limit=MOST_SUBSCRIPTIONS, cursor=cursor, dialect=self._database.dialect
        )
        async with self._database.reading() as connection:
            rows = (await connection.execute(statement)).all()
            page = _IN_ORDER.cut([row for row in rows if wanted.shows(as_subscription(row))], limit, as_subscription)
            views = await views_of(connection, page.items, self._now())
        return Page(views, page.next_cursor)

    async def change(
        self, subscription_id: str, *, within: frozenset[str] | None = None, **given: Any
    ) -> SubscriptionView:
        """Change the given members. The consumer has to agree to a new URL.

        Orders held beyond the position are released by a new filter: it may select an event before the one that holds.

        Raises:
            NotFound: no subscription has this id, or it is not about orders of these regions alone.
        """

        async def work(connection: AsyncConnection) -> SubscriptionView:
            subscription = await locked(connection, subscription_id, within)
            if any(given.get(name, getattr(subscription, name)) != getattr(subscription, name) for name in _FILTER):
                await release(connection, subscription_id, after=subscription.delivered)
            anew: dict[str, Any] = {}
            if given.get("url", subscription.url) != subscription.url:
                anew = {"agreed_at": None, "allowed_rate": None, **_NO_FAILURES}
                if subscription.pause_reason is not PauseReason.BY_PERSON:
                    anew |= {"state": SubscriptionState.PENDING, "pause_reason": None, "paused_at": None}
            return await self._changed(connection, subscription, given | anew)

        return await self._database.transact(work)

    async def pause(self, subscription_id: str, *, within: frozenset[str] | None = None) -> SubscriptionView:
        """Send nothing more until the subscription is resumed.

        Raises:
            NotFound: no subscription has this id, or it is not about orders of these regions alone.
        """

        def changed(subscription: EventSubscription) -> dict[str, Any]:
            if subscription.pause_reason is PauseReason.BY_PERSON:
                return {}
            return {"state": SubscriptionState.PAUSED, "pause_reason": PauseReason.BY_PERSON, "paused_at": self._now()}

        return await self._change(subscription_id, within, changed)

    async def resume(
        self, subscription_id: str, start: Start | None = None, *, within: frozenset[str] | None = None
    ) -> SubscriptionView:
        """Send again, from where the consumer was, or from somewhere else.

        Raises:
            NotFound: no subscription has this id, or it is not about orders of these regions alone.
            IllegalTransition: a position is given, but the subscription is not paused.
            PositionGone: the next events are not kept any more.
            ValueError: the log has no such position yet.
        """

        async def work(connection: AsyncConnection) -> SubscriptionView:
            subscription = await locked(connection, subscription_id, within)
            if subscription.state is not SubscriptionState.PAUSED:
                if start is not None:
                    raise IllegalTransition("the subscription is not paused; `replay` goes back to an earlier position")
                return await view_of(connection, subscription_id, self._now())
            delivered = await position_of(connection, subscription.delivered if start is None else start)
            agreed = subscription.agreed_at is not None
            resumed = {
                "state": SubscriptionState.ACTIVE if agreed else SubscriptionState.PENDING,
                "pause_reason": None,
                "paused_at": None,
                "delivered": delivered,
                **({} if start is None else _ELSEWHERE),
                **_NO_FAILURES,
            }
            if delivered < subscription.delivered:
                await release(connection, subscription_id, after=delivered)
            return await self._changed(connection, subscription, resumed)

        return await self._database.transact(work)

    async def replay(
        self, subscription_id: str, start: Start, *, within: frozenset[str] | None = None
    ) -> SubscriptionView:
        """Go back to an earlier position: everything after it is sent again. Orders held from there on are released.

        Raises:
            NotFound: no subscription has this id, or it is not about orders of these regions alone.
            IllegalTransition: the position is later than what was delivered, so that events would be left out.
            PositionGone: events after the position are not kept any more.
            ValueError: the log has no such position yet.
        """

        async def work(connection: AsyncConnection) -> SubscriptionView:
            subscription = await locked(connection, subscription_id, within)
            position = await position_of(connection, start)
            if position > subscription.delivered:
                raise IllegalTransition("events before this position are not delivered yet, and would be left out")
            await release(connection, subscription_id, after=position)
            return await self._changed(connection, subscription, {"delivered": position, **_ELSEWHERE})

        return await self._database.transact(work)

    async def agree(self, subscription_id: str, url: str, allowed_rate: int | None) -> None:
        """Store that the consumer agrees to receive events at a URL, if that is still the subscription's.

        Raises:
            NotFound: no subscription has this id.
        """

        def changed(subscription: EventSubscription) -> dict[str, Any]:
            if subscription.url != url:
                return {}
            agreed: dict[str, Any] = {"agreed_at": self._now(), "allowed_rate": allowed_rate}
            pending = subscription.state is SubscriptionState.PENDING
            return agreed | ({"state": SubscriptionState.ACTIVE, **_NO_FAILURES} if pending else {})

        await self._change(subscription_id, None, changed, by_person=False)

    async def delete(self, subscription_id: str, *, within: frozenset[str] | None = None) -> None:
        """Delete a subscription. There may be very many attempts, so these are deleted by `AttemptStore.prune`.

        Raises:
            NotFound: no subscription has this id, or it is not about orders of these regions alone.
        """

        async def work(connection: AsyncConnection) -> None:
            await locked(connection, subscription_id, within)
            for table in (EVENT_SECRET, EVENT_HELD, EVENT_SUBSCRIPTION):
                await connection.execute(delete(table).where(table.c.subscription_id == subscription_id))

        await self._database.transact(work)

    async def _change(
        self, subscription_id: str, within: frozenset[str] | None, changed: _Change, *, by_person: bool = True
    ) -> SubscriptionView:
        async def work(connection: AsyncConnection) -> SubscriptionView:
            subscription = await locked(connection, subscription_id, within)
            return await self._changed(connection, subscription, changed(subscription), by_person=by_person)

        return await self._database.transact(work)

    async def _changed(
        self,
        connection: AsyncConnection,
        subscription: EventSubscription,
        values: Mapping[str, Any],
        *,
        by_person: bool = True,
    ) -> SubscriptionView:
        now, id_ = self._now(), subscription.subscription_id
        if values:
            noted = {"run": subscription.run + 1, **({"changed_at": now} if by_person else {})}
            await connection.execute(_CHANGE, {"of_id": id_, **as_values(values), **noted})
        return await view_of(connection, id_, now)
