"""`make readme-screenshots`: the pictures of the README, the managers' board and an engineer's day, in docs/images.

The orders are always the same, with the same ids, in the same states. Only the days are those on which it runs.
"""

import asyncio
import base64
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from http import HTTPStatus
from itertools import groupby
from pathlib import Path
from typing import Any

import httpx2
from playwright.async_api import Browser

from domain.visits import VisitGrid
from harness.browser import Appearance, browser, window
from harness.programs import ProgramMissing
from harness.stack import running
from harness.views import signed_in
from harness.waiting import PATIENCE, soon

FOLDER = Path("docs", "images")
BOARD, DAY = "board.webp", "engineers-day.webp"
MOST_BYTES = 60 * 1024
"""The largest size of a picture."""
_QUALITY = 80
_SCREEN, _PHONE = Appearance("en", "light", 1280, 760), Appearance("ko", "light", 390, 860)
_ENGINEER, _COLLEAGUES = "kr-11-1", ("kr-11-2", "kr-11-3")
_PRODUCTS = {"2001": ("Internet", "인터넷"), "2002": ("IPTV", "IPTV")}


@dataclass(frozen=True)
class Subscription:
    """An order of the pictures."""

    customer: str
    phone: str
    address: str
    acts: Sequence[str] = ()
    """What is done with its visit."""
    product: str = "2001"
    note: str | None = None


_SEOUL = (
    Subscription("한소율", "010-1234-5678", "서울특별시 강남구 테헤란로 152", ("accept", "start")),
    Subscription(
        "임서연",
        "010-2345-6789",
        "서울특별시 마포구 월드컵북로 396",
        ("accept",),
        "2002",
        "강아지가 있습니다. 전화 주세요.",
    ),
    Subscription("박지호", "010-3456-7890", "서울특별시 종로구 세종대로 175"),
)
"""Visits of one engineer on one day."""
_ELSEWHERE = (
    Subscription("최하윤", "010-4567-8901", "부산광역시 해운대구 센텀중앙로 79", ("accept", "complete"), "2002"),
    Subscription("정도윤", "010-5678-9012", "대구광역시 수성구 달구벌대로 2450", ("accept", "start", "incomplete")),
    Subscription("강지우", "010-6789-0123", "광주광역시 서구 상무중앙로 58", ("cancel",), "2002"),
    Subscription("윤서준", "010-7890-1234", "중구 동호로 249"),
)
_ENDS = {
    "complete": "JOIN_COMPLETED",
    "incomplete": "AWAITING_RESCHEDULE",
    "cancel": "ORDER_CANCELED",
    "start": "INSTALLATION_ACCEPTED",
    "accept": "INSTALLATION_ACCEPTED",
}
_BODIES: Mapping[str, Mapping[str, Any]] = {
    "incomplete": {"reason": "CUSTOMER_ABSENT"},
    "complete": {"serials": ["STB-2026-0002"]},
}


async def take(folder: Path) -> Sequence[Path]:
    """Start the service, and take the pictures. Returns the files.

    Raises:
        ProgramMissing: there is no browser.
        RuntimeError: the API refuses something, or a picture is too large.
    """
    parts = ("temporal", "migration", "worker", "api", "console")
    async with browser() as opened, running(*parts, engineers=1) as stack:
        async with httpx2.AsyncClient(base_url=stack.url, timeout=PATIENCE, trust_env=False) as api:
            day = await _placed(api)
        url, me = stack.console_url, f"engineer:{_ENGINEER}"
        return [
            await _picture(opened, url, _SCREEN, "manager:*", "/board", folder / BOARD),
            await _picture(opened, url, _PHONE, me, f"/today?date={day}", folder / DAY),
        ]


async def _placed(api: httpx2.AsyncClient) -> str:
    """Place the orders, the newest at last. Returns the day of the engineer's visits."""
    for product_id, (name, local_name) in _PRODUCTS.items():
        product = {"productId": product_id, "name": name, "localName": local_name}
        await _send(api, "POST", "/managementCenters/products", product)
    for colleague in _COLLEAGUES:
        await _send(api, "PATCH", f"/managementCenters/engineers/{colleague}", {"active": False})
    windows = await _windows(api)
    every = [*((one, None) for one in _ELSEWHERE), *zip(_SEOUL, windows, strict=False)]
    for number, (one, start) in enumerate(every, start=1):
        order_id = await _ordered(api, number, one, start)
        for act in one.acts:
            collection = "orders" if act == "cancel" else "installations"
            await _send(api, "POST", f"/{collection}/{order_id}/{act}", _BODIES.get(act, {}))
        if one.acts:
            await _until(api, order_id, "status", _ENDS[one.acts[-1]])
    return _day_of(windows[0])


