"""Walk through the scenario on the service that `make run` started, and print each step with the time it took."""

import json
import os
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from http import HTTPStatus
from pathlib import Path
from typing import Any
from urllib.parse import urlencode
from zoneinfo import ZoneInfo

from api.security.principals import Role
from runtime import development_issuer
from runtime.settings import Settings

ORDER = {
    "productId": "2001",
    "productName": "internet",
    "installationAddress": "Seoul",
    "customerId": "1",
    "orderDate": "20200715",
    "status": "JOINORDED",
}
_ACTING = {"orders": Role.CUSTOMER, "installations": Role.ENGINEER}
"""Who changes something in a collection; in the others, and wherever something is looked at, it is a manager."""
_PATIENCE = 30.0
_ASKED_IN_TURN = 3
"""So many engineers of the region are asked for one visit."""
_BETWEEN_LOOKS = 0.02


class Surprise(Exception):
    """The service did something else than the scenario says."""


@dataclass
class Terminal:
    """Lines of a step each; in color where there is a terminal that shows it."""

    color: bool = field(default_factory=lambda: sys.stdout.isatty() and "NO_COLOR" not in os.environ)

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
        return f"\033[{code}m{text}\033[0m" if self.color else text


@dataclass
class Walk:
    """One order's way through the service, over HTTP."""

    api: str
    terminal: Terminal
    zone: ZoneInfo
    """Of the visits, as they are shown."""
    keys: Path
    """The directory of the local issuer's keys."""
    with_tokens: bool = False
    order_id: str = ""
    engineer_id: str = ""
    events_seen: int = 0

    def show_tokens_if_asked(self) -> None:
        """Find out whether the API asks for tokens; if it does, show with each request one of who would send it."""
        began, path = time.perf_counter(), "/orderStatuses?limit=1"
        if self.call("GET", path)[0] != HTTPStatus.UNAUTHORIZED:
            return
        self.with_tokens = development_issuer.is_in(self.keys)
        if not self.with_tokens or self.call("GET", path)[0] == HTTPStatus.UNAUTHORIZED:
            raise Surprise(
                f"{self.api} asks for tokens, and takes none that can be made from what is in {self.keys}; "
                "is DATA_DIR that of `AUTH_REQUIRED=1 make run`?"
            )
        self.terminal.title("토큰 · The API asks for tokens")
        self.terminal.step(time.perf_counter() - began, f"각자의 토큰으로 · Made with the keys in {self.keys}")

    def call(self, method: str, path: str, body: dict[str, Any] | None = None) -> tuple[int, dict[str, Any]]:
        """The answer's status and document."""
        request = urllib.request.Request(  # noqa: S310 - http only, as built here
            self.api + path,
            method=method,
            data=None if body is None else json.dumps(body).encode(),
            headers={"Content-Type": "application/json"} | self._authorization(method, path),
        )
        try:
            with urllib.request.urlopen(request, timeout=10) as answer:  # noqa: S310
                return answer.status, json.load(answer)
        except urllib.error.HTTPError as error:
            with error:
                return error.code, json.load(error)

    def _authorization(self, method: str, path: str) -> dict[str, str]:
        if not self.with_tokens:
            return {}
        role = Role.MANAGER if method == "GET" else _ACTING.get(path.split("/")[1], Role.MANAGER)
        subject = {Role.CUSTOMER: ORDER["customerId"], Role.ENGINEER: self.engineer_id}.get(role, "demo")
        token = development_issuer.token(self.keys, {"sub": subject, "roles": [role]}, hours=1)
        return {"Authorization": f"Bearer {token}"}

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

    def order(self, text: str = "가입신청 · A customer orders", **more: Any) -> None:
        """A customer orders."""
        self.order_id = self.do(201, text, "POST", "/orders", ORDER | more)["orderId"]
        self.events_seen = 0

    def until(self, status: str) -> None:
        """The service gets so far by itself; each event is shown when it is seen."""
        began, deadline = time.perf_counter(), time.perf_counter() + _PATIENCE
        while (stands := self.look(began)) != status:
            if time.perf_counter() > deadline:
                raise Surprise(f"the order is {stands}, not {status}, after {_PATIENCE:.0f} s")
            time.sleep(_BETWEEN_LOOKS)

    def look(self, since: float) -> str:
        """Where the order stands; what has happened to it meanwhile is shown."""
        _, order = self.call("GET", f"/orders/{self.order_id}")
        history = order.get("history", [])
        for entry in history[self.events_seen :]:
            told = filter(None, (entry["event"], entry["by"], entry["detail"]))
            self.terminal.step(time.perf_counter() - since, " · ".join(told))
        self.events_seen = len(history)
        self.engineer_id = order.get("engineerId") or self.engineer_id
        return str(order.get("status"))

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

    def engineer(self, act: str, text: str, body: dict[str, Any] | None = None) -> str:
        """The assigned engineer acts; their id."""
        installation = self.do(200, text, "POST", f"/installations/{self.order_id}/{act}", body)
        self.look(time.perf_counter())
        return str(installation["engineerId"])

    def windows(self, count: int) -> list[str]:
        """The starts of windows in which several engineers are free."""
        query = urlencode({"address": ORDER["installationAddress"], "productId": ORDER["productId"]})
        found = self.do(200, "방문 시간 · The free windows", "GET", f"/managementCenters/slots?{query}")
        free = [slot["start"] for slot in found["items"] if slot["free"] >= _ASKED_IN_TURN]
        if len(free) < count:
            raise Surprise(f"only {len(free)} windows are free for {_ASKED_IN_TURN} engineers")
        return free[:count]

    def colleague(self, *others: str) -> str:
        """An engineer of the order's region besides these."""
        region = self.call("GET", f"/orders/{self.order_id}")[1]["region"]
        path = f"/managementCenters/engineers?region={region}&active=true"
        found = self.do(200, "설치기사 · The engineers of the region", "GET", path)["items"]
        return next(str(each["engineerId"]) for each in found if each["engineerId"] not in others)

    def reschedule(self, start: str, text: str) -> None:
        """The customer wants another window."""
        path = f"/orders/{self.order_id}/reschedule"
        self.do(200, f"{text}, {self.local(start)}", "POST", path, {"preferredVisit": start})
        self.visit(start)

    def visit(self, start: str) -> None:
        """The engineer is to come then."""
        self.until("INSTALLATION_REQUESTED")
        booked = self.call("GET", f"/orders/{self.order_id}")[1]["visit"]
        if booked is None or booked["start"] != start:
            raise Surprise(f"the visit is {booked}, not at {start}")

    def local(self, at: str) -> str:
        """A point in time as people there read it."""
        return f"{datetime.fromisoformat(at).astimezone(self.zone):%m-%d %H:%M}"

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
    """Order → canceled with its installation."""
    walk.terminal.title("2. 주문 취소와 설치 취소를 함께 · The order and its installation are canceled together")
    walk.order()
    walk.until("INSTALLATION_REQUESTED")
    walk.do(200, "취소 · The customer cancels", "POST", f"/orders/{walk.order_id}/cancel", {"reason": "moving house"})
    walk.until("ORDER_CANCELED")
    walk.installation("CANCELED")
    walk.view(lambda row: row["status"] == "ORDER_CANCELED", "진행상태 · The managers see it")


