"""Another system in the demo: it is told what happens to the orders, by the example of a consumer."""

import socket
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from http import HTTPStatus
from pathlib import Path
from typing import Any

from examples.consumer import Inbox, catch_up, listening
from ops.terminal import Terminal

Call = Callable[..., tuple[int, dict[str, Any]]]
"""Sends a request (method, path, body), and returns the status and the document of the response."""
_BETWEEN_LOOKS = 0.1


@dataclass
class OtherSystem:
    """The other system, and what it has been told."""

    inbox: Inbox
    call: Call
    terminal: Terminal
    subscribed: bool
    """Whether events are sent to it. Otherwise it fetches them."""
    told: Counter[str] = field(default_factory=Counter)
    """Events by order."""

    def show(self, order_id: str, within: float) -> bool:
        """Show the events of an order, and return whether the whole history has come in time.

        Args:
            order_id: The order.
            within: Seconds to wait for what has not come yet.
        """
        began = time.perf_counter()

        def print_event(event: dict[str, Any]) -> None:
            self.told[event["subject"]] += 1
            if event["subject"] == order_id:
                status = event["data"]["status"]
                self.terminal.step(time.perf_counter() - began, f"{event['type']} · {status}")

        while time.perf_counter() - began < within:
            if not self.subscribed:
                catch_up(self.inbox, lambda query: self.call("GET", f"/events{query}"))
            self.inbox.work(print_event)
            _, order = self.call("GET", f"/orders/{order_id}")
            if self.told[order_id] >= len(order.get("history", [])) > 0:
                return True
            time.sleep(_BETWEEN_LOOKS)
        return False


@contextmanager
def other_system(call: Call, terminal: Terminal) -> Iterator[OtherSystem]:
    """Have another system told of everything from now on: by a subscription, or where none is allowed, by the log."""
    with ExitStack() as stack:
        inbox = Inbox(str(Path(stack.enter_context(tempfile.TemporaryDirectory())) / "events.db"))
        port, began = _free_port(), time.perf_counter()
        wanted = {"name": "make demo", "url": f"http://127.0.0.1:{port}/events", "from": "end"}
        status, made = call("POST", "/eventSubscriptions", wanted)
        terminal.title("다른 시스템 · Another system follows the orders")
        took = time.perf_counter() - began
        if status == HTTPStatus.CREATED:
            path = f"/eventSubscriptions/{made['eventSubscriptionId']}"
            stack.callback(call, "DELETE", path)
            stack.enter_context(listening(inbox, made["secret"], port))
            terminal.step(took, f"구독 · It subscribes — POST /eventSubscriptions → {status}")
        else:
            _, page = call("GET", "/events?limit=1")
            inbox.add([], page["last"])
            terminal.step(took, f"조회 · Nothing is sent to this machine ({status}), so it fetches — GET /events")
        yield OtherSystem(inbox, call, terminal, subscribed=status == HTTPStatus.CREATED)


def _free_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port: int = free.getsockname()[1]
        return port
