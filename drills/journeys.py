"""Orders that are left after some steps and finished later, through another API."""

from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from http import HTTPStatus
from itertools import count

from domain.orders import OrderStatus
from drills.accounts import Document
from drills.people import BODY, NO_ANSWER, People, insist
from harness.waiting import NotInTime, soon

REGION_ADDRESS = str(BODY["installationAddress"])
_NO_REGION_ADDRESS = "Atlantis 1"
_BETWEEN_LOOKS = 0.2
_REQUESTED = (OrderStatus.INSTALLATION_REQUESTED,)
_ACCEPTED = (OrderStatus.INSTALLATION_ACCEPTED,)
_ASSIGNED = (*_REQUESTED, *_ACCEPTED, OrderStatus.AWAITING_RESCHEDULE)
CANCELED, COMPLETED = OrderStatus.ORDER_CANCELED, OrderStatus.JOIN_COMPLETED


@dataclass
class Journey:
    """One order and the steps that it takes."""

    key: str
    steps: Sequence[str]
    """The names of `_STEPS`."""
    leave_after: int
    """Number of steps before it is left."""
    address: str = REGION_ADDRESS
    within: float = 240.0
    """Seconds for each step, enough for a slow machine."""
    order_id: str = ""
    taken: int = 0
    version: int = -1
    """The order's version before the last step."""
    surprises: list[str] = field(default_factory=list)
    """Unexpected answers."""

    @property
    def customer(self) -> str:
        """The customer; each has one order."""
        return f"of-{self.key}"

    @property
    def ends(self) -> OrderStatus:
        """The status that it should end in."""
        return CANCELED if self.steps[-1] == "cancel" else COMPLETED

    async def begin(self, people: People) -> None:
        """Place the order and take the first steps."""
        body = {"installationAddress": self.address, "customerId": self.customer}
        await self.act("POST", partial(people.place, self.key, **body), HTTPStatus.OK, HTTPStatus.CREATED)
        self.order_id = people.accounts.by_key.get(self.key, "")
        await self._go(people, self.leave_after)

    async def go_on(self, people: People) -> None:
        """Take the steps that are left."""
        await self._go(people, len(self.steps))

    async def wait_for_status(self, people: People, *statuses: OrderStatus) -> Document:
        """Wait until the order has one of these statuses in a version newer than the last step saw.

        Raises:
            NotInTime: it does not.
        """

        async def look() -> Document | None:
            row = await people.row(self.order_id)
            return row if row.get("status") in statuses and row["version"] > self.version else None

        what = f"{self.key} ({' '.join(self.steps)}, {self.taken} taken) {' or '.join(statuses)}"
        row = await soon(look, within=self.within, every=_BETWEEN_LOOKS, what=what)
        return row or {}

    async def act(self, what: str, act: Callable[[], Awaitable[int]], *expected: int) -> int:
        """Repeat an act until there is a definite answer, and note an unexpected one.

        Raises:
            NotInTime: there is none.
        """
        status = await insist(act, within=self.within)
        if status not in (expected or (HTTPStatus.OK,)):
            self.surprises.append(f"{what} of {self.key}: {status}")
        return status

    async def _go(self, people: People, until: int) -> None:
        while self.taken < until and not self.surprises:
            try:
                await _STEPS[self.steps[self.taken]](self, people)
            except NotInTime as error:
                self.surprises.append(str(error))
            self.taken += 1


_Step = Callable[[Journey, People], Awaitable[None]]


def _said(what: str, say: Callable[[People, str], Awaitable[int]], *statuses: OrderStatus) -> _Step:
    """A step in which somebody says something to an order, once it has one of the statuses."""

    async def step(journey: Journey, people: People) -> None:
        row = await journey.wait_for_status(people, *statuses)
        await journey.act(what, partial(say, people, journey.order_id))
        journey.version = row["version"]

    return step


async def _complete_too_early(journey: Journey, people: People) -> None:
    await journey.wait_for_status(people, *_REQUESTED)
    act = partial(people.complete, journey.order_id)
    await journey.act("complete before accept", act, HTTPStatus.CONFLICT)


async def _cancel(journey: Journey, people: People) -> None:
    await journey.act("cancel", partial(people.cancel, journey.order_id), HTTPStatus.OK, HTTPStatus.ACCEPTED)