def refused(walk: Walk) -> None:
    """Cancel after completion → refused."""
    walk.terminal.title("3. 완료된 주문은 취소되지 않는다 · A completed order cannot be canceled")
    walk.order()
    walk.until("INSTALLATION_REQUESTED")
    walk.engineer("accept", "설치 수락 · The engineer accepts")
    walk.engineer("complete", "설치 완료 · The engineer reports completion")
    path = f"/orders/{walk.order_id}/cancel"
    problem = walk.do(409, "취소 거절 · The cancel is refused", "POST", path, {"reason": "too late"})
    walk.terminal.step(0, f"{problem['title']}: {problem['detail']}")
    walk.installation("COMPLETED")


def day_in_the_field(walk: Walk) -> None:
    """A wanted window, a refusal, a reassignment, another window, nobody at home, and completion in the end."""
    walk.terminal.title("4. 현장의 하루 · A day in the field")
    first, second, third = walk.windows(3)
    walk.order(f"희망 방문 시간 · A customer orders, and wants {walk.local(first)}", preferredVisit=first)
    walk.visit(first)
    declined = walk.engineer("decline", "설치 거절 · The engineer declines", {"reason": "another visit takes longer"})
    walk.visit(first)
    accepted = walk.engineer("accept", "설치 수락 · The next one accepts")
    path, chosen = f"/managementCenters/assignments/{walk.order_id}", walk.colleague(declined, accepted)
    walk.do(200, "기사 변경 · A manager gives it to a third", "PUT", path, {"engineerId": chosen})
    walk.visit(first)
    walk.engineer("accept", "설치 수락 · Who accepts")
    walk.reschedule(second, "방문 변경 · The customer wants another time")
    walk.engineer("accept", "설치 수락 · The engineer accepts again")
    walk.engineer("start", "설치 시작 · The engineer is there")
    walk.engineer("incomplete", "방문 실패 · Nobody is at home", {"reason": "CUSTOMER_ABSENT", "note": "rang twice"})
    walk.until("AWAITING_RESCHEDULE")
    walk.reschedule(third, "방문 재예약 · The customer names the next time")
    walk.engineer("accept", "설치 수락 · The engineer accepts")
    walk.engineer("start", "설치 시작 · The engineer is there")
    walk.engineer("complete", "설치 완료 · The engineer reports completion", {"serials": ["AP-2001-0042"]})
    walk.until("JOIN_COMPLETED")
    walk.installation("COMPLETED")


def main() -> int:
    """Walk the scenario; 0 when all of it went as it should."""
    settings = Settings()
    api = f"http://{settings.api_host}:{settings.api_port}"
    walk = Walk(api, Terminal(), settings.visit_time_zone, settings.data_dir)
    try:
        walk.show_tokens_if_asked()
        for part in (completed, canceled, refused, day_in_the_field):
            part(walk)
    except urllib.error.URLError as error:
        walk.terminal.fail(f"{walk.api} does not answer ({error.reason}); is `make run` up?")
        return 1
    except (Surprise, OSError) as error:
        walk.terminal.fail(str(error))
        return 1
    ui = f"http://127.0.0.1:{settings.temporal_ui_port}/namespaces/default/workflows/order-{walk.order_id}"
    walk.terminal.title("시나리오 통과 · The scenario has passed")
    if settings.temporal_address is None:
        print(f"  Temporal Web UI: {ui}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
