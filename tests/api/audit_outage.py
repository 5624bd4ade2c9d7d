"""An API whose audit store is down and can be brought back, for tests of what is recorded then."""

import shutil
from pathlib import Path
from typing import Any

from domain.audit import AuditEntry, AuditFilter
from domain.common import contexts
from runtime.settings import Settings
from stores.audit.trail import AuditStore
from tests.api.service import Service, but
from tests.eventually import soon

STAFF_LISTS = ("serviceAreas", "engineers", "daysOff", "extraShifts", "products")


class Outage:
    """The audit's database, which is missing until it is brought back."""

    def __init__(self, settings: Settings, directory: Path) -> None:
        self._migrated = Path(settings.data_dir) / "audit.db"
        self._file = directory / "away" / "audit.db"
        self.settings = but(settings, audit_database_url=f"sqlite:///{self._file}")

    def end(self) -> None:
        """Bring the database back, empty as it was."""
        self._file.parent.mkdir()
        shutil.copy(self._migrated, self._file)


async def metric(service: Service, name: str) -> float:
    """Return the value of a metric without labels."""
    lines = (await service.http.get("/metrics")).text.splitlines()
    return next(float(line.split()[1]) for line in lines if line.startswith(f"{name} "))


async def staff(service: Service) -> dict[str, Any]:
    """Return every resource that managers maintain."""
    return {
        name: (await service.http.get(f"/managementCenters/{name}?limit=200")).json()["items"] for name in STAFF_LISTS
    }


async def noted(service: Service, number: int) -> list[AuditEntry]:
    """Wait for exactly so many entries in an intact chain. Returns them, the oldest first."""

    async def nothing_waits() -> bool:
        return await metric(service, "audit_entries_waiting") == 0

    await soon(nothing_waits, what="everything is noted")
    async with service.opened(contexts.AUDIT) as database:
        store = AuditStore(database)
        found = (await store.list(AuditFilter(), number + 1)).items
        assert (await store.verify()).sequence == len(found) == number
    return found[::-1]
