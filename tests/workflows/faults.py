"""Faults that a test can order: a command fails or hangs, before or after its effect."""

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
    """The number of tries that are held. Later ones pass."""
    skipped: int = 0
    """The number of tries that pass before that."""
    reached: asyncio.Event = field(default_factory=asyncio.Event)
    opened: asyncio.Event = field(default_factory=asyncio.Event)

    def open(self) -> None:
        """Let held and future tries pass."""
        self.opened.set()

    async def until_reached(self) -> None:
        """Wait until a try is held."""
        await within(self.reached.wait())

    async def pass_through(self) -> None:
        """Wait until the gate is open, if this try is held."""
        if self.skipped > 0:
            self.skipped -= 1
        elif self.tries > 0:
            self.tries -= 1
            self.reached.set()
            await self.opened.wait()


_ALWAYS = float("inf")
_Place = tuple[str, str, bool]
"""A command, an order (empty: any), and whether the effect is done."""


@dataclass
class Faults:
    """The ordered faults, by command, for one order or for all."""

    _failures: Counter[_Place] = field(default_factory=Counter)
    _gates: dict[_Place, Gate] = field(default_factory=dict)

    def fail(self, name: str, *, times: int = 1, done: bool = False, order_id: str = "") -> None:
        """Let the next tries fail: before the effect, or (`done`) after it, so that only the answer is lost."""
        self._failures[name, order_id, done] = times

    def heal(self) -> None:
        """Remove all failures."""
        self._failures.clear()

    def hold(
        self, name: str, *, done: bool = False, order_id: str = "", tries: float = _ALWAYS, skipped: int = 0
    ) -> Gate:
        """Hold the next tries, before or after the effect."""
        gate = self._gates[name, order_id, done] = Gate(tries, skipped)
        return gate

    def of(self, order_id: str) -> list[Gate]:
        """Return the gates for this order alone."""
        return [gate for (_, of, _), gate in self._gates.items() if of == order_id]

    async def before(self, name: str, order_id: str) -> None:
        """Apply the faults before a command's effect."""
        await self._happen(name, order_id, done=False)

    async def after(self, name: str, order_id: str) -> None:
        """Apply the faults after a command's effect."""
        await self._happen(name, order_id, done=True)

    async def _happen(self, name: str, order_id: str, *, done: bool) -> None:
        for place in ((name, order_id, done), (name, "", done)):
            if place in self._gates:
                await self._gates[place].pass_through()
            if self._failures[place] > 0:
                self._failures[place] -= 1
                raise Outage(f"{name}, {'done' if done else 'not done'}")
