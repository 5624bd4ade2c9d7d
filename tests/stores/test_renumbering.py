"""After a restore by other means, `python -m ops.renumber_events` gives events numbers that nobody has seen."""

import time
from pathlib import Path
from typing import Any

from domain.common import contexts
from ops.renumber_events import renumber
from runtime.settings import Settings
from stores.common.database import Database
from stores.event_delivery.log import EventLog
from stores.order_status.outbox import OutboxStore
from tests.eventually import PATIENCE
from tests.stores.conftest import Prepared


async def numbers(settings: Settings) -> tuple[int, int]:
    """Return the last numbers of the log and of the outbox."""
    log, outbox = (
        Database(settings.database_url(name), deadline_seconds=PATIENCE)
        for name in (contexts.EVENT_DELIVERY, contexts.ORDER_STATUS)
    )
    try:
        return await EventLog(log).last(), await OutboxStore(outbox).last()
    finally:
        await log.dispose()
        await outbox.dispose()


async def test_numbers_go_on_from_the_clock(kind: str, prepared: Prepared, tmp_path: Path) -> None:
    urls: dict[str, Any] = {}
    for context in (contexts.EVENT_DELIVERY, contexts.ORDER_STATUS):
        own = tmp_path / context
        own.mkdir()
        urls[f"{context.replace('-', '_')}_database_url"] = await prepared.url(kind, context, own)
    settings = Settings(data_dir=tmp_path / "var", **urls)
    before, began = await numbers(settings), time.time_ns() // 10**6

    await renumber(settings)

    after = await numbers(settings)
    assert all(number >= max(last, began) for number, last in zip(after, before, strict=True))
    assert after != before
