"""Faults to order: a command that fails or hangs, before or after it has done its work."""

import asyncio
from collections import Counter
from dataclasses import dataclass, field

from tests.workflows.waiting import within


class Outage(Exception):
    """A fault that a test has ordered."""


@dataclass
class Gate:
    """Holds a command until the test opens it."""

    tries: float
    """So many tries are held, later ones pass."""
    skipped: int = 0
    """So many tries pass before that."""
    reached: asyncio.Event = field(default_factory=asyncio.Event)
    opened: asyncio.Event = field(default_factory=asyncio.Event)

    def open(self) -> None:
        """Let pass what is held and what comes."""
        self.opened.set()

    async def until_reached(self) -> None:
        """Wait until a try is held."""
        await within(self.reached.wait())

    async def pass_through(self) -> None:
        """Wait until it is open, if this try is to be held."""
        if self.skipped > 0:
            self.skipped -= 1
        elif self.tries > 0:
            self.tries -= 1
            self.reached.set()
            await self.opened.wait()


_ALWAYS = float("inf")
_Place = tuple[str, str, bool]
"""A command, an order (empty: any), and whether its work is done."""


@dataclass
class Faults:
    """By command, and for one order or for all."""

    _failures: Counter[_Place] = field(default_factory=Counter)
    _gates: dict[_Place, Gate] = field(default_factory=dict)

    def fail(self, name: str, *, times: int = 1, done: bool = False, order_id: str = "") -> None:
        """Let the next tries end in an outage: of what was not done, or (`done`) only of the answer."""
        self._failures[name, order_id, done] = times

    def heal(self) -> None:
        """No more failures."""
        self._failures.clear()

    def hold(
        self, name: str, *, done: bool = False, order_id: str = "", tries: float = _ALWAYS, skipped: int = 0
    ) -> Gate:
        """Hold the next tries, before or after the work is done."""
        gate = self._gates[name, order_id, done] = Gate(tries, skipped)
        return gate

    def of(self, order_id: str) -> list[Gate]:
        """What holds commands of this order alone."""
        return [gate for (_, of, _), gate in self._gates.items() if of == order_id]

    async def before(self, name: str, order_id: str) -> None:
        """What happens to a command before it does its work."""
        await self._happen(name, order_id, done=False)

    async def after(self, name: str, order_id: str) -> None:
        """What happens to a command after it has done its work."""
        await self._happen(name, order_id, done=True)

    async def _happen(self, name: str, order_id: str, *, done: bool) -> None:
        for place in ((name, order_id, done), (name, "", done)):
            if place in self._gates:
                await self._gates[place].pass_through()
            if self._failures[place] > 0:
                self._failures[place] -= 1
                raise Outage(f"{name}, {'done' if done else 'not done'}")
