"""The customer's calls of the API, and what they answer."""

import asyncio
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from typing import Any, Self

from console.days import FAR
from console.lists import all_of
from console.page_request import PageRequest
from console.paths import path_of
from console.service import Answer, Api, ApiAway, Problem
from console.texts import KOREAN, Texts

PAGE_DAYS = 14
"""Days whose windows are shown at once."""
_ORDERS_OF_PAGE = 20
_PRODUCTS = "products"

Json = Mapping[str, Any]


@dataclass(frozen=True)
class Product:
    """What can be ordered."""

    product_id: str
    name: str


@dataclass(frozen=True)
class Choice:
    """A visit window that can be chosen."""

    start: str
    """As the API writes it."""
    hours: str
    label: str
    """Day and hours: what a screen reader says."""


@dataclass(frozen=True)
class Day:
    """The windows of a day."""

    name: str
    choices: Sequence[Choice]


@dataclass(frozen=True)
class FreeTimes:
    """The free windows of two weeks, and where the address is."""

    days: Sequence[Day] = ()
    region: str | None = None
    """Name of the region, or None if it is not known."""
    reason: str | None = None
    """Why the region is not known: `NO_SERVICE_AREA` or `AMBIGUOUS_ADDRESS`."""
    regions: Sequence[str] = ()
    """Codes of the regions in question."""
    known: bool = True
    """Whether the API could tell."""
    earlier: str | None = None
    """First day of the two weeks before, or None if these are the first ones."""
    later: str | None = None
    """First day of the next two weeks, or None if it is too far away."""

    @classmethod
    def of(cls, offer: Json, texts: Texts, start: date | None, today: date) -> Self:
        """Return the free windows in an answer."""
        begins = start or today
        before, after = begins - timedelta(days=PAGE_DAYS), begins + timedelta(days=PAGE_DAYS)
        name = offer["regionLocalName"] if texts.language == KOREAN else offer["regionName"]
        return cls(
            days_of(offer["items"], texts),
            name,
            offer["reason"],
            offer["regions"],
            earlier=None if begins <= today else max(before, today).isoformat(),
            later=after.isoformat() if after - today <= FAR else None,
        )

    def without(self, start: str) -> Self:
        """Return the windows but one, the present one, to which nothing can be moved."""
        days = [Day(day.name, [one for one in day.choices if one.start != start]) for day in self.days]
        return replace(self, days=[day for day in days if day.choices])


def days_of(slots: Sequence[Json], texts: Texts) -> list[Day]:
    """Return windows by day, in the time zone of the visits."""
    days: dict[str, list[Choice]] = {}
    for slot in slots:
        hours = texts.hours(slot)
        days.setdefault(texts.day(slot["start"]), []).append(Choice(slot["start"], hours, texts.window(slot)))
    return [Day(name, choices) for name, choices in days.items()]


def chosen_elsewhere(start: str, times: FreeTimes, texts: Texts) -> str | None:
    """Return a chosen time as a text if it is no time of those that are shown. What is no time was not chosen."""
    if any(start == choice.start for day in times.days for choice in day.choices):
        return None
    try:
        return texts.moment(start)
    except (ValueError, OverflowError):
        return None


@dataclass(frozen=True)
class Offer:
    """The products that can be ordered."""

    products: Sequence[Product]
    complete: bool = True
    """Whether these are all."""


async def offer(visit: PageRequest) -> Offer:
    """Return the products that can be ordered. If the management center is away, those that it had before.

    Raises:
        Problem, ApiAway: they have never been known to this process.
    """
    memory = visit.console.memory
    try:
        memory[_PRODUCTS] = await all_of(visit.api, "/managementCenters/products")
    except (Problem, ApiAway):
        if _PRODUCTS not in memory:
            raise
    local, known = visit.preferences.language == KOREAN, memory[_PRODUCTS]
    products = [
        Product(one["productId"], (one["localName"] if local else one["name"]) or one["name"] or one["productId"])
        for one in known.items
    ]
    return Offer(products, known.complete)


def first_day(given: str | None, today: date) -> date | None:
    """Return the day from which on windows are wanted, or None for the next ones: also if it is too far away."""
    try:
        day = date.fromisoformat(given or "")
    except ValueError:
        return None
    return day if today < day <= today + FAR else None


