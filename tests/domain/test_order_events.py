"""Events of orders: each entry of a history is told once, by an id of its own, and without personal data."""

import json
import re
from collections import Counter
from dataclasses import fields, replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.common.contexts import ORDER_STATUS
from domain.common.personal import erased
from domain.erasure import skeleton
from domain.event_delivery.log import FOR_EVERYBODY, type_of
from domain.event_delivery.relay import OutboxEvent
from domain.order_events import OrderFacts, event_id, news
from domain.orders import Event, HistoryEntry, Order, OrderStatus
from domain.visits import TimeWindow
from tests.domain.filled import filled

NOON = datetime(2026, 7, 15, 12, 0, 0, 123456, tzinfo=UTC)
WINDOW = TimeWindow(NOON + timedelta(days=1), NOON + timedelta(days=1, hours=2))
SHOWN = {"start": "2026-07-16T12:00:00.123456Z", "end": "2026-07-16T14:00:00.123456Z"}


def at(minutes: int) -> datetime:
    return NOON + timedelta(minutes=minutes)


def ordered() -> Order:
    order = Order("o1", "c1", product_id="2001")
    order.mark_ordered(at=NOON)
    return order


def completed() -> Order:
    """Return an order that an engineer has declined, and another has completed."""
    order = ordered()
    order.region, order.engineer_id, order.visit = "KR-11", "e1", WINDOW
    order.record(Event.ORDER_ACCEPTED, at=at(1), round_=1)
    order.record(Event.INSTALLATION_REQUESTED, at=at(1))
    order.engineer_id = order.visit = None
    order.record(Event.INSTALLATION_DECLINED, at=at(2), by="engineer:e1", detail="the dog bites")
    order.engineer_id, order.visit = "e2", WINDOW
    order.record(Event.ORDER_ACCEPTED, at=at(3), by="manager:kim", round_=3)
    order.record(Event.INSTALLATION_REQUESTED, at=at(3))
    order.record(Event.INSTALLATION_ACCEPTED, at=at(4), by="engineer:e2")
    order.install_completed_at = at(5)
    order.record(Event.INSTALLATION_COMPLETED, at=at(6), by="engineer:e2")
    order.record(Event.JOIN_COMPLETED, at=at(6))
    return order


def told(order: Order) -> list[OutboxEvent]:
    """Return all events of an order that was never stored."""
    return list(news(order, None, None).events)


def test_each_entry_is_an_event_with_the_facts_after_it() -> None:
    events = told(completed())

    assert [(event.position, event.event, event.at) for event in events] == [
        (position, entry.event, entry.at) for position, entry in enumerate(completed().history)
    ]
    facts = [event.data for event in events]
    assert facts[0] == OrderFacts(
        orderId="o1",
        position=0,
        status="JOIN_ORDERED",
        previousStatus=None,
        by="customer",
        region=None,
        productId="2001",
        engineerId=None,
        visit=None,
        previousVisit=None,
        assignmentRound=None,
        orderedAt="2026-07-15T12:00:00.123456Z",
        installCompletedAt=None,
    )
    changing = ("status", "by", "engineerId", "visit", "previousVisit", "assignmentRound", "installCompletedAt")
    assert [tuple(fact[name] for name in changing) for fact in facts[1:]] == [
        ("ENGINEER_ASSIGNED", "system", "e1", SHOWN, None, 1, None),
        ("INSTALLATION_REQUESTED", "system", "e1", SHOWN, SHOWN, 1, None),
        ("JOIN_ORDERED", "engineer:e1", None, None, SHOWN, 1, None),
        ("ENGINEER_ASSIGNED", "manager", "e2", SHOWN, None, 3, None),
        ("INSTALLATION_REQUESTED", "system", "e2", SHOWN, SHOWN, 3, None),
        ("INSTALLATION_ACCEPTED", "engineer:e2", "e2", SHOWN, SHOWN, 3, None),
        ("INSTALLATION_ACCEPTED", "engineer:e2", "e2", SHOWN, SHOWN, 3, "2026-07-15T12:05:00.123456Z"),
        ("JOIN_COMPLETED", "system", "e2", SHOWN, SHOWN, 3, "2026-07-15T12:05:00.123456Z"),
    ]
    assert [fact["previousStatus"] for fact in facts[1:]] == [fact["status"] for fact in facts[:-1]]
    assert [event.region for event in events] == [fact["region"] for fact in facts] == [None, *["KR-11"] * 8]


