"""Deadlines, as state that wait conditions can read."""

import asyncio
from datetime import datetime, timedelta

from temporalio import workflow

from domain.common.texts import PlainText


class Deadline:
    """Timer that runs beside `run` until it fires, is canceled, or the workflow ends."""

    def __init__(self, at: datetime, summary: str) -> None:
        left = max(at - workflow.now(), timedelta())
        self._timer = asyncio.create_task(workflow.sleep(left, summary=PlainText(summary)))

    @property
    def passed(self) -> bool:
        """Whether the deadline has passed."""
        return self._timer.done()

    def cancel(self) -> None:
        """Cancel the timer."""
        self._timer.cancel()
