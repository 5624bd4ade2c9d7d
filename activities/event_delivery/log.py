"""Activities of the relay on the log of events."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

from temporalio import activity

from activities.common.serving import carries_out
from domain.event_delivery.relay import APPEND_EVENTS, POSITION, PRUNE_EVENTS, AppendEvents
from stores.event_delivery.attempts import AttemptStore
from stores.event_delivery.log import EventLog


class EventLogActivities:
    """Activities that maintain the log."""

    def __init__(
        self,
        log: EventLog,
        attempts: AttemptStore,
        keep_for: timedelta,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        """Create the activities.

        Args:
            log: The log.
            attempts: The attempts to send events.
            keep_for: How long an event is kept after it was appended.
            now: The clock.
        """
        self._log = log
        self._attempts = attempts
        self._keep_for = keep_for
        self._now = now

    @carries_out(POSITION)
    async def position(self, source: str) -> int:
        """Find how far a source has been read."""
        return await self._log.position(source)

    @carries_out(APPEND_EVENTS)
    async def append(self, request: AppendEvents) -> int:
        """Append events, unless somebody has done so since they were read."""
        position, appended = await self._log.append(request)
        if appended:
            counter = activity.metric_meter().create_counter(
                "events_appended_total", "Events appended to the log, by the context that they come from"
            )
            counter.add(appended, {"source": request.source})
        return position

    @carries_out(PRUNE_EVENTS)
    async def prune(self, _: str = "") -> int:
        """Forget a batch of events, and of attempts to send them, that are kept no longer."""
        return await self._log.prune(self._now() - self._keep_for) + await self._attempts.prune()