def test_an_entry_of_a_release_before_is_an_event_whose_facts_are_unknown() -> None:
    order = completed()
    order.history = [HistoryEntry(entry.event, entry.at, entry.by, entry.detail) for entry in order.history]

    facts = [event.data for event in told(order)]

    unknown = ("region", "engineerId", "visit", "previousVisit", "assignmentRound")
    assert {fact[name] for fact in facts for name in unknown} == {None}
    assert [fact["status"] for fact in facts] == [event.data["status"] for event in told(completed())]


@pytest.mark.parametrize(
    ("actor", "shown"),
    [
        ("customer:c1", "customer"),
        ("tracker:o1", "tracker"),
        ("manager:kim", "manager"),
        ("engineer:kr-11-1", "engineer:kr-11-1"),
        ("service:billing", "service:billing"),
        ("service:kim@example.com", "service"),
        ("engineer:kim@example.com", "engineer"),
        ("system", "system"),
        ("customer", "customer"),
        ("Kim Minjun", "other"),
        ("kim@example.com:manager", "other"),
        ("", "other"),
    ],
)
def test_an_event_says_the_role_of_who_did_it_and_no_persons_id(actor: str, shown: str) -> None:
    order = Order("o1", history=[HistoryEntry(Event.JOIN_ORDERED, NOON, actor)])

    assert told(order)[0].data["by"] == shown


def test_no_event_has_personal_data() -> None:
    """Every text of the order and of its history is another one here."""
    order = filled(Order)
    order.history = [replace(entry, event=Event.JOIN_ORDERED, by="customer:SECRET") for entry in order.history]

    written = json.dumps([event.data for event in told(order)]) + str(told(order))

    details = [entry.detail for entry in order.history]
    personal = [getattr(order, name) for name in erased(Order)]
    for secret in [*personal, *details, order.engineer_name, order.product_name, "SECRET"]:
        assert str(secret) not in written
    assert written.count(order.product_id) == 4


def test_an_erasure_is_told_and_what_was_told_before_it_stays_as_it_was() -> None:
    order = completed()
    erased_at = skeleton(order, at=at(60))

    again = told(erased_at)

    assert again[:-1] == told(order)
    assert (again[-1].event, again[-1].at) == ("PersonalDataErased", at(60))
    assert (again[-1].data["status"], again[-1].data["by"]) == ("JOIN_COMPLETED", "system")
    # Also those are sent it who see only other regions.
    assert again[-1].region is None
    assert {name for name, value in again[-1].data.items() if value is not None} == {
        *("orderId", "position", "status", "previousStatus", "by", "productId")
    }
    assert type_of(ORDER_STATUS, again[-1].event) == FOR_EVERYBODY
    assert list(news(erased_at, order, told(order)[-1].event_id).events) == again[-1:]


@pytest.mark.parametrize("order_id", ["39859129398591293985912939859129", "my.order", "가입", "o" * 200, "a/b"])
def test_an_id_is_short_and_can_be_used_anywhere(order_id: str) -> None:
    ids = {event_id(order_id, position, HistoryEntry("JoinOrdered", NOON)) for position in (0, 1, 100_000)}

    assert len(ids) == 3
    assert all(re.fullmatch(r"[A-Za-z0-9_-]{1,100}", each) for each in ids)
    assert len({event_id(other, 0, HistoryEntry("JoinOrdered", NOON)) for other in (order_id, "another", "다른")}) == 3


def test_an_id_is_of_the_moment_and_not_of_its_time_zone() -> None:
    seoul = NOON.astimezone(tz=datetime.fromisoformat("2026-07-15T00:00:00+09:00").tzinfo)

    assert event_id("o1", 0, HistoryEntry("JoinOrdered", seoul)) == event_id("o1", 0, HistoryEntry("JoinOrdered", NOON))
    later = HistoryEntry("JoinOrdered", NOON + timedelta(microseconds=1))
    assert event_id("o1", 0, later) != event_id("o1", 0, HistoryEntry("JoinOrdered", NOON))


