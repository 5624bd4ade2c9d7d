"""An engineer's visits, put into the store of the installation context, for tests of their pages."""

from datetime import UTC, datetime, timedelta
from typing import Any

from domain.installation import RecordAnswer, RequestInstallation
from domain.visits import TimeWindow, VisitGrid
from stores.installation.installations import InstallationStore
from tests.console.browser import Pages
from tests.days import today

ME = "kr-11-1"
GRID = VisitGrid()


def window(hour: int, days: int = 0) -> TimeWindow:
    """Return the window that begins at an hour, so many days after today."""
    day = today() + timedelta(days=days)
    start = datetime(day.year, day.month, day.day, hour, tzinfo=GRID.zone).astimezone(UTC)
    return TimeWindow(start, start + timedelta(hours=2))


def day(days: int = 0) -> str:
    """Return the day so many days after today, as an address names it."""
    return (today() + timedelta(days=days)).isoformat()


async def visit(
    pages: Pages,
    order_id: str,
    at: TimeWindow | None,
    *steps: str,
    ago: timedelta = timedelta(),
    reason: str = "CUSTOMER_ABSENT",
    **changes: Any,
) -> None:
    """Request an installation from the engineer, and record what happened to it some time ago."""
    store, when = pages.service.app.state.services.get(InstallationStore), datetime.now(UTC) - ago
    request: dict[str, Any] = {
        "round": 1,
        "engineer_id": ME,
        "engineer_name": "김민준",
        "installation_address": "서울 종로구 세종대로 175",
        "customer_name": "이서연",
        "contact_phone": "01012345678",
        "product_name": "기가 인터넷",
        "customer_note": "벨이 고장났습니다",
    }
    request |= changes
    await store.request(RequestInstallation(order_id, visit=at, **request), when)
    for step in steps:
        answer = RecordAnswer(order_id, request["round"], when, reason, "거실", ["ONT-1", "STB-2"])
        await getattr(store, step)(answer)
