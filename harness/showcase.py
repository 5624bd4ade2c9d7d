"""Orders in every state, made through the API as people would make them: for tests and pictures of the console."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime
from itertools import chain
from typing import Any

import httpx2

from domain.visits import VisitGrid
from harness.asking import send
from harness.picky_consumer import AWAY
from harness.waiting import PATIENCE, soon

CUSTOMER = "1"
NOBODYS_CUSTOMER = "1000"
"""A customer without an order."""
REGION = "KR-11"
QUIET_REGION = "KR-50"
"""A region without an order."""
QUIET_ENGINEER = "kr-50-1"
PERSON = {"customerId": CUSTOMER, "customerName": "김민준", "contactPhone": "010-1234-5678"}
NEIGHBOR = {
    "name": "박지우",
    "phone": "010-9876-5432",
    "address": "부산광역시 해운대구 센텀중앙로 79",
    "region": "부산광역시",
    "note": "초인종이 고장입니다. 전화 주세요.",
    "reason": "이사합니다",
}
"""What another customer enters on the pages, in a region with several engineers."""
RESIDENT = {
    "name": "정하린",
    "phone": "010-5555-0101",
    "address": "대전광역시 서구 둔산로 100",
    "region": "대전광역시",
    "note": "주차는 지하 2층에 해 주세요.",
}
"""A customer in a region whose week is planned, and the engineers who are hired there."""
HIRED = ("서하늘", "문가람")
_PRODUCTS = {"2001": ("Internet", "인터넷"), "2002": ("IPTV", "IPTV")}
_NOTE = "벨을 누르지 말고 전화 주세요. 아기가 자고 있고, 강아지가 있습니다."
ADDRESS = "서울특별시 강남구 테헤란로 152 강남파이낸스센터 20층"
_LONG_ADDRESS = (
    "서울특별시 영등포구 국제금융로8길 27-9 한빛아파트 102동 1503호 (여의도동, 관리사무소 옆 출입구로 들어오신 다음 "
    "오른쪽 승강기를 타고 올라오시면 됩니다)"
)
_ENGINEER = "이서연"
_REASON = "오전에 병원에 갑니다."

MISTAKEN_DAYS: Mapping[str, str] = {
    "region": REGION,
    "who": "*",
    "from": "2026-12-24",
    "to": "2026-12-01",
    "since": "12:00",
    "until": "09:00",
}
"""A day off or an extra shift that cannot be entered."""
STEPS: Mapping[str, tuple[str, ...]] = {
    "requested": (),
    "accepted": ("accept",),
    "started": ("accept", "start"),
    "completed": ("accept", "complete"),
    "nobody-home": ("accept", "start", "incomplete"),
    "canceled": ("cancel",),
}
"""What was done with the installation in each state."""
_EVENTS = "/eventSubscriptions"
WAITING = {"no-area": "달 뒷면 1번지", "ambiguous": "중구 동호로 249"}
"""Addresses for which no engineer is found."""
_BODIES: Mapping[str, Mapping[str, Any]] = {
    "complete": {"note": "공유기를 거실에 설치했습니다.", "serials": ["ONT-2026-0001", "STB-2026-0002"]},
    "incomplete": {"reason": "CUSTOMER_ABSENT", "note": "세 번 전화했지만 받지 않으셨습니다."},
    "cancel": {"reason": "이사를 가게 되었습니다."},
}


@dataclass(frozen=True)
class Showcase:
    """Orders of one customer, by state, and who installs them."""

    orders: Mapping[str, str]
    """Ids by state."""
    engineer_id: str
    """The only engineer who works in the region."""
    day: date
    """The day of the first visit."""
    names: frozenset[str]
    """Names of all engineers, and of what the service has in its catalog."""
    calendar: Mapping[str, str]
    """Ids of a day off and of an extra shift, by placeholder."""
    area_id: str
    links: Mapping[str, str]
    """Tokens of tracking links, by the state of their orders."""
    event_subscriptions: Mapping[str, str]
    """Ids by state."""

    @property
    def ids(self) -> Mapping[str, Mapping[str, str]]:
        """Ids of what there is to look at: by placeholder of a path, and by state."""
        gone = {"gone": "gone"}
        return {
            "orderId": self.orders,
            "engineerId": {"only-one": self.engineer_id},
            **{name: {"full": entry_id, **gone} for name, entry_id in self.calendar.items()},
            "productId": {"full": next(iter(_PRODUCTS)), **gone},
            "serviceAreaId": {"full": self.area_id, **gone},
            "eventSubscriptionId": {**self.event_subscriptions, **gone},
            "heldOrderId": {"held": self.orders["canceled"]},
            "token": {"link": next(iter(self.links.values()))},
            "customerId": {"open-orders": CUSTOMER, "no-orders": NOBODYS_CUSTOMER},
        }

    @property
    def entered(self) -> set[str]:
        """What people have entered, which no page translates."""
        texts = {str(value) for body in _BODIES.values() for value in body.values() if isinstance(value, str)}
        return {
            *PERSON.values(),
            *chain.from_iterable(_PRODUCTS.values()),
            _NOTE,
            ADDRESS,
            _LONG_ADDRESS,
            _ENGINEER,
            _REASON,
            *WAITING.values(),
            *NEIGHBOR.values(),
            *RESIDENT.values(),
            *HIRED,
            *self.names,
            *texts,
        }


async def shown(api: str, consumer: str) -> Showcase:
    """Make the orders, in an API that requires no tokens and has none yet. Returns them once all are in their states.

    Args:
        api: URL of the API.
        consumer: URL of a `picky_consumer`.

    Raises:
        RuntimeError: the API refuses something.
    """
    async with httpx2.AsyncClient(base_url=api, timeout=PATIENCE, trust_env=False) as http:
        for product_id, (name, local_name) in _PRODUCTS.items():
            product = {"productId": product_id, "name": name, "localName": local_name}
            await send(http, "POST", "/managementCenters/products", product)
        engineer_id, names = await _only_engineer(http)
        # In this order, so that the visits of the engineer's first day are in different states.
        orders = {state: await _order(http, number) for number, state in enumerate(STEPS)}
        waiting = {state: await _order(http, 0, address) for state, address in WAITING.items()}
        await asyncio.gather(*(_advance(http, orders[state], steps) for state, steps in STEPS.items()))
        await asyncio.gather(*(_until_attention(http, order_id) for order_id in waiting.values()))
        first = (await send(http, "GET", f"/orders/{orders['requested']}"))["visit"]["start"]
        day = VisitGrid().day_of(datetime.fromisoformat(first))
        calendar = await _calendar(http, engineer_id)
        areas = (await send(http, "GET", "/managementCenters/serviceAreas?limit=200"))["items"]
        words = {word for area in areas for word in (area["name"], area["localName"], *area["matches"])}
        every = {**orders, **waiting}
        links = {state: await _link(http, order_id) for state, order_id in every.items()}
        events = await _event_subscriptions(http, consumer)
        return Showcase(every, engineer_id, day, names | words, calendar, areas[0]["serviceAreaId"], links, events)


async def _only_engineer(http: httpx2.AsyncClient) -> tuple[str, frozenset[str]]:
    """Leave one engineer in the region. Returns the id, and the names of all engineers."""
    found = (await send(http, "GET", "/managementCenters/engineers?limit=200"))["items"]
    first, *others = sorted(engineer["engineerId"] for engineer in found if engineer["region"] == REGION)
    await send(http, "PATCH", f"/managementCenters/engineers/{first}", {"name": _ENGINEER})
    for other in others:
        await send(http, "PATCH", f"/managementCenters/engineers/{other}", {"active": False})
    return str(first), frozenset(engineer["name"] for engineer in found)


async def _calendar(http: httpx2.AsyncClient, engineer_id: str) -> dict[str, str]:
    """Enter a day off and an extra shift, on days for which nothing is booked. Returns their ids by placeholder."""
    year = datetime.now(UTC).year + 1
    morning = {"from": "09:00", "until": "12:00"}
    day_off = {"engineerId": engineer_id, "from": f"{year}-07-01", "hours": morning, "reason": _REASON}
    shift = {"region": REGION, "from": f"{year}-07-03", "to": f"{year}-07-04"}
    return {
        "dayOffId": (await send(http, "POST", "/managementCenters/daysOff", day_off))["dayOffId"],
        "extraShiftId": (await send(http, "POST", "/managementCenters/extraShifts", shift))["extraShiftId"],
    }


async def _event_subscriptions(http: httpx2.AsyncClient, consumer: str) -> dict[str, str]:
    """Subscribe to events. Returns the ids once the consumer has been sent everything, or has failed."""
    wanted: Mapping[str, Mapping[str, Any]] = {
        "held": {"name": "billing", "url": f"{consumer}/events", "from": "beginning", "perMinute": 600},
        "failing": {"name": "crm", "url": f"{consumer}{AWAY}", "types": ["orders.JoinCompleted"], "regions": [REGION]},
        "paused": {"name": "warehouse", "url": f"{consumer}/paused", "types": ["orders.*"]},
    }
    made = {state: (await send(http, "POST", _EVENTS, body))["eventSubscriptionId"] for state, body in wanted.items()}
    await send(http, "POST", f"{_EVENTS}/{made['paused']}/pause")

    async def so() -> bool:
        answers = {state: await http.get(f"{_EVENTS}/{made[state]}") for state in ("held", "failing")}
        if not all(answer.is_success for answer in answers.values()):
            return False  # on a busy machine, the database may not have answered in time
        found = {state: answer.json() for state, answer in answers.items()}
        done = found["held"]["held"]["orders"] == 1 and not found["held"]["behind"]
        return bool(done and found["failing"]["failing"])

    await soon(so, every=0.1, what="event subscriptions")
    return made


async def _order(http: httpx2.AsyncClient, number: int, address: str | None = None) -> str:
    product_id = list(_PRODUCTS)[number % len(_PRODUCTS)]
    body = {
        **PERSON,
        "productId": product_id,
        "productName": _PRODUCTS[product_id][0],
        "installationAddress": address or (_LONG_ADDRESS if number % 2 else ADDRESS),
        "note": _NOTE if number % 2 else None,
    }
    order_id = str((await send(http, "POST", "/orders", body))["orderId"])
    if address is None:
        await _until(http, order_id, lambda order: order["status"] == "INSTALLATION_REQUESTED")
    return order_id


async def _link(http: httpx2.AsyncClient, order_id: str) -> str:
    return str((await send(http, "POST", f"/orders/{order_id}/trackingTokens"))["token"])


async def _advance(http: httpx2.AsyncClient, order_id: str, steps: tuple[str, ...]) -> None:
    for step in steps:
        collection = "orders" if step == "cancel" else "installations"
        await send(http, "POST", f"/{collection}/{order_id}/{step}", dict(_BODIES.get(step, {})))
    ends = {"complete": "JOIN_COMPLETED", "incomplete": "AWAITING_RESCHEDULE", "cancel": "ORDER_CANCELED"}
    if steps and steps[-1] in ends:
        await _until(http, order_id, lambda order: order["status"] == ends[steps[-1]])


async def _until_attention(http: httpx2.AsyncClient, order_id: str) -> None:
    await _until(http, order_id, lambda order: order["attention"] is not None)


async def _until(http: httpx2.AsyncClient, order_id: str, holds: Any) -> None:
    """Wait until the read model shows it."""

    async def look() -> bool:
        answer = await http.get(f"/orderStatuses/{order_id}")
        return answer.is_success and bool(holds(answer.json()))

    await soon(look, every=0.1, what=f"order {order_id}")
