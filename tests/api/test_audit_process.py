"""The audit trail after its process was killed."""

import asyncio
from functools import partial
from http import HTTPStatus
from pathlib import Path

from domain.audit import AuditFilter
from domain.common import contexts
from runtime.settings import Settings
from stores.audit.trail import AuditStore
from stores.common.database import Database
from tests.api.test_process import created, is_ready, process
from tests.eventually import PATIENCE, eventually

ENGINEER = {"name": "김하나", "region": "KR-11"}


def noted(settings: Settings) -> list[str | None]:
    """Return the targets of an intact chain, the oldest first, without those for which a busy API had no time."""

    async def look() -> list[str | None]:
        database = Database(settings.database_url(contexts.AUDIT), deadline_seconds=PATIENCE)
        try:
            await AuditStore(database).verify()
            acts = [entry.act for entry in (await AuditStore(database).list(AuditFilter(), 200)).items][::-1]
            return [act.target for act in acts if act.outcome != HTTPStatus.SERVICE_UNAVAILABLE]
        finally:
            await database.dispose()

    return asyncio.run(look())


def is_noted(settings: Settings, target: str) -> bool:
    return target in noted(settings)


def hire(port: int) -> str:
    return str(created(f"http://127.0.0.1:{port}/managementCenters/engineers", ENGINEER)["engineerId"])


def test_a_process_that_is_killed_leaves_what_was_noted_and_the_next_one_goes_on_with_the_chain(
    settings: Settings, free_port: int, tmp_path: Path
) -> None:
    written: list[str | None] = []
    for life in range(2):
        with process(settings, free_port, tmp_path / f"log{life}"):
            eventually(partial(is_ready, free_port), what="the API is ready")
            hired = hire(free_port)
            # Nobody asks it to write: it is killed once it has.
            eventually(partial(is_noted, settings, hired), what="it is noted")
        written.append(hired)
        assert noted(settings) == written
