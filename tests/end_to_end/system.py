"""The service as processes on free ports, for tests that kill, stop and restart them."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx2

from domain.common import contexts
from harness.ports import free_port
from runtime.settings import Settings
from supervisor.part import Part
from supervisor.service import plan
from tests import asking
from tests.eventually import PATIENCE, eventually, reachable

ROOT = Path(__file__).parents[2]
CONTRACT_BODY = {
    "productId": "2001",
    "productName": "internet",
    "installationAddress": "Seoul",
    "customerId": "1",
    "orderDate": "20200715",
    "status": "JOINORDED",
}
"""The order in the contract."""


@dataclass
class System:
    """Temporal, one worker process for each context, the API; each can be killed and started alone."""

    data_dir: Path
    extra: dict[str, str] = field(default_factory=dict)
    running: dict[str, subprocess.Popen[bytes]] = field(default_factory=dict)
    ready_at: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.ports = {name: free_port() for name in ("api", "console", "temporal", "ui", *contexts.ALL)}
        self.client = httpx2.Client(base_url=f"http://127.0.0.1:{self.ports['api']}", timeout=PATIENCE)

    def environment(self, worker_port: int = 1) -> dict[str, str]:
        """Return the environment of each process."""
        own = {
            "API_PORT": str(self.ports["api"]),
            "CONSOLE_PORT": str(self.ports["console"]),
            "TEMPORAL_PORT": str(self.ports["temporal"]),
            "TEMPORAL_UI_PORT": str(self.ports["ui"]),
            "WORKER_PORT": str(worker_port),
            "DATA_DIR": str(self.data_dir),
        }
        # A workflow task that a busy machine interrupts for two seconds would count as a deadlock, and be done again.
        kept = ("TEMPORAL_DEBUG",)
        inherited = {key: each for key, each in os.environ.items() if key in kept or not key.startswith("TEMPORAL_")}
        return inherited | own | self.extra

    def start(self, *names: str) -> None:
        """Start parts, all at once, and wait until each is ready."""
        for name in names:
            getattr(self, f"_start_{name}", lambda name=name: self._start_worker(name))()
        for name in names:
            eventually(partial(self._ready, name), what=f"{name} ready")

    def kill(self, name: str, how: signal.Signals = signal.SIGKILL) -> None:
        """End a part by a signal."""
        process = self.running.pop(name)
        process.send_signal(how)
        process.wait(timeout=PATIENCE)

    def everything(self) -> None:
        """Start everything, with empty databases."""
        self.start("temporal")
        subprocess.run([sys.executable, "-m", "stores.migration"], env=self.environment(), cwd=ROOT, check=True)
        self.start(*contexts.ALL, "api")

    def stop(self) -> None:
        """Stop what is still running."""
        for name in list(self.running):
            self.kill(name)
        self.client.close()

    # --- what people do -----------------------------------------------------------------------------------------------

    def send(self, method: str, path: str, *wanted: int, **request: Any) -> dict[str, Any]:
        """Send a request until it is answered with one of these statuses. Returns the document."""
        return asking.send(self.client.request, method, path, *wanted, **request)

    def get(self, path: str, **request: Any) -> dict[str, Any]:
        """Ask for a document until it is there."""
        return self.send("GET", path, 200, **request)

    def order(self, key: str = "", **changes: Any) -> str:
        """Place an order. The key makes it one order, however often it is sent. Returns its id."""
        headers = {"Idempotency-Key": key or uuid4().hex}
        return str(self.send("POST", "/orders", 200, 201, json=CONTRACT_BODY | changes, headers=headers)["orderId"])

    def cancel(self, order_id: str, status: int = 200, *, reason: str = "moving house") -> dict[str, Any]:
        """Cancel an order until that is answered with a status. Returns the document."""
        return self.send("POST", f"/orders/{order_id}/cancel", status, json={"reason": reason})

    def act(self, order_id: str, act: str) -> httpx2.Response:
        """Send an action of the assigned engineer."""
        return self.client.post(f"/installations/{order_id}/{act}")

    def insist(self, order_id: str, act: str, *, within: float = PATIENCE) -> None:
        """Repeat an engineer's action until it is answered, which the contract declares safe."""

        def done() -> bool:
            try:
                status = self.act(order_id, act).status_code
            except httpx2.TransportError:
                return False
            assert status in (200, 404, 503), status
            return status == 200

        eventually(done, within=within, what=f"{act} {order_id}")

    def status(self, order_id: str) -> str | None:
        """Return the order's status in the read model, if that answers and has the order."""
        try:
            answer = self.client.get(f"/orderStatuses/{order_id}")
        except httpx2.TransportError:
            return None
        return str(answer.json()["status"]) if answer.status_code == 200 else None

    def until(self, order_id: str, status: str, *, within: float = PATIENCE) -> dict[str, Any]:
        """Wait for a status in the read model. Returns the row with its history."""
        eventually(lambda: self.status(order_id) == status, within=within, what=f"{order_id} {status}")
        return self.get(f"/orderStatuses/{order_id}")

    # --- processes ----------------------------------------------------------------------------------------------------

    def _start_temporal(self) -> None:
        settings = Settings(
            temporal_port=self.ports["temporal"], temporal_ui_port=self.ports["ui"], data_dir=self.data_dir
        )
        part = next(part for part in plan(settings) if isinstance(part, Part) and part.name == "temporal")
        self.data_dir.mkdir(parents=True, exist_ok=True)
        if part.before_start is not None:
            part.before_start()
        self._spawn("temporal", list(part.command), part.ready_at, self.environment())

    def _start_worker(self, context: str) -> None:
        port = self.ports[context]
        command = [sys.executable, "worker.py", "--context", context]
        self._spawn(context, command, f"http://127.0.0.1:{port}/health/ready", self.environment(port))

    def _start_api(self) -> None:
        url = f"http://127.0.0.1:{self.ports['api']}/health/ready"
        self._spawn("api", [sys.executable, "-m", "api"], url, self.environment())

    def _spawn(self, name: str, command: list[str], ready_at: str, environment: dict[str, str]) -> None:
        self.data_dir.mkdir(parents=True, exist_ok=True)
        with (self.data_dir / f"{name}.log").open("ab") as log:
            process = subprocess.Popen(command, cwd=ROOT, env=environment, stdout=log, stderr=log)
        self.running[name], self.ready_at[name] = process, ready_at

    def _ready(self, name: str) -> bool:
        ended = self.running[name].poll() is not None
        assert not ended, f"{name} ended: {(self.data_dir / f'{name}.log').read_text()[-2000:]}"
        return reachable(self.ready_at[name])


@contextmanager
def system(data_dir: Path, **extra: str) -> Iterator[System]:
    """Run a whole service, until the test ends."""
    started = System(data_dir, extra)
    try:
        started.everything()
        yield started
    finally:
        started.stop()