async def times_for(visit: PageRequest, address: str, product_id: str, given_day: str | None) -> FreeTimes:
    """Return the free windows of an address.

    Raises:
        Problem: the address cannot be accepted.
    """
    today, body = _today(visit), {"address": address, "productId": product_id}
    start = first_day(given_day, today)
    try:
        answer = await visit.api.send("POST", "/managementCenters/slots", {**body, **_span(start)})
    except ApiAway:
        return FreeTimes(known=False)
    except Problem as problem:
        if problem.status == 422:
            raise
        return FreeTimes(known=False)
    return FreeTimes.of(answer.body, visit.texts, start, today)


async def times_of(visit: PageRequest, order_id: str, given_day: str | None) -> FreeTimes:
    """Return the free windows for an order.

    Raises:
        Problem: there is no such order.
    """
    today = _today(visit)
    start = first_day(given_day, today)
    try:
        offer = await visit.api.get(f"{_path(order_id)}/slots", _span(start))
    except ApiAway:
        return FreeTimes(known=False)
    except Problem as problem:
        if problem.status in (401, 404):
            raise
        return FreeTimes(known=False)
    return FreeTimes.of(offer, visit.texts, start, today)


async def orders_of(visit: PageRequest, cursor: str | None) -> Json:
    """Return a page of the person's orders, the newest first."""
    page: Json = await visit.api.get("/orderStatuses", {"limit": _ORDERS_OF_PAGE, "cursor": cursor})
    return {**page, "items": await _newest_first(visit, page["items"])}


async def latest_order(visit: PageRequest) -> Json | None:
    """Return the person's newest order, or None if there is none or it cannot be told."""
    try:
        items = (await orders_of(visit, None))["items"]
    except (Problem, ApiAway):
        return None
    return next(iter(items), None)


async def order_of(visit: PageRequest, order_id: str) -> Json:
    """Return an order: as it is, or as it was last known if its workflow cannot be asked.

    Raises:
        Problem: there is no such order.
        ApiAway: the API does not answer.
    """
    try:
        order: Json = await visit.api.get(_path(order_id))
    except Problem as problem:
        # The list of orders is closed to whoever has a tracking link.
        if not problem.passes or visit.person.is_of_link:
            raise
        known: Json = await visit.api.get(path_of("/orderStatuses", order_id))
        return {**known, "stale": True}
    return order


async def order_if_known(visit: PageRequest, order_id: str) -> Json | None:
    """Return an order for a form that comes back, or None if it cannot be told now: the form is shown all the same.

    Raises:
        Problem: there is no such order for this person.
    """
    try:
        return await order_of(visit, order_id)
    except ApiAway:
        return None
    except Problem as problem:
        if problem.is_of_the_page:
            raise
        return None


async def place_order(api: Api, body: Json, key: str) -> Answer:
    """Place an order. The same key and body place one order only."""
    return await api.send("POST", "/orders", body, headers={"Idempotency-Key": key})


async def move_visit(api: Api, order_id: str, start: str, version: str) -> Answer:
    """Move the visit of an order, if the order is still at this version."""
    headers = {"If-Match": f'"{version}"'} if version.isdecimal() else {}
    return await api.send("POST", f"{_path(order_id)}/reschedule", {"preferredVisit": start}, headers=headers)


async def cancel_order(api: Api, order_id: str, reason: str | None) -> Answer:
    """Cancel an order, at whichever version: who cancels does not mean a certain time or engineer."""
    return await api.send("POST", f"{_path(order_id)}/cancel", {"reason": reason} if reason else {})


async def _newest_first(visit: PageRequest, orders: Sequence[Json]) -> Sequence[Json]:
    """Return orders, the newest first. The API sorts by the day; what was placed on the same day is asked for."""
    per_day = Counter(order["orderDate"] for order in orders)
    several = [order["orderId"] for order in orders if per_day[order["orderDate"]] > 1]
    placed = dict(zip(several, await asyncio.gather(*(_placed_at(visit, one) for one in several)), strict=True))
    return sorted(orders, key=lambda order: (order["orderDate"], placed.get(order["orderId"], "")), reverse=True)


async def _placed_at(visit: PageRequest, order_id: str) -> str:
    """Return when an order was placed. Empty: it cannot be told now, or it was erased."""
    try:
        order = await visit.api.get(path_of("/orderStatuses", order_id))
    except (Problem, ApiAway):
        return ""
    return str(order["history"][0]["at"]) if order["history"] else ""


def _path(order_id: str) -> str:
    return path_of("/orders", order_id)


def _today(visit: PageRequest) -> date:
    return visit.texts.today()


def _span(start: date | None) -> dict[str, str]:
    if start is None:
        return {}
    return {"from": start.isoformat(), "to": (start + timedelta(days=PAGE_DAYS - 1)).isoformat()}
