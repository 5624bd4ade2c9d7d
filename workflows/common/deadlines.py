"""A time by which something should have happened, as state that the saga's conditions read."""

import asyncio
from datetime import datetime, timedelta

from temporalio import workflow

from domain.common.texts import PlainText


class Deadline:
    """A timer that runs beside the saga, until it has passed, is dropped, or the order ends."""

    def __init__(self, at: datetime, summary: str) -> None:
        left = max(at - workflow.now(), timedelta())
        self._timer = asyncio.create_task(workflow.sleep(left, summary=PlainText(summary)))

    @property
    def passed(self) -> bool:
        """The time has come."""
        return self._timer.done()

    def drop(self) -> None:
        """It does not matter any more."""
        self._timer.cancel()
