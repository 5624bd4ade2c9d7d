"""The transitions of an order, and the effect of each change on its version."""

from datetime import UTC, datetime, timedelta
from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.common.actors import SYSTEM
from domain.common.errors import IllegalTransition
from domain.order_policy import OrderPolicy
from domain.orders import (
    TRANSITIONS,
    Attention,
    AttentionReason,
    Event,
    HistoryEntry,
    Order,
    OrderStatus,
    Subscription,
    workflow_id,
)
from domain.visits import TimeWindow

NOON = datetime(2026, 7, 15, 12, tzinfo=UTC)
NOON_IN_MILLISECONDS = 1_784_116_800_000
OPEN = [status for status in OrderStatus if not status.final]


def order(status: OrderStatus = OrderStatus.JOIN_ORDERED) -> Order:
    return Order(order_id="1", customer_id="7", status=status)


def test_an_order_begins_with_the_customers_wish_in_version_0() -> None:
    taken = order()

    taken.mark_ordered(at=NOON)

    assert taken.status is OrderStatus.JOIN_ORDERED
    assert taken.history == [HistoryEntry("JoinOrdered", NOON, "customer:7")]
    assert taken.version == 0


def test_an_event_is_recorded_with_its_time_actor_and_detail_and_moves_the_status() -> None:
    asked = order(OrderStatus.INSTALLATION_REQUESTED)

    asked.record(Event.INSTALLATION_DECLINED, at=NOON, by="engineer:e1", detail="no ladder")

    assert asked.status is OrderStatus.JOIN_ORDERED
    assert asked.history == [HistoryEntry("InstallationDeclined", NOON, "engineer:e1", "no ladder")]


def test_an_event_is_recorded_with_what_was_true_after_it() -> None:
    window = TimeWindow(NOON, NOON + timedelta(hours=2))
    asked = order()
    asked.region, asked.engineer_id, asked.visit = "KR-11", "e1", window
    asked.record(Event.ORDER_ACCEPTED, at=NOON, round_=3)
    asked.record(Event.INSTALLATION_REQUESTED, at=NOON)
    asked.engineer_id = asked.visit = None
    asked.record(Event.INSTALLATION_DECLINED, at=NOON)

    assert [(entry.region, entry.engineer_id, entry.visit, entry.round) for entry in asked.history] == [
        ("KR-11", "e1", window, 3),
        ("KR-11", "e1", window, 3),
        ("KR-11", None, None, 3),
    ]


def test_what_happens_by_itself_is_the_systems() -> None:
    asked = order()

    asked.record(Event.ORDER_ACCEPTED, at=NOON)

    assert asked.history[0].by == SYSTEM


@pytest.mark.parametrize(
    "way",
    [
        "OrderAccepted InstallationRequested InstallationAccepted InstallationCompleted JoinCompleted",
        "EngineerAwaited OrderAccepted InstallationRequested InstallationDeclined EngineerAwaited CancelOrdered",
        "OrderAccepted InstallationRequested InstallationUnanswered OrderAccepted InstallationRequested",
        "OrderAccepted InstallationRequested InstallationAccepted EngineerReassigned InstallationRequested",
        "OrderAccepted InstallationRequested EngineerReassigned InstallationRequested EngineerReassigned",
        "CancelOrdered InstallationCanceled OrderCanceled",
        "OrderAccepted InstallationRequested InstallationAccepted OrderCancelRejected InstallationCompleted",
    ],
)
def test_a_legal_way_can_be_gone(way: str) -> None:
    going = order()
    for event in way.split():
        going.record(Event(event), at=NOON)

    assert [entry.event for entry in going.history] == way.split()


@pytest.mark.parametrize(("event", "status"), list(product(TRANSITIONS, OrderStatus)))
def test_an_event_is_refused_wherever_the_table_does_not_allow_it_and_changes_nothing(
    event: Event, status: OrderStatus
) -> None:
    standing = order(status)
    allowed, leads_to = TRANSITIONS[event]
    if status in allowed:
        standing.record(event, at=NOON)
        assert standing.status is (leads_to or status)
        return

    with pytest.raises(IllegalTransition, match=event):
        standing.record(event, at=NOON)

    assert standing == order(status)


