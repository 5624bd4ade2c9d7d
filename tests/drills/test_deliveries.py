"""What the drills of events count as a broken promise, and what a consumer of theirs writes down."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, cast

import httpx2
import pytest

from domain.order_events import event_id
from domain.orders import Event, HistoryEntry
from drills import deliveries
from drills.consumers import Subscriber
from drills.deliveries import Histories, account, batches, first_handled, judge, p95_delay, together
from drills.drill import Drill
from harness.ledger import HANDLED, Ledger, Request, opened
from harness.stack import Stack

TOLD: Histories = {"a": ["a-0", "a-1", "a-2"], "b": ["b-0", "b-1"]}


def request(number: int, event_id: str, *, status: int | None = HANDLED, sequence: str | None = None) -> Request:
    order_id, position = event_id.split("-")
    numbered = sequence or f"{number:020}"
    return Request(
        *(number, "billing", event_id, order_id, "orders.JoinOrdered", int(position), numbered),
        *(number - 1.0, float(number), number + 0.5, status, f"request {number}"),
    )


def sent(*event_ids: str) -> list[Request]:
    return [request(number, event_id) for number, event_id in enumerate(event_ids)]


ALL = sent("a-0", "b-0", "a-1", "b-1", "a-2")
FAULTS: dict[str, Sequence[Request]] = {
    "nothing came": [],
    "one is missing": ALL[:-1],
    "one was never confirmed": [*ALL[:-1], replace(ALL[-1], status=None)],
    "two were confirmed in another order": sent("a-0", "a-2", "a-1", "b-0", "b-1"),
    "one is of no history": [*ALL, request(9, "a-3")],
    "one of an unknown order": [*ALL, request(9, "c-0")],
    "one came under another number": [*ALL, request(9, "a-0")],
    "two of an order were under way at once": [*ALL[:-1], replace(ALL[-1], began=2.2)],
    "one came twice at once": [*ALL, replace(ALL[-1], number=9, request_id="another")],
    "everything came again": [*ALL, *(replace(each, number=each.number + 9, began=each.began + 9) for each in ALL)],
}


def judged(requests: Sequence[Request]) -> Drill:
    drill = Drill("events")
    judge(drill, "billing", requests, TOLD, again=1)
    return drill


def test_events_of_an_order_may_come_together_in_one_batch() -> None:
    batch = [replace(each, request_id="batch", ended=9.0) for each in ALL]
    assert (together(batch), batches(batch), batches(ALL)) == (0, 1, 0)
    assert together([replace(each, ended=9.0) for each in ALL]) == 3


@pytest.mark.parametrize(
    "requests",
    [
        ALL,
        # An answer was lost, or the consumer was killed.
        [*ALL, replace(ALL[4], number=9, began=9)],
        [replace(ALL[0], status=None, ended=None), *(replace(each, number=each.number + 1) for each in ALL)],
    ],
)
def test_every_event_came_in_order(requests: Sequence[Request]) -> None:
    assert judged(requests).passed


@pytest.mark.parametrize("fault", FAULTS)
def test_a_broken_promise_is_found(fault: str) -> None:
    assert not judged(FAULTS[fault]).passed


def test_after_a_restore_it_may_know_what_the_service_has_forgotten() -> None:
    drill = Drill("events")
    judge(
        drill,
        "billing",
        [request(-1, "a-7"), *ALL, replace(ALL[0], number=9, sequence="9", began=9.0)],
        TOLD,
        restored=True,
    )
    assert drill.passed


def test_an_event_counts_where_it_was_confirmed_first() -> None:
    requests = [replace(ALL[0], status=500), *sent("a-1", "a-0", "a-1")]
    assert first_handled(requests, TOLD) == {"a": ["a-1", "a-0"]}


def test_requests_of_different_orders_may_meet() -> None:
    assert together([request(1, "a-0"), replace(request(2, "b-0"), began=1.2)]) == 0


def test_the_delay_is_that_of_the_first_request() -> None:
    again = replace(ALL[0], began=99.0)
    assert p95_delay([ALL[0], ALL[1], again], -2, 2) == 1.0
    assert p95_delay(ALL, 90, 99) is None


AT = datetime(2026, 11, 28, tzinfo=UTC)
STORY = [
    HistoryEntry(event, AT, "system") for event in (Event.JOIN_ORDERED, Event.ORDER_ACCEPTED, Event.CANCEL_ORDERED)
]


def send(ledger: Ledger, position: int) -> None:
    """Have a consumer confirm an event of the order "a"."""
    id_ = event_id("a", position, STORY[position])
    facts = {"position": position}
    event = {"id": id_, "subject": "a", "type": "orders.X", "data": facts, "sequence": f"{position:020}"}
    ledger.end([ledger.begin({**event, "time": AT.isoformat()}, "billing", "a")], HANDLED)


async def test_what_happens_while_the_view_catches_up_is_not_taken_for_lost(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(deliveries, "_VIEW_WITHIN", 0)
    looks: list[str] = []

    def service(request: httpx2.Request) -> httpx2.Response:
        path = request.url.path
        if path == "/orderStatuses":
            return httpx2.Response(200, json={"items": [{"orderId": "a"}], "nextCursor": None})
        looks.append(path)
        if len(looks) == 1:  # the view lags behind the consumer
            return httpx2.Response(200, json={"history": _shown(STORY[:1])})
        if len(looks) == 2:
            send(ledger, 2)
        return httpx2.Response(200, json={"history": _shown(STORY)})

    drill = Drill("events")
    with opened(tmp_path / "ledger.db") as ledger:
        send(ledger, 0)
        send(ledger, 1)
        transport = httpx2.MockTransport(service)
        async with httpx2.AsyncClient(base_url="http://api", transport=transport) as api:
            await account(drill, [Subscriber("billing", ledger, cast(Stack, None), api)])

    assert drill.passed, drill.report()


def _shown(history: Sequence[HistoryEntry]) -> list[dict[str, Any]]:
    return [{"event": entry.event, "at": entry.at.isoformat(), "by": entry.by} for entry in history]
