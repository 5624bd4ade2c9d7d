"""Consumers of events in a drill: programs that are sent every event, and note it in a ledger."""

import sys
import tempfile
from collections.abc import AsyncIterator, Callable, Collection, Sequence
from contextlib import ExitStack, asynccontextmanager
from dataclasses import dataclass
from http import HTTPStatus
from pathlib import Path
from time import perf_counter

import httpx2

from drills.accounts import Document
from harness.asking import send
from harness.consumer import PATH, READY
from harness.ledger import Ledger, opened
from harness.ports import free_port
from harness.stack import Stack
from harness.waiting import PATIENCE, NotInTime, soon
from supervisor.process import answers

BATCH = 20
"""The largest number of events in a request, where batches are sent."""
AT_ONCE = 8
"""The largest number of requests to a consumer at once."""
_BETWEEN_LOOKS = 0.1


@dataclass
class Subscriber:
    """A consumer, which may have several replicas, and its subscription."""

    name: str
    ledger: Ledger
    stack: Stack
    api: httpx2.AsyncClient
    subscription_id: str = ""

    @property
    def part(self) -> str:
        """Name of its process in the stack. Replicas have a number after it."""
        return f"consumer-{self.name}"

    async def run(self, port: int, replica: str = "") -> None:
        """Start a process that receives events at a port.

        Raises:
            StackFailure: it does not become ready.
        """
        part = self.part + replica
        command = (sys.executable, "-m", "harness.consumer", part, str(port), str(self.ledger.path))
        await self.stack.add_program(part, command, lambda: answers(f"http://127.0.0.1:{port}{READY}"))

    async def subscribe(self, port: int, *, batch: int = 1) -> None:
        """Subscribe to all events from the beginning on, and wait until the consumer has agreed.

        Args:
            port: Where events are sent to.
            batch: The largest number of events in a request.

        Raises:
            HTTPStatusError: the service refuses.
            NotInTime: it does not answer, or the consumer does not agree.
        """
        url = f"http://127.0.0.1:{port}{PATH}"
        wanted = {"name": self.name, "url": url, "from": "beginning", "atOnce": AT_ONCE, "batch": batch}
        made: Document = {}
        # The secret is shown once. Without it, the consumer does not agree, and is sent nothing.
        while "secret" not in made:
            if made:
                await send(self.api, "DELETE", f"/eventSubscriptions/{made['eventSubscriptionId']}")
            made = await send(self.api, "POST", "/eventSubscriptions", wanted)
        self.subscription_id, self.ledger.secret = made["eventSubscriptionId"], made["secret"]
        await self.until(lambda view: view["state"] == "ACTIVE", "the consumer agrees")

    async def pause(self) -> None:
        """Have nothing sent any more.

        Raises:
            HTTPStatusError: the service refuses.
            NotInTime: it does not answer.
        """
        await send(self.api, "POST", f"/eventSubscriptions/{self.subscription_id}/pause", {})

    async def replay(self) -> None:
        """Have everything sent once more, and wait until it is.

        Raises:
            HTTPStatusError: the service refuses.
            NotInTime: the service does not answer, or does not send it.
        """
        path = f"/eventSubscriptions/{self.subscription_id}/replay"
        await send(self.api, "POST", path, {"from": "beginning"})
        await self.until(lambda view: view["delivered"] == view["last"], "everything is sent once more")

    async def view(self) -> Document:
        """Return the subscription as the API shows it, or nothing if it does not answer."""
        try:
            answer = await self.api.get(f"/eventSubscriptions/{self.subscription_id}")
        except httpx2.TransportError:
            return {}
        view: Document = answer.json() if answer.status_code == HTTPStatus.OK else {}
        return view

    async def until(self, holds: Callable[[Document], bool], what: str, *, within: float = PATIENCE) -> None:
        """Wait until something holds for the subscription as the API shows it.

        Raises:
            NotInTime: it does not.
        """

        async def look() -> bool:
            view = await self.view()
            return bool(view) and holds(view)

        await soon(look, within=within, every=_BETWEEN_LOOKS, what=f"{self.name}: {what}")

    async def handles(self, events: Collection[str], *, within: float = PATIENCE) -> float | None:
        """Wait until the consumer has confirmed these events. Returns the seconds, or `None` if it has not in time."""
        began, wanted = perf_counter(), set(events)

        async def all_() -> bool:
            return wanted <= self.ledger.handled()

        try:
            await soon(all_, within=within, every=_BETWEEN_LOOKS)
        except NotInTime:
            return None
        return perf_counter() - began


@asynccontextmanager
async def consumers(stack: Stack, api: httpx2.AsyncClient, *names: str) -> AsyncIterator[Sequence[Subscriber]]:
    """Provide consumers that do not run and have not subscribed yet. Their ledgers are deleted at the end."""
    with ExitStack() as things:
        directory = Path(things.enter_context(tempfile.TemporaryDirectory(prefix="consumers-")))
        ledgers = {name: things.enter_context(opened(directory / f"{name}.db")) for name in names}
        yield [Subscriber(name, ledger, stack, api) for name, ledger in ledgers.items()]


@asynccontextmanager
async def subscribed(
    stack: Stack, api: httpx2.AsyncClient, *names: str, batch: int = 1
) -> AsyncIterator[Sequence[Subscriber]]:
    """Run consumers of all events, each in one process, which are sent up to so many events in a request."""
    async with consumers(stack, api, *names) as made:
        for each in made:
            port = free_port()
            await each.run(port)
            await each.subscribe(port, batch=batch)
        yield made