async def _cancel_too_late(journey: Journey, people: People) -> None:
    await journey.wait_for_status(people, COMPLETED)

    async def until_definite() -> int:
        # 202: no worker handled it in time. A repetition returns the outcome.
        status = await people.cancel(journey.order_id)
        return NO_ANSWER if status == HTTPStatus.ACCEPTED else status

    await journey.act("cancel after complete", until_definite, HTTPStatus.CONFLICT)


async def _assign(journey: Journey, people: People) -> None:
    """Assign it to the first other engineer who has time."""
    row = await journey.wait_for_status(people, OrderStatus.AWAITING_ENGINEER, *_ASSIGNED)
    for engineer_id in await people.engineers():
        if engineer_id == row["engineerId"]:
            continue
        act = partial(people.assign, journey.order_id, engineer_id)
        if await journey.act("assign", act, HTTPStatus.OK, HTTPStatus.CONFLICT) == HTTPStatus.OK:
            journey.version = row["version"]
            return
    journey.surprises.append(f"assign of {journey.key}: nobody has time")


async def _reschedule(journey: Journey, people: People) -> None:
    """Reschedule to the last window that is free."""
    row = await journey.wait_for_status(people, *_ASSIGNED)
    before = (row["visit"] or {}).get("start")
    # The management center books the earliest windows first.
    for start in reversed(await people.slots(journey.address)):
        if start == before:
            continue
        act = partial(people.reschedule, journey.order_id, start)
        if await journey.act("reschedule", act, HTTPStatus.OK, HTTPStatus.CONFLICT) == HTTPStatus.OK:
            journey.version = row["version"]
            return
    journey.surprises.append(f"reschedule of {journey.key}: nothing is free")


_STEPS: Mapping[str, _Step] = {
    "accept": _said("accept", People.accept, *_REQUESTED),
    "decline": _said("decline", People.decline, *_REQUESTED),
    "start": _said("start", People.start, *_ACCEPTED),
    "fail": _said("incomplete", People.fail, *_ACCEPTED),
    "complete": _said("complete", People.complete, *_ACCEPTED),
    "complete too early": _complete_too_early,
    "cancel": _cancel,
    "cancel too late": _cancel_too_late,
    "acknowledge": _said("acknowledge", People.acknowledge, OrderStatus.AWAITING_ENGINEER),
    "assign": _assign,
    "reschedule": _reschedule,
}
_WAYS: Sequence[tuple[str, Sequence[str]]] = (
    (REGION_ADDRESS, ("complete too early", "accept", "complete", "cancel too late")),
    (REGION_ADDRESS, ("accept", "start", "complete")),
    (REGION_ADDRESS, ("decline", "accept", "complete")),
    (REGION_ADDRESS, ("reschedule", "accept", "reschedule", "accept", "complete")),
    (REGION_ADDRESS, ("accept", "assign", "accept", "complete")),
    (REGION_ADDRESS, ("accept", "start", "fail", "reschedule", "accept", "complete")),
    (_NO_REGION_ADDRESS, ("acknowledge", "assign", "accept", "complete")),
)
"""Address, and the steps from there to completion."""
_CHANGE_NOTHING = ("complete too early", "cancel too late")


def journeys(stage: str, *, times: int = 1, within: float = Journey.within) -> list[Journey]:
    """Make an order for each step of each way that is left there and completed later, and one that is canceled."""
    numbers, found = count(), []

    def add(steps: Sequence[str], leave_after: int, address: str) -> None:
        found.append(Journey(f"{stage}-{next(numbers)}", steps, leave_after, address, within))

    for _ in range(times):
        canceled: set[tuple[str, Sequence[str]]] = set()
        for address, way in _WAYS:
            for left in range(len(way)):
                add(way, left, address)
                before = tuple(step for step in way[:left] if step not in _CHANGE_NOTHING)
                if "complete" not in before and (address, before) not in canceled:
                    canceled.add((address, before))
                    add((*before, "cancel"), len(before), address)
    return found


def surprises(traveled: Iterable[Journey]) -> list[str]:
    """Collect all unexpected answers."""
    return [surprise for journey in traveled for surprise in journey.surprises]