def test_a_reset_order_has_other_ids_at_the_same_positions() -> None:
    before, reset = completed(), completed()
    del reset.history[3:]
    reset.status = OrderStatus.INSTALLATION_REQUESTED
    shown = news(reset, before, told(before)[-1].event_id)
    reset_again = replace(reset, history=[*reset.history])
    reset_again.record(Event.INSTALLATION_ACCEPTED, at=at(10))

    new = news(reset_again, reset, shown.last_told)

    assert shown.events == []
    assert [(event.position, event.event) for event in new.events] == [(3, "InstallationAccepted")]
    assert new.events[0].event_id not in {event.event_id for event in told(before)}


def test_two_passes_that_end_one_order_tell_it_once() -> None:
    first, second = ordered(), ordered()
    for order, minutes in ((first, 10), (second, 11)):
        order.record(Event.CANCEL_ORDERED, at=at(minutes))
        order.record(Event.ORDER_CANCELED, at=at(minutes))
    before = news(first, ordered(), told(ordered())[-1].event_id)

    after = news(second, first, before.last_told)

    assert [event.event for event in before.events] == ["CancelOrdered", "OrderCanceled"]
    assert after.events == []
    # And afterwards, nothing of the second is told that the first has not told.
    assert [event.event for event in news(skeleton(second, at=at(60)), second, after.last_told).events] == [
        "PersonalDataErased"
    ]


def test_what_only_a_newer_release_knows_is_left_to_it_and_all_after_it() -> None:
    order = ordered()
    order.history += [HistoryEntry("OfANewerRelease", at(1)), HistoryEntry(Event.ORDER_ACCEPTED, at(2))]

    first = news(order, None, None)
    again = news(order, order, first.last_told)

    assert [event.event for event in first.events] == ["JoinOrdered"]
    assert (again.events, again.last_told) == ([], first.last_told)


NAMES = [Event.ORDER_ACCEPTED, Event.INSTALLATION_REQUESTED, Event.INSTALLATION_DECLINED]
STEPS = st.tuples(
    st.sampled_from(["grows", "grows", "reset", "by the release before", "reset by the release before", "again"]),
    st.integers(0, 4),
    st.integers(0, 2),
)


@given(st.lists(STEPS, max_size=12))
def test_every_entry_becomes_one_event(steps: list[tuple[str, int, int]]) -> None:
    """The release before stores without telling. What it has stored is told by the next store of this release."""
    history, clock = ordered().history, 0
    stored, last_told = None, None
    events: list[OutboxEvent] = []
    seen: list[list[HistoryEntry]] = []
    replaced_unseen = False
    for what, number, more in steps:
        if "reset" in what:
            history = history[: 1 + number]
        if what != "again":
            for _ in range(more):
                clock += 1
                history = [*history, HistoryEntry(NAMES[clock % 3], at(clock))]
        order = replace(ordered(), history=history)
        if "release before" in what:
            replaced_unseen |= "reset" in what
        else:
            seen += [stored.history] if stored else []
            new = news(order, stored, last_told)
            events += new.events
            last_told = new.last_told
            seen.append(history)
            assert last_told == event_id("o1", len(history) - 1, history[-1])
        stored = order

    ids = [event.event_id for event in events]
    expected = [[event_id("o1", position, entry) for position, entry in enumerate(each)] for each in seen]
    assert set(ids) == {one for each in expected for one in each}
    assert replaced_unseen or max(Counter(ids).values(), default=1) == 1
    for each in expected:
        assert [one for one in dict.fromkeys(ids) if one in each] == each


def test_every_fact_has_a_public_name() -> None:
    assert all(re.fullmatch(r"[a-z]+([A-Z][a-z]+)*", name) for name in OrderFacts.__annotations__)
    assert {"event_id", "subject", "position", "event", "at", "data", "region"} == {
        field.name for field in fields(OutboxEvent)
    }
