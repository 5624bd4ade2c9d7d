"""Report of a month of the access log: `python -m ops.access_report [YYYY-MM]`; by default the current month.

Lists who has read personal data of how many people, and the largest reads. Months are those of `VISIT_TIME_ZONE`. Exit
status: 0, or 75 if the store does not answer.
"""

import argparse
import asyncio
import os
import sys
from collections.abc import Sequence
from datetime import UTC, date, datetime, time
from zoneinfo import ZoneInfo

from domain.audit import AccessEntry, Reader
from domain.common import contexts
from domain.common.errors import StoreUnavailable
from runtime.settings import Settings
from stores.audit.access_log import AccessLogStore
from stores.common.database import Database

_DEADLINE_SECONDS = 60.0
LARGEST = 20
"""Reads that are listed one by one."""


def span_of(month: str, zone: ZoneInfo) -> tuple[datetime, datetime]:
    """Return the beginning of a month and of the next one.

    Raises:
        ValueError: this is not a month.
    """
    begins = datetime.combine(date.fromisoformat(f"{month}-01"), time(), zone)
    year, index = divmod(begins.year * 12 + begins.month, 12)
    return begins.astimezone(UTC), begins.replace(year=year, month=index + 1).astimezone(UTC)


async def report(url: str, month: str, zone: ZoneInfo) -> int:
    """Print the report of a month. Returns the exit status."""
    span = span_of(month, zone)
    database = Database(url, deadline_seconds=_DEADLINE_SECONDS)
    store = AccessLogStore(database)
    try:
        readers, largest = await store.readers(*span), await store.largest(*span, LARGEST)
    except StoreUnavailable as error:
        print(error, file=sys.stderr)
        return os.EX_TEMPFAIL
    finally:
        await database.dispose()
    print("\n".join(_lines(month, readers, largest, zone)))
    return os.EX_OK


def _lines(month: str, readers: Sequence[Reader], largest: Sequence[AccessEntry], zone: ZoneInfo) -> Sequence[str]:
    if not readers:
        return [f"Nobody has read personal data in {month}."]
    return [
        f"Who has read personal data in {month} (people: different ones)",
        f"{'people':>10} {'reads':>10}  actor",
        *(f"{reader.people:>10,} {reader.reads:>10,}  {reader.actor}" for reader in readers),
        "",
        "The largest reads",
        f"{'people':>10}  {'when':19}  actor, address, route, filters",
        *(_line(entry, zone) for entry in largest),
    ]


def _line(entry: AccessEntry, zone: ZoneInfo) -> str:
    at = f"{entry.at.astimezone(zone):%Y-%m-%d %H:%M:%S}"
    filters = f" ({', '.join(entry.filters)})" if entry.filters else ""
    return f"{entry.people:>10,}  {at}  {entry.actor}, {entry.address}, {entry.route}{filters}"


def _month(text: str) -> str:
    span_of(text, ZoneInfo("UTC"))
    return text


def main() -> int:
    """Print the report from the database of the settings."""
    settings = Settings()
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    now = datetime.now(settings.visit_time_zone)
    parser.add_argument("month", type=_month, nargs="?", default=f"{now:%Y-%m}", metavar="YYYY-MM")
    month = parser.parse_args().month
    return asyncio.run(report(settings.database_url(contexts.AUDIT), month, settings.visit_time_zone))


if __name__ == "__main__":
    sys.exit(main())
