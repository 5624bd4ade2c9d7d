"""Personal data stays in the contexts' stores, and each look at it is noted. The test searches everywhere else."""

import asyncio
import sqlite3
from collections import Counter
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx2
import pytest
from anyio.from_thread import start_blocking_portal
from temporalio.client import Client

from domain.common import contexts
from domain.orders import workflow_id
from harness.picky_consumer import picky_consumer
from tests.api.collector import Collector
from tests.end_to_end.system import System
from tests.eventually import eventually

SECRET = "Geheimnis"
CUSTOMERS = f"{SECRET}-of-the-field", f"{SECRET}@mind.example"
PHONE = "010-1357-2468"
PERSONAL = {
    "customerName": f"{SECRET}-name",
    "contactPhone": PHONE,
    "note": f"{SECRET}-note",
    "installationAddress": f"Seoul {SECRET}-street 7",
}


HOOK = "a-place-of-the-consumer"
"""Part of the URL at which a consumer is sent events."""


@dataclass
class Follower:
    """A consumer of events that has subscribed. It refuses that an order is to be canceled."""

    subscription: str
    """Path of the subscription."""
    secret: str
    requests: list[bytes] = field(default_factory=list)
    """Each request that it was sent, the head and the body."""


@pytest.fixture
def follower(talkative: System) -> Iterator[Follower]:
    requests: list[bytes] = []
    with start_blocking_portal() as portal, portal.wrap_async_context_manager(picky_consumer(requests)) as url:
        made = post(talkative, "/eventSubscriptions", name="a follower", kind="webhook", url=f"{url}/{HOOK}")
        path = f"/eventSubscriptions/{made['eventSubscriptionId']}"
        yield Follower(path, made["secret"], requests)
        talkative.client.delete(path)


def post(running: System, path: str, **body: Any) -> dict[str, Any]:
    return running.send("POST", path, 200, 201, json=body)


def until_asked(running: System, order_id: str, times: int) -> None:
    """Wait until the view contains so many requests of engineers."""

    def asked() -> bool:
        row = running.send("GET", f"/orderStatuses/{order_id}", 200, 404)
        return [entry["event"] for entry in row.get("history", [])].count("InstallationRequested") == times

    eventually(asked, what=f"{order_id} asked {times} times")


def a_day_in_the_field(running: System) -> str:
    """Create an order with every kind of message, each with personal data. Returns its id."""
    asked = {"address": PERSONAL["installationAddress"], "productId": "2001"}
    slots = running.get("/managementCenters/slots", params=asked)["items"]
    first, second, third = [slot["start"] for slot in slots if slot["free"] >= 2][:3]
    order_id = running.order("a-day-in-the-field", customerId=CUSTOMERS[0], preferredVisit=first, **PERSONAL)
    act = f"/installations/{order_id}"
    until_asked(running, order_id, 1)
    asked_first = running.get(f"/orderStatuses/{order_id}")["engineerId"]
    post(running, f"{act}/decline", reason=f"{SECRET}-decline", engineerId=asked_first)
    until_asked(running, order_id, 2)
    post(running, f"{act}/accept")
    post(running, f"/orders/{order_id}/reschedule", preferredVisit=second)
    until_asked(running, order_id, 3)
    post(running, f"{act}/accept")
    post(running, f"{act}/start")
    post(running, f"{act}/incomplete", reason="CUSTOMER_ABSENT", note=f"{SECRET}-absent")
    post(running, f"/orders/{order_id}/reschedule", preferredVisit=third)
    until_asked(running, order_id, 4)
    post(running, f"{act}/accept")
    post(running, f"{act}/complete", note=f"{SECRET}-done", serials=[f"{SECRET}-serial"])
    running.until(order_id, "JOIN_COMPLETED")
    running.cancel(order_id, 409, reason=f"{SECRET}-late")
    return order_id


def a_change_of_mind(running: System) -> str:
    """Create a canceled order. Returns its id."""
    order_id = running.order(customerId=CUSTOMERS[1], **PERSONAL)
    running.until(order_id, "INSTALLATION_REQUESTED")
    running.cancel(order_id, reason=f"{SECRET}-reason")
    running.until(order_id, "ORDER_CANCELED")
    return order_id


async def told_by_temporal(address: str) -> str:
    """Return all histories and all listed data, as a client without a key sees them."""
    client = await Client.connect(address)
    listed = [workflow async for workflow in client.list_workflows(limit=1000)]
    histories = [await client.get_workflow_handle(one.id, run_id=one.run_id).fetch_history() for one in listed]
    return "".join(map(str, [*(one.raw_info for one in listed), *(history.events for history in histories)]))


def stored_by_temporal(running: System) -> bytes:
    return b"".join(file.read_bytes() for file in running.data_dir.glob("temporal.db*"))


def audited(running: System) -> bytes:
    return b"".join(file.read_bytes() for file in running.data_dir.glob("audit.db*"))


def told_to_others(running: System) -> bytes:
    """Return the log of events for other systems, and what is kept of the deliveries."""
    return b"".join(file.read_bytes() for file in running.data_dir.glob("event-delivery.db*"))


