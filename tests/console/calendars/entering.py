"""What managers enter in calendars."""

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from tests.console.browser import Pages
from tests.days import today

ENGINEER = "kr-11-1"
REGION = "KR-11"
ELSEWHERE = "manager:KR-26"
API = {"/days-off": "/managementCenters/daysOff", "/extra-shifts": "/managementCenters/extraShifts"}


def in_days(days: int) -> str:
    """Return the day that is so many days from today."""
    return (today() + timedelta(days)).isoformat()


def morning(**changes: str) -> dict[str, str]:
    """Return the form for a morning of an engineer, a week from now. The form has been shown once."""
    first = in_days(7)
    form = {"region": REGION, "who": ENGINEER, "from": first, "to": "", "since": "09:00", "until": "12:00"}
    return form | {"reason": "병원", "key": "shown-once"} | changes


async def entries(pages: Pages, path: str) -> list[Mapping[str, Any]]:
    """Return the entries that the API has for a list of the console."""
    items: list[Mapping[str, Any]] = (await pages.service.http.get(f"{API[path]}?limit=200")).json()["items"]
    return items


async def entered(pages: Pages, path: str, **changes: Any) -> str:
    """Enter something by the API. Returns its id."""
    body = {"engineerId": ENGINEER, "from": in_days(7)} | changes
    answer = await pages.service.http.post(API[path], json=body)
    assert answer.status_code == 201, answer.text
    return str(answer.json()["dayOffId" if path == "/days-off" else "extraShiftId"])