async def _windows(api: httpx2.AsyncClient) -> Sequence[str]:
    """Return the windows of the first day that has enough of them for the engineer's visits."""
    found = await _send(api, "POST", "/managementCenters/slots", {"address": _SEOUL[0].address})
    starts = [slot["start"] for slot in found["items"]]
    days = (list(of_day) for _, of_day in groupby(starts, _day_of))
    return next(of_day for of_day in days if len(of_day) >= len(_SEOUL))


def _day_of(start: str) -> str:
    return VisitGrid().day_of(datetime.fromisoformat(start)).isoformat()


async def _ordered(api: httpx2.AsyncClient, number: int, one: Subscription, start: str | None) -> str:
    body = {
        "customerId": str(number),
        "customerName": one.customer,
        "contactPhone": one.phone,
        "installationAddress": one.address,
        "productId": one.product,
        "productName": _PRODUCTS[one.product][0],
        "note": one.note,
        "preferredVisit": start,
    }
    # The key decides the order's id.
    order_id = str((await _send(api, "POST", "/orders", body, **{"Idempotency-Key": f"readme-{number}"}))["orderId"])
    waits = one.address.startswith("중구")
    await _until(api, order_id, "status", "AWAITING_ENGINEER" if waits else "INSTALLATION_REQUESTED")
    return order_id


async def _until(api: httpx2.AsyncClient, order_id: str, member: str, value: str) -> None:
    async def shown() -> bool:
        # Of the managers' view, which the board shows.
        answer = await api.get(f"/orderStatuses/{order_id}")
        return answer.status_code == HTTPStatus.OK and answer.json()[member] == value

    await soon(shown, every=0.1, what=f"{member} {value} of {order_id}")


async def _send(
    api: httpx2.AsyncClient, method: str, path: str, body: Mapping[str, Any] | None = None, **headers: str
) -> Any:
    """Send a request until it is answered. On a busy machine, the API asks to try again."""

    async def answered() -> httpx2.Response | None:
        answer = await api.request(method, path, json=body, headers=headers)
        return None if answer.status_code == HTTPStatus.SERVICE_UNAVAILABLE else answer

    answer = await soon(answered, every=1, what=f"an answer to {method} {path}")
    if answer is None or not answer.is_success:
        raise RuntimeError(f"{method} {path}: {answer and answer.text}")
    return answer.json()


async def _picture(opened: Browser, url: str, appearance: Appearance, person: str, path: str, file: Path) -> Path:
    async with window(opened, url, appearance) as shown:
        await shown.context.add_cookies(await signed_in(url, person))  # type: ignore[arg-type]

        async def nothing_is_away() -> bool:
            await shown.page.goto(path)
            return await shown.page.locator(".notice.alert").count() == 0

        await soon(nothing_is_away, every=1, what=f"{path} without a warning")
        if file.name == BOARD:
            await shown.page.locator("[data-numbers] summary").click()  # folds the numbers by region
            await shown.page.locator('.live-bar[data-state="live"]').wait_for()
        devtools = await shown.context.new_cdp_session(shown.page)
        taken = await devtools.send("Page.captureScreenshot", {"format": "webp", "quality": _QUALITY})
    picture = base64.b64decode(taken["data"])
    if len(picture) > MOST_BYTES:
        raise RuntimeError(f"{file} would have {len(picture)} bytes, and may have {MOST_BYTES}")
    await asyncio.to_thread(file.write_bytes, picture)
    return file


def main() -> None:
    """Take the pictures, and say where they are."""
    FOLDER.mkdir(exist_ok=True)
    try:
        files = asyncio.run(take(FOLDER))
    except (ProgramMissing, RuntimeError) as error:
        sys.exit(str(error))
    for file in files:
        sys.stdout.write(f"{file} ({file.stat().st_size} bytes)\n")


if __name__ == "__main__":
    main()