def kept_of_deliveries(running: System, follower: Follower, refused: str) -> str:
    """Wait until an order is held, and return what managers and the database tell of deliveries, but for the URL."""
    paths = [f"{follower.subscription}{rest}" for rest in ("/held", "/attempts?limit=200")]

    def shown() -> list[str] | None:
        texts = [running.client.get(path).text for path in paths]
        return texts if refused in texts[0] else None

    texts = eventually(shown, what="the order is held") or []
    with closing(sqlite3.connect(running.data_dir / "event-delivery.db")) as database:
        tables = [name for (name,) in database.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
        for name in set(tables) - {"event_subscription"}:
            texts += [str(row) for row in database.execute(f'SELECT * FROM "{name}"')]  # noqa: S608 - names of ours
    return "".join(texts)


def without_ids(path: str, order_ids: list[str]) -> str:
    """Return the route of a path."""
    for order_id in order_ids:
        path = path.replace(order_id, "{orderId}")
    return path


def metrics(running: System) -> str:
    ports = [running.ports[name] for name in ("api", *contexts.ALL)]
    return "".join(running.client.get(f"http://127.0.0.1:{port}/metrics").text for port in ports)


@contextmanager
def noting(running: System) -> Iterator[list[tuple[str, str]]]:
    """Collect method and path of each request whose answer shows personal data."""
    showing: list[tuple[str, str]] = []

    def look(answer: httpx2.Response) -> None:
        if spoken_of(answer.read()):
            showing.append((answer.request.method, answer.request.url.path))

    hooks = running.client.event_hooks
    running.client.event_hooks = {**hooks, "response": [*hooks["response"], look]}
    try:
        yield showing
    finally:
        running.client.event_hooks = hooks


def accesses(running: System) -> Counter[str]:
    """Wait until no entry of the access log waits. Returns how often each route has shown one of the customers."""

    def written() -> bool:
        return "\naccess_entries_waiting 0.0\n" in running.client.get("/metrics").text

    eventually(written, what="the access log is written")
    found: dict[str, str] = {}
    for customer_id in CUSTOMERS:
        cursor: str | None = ""
        while cursor is not None:
            asked = {"customerId": customer_id, "limit": "200"} | ({"cursor": cursor} if cursor else {})
            page = running.get("/accessLog", params=asked)
            found |= {f"{item['at']} {item['route']}": item["route"] for item in page["items"]}
            cursor = page["nextCursor"]
    return Counter(found.values())


def _text(found: str | bytes) -> str:
    return found if isinstance(found, str) else found.decode("latin-1")


def spoken_of(text: str | bytes) -> list[str]:
    """Return the personal data in a text."""
    raw = text if isinstance(text, bytes) else text.encode()
    return [word for word in (SECRET, PHONE) if word.encode() in raw]


def test_nothing_personal_is_in_temporal_nor_in_what_is_sent_logged_measured_or_traced(
    talkative: System, traced: Collector, follower: Follower
) -> None:
    with noting(talkative) as showing:
        order_ids = [a_day_in_the_field(talkative), a_change_of_mind(talkative)]
        talkative.get("/orderStatuses", params={"q": f"{SECRET}-street"})
        for q in (PERSONAL["customerName"], PHONE):
            assert len(post(talkative, "/orderStatuses/search", q=q)["items"]) == len(order_ids)
        talkative.get("/installations", params={"limit": "200"})
    routes = Counter(f"{method} {without_ids(path, order_ids)}" for method, path in showing)
    assert routes.keys() >= {"POST /orders", "GET /orderStatuses", "POST /installations/{orderId}/accept"}
    assert routes["POST /orderStatuses/search"] == 2
    assert accesses(talkative) == routes

    eventually(lambda: order_ids[1].encode() in audited(talkative), what="the last order's cancel is written down")

    def read() -> list[str]:
        items = talkative.get("/events", params={"limit": 500, "type": "orders.JoinOrdered"})["items"]
        return [item["subject"] for item in items]

    eventually(lambda: set(order_ids) <= set(read()), what="other systems hear of both orders")

    def sent() -> bool:
        complete = [b"orders.JoinCompleted" in one and order_ids[0].encode() in one for one in follower.requests]
        return any(complete)

    eventually(sent, what="the consumer has the last event of the first order")
    of_deliveries = kept_of_deliveries(talkative, follower, order_ids[1])

    def followed() -> bool:
        sent = "".join(map(str, traced.spans))
        return all(workflow_id(order_id) in sent for order_id in order_ids)

    eventually(followed, what="the traces of both orders")
    told = asyncio.run(told_by_temporal(f"127.0.0.1:{talkative.ports['temporal']}"))
    logs = {file.name: file.read_bytes() for file in Path(talkative.data_dir).glob("*.log")}
    searched: dict[str, str | bytes] = {
        "histories and visibility": told,
        "files of the server": stored_by_temporal(talkative),
        "audit": audited(talkative),
        "events": told_to_others(talkative),
        "requests to a consumer": b"".join(follower.requests),
        "deliveries": of_deliveries,
        "metrics": metrics(talkative),
        "traces": "".join(map(str, traced.spans)),
        **logs,
    }

    assert all(workflow_id(order_id) in told for order_id in order_ids)
    assert {name: found for name, text in searched.items() if (found := spoken_of(text))} == {}
    theirs = {"events", "requests to a consumer"}
    for word in (HOOK, follower.secret):
        assert [name for name, text in searched.items() if name not in theirs and word in _text(text)] == []
    kept = b"".join(file.read_bytes() for file in talkative.data_dir.glob("installation.db*"))
    assert PERSONAL["note"].encode() in kept
    assert spoken_of(kept) == [SECRET, PHONE]  # whoever searched in the wrong way would have found nothing there
