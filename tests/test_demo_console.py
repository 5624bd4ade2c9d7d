"""The demo says where its steps can be watched and as whom, and opens the console if somebody wants it."""

from collections.abc import Callable

import pytest

from ops.demo_console import console_of, show_console
from ops.terminal import Terminal
from runtime.settings import Settings

URL = "http://127.0.0.1:8082"


def shown(
    capsys: pytest.CaptureFixture[str],
    ask: Callable[[str], str] | None = None,
    open_page: Callable[[str], object] = lambda _: False,
    **settings: object,
) -> str:
    show_console(URL, Settings(**settings), Terminal(color=False), "1", ask=ask, open_page=open_page)  # type: ignore[arg-type]
    return capsys.readouterr().out


def test_it_says_where_and_as_whom(capsys: pytest.CaptureFixture[str]) -> None:
    told = shown(capsys)

    for who, page in (("manager", "board"), ("customer 1", "orders"), ("engineer of Seoul", "today")):
        assert any(who in line and f"{URL}/login?next=%2F{page}" in line for line in told.splitlines())


def test_where_a_provider_signs_people_in_nobody_is_offered_to_choose_a_person(
    capsys: pytest.CaptureFixture[str],
) -> None:
    told = shown(capsys, auth_issuer="https://login.example.com", auth_audience="orders")

    assert f"{URL}/board" in told
    assert "login?next" not in told


@pytest.mark.parametrize(("answer", "opened"), [("o", 1), (" O ", 1), ("", 0), ("no", 0)])
def test_it_opens_the_board_only_if_somebody_wants_it(
    capsys: pytest.CaptureFixture[str], answer: str, opened: int
) -> None:
    pages: list[str] = []

    def open_page(page: str) -> bool:
        pages.append(page)
        return True

    told = shown(capsys, lambda _: answer, open_page)

    assert pages == [f"{URL}/login?next=%2Fboard"] * opened
    assert "no browser" not in told


def test_it_says_so_where_there_is_no_browser_and_goes_on_where_nobody_answers(
    capsys: pytest.CaptureFixture[str],
) -> None:
    def nobody(_: str) -> str:
        raise EOFError

    assert f"There is no browser here. Open {URL}/login" in shown(capsys, lambda _: "o")
    assert "no browser" not in shown(capsys, nobody)


def test_a_console_that_does_not_run_is_not_offered() -> None:
    assert console_of(Settings(console_port=1)) is None
