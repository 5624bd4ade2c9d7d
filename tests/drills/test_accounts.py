"""What the accounts of a drill count as a broken promise."""

from collections.abc import Sequence

import pytest

from drills.accounts import Act, Seen, broken, missing, sold_twice

PLACED = ("JoinOrdered", "OrderAccepted", "InstallationRequested")
COMPLETED = (*PLACED, "InstallationAccepted", "InstallationCompleted", "JoinCompleted")


def seen(
    status: str,
    installation: str | None,
    events: Sequence[str] = PLACED,
    *,
    in_workflow: str | None = None,
    stale: bool = False,
) -> Seen:
    return Seen(
        {"status": status, "history": [{"event": event} for event in events]},
        {"status": in_workflow or status, "stale": stale},
        {"status": installation} if installation else {},
    )


def test_a_word_that_was_kept() -> None:
    completed = seen("JOIN_COMPLETED", "COMPLETED", COMPLETED)

    assert not [*broken(completed), *missing([Act.PLACED, Act.ACCEPTED, Act.COMPLETED], completed)]


@pytest.mark.parametrize(
    "never",
    [
        seen("ORDER_CANCELED", "ACCEPTED"),
        seen("JOIN_COMPLETED", "ACCEPTED"),
        seen("JOIN_COMPLETED", "COMPLETED", [*COMPLETED, "JoinCompleted"]),
    ],
)
def test_what_may_never_be(never: Seen) -> None:
    assert list(broken(never))


@pytest.mark.parametrize(
    ("act", "not_yet"),
    [
        (Act.PLACED, Seen({}, {"status": "JOIN_ORDERED", "stale": False}, {})),
        (Act.PLACED, seen("JOIN_ORDERED", None, PLACED[:1])),
        (Act.PLACED, seen("INSTALLATION_REQUESTED", None)),
        (Act.PLACED, seen("INSTALLATION_REQUESTED", "REQUESTED", stale=True)),
        (Act.PLACED, seen("INSTALLATION_REQUESTED", "REQUESTED", in_workflow="INSTALLATION_ACCEPTED")),
        (Act.ACCEPTED, seen("INSTALLATION_REQUESTED", "REQUESTED")),
        (Act.DECLINED, seen("INSTALLATION_REQUESTED", "REQUESTED")),
        (Act.COMPLETED, seen("INSTALLATION_ACCEPTED", "ACCEPTED")),
        (Act.CANCELED, seen("CANCEL_ORDERED", "REQUESTED")),
        (Act.CANCEL_RECORDED, seen("INSTALLATION_REQUESTED", "REQUESTED")),
    ],
)
def test_what_was_acknowledged_and_is_not_there(act: Act, not_yet: Seen) -> None:
    assert list(missing([act], not_yet))


def test_two_orders_in_one_window() -> None:
    row = {"engineerId": "e", "visit": {"start": "2026-11-26T00:00:00Z"}, "status": "INSTALLATION_REQUESTED"}
    rows = [row | {"orderId": "a"}, row | {"orderId": "b"}]

    assert sold_twice(rows) == ["a", "b"]
    for ended in ("ORDER_CANCELED", "JOIN_COMPLETED"):
        assert not sold_twice([rows[0], rows[1] | {"status": ended}])
