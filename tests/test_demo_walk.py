"""The demo goes on where a busy service has no time for a request, and stops where it answers otherwise."""

from collections.abc import Iterable
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from ops import demo_walk
from ops.demo_walk import Surprise, Walk
from ops.terminal import Terminal


class Answered(Walk):
    """A walk whose requests are answered by a list of status codes."""

    def __init__(self, statuses: Iterable[int]) -> None:
        super().__init__("http://api.example", Terminal(color=False), ZoneInfo("Asia/Seoul"), Path())
        self.statuses = iter(statuses)
        self.sent_with: list[str] = []

    def call(
        self, method: str, path: str, body: dict[str, Any] | None = None, *, key: str = ""
    ) -> tuple[int, dict[str, Any]]:
        assert (method, path, body) == ("POST", "/orders/o1/cancel", {"reason": "moving house"}) or path == "/orders"
        self.sent_with.append(key)
        return next(self.statuses), {"orderId": "o1"}

    def cancel(self, expected: int) -> None:
        self.do(expected, "canceled", "POST", "/orders/o1/cancel", {"reason": "moving house"})


@pytest.fixture(autouse=True)
def hasty(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(demo_walk, "_BETWEEN_TRIES", 0)


def test_what_a_busy_service_had_no_time_for_is_asked_again(capsys: pytest.CaptureFixture[str]) -> None:
    walk = Answered([503, 202, 200])

    walk.cancel(200)

    assert (list(walk.statuses), capsys.readouterr().out.count("/orders/o1/cancel → 200")) == ([], 1)


def test_an_order_that_is_asked_for_again_is_one_order() -> None:
    walk = Answered([503, 200])

    walk.order()

    assert walk.order_id == "o1"
    assert len(walk.sent_with) == 2
    assert len({*walk.sent_with}) == 1
    assert walk.sent_with[0]


@pytest.mark.parametrize("status", [200, 404, 409, 500])
def test_another_answer_ends_the_demo(status: int) -> None:
    walk = Answered([status])

    with pytest.raises(Surprise, match=f"{status} instead of 201"):
        walk.cancel(201)


def test_a_service_that_never_has_time_ends_the_demo(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(demo_walk, "PATIENCE", 0)

    with pytest.raises(Surprise, match="503 instead of 200"):
        Answered([503]).cancel(200)
