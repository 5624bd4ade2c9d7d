"""Walks the scenario against what `make run` started, and shows each step as it happens, with how long it took."""

import json
import os
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from settings import Settings

ORDER = {
    "productId": "2001",
    "productName": "internet",
    "installationAddress": "Seoul",
    "customerId": "1",
    "orderDate": "20200715",
    "status": "JOINORDED",
}
_PATIENCE = 30.0
_BETWEEN_LOOKS = 0.02


class Surprise(Exception):
    """The service did something else than the scenario says."""


@dataclass
class Terminal:
    """Lines of a step each; in colour where there is a terminal that shows it."""

    colour: bool = field(default_factory=lambda: sys.stdout.isatty() and "NO_COLOR" not in os.environ)

    def title(self, text: str) -> None:
        """A part of the scenario begins."""
        print(f"\n{self._paint(text, '1')}")

    def step(self, took: float, text: str) -> None:
        """Something has happened, `took` seconds after the step before it."""
        print(f"  {self._paint(f'{took * 1000:7.0f} ms', '2')}  {self._paint('✓', '32')} {text}", flush=True)

    def fail(self, text: str) -> None:
        """The walk ends here."""
        print(f"  {'':10}  {self._paint('✗', '31')} {text}", flush=True)

    def _paint(self, text: str, code: str) -> str:
        return f"\033[{code}m{text}\033[0m" if self.colour else text


@dataclass
class Walk:
    """One order's way through the service, over HTTP."""

    api: str
    terminal: Terminal
    order_id: str = ""
    events_seen: int = 0

    def call(self, method: str, path: str, body: dict[str, Any] | None = None) -> tuple[int, dict[str, Any]]:
        """The answer's status and document."""
        request = urllib.request.Request(  # noqa: S310 - http only, as built here
            self.api + path,
            method=method,
            data=None if body is None else json.dumps(body).encode(),
            headers={"Content-Type": "application/json"},
        )
        try:
            with urllib.request.urlopen(request, timeout=10) as answer:  # noqa: S310
                return answer.status, json.load(answer)
        except urllib.error.HTTPError as error:
            with error:
                return error.code, json.load(error)

    def do(
        self, expected: int, text: str, method: str, path: str, body: dict[str, Any] | None = None
    ) -> dict[str, Any]:
        """One request that must be answered with a status."""
        began = time.perf_counter()
        status, document = self.call(method, path, body)
        if status != expected:
            raise Surprise(f"{method} {path}: {status} instead of {expected}: {document.get('detail', document)}")
        self.terminal.step(time.perf_counter() - began, f"{text} — {method} {path} → {status}")
        return document

    def order(self) -> None:
        """A customer orders."""
        self.order_id = self.do(201, "가입신청 · A customer orders", "POST", "/orders", ORDER)["orderId"]
        self.events_seen = 0

    def until(self, status: str) -> None:
        """The service gets so far by itself; each event is shown when it is seen."""
        began, deadline = time.perf_counter(), time.perf_counter() + _PATIENCE
        while True:
            _, order = self.call("GET", f"/orders/{self.order_id}")
            history = order.get("history", [])
            for entry in history[self.events_seen :]:
                self.terminal.step(time.perf_counter() - began, f"{entry['event']} · {entry['by']}")
            self.events_seen = len(history)
            if order.get("status") == status:
                return
            if time.perf_counter() > deadline:
                raise Surprise(f"the order is {order.get('status')}, not {status}, after {_PATIENCE:.0f} s")
            time.sleep(_BETWEEN_LOOKS)

    def view(self, wanted: Callable[[dict[str, Any]], bool], text: str) -> None:
        """The managers' read model shows it too, at once or a moment later."""
        began, deadline = time.perf_counter(), time.perf_counter() + _PATIENCE
        while True:
            status, row = self.call("GET", f"/orderStatuses/{self.order_id}")
            if status == 200 and wanted(row):
                self.terminal.step(time.perf_counter() - began, f"{text} — GET /orderStatuses/{self.order_id}")
                return
            if time.perf_counter() > deadline:
                raise Surprise(f"the read model shows {row.get('status')} after {_PATIENCE:.0f} s")
            time.sleep(_BETWEEN_LOOKS)

    def engineer(self, act: str, text: str) -> None:
        """The assigned engineer acts."""
        self.do(200, text, "POST", f"/installations/{self.order_id}/{act}")

    def installation(self, status: str) -> None:
        """The installation context has it so."""
        found = self.do(200, f"설치 · The installation is {status}", "GET", f"/installations/{self.order_id}")
        if found["status"] != status:
            raise Surprise(f"the installation is {found['status']}, not {status}")


def completed(walk: Walk) -> None:
    """Order → accepted installation → completed."""
    walk.terminal.title("1. 주문에서 설치 완료까지 · From the order to the finished installation")
    walk.order()
    walk.until("INSTALLATION_REQUESTED")
    walk.engineer("accept", "설치 수락 · The engineer accepts")
    walk.until("INSTALLATION_ACCEPTED")
    walk.engineer("complete", "설치 완료 · The engineer reports completion")
    walk.until("JOIN_COMPLETED")
    walk.installation("COMPLETED")
    walk.view(lambda row: row["status"] == "JOIN_COMPLETED", "진행상태 · The managers see it")


def canceled(walk: Walk) -> None:
    """Order → cancelled with its installation."""
    walk.terminal.title("2. 주문 취소와 설치 취소를 함께 · The order and its installation are cancelled together")
    walk.order()
    walk.until("INSTALLATION_REQUESTED")
    walk.do(200, "취소 · The customer cancels", "POST", f"/orders/{walk.order_id}/cancel", {"reason": "moving house"})
    walk.until("ORDER_CANCELED")
    walk.installation("CANCELED")
    walk.view(lambda row: row["status"] == "ORDER_CANCELED", "진행상태 · The managers see it")


def refused(walk: Walk) -> None:
    """Cancel after completion → refused."""
    walk.terminal.title("3. 완료된 주문은 취소되지 않는다 · A completed order cannot be cancelled")
    walk.order()
    walk.until("INSTALLATION_REQUESTED")
    walk.engineer("accept", "설치 수락 · The engineer accepts")
    walk.engineer("complete", "설치 완료 · The engineer reports completion")
    path = f"/orders/{walk.order_id}/cancel"
    problem = walk.do(409, "취소 거절 · The cancel is refused", "POST", path, {"reason": "too late"})
    walk.terminal.step(0, f"{problem['title']}: {problem['detail']}")
    walk.installation("COMPLETED")


def main() -> int:
    """Walk the scenario; 0 when all of it went as it should."""
    settings = Settings()
    walk = Walk(f"http://{settings.api_host}:{settings.api_port}", Terminal())
    try:
        for part in (completed, canceled, refused):
            part(walk)
    except urllib.error.URLError as error:
        walk.terminal.fail(f"{walk.api} does not answer ({error.reason}); is `make run` up?")
        return 1
    except Surprise as surprise:
        walk.terminal.fail(str(surprise))
        return 1
    ui = f"http://127.0.0.1:{settings.temporal_ui_port}/namespaces/default/workflows/order-{walk.order_id}"
    walk.terminal.title("시나리오 통과 · The scenario has passed")
    if settings.temporal_address is None:
        print(f"  Temporal Web UI: {ui}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
