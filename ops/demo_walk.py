"""The path of the demo's orders through the service, over HTTP."""

import json
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from http import HTTPStatus
from pathlib import Path
from typing import Any
from urllib.parse import urlencode
from uuid import uuid4
from zoneinfo import ZoneInfo

from api.security.principals import Role
from ops.terminal import Terminal
from runtime import development_issuer

ORDER = {
    "productId": "2001",
    "productName": "internet",
    "installationAddress": "Seoul",
    "customerId": "1",
    "orderDate": "20200715",
    "status": "JOINORDED",
}
_ACTING = {"orders": Role.CUSTOMER, "installations": Role.ENGINEER}
"""Role that changes a collection. A manager changes the other ones, and reads all of them."""
PATIENCE = 30.0
_ASKED_IN_TURN = 3
"""Number of engineers of the region that are asked for one visit."""
_BETWEEN_LOOKS = 0.02
_ASK_AGAIN = (HTTPStatus.ACCEPTED, HTTPStatus.SERVICE_UNAVAILABLE)
_BETWEEN_TRIES = 0.5


class Surprise(Exception):
    """The service behaved differently from the scenario."""


@dataclass
class Walk:
    """Path of one order through the service, over HTTP."""

    api: str
    terminal: Terminal
    zone: ZoneInfo
    """Time zone in which visits are shown."""
    keys: Path
    """Directory of the development issuer's keys."""
    console: str | None = None
    """Address of the console, if it runs."""
    pace: float = 0.0
    """Seconds to wait after each step, so that it can be watched."""
    with_tokens: bool = False
    order_id: str = ""
    engineer_id: str = ""
    events_seen: int = 0

    def use_tokens_if_required(self) -> None:
        """Find out whether the API requires tokens. If it does, send a suitable token with each request."""
        began, path = time.perf_counter(), "/orderStatuses?limit=1"
        if self.call("GET", path)[0] != HTTPStatus.UNAUTHORIZED:
            return
        self.with_tokens = development_issuer.is_in(self.keys)
        if not self.with_tokens or self.call("GET", path)[0] == HTTPStatus.UNAUTHORIZED:
            raise Surprise(
                f"{self.api} requires tokens, and does not accept tokens made with the keys in {self.keys}; "
                "is DATA_DIR that of `AUTH_REQUIRED=1 make run`?"
            )
        self.terminal.title("토큰 · The API requires tokens")
        self.terminal.step(time.perf_counter() - began, f"각자의 토큰으로 · Made with the keys in {self.keys}")

    def call(
        self, method: str, path: str, body: dict[str, Any] | None = None, *, key: str = ""
    ) -> tuple[int, dict[str, Any]]:
        """Send a request, with an idempotency key if there is one. Returns the response's status and document."""
        request = urllib.request.Request(  # noqa: S310 - http only, as built here
            self.api + path,
            method=method,
            data=None if body is None else json.dumps(body).encode(),
            headers={"Content-Type": "application/json"}
            | ({"Idempotency-Key": key} if key else {})
            | self._authorization(method, path),
        )
        try:
            with urllib.request.urlopen(request, timeout=10) as answer:  # noqa: S310
                return answer.status, json.loads(answer.read() or b"{}")
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
        self, expected: int, text: str, method: str, path: str, body: dict[str, Any] | None = None, *, key: str = ""
    ) -> dict[str, Any]:
        """Send a request whose response must have the expected status, and return its document.

        A busy service may have no time for it, or carry a cancel out later. The same request again tells what has come
        of it. With a key, `200` is the answer to an order that was taken before.
        """
        began = time.perf_counter()
        status, document = self.call(method, path, body, key=key)
        while status != expected and status in _ASK_AGAIN and time.perf_counter() - began < PATIENCE:
            time.sleep(_BETWEEN_TRIES)
            status, document = self.call(method, path, body, key=key)
        if status != expected and not (key and status == HTTPStatus.OK):
            raise Surprise(f"{method} {path}: {status} instead of {expected}: {document.get('detail', document)}")
        self.terminal.step(time.perf_counter() - began, f"{text} — {method} {path} → {status}")
        time.sleep(self.pace)
        return document

    def order(self, text: str = "가입신청 · A customer orders", **more: Any) -> None:
        """Place an order."""
        self.order_id = self.do(201, text, "POST", "/orders", ORDER | more, key=uuid4().hex)["orderId"]
        self.events_seen = 0
        if self.console:
            self.terminal.note(f"콘솔 · In the console: {self.console}/orders/{self.order_id}")

    def until(self, status: str) -> None:
        """Wait until the order has a status. Each event is shown when it is seen."""
        began, deadline = time.perf_counter(), time.perf_counter() + PATIENCE
        while (current := self.look(began)) != status:
            if time.perf_counter() > deadline:
                raise Surprise(f"the order is {current}, not {status}, after {PATIENCE:.0f} s")
            time.sleep(_BETWEEN_LOOKS)

    def look(self, since: float) -> str:
        """Return the order's status, and show the events since the last look."""
        _, order = self.call("GET", f"/orders/{self.order_id}")
        history = order.get("history", [])
        for entry in history[self.events_seen :]:
            parts = filter(None, (entry["event"], entry["by"], entry["detail"]))
            self.terminal.step(time.perf_counter() - since, " · ".join(parts))
        self.events_seen = len(history)
        self.engineer_id = order.get("engineerId") or self.engineer_id
        return str(order.get("status"))

    def view(self, expected: Callable[[dict[str, Any]], bool], text: str) -> None:
        """Wait until the managers' read model shows the expected row."""
        began, deadline = time.perf_counter(), time.perf_counter() + PATIENCE
        while True:
            status, row = self.call("GET", f"/orderStatuses/{self.order_id}")
            if status == 200 and expected(row):
                self.terminal.step(time.perf_counter() - began, f"{text} — GET /orderStatuses/{self.order_id}")
                return
            if time.perf_counter() > deadline:
                raise Surprise(f"the read model shows {row.get('status')} after {PATIENCE:.0f} s")
            time.sleep(_BETWEEN_LOOKS)

    def engineer(self, act: str, text: str, body: dict[str, Any] | None = None) -> str:
        """Act as the assigned engineer, and return their id."""
        named = {"engineerId": self.engineer_id} | (body or {})
        installation = self.do(200, text, "POST", f"/installations/{self.order_id}/{act}", named)
        self.look(time.perf_counter())
        return str(installation["engineerId"])

    def windows(self, count: int) -> list[str]:
        """Return the starts of windows in which several engineers are free."""
        given = {"address": ORDER["installationAddress"], "productId": ORDER["productId"]}
        found = self.do(200, "방문 시간 · The free windows", "POST", "/managementCenters/slots", given)
        free = [slot["start"] for slot in found["items"] if slot["free"] >= _ASKED_IN_TURN]
        if len(free) < count:
            raise Surprise(f"only {len(free)} windows are free for {_ASKED_IN_TURN} engineers")
        return free[:count]

    def candidate(self, engineer_id: str) -> str:
        """Return another engineer who could come at the time of the visit."""
        path = f"/managementCenters/assignments/{self.order_id}/candidates"
        found = self.do(200, "후보 · Who could come instead", "GET", path)["items"]
        for each in [one for one in found if not one["free"]]:
            self.terminal.step(0, f"{each['name']}: {each['reason']}")
        return next(str(each["engineerId"]) for each in found if each["free"] and each["engineerId"] != engineer_id)

    def work_list(self, engineer_id: str, start: str, note: str) -> None:
        """Check that the engineer's work list of a day has the visit, with the customer's note."""
        day = f"{datetime.fromisoformat(start).astimezone(self.zone):%F}"
        query = urlencode({"engineerId": engineer_id, "from": day, "to": day, "status": "REQUESTED", "limit": 200})
        found = self.do(200, "작업 목록 · The engineer's work that day", "GET", f"/installations?{query}")["items"]
        notes = [each["customerNote"] for each in found if each["orderId"] == self.order_id]
        if notes != [note]:
            raise Surprise(f"the work list has {notes}, not {[note]}")
        self.terminal.step(0, note)

    def reschedule(self, start: str, text: str) -> None:
        """Request another window as the customer."""
        path = f"/orders/{self.order_id}/reschedule"
        self.do(200, f"{text}, {self.local(start)}", "POST", path, {"preferredVisit": start})
        self.visit(start)

    def visit(self, start: str) -> None:
        """Wait for the installation request, and check the start of the visit."""
        self.until("INSTALLATION_REQUESTED")
        booked = self.call("GET", f"/orders/{self.order_id}")[1]["visit"]
        if booked is None or booked["start"] != start:
            raise Surprise(f"the visit is {booked}, not at {start}")

    def local(self, at: str) -> str:
        """Format a point in time in local time."""
        return f"{datetime.fromisoformat(at).astimezone(self.zone):%m-%d %H:%M}"

    def installation(self, status: str) -> None:
        """Check the status of the installation."""
        found = self.do(200, f"설치 · The installation is {status}", "GET", f"/installations/{self.order_id}")
        if found["status"] != status:
            raise Surprise(f"the installation is {found['status']}, not {status}")
