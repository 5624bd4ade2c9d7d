"""The console beside the demo: where it is, as whom to sign in there, and an offer to open it."""

import urllib.error
import urllib.request
import webbrowser
from collections.abc import Callable
from http import HTTPStatus

from ops.terminal import Terminal
from runtime.settings import Settings

_WITHIN = 2.0
_OPEN = "o"
_QUESTION = (
    f"  Enter: 시작 · begin    {_OPEN} + Enter: 브라우저로 열고 시작 · open the board in your browser, and begin  "
)


def console_of(settings: Settings) -> str | None:
    """Return the address of the console that runs beside the API, or None if none answers."""
    url = settings.console_url or f"http://127.0.0.1:{settings.console_port}"
    try:
        # http or https, as the setting is checked.
        with urllib.request.urlopen(f"{url}/health/live", timeout=_WITHIN) as answer:  # noqa: S310
            return url if answer.status == HTTPStatus.OK else None
    except (urllib.error.URLError, OSError):
        return None


def show_console(
    url: str,
    settings: Settings,
    terminal: Terminal,
    customer_id: str,
    *,
    ask: Callable[[str], str] | None = None,
    open_page: Callable[[str], object] = webbrowser.open,
) -> None:
    """Print where the steps can be watched, and as whom. Offer to open the board if there is somebody to ask.

    Args:
        url: Address of the console.
        settings: The settings.
        terminal: Where it is printed.
        customer_id: The customer of the demo.
        ask: Asks a question, and returns the answer. None: nobody is there.
        open_page: Opens a page in a browser.
    """
    terminal.title("콘솔 · Watch it in the console")
    if settings.auth_issuer is None:
        board, seen, day = (f"{url}/login?next=%2F{page}" for page in ("board", "orders", "today"))
        terminal.note(f"전국 담당자 · as the manager of the whole country: {board}")
        terminal.note(f"고객 {customer_id} · as customer {customer_id}: {seen}")
        terminal.note(f"서울 설치기사 · as an engineer of Seoul: {day}")
    else:
        board = f"{url}/board"
        terminal.note(f"담당자 계정으로 · with the account of a manager: {board}")
    if ask is None:
        return
    try:
        answer = ask(_QUESTION)
    except EOFError:
        return
    if answer.strip().lower() == _OPEN and not open_page(board):
        terminal.note(f"브라우저가 없습니다 · There is no browser here. Open {board}")