def test_every_event_of_a_running_order_but_the_first_has_its_place() -> None:
    assert set(TRANSITIONS) == set(Event) - {Event.JOIN_ORDERED, Event.PERSONAL_DATA_ERASED}


def test_nothing_follows_an_end_but_the_record_of_a_cancel_that_came_too_late() -> None:
    after = {event for event, (allowed, _) in TRANSITIONS.items() if any(status.final for status in allowed)}

    assert after == {Event.ORDER_CANCEL_REJECTED}
    assert OrderStatus.ORDER_CANCELED not in TRANSITIONS[Event.ORDER_CANCEL_REJECTED][0]


def test_a_cancel_can_be_ordered_from_wherever_an_order_stands_open() -> None:
    allowed, _ = TRANSITIONS[Event.CANCEL_ORDERED]

    assert set(allowed) == {status for status in OPEN if status is not OrderStatus.CANCEL_ORDERED}


def test_only_an_accepted_installation_completes_an_order_and_only_an_ordered_cancel_cancels_it() -> None:
    ways: dict[OrderStatus | None, list[OrderStatus]] = {status: [] for status in OrderStatus if status.final}
    for allowed, leads_to in TRANSITIONS.values():
        if leads_to in ways:
            ways[leads_to] += allowed

    assert ways == {
        OrderStatus.JOIN_COMPLETED: [OrderStatus.INSTALLATION_ACCEPTED],
        OrderStatus.ORDER_CANCELED: [OrderStatus.CANCEL_ORDERED],
    }


def test_every_open_status_can_reach_an_end() -> None:
    reached = {status for status in OrderStatus if status.final}
    for _ in OrderStatus:
        reached |= {status for allowed, leads_to in TRANSITIONS.values() if leads_to in reached for status in allowed}

    assert reached == set(OrderStatus)


def test_a_version_is_the_time_of_the_change_in_milliseconds() -> None:
    changed = order()

    changed.record(Event.ORDER_ACCEPTED, at=NOON)

    assert changed.version == NOON_IN_MILLISECONDS


@given(st.lists(st.integers(min_value=-10_000, max_value=10_000), min_size=1))
def test_versions_rise_whatever_the_clock_does(milliseconds: list[int]) -> None:
    changing, versions = order(OrderStatus.JOIN_COMPLETED), [0]
    for shift in milliseconds:
        changing.record(Event.ORDER_CANCEL_REJECTED, at=NOON + timedelta(milliseconds=shift))
        versions.append(changing.version)

    assert versions == sorted(set(versions))


def test_an_order_that_starts_over_overtakes_what_it_was_before() -> None:
    before, again = order(), order()
    for event in (Event.ORDER_ACCEPTED, Event.INSTALLATION_REQUESTED, Event.INSTALLATION_DECLINED):
        before.record(event, at=NOON)

    again.record(Event.ORDER_ACCEPTED, at=NOON + timedelta(seconds=1))

    assert again.version > before.version


def test_attention_is_a_change_and_the_same_attention_again_is_none() -> None:
    waiting = order()
    attention = Attention(AttentionReason.NO_ENGINEER, NOON)

    waiting.ask_for_attention(attention, at=NOON)
    asked = waiting.version
    waiting.ask_for_attention(Attention(AttentionReason.NO_ENGINEER, NOON), at=NOON + timedelta(hours=1))
    assert (waiting.attention, waiting.version) == (attention, asked)
    waiting.ask_for_attention(None, at=NOON + timedelta(hours=2))

    assert waiting.attention is None
    assert waiting.version > asked
    assert waiting.history == []


def test_an_order_taken_by_an_older_release_can_be_read() -> None:
    """Every field has a default, so a recorded value can be read even if fields are missing."""
    assert Subscription() == Subscription(Order(), OrderPolicy())
    assert HistoryEntry().by == SYSTEM


def test_an_order_is_found_by_its_id() -> None:
    assert workflow_id("a1") == "order-a1"
