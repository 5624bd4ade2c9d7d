"""How far an order is, in the customer's words."""

from typing import Any
from zoneinfo import ZoneInfo

import pytest

from console import labels
from console.customers.progress import progress, story
from console.texts import Texts
from domain.orders import AttentionReason, Event, OrderStatus

ENGLISH, KOREAN = Texts("en", ZoneInfo("Asia/Seoul")), Texts("ko", ZoneInfo("Asia/Seoul"))
pytestmark = pytest.mark.usefixtures("in_2026")
VISIT = {"start": "2026-12-01T00:00:00Z", "end": "2026-12-01T02:00:00Z"}


def order(status: str, **changes: Any) -> dict[str, Any]:
    row: dict[str, Any] = {"status": status, "visit": VISIT, "engineerName": "김하나", "attention": None, "history": []}
    return row | changes


def happened(event: str, by: str = "system", detail: str | None = None) -> dict[str, Any]:
    return {"event": event, "at": "2026-11-30T00:00:00Z", "by": by, "detail": detail}


@pytest.mark.parametrize("texts", [ENGLISH, KOREAN], ids=["en", "ko"])
@pytest.mark.parametrize("status", OrderStatus)
def test_every_status_is_told_with_what_happens_next(status: OrderStatus, texts: Texts) -> None:
    told = progress(order(status), texts)

    assert told.next
    assert told.next != "Your order is being worked on."
    assert told.can_cancel is not (status.final or status is OrderStatus.CANCEL_ORDERED)
    assert bool(told.steps) is (status not in (OrderStatus.CANCEL_ORDERED, OrderStatus.ORDER_CANCELED))
    assert len([step for step in told.steps if step.state == "current"]) <= 1


@pytest.mark.parametrize(
    ("status", "done"),
    [("JOIN_ORDERED", 1), ("INSTALLATION_REQUESTED", 2), ("INSTALLATION_ACCEPTED", 3), ("JOIN_COMPLETED", 5)],
)
def test_the_steps_before_the_current_one_are_done(status: str, done: int) -> None:
    assert [step.state for step in progress(order(status), ENGLISH).steps].count("done") == done


def test_who_comes_and_when_is_said() -> None:
    accepted = order(OrderStatus.INSTALLATION_ACCEPTED)

    assert progress(accepted, ENGLISH).next.startswith("김하나 comes on Tue, Dec 1 09:00–11:00.")
    assert progress(accepted, KOREAN).next.startswith("김하나 기사가 12월 1일 (화) 09:00–11:00에 방문합니다.")


@pytest.mark.parametrize(
    ("history", "at_work"),
    [
        ([Event.INSTALLATION_ACCEPTED, Event.INSTALLATION_STARTED], True),
        ([Event.INSTALLATION_ACCEPTED, Event.INSTALLATION_STARTED, Event.INSTALLATION_ACCEPTED], False),
        ([Event.INSTALLATION_ACCEPTED], False),
    ],
)
def test_an_engineer_who_has_begun_is_at_work(history: list[str], at_work: bool) -> None:
    told = progress(order("INSTALLATION_ACCEPTED", history=[happened(event) for event in history]), ENGLISH)

    assert (told.next == "김하나 has begun the installation.") is at_work


def test_a_visit_that_was_lost_is_the_customers_turn() -> None:
    lost = order("AWAITING_RESCHEDULE", visit=None, attention={"reason": AttentionReason.VISIT_LOST, "since": ""})

    told = progress(lost, ENGLISH)

    assert told.alert
    assert told.can_move
    assert "cannot come at the agreed time" in told.next


@pytest.mark.parametrize(
    ("moves", "told"),
    [
        ([("system", "instead of 2026-12-11 06:00:00 UTC")], True),
        ([("system", "instead of 2026-12-11 06:00:00 UTC"), ("customer:1", None)], False),
        ([("manager", "instead of 2026-12-11 06:00:00 UTC")], False),
        ([("system", None)], False),
        ([("system", "because of the weather")], False),
    ],
)
def test_who_gets_another_time_than_wished_is_told_of_both(moves: list[tuple[str, str | None]], told: bool) -> None:
    history = [happened(Event.VISIT_RESCHEDULED, by, detail) for by, detail in moves]

    instead = progress(order(OrderStatus.INSTALLATION_REQUESTED, history=history), ENGLISH).instead

    assert instead == (
        "Fri, Dec 11 15:00 was not free any more. We booked Tue, Dec 1 09:00–11:00 instead." if told else None
    )


def test_the_story_of_a_move_says_when_the_visit_was_to_be() -> None:
    moved = happened(Event.VISIT_RESCHEDULED, "system", "instead of 2026-12-11 06:00:00 UTC")

    [entry] = story(order("INSTALLATION_REQUESTED", history=[moved]), KOREAN, labels.EVENT, labels.ACTOR)

    assert entry.detail == "원래 시간: 12월 11일 (금) 15:00"


def test_what_a_newer_release_says_is_no_error() -> None:
    told = progress(order("ON_THE_MOON"), ENGLISH)
    [entry] = story(order("ON_THE_MOON", history=[happened("Landed", "alien:1")]), ENGLISH, labels.EVENT, labels.ACTOR)

    assert (told.next, told.steps) == ("Your order is being worked on.", [])
    assert (entry.text, entry.by) == ("Landed", None)


@pytest.mark.parametrize("event", Event)
def test_every_event_has_words_in_korean(event: str) -> None:
    assert KOREAN(labels.EVENT[event]) != labels.EVENT[event]


def test_the_story_begins_with_the_newest_and_names_roles_not_people() -> None:
    history = [
        happened(Event.JOIN_ORDERED, "customer:1"),
        happened(Event.INSTALLATION_ACCEPTED, "engineer"),
        happened(Event.CANCEL_ORDERED, "customer:1", "moved away"),
        happened(Event.ORDER_CANCELED),
    ]

    told = story(order("ORDER_CANCELED", history=history), ENGLISH, labels.EVENT, labels.ACTOR)

    assert [(one.text, one.by, one.detail) for one in told] == [
        ("The order was canceled", None, None),
        ("The cancellation was requested", "you", "“moved away”"),
        ("The engineer confirmed the visit", "Engineer", None),
        ("The order was received", "you", None),
    ]
