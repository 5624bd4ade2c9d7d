"""Random sequences of messages and faults: every rule holds at every moment, and the end is what the answers say."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Sequence
from dataclasses import dataclass, field

import pytest
from hypothesis import HealthCheck, Phase, example, given, settings
from hypothesis import strategies as st
from temporalio.client import Client
from temporalio.service import RPCError, RPCStatusCode

from domain.installation import ACCEPT_INSTALLATION, REQUEST_INSTALLATION, InstallationStatus
from domain.orders import Event, Order, OrderStatus
from tests.whole import examples, is_whole
from tests.workflows.contexts import Contexts, window
from tests.workflows.faults import Gate
from tests.workflows.placed import Placed, Way, refusal
from tests.workflows.reset import reset
from tests.workflows.stage import HASTY, Stage
from tests.workflows.test_faults import COMMANDS
from tests.workflows.waiting import together

CLOSED = "closed"
WINDOWS = 2
"""Windows of three engineers, for six visits at a time."""
ACTS = {
    "accept": Event.INSTALLATION_ACCEPTED,
    "decline": Event.INSTALLATION_DECLINED,
    "start": Event.INSTALLATION_STARTED,
    "incomplete": Event.INSTALLATION_INCOMPLETE,
}
REFUSALS = {
    *("IllegalTransition", "NotAssigned", "OrderCancelRejected", "EngineerUnavailable", "VisitUnavailable"),
    CLOSED,
}
AGAIN = (ACCEPT_INSTALLATION.name, ACCEPT_INSTALLATION.name, REQUEST_INSTALLATION.name)
"""Activities after whose end an order is reset more often than elsewhere."""
AT_REST: dict[OrderStatus, set[InstallationStatus | None]] = {
    OrderStatus.AWAITING_ENGINEER: {None, InstallationStatus.DECLINED, InstallationStatus.CANCELED},
    OrderStatus.INSTALLATION_REQUESTED: {InstallationStatus.REQUESTED},
    OrderStatus.INSTALLATION_ACCEPTED: {InstallationStatus.ACCEPTED, InstallationStatus.STARTED},
    OrderStatus.AWAITING_RESCHEDULE: {InstallationStatus.INCOMPLETE, InstallationStatus.CANCELED},
    OrderStatus.JOIN_COMPLETED: {InstallationStatus.COMPLETED},
    OrderStatus.ORDER_CANCELED: {
        *(InstallationStatus.CANCELED, InstallationStatus.DECLINED, InstallationStatus.INCOMPLETE),
    },
}
"""The possible statuses of the newest installation, by the status of an order without a running step."""


@dataclass(frozen=True)
class Say:
    """A message. The next one does not wait for its answer."""

    what: str
    engineer_id: str = "e1"
    round: int = 0
    way: Way = Way.UPDATE
    window: int = 0


@dataclass(frozen=True)
class Fail:
    """The next tries of a command fail."""

    command: str
    done: bool
    times: int


@dataclass(frozen=True)
class Hold:
    """The next try of a command hangs until everything is released."""

    command: str
    done: bool


@dataclass(frozen=True)
class Open:
    """Release everything that hangs."""


@dataclass(frozen=True)
class Away:
    """An engineer is absent in a window."""

    engineer_id: str
    window: int


@dataclass(frozen=True)
class Redraw:
    """The areas are redrawn. The order's address is now in this region."""

    region: str | None


@dataclass(frozen=True)
class Reset:
    """An operator resets the order to a workflow task. Later messages are dropped, or applied again."""

    task: int
    forget: bool
    after: str
    """Counted from the end of this activity, if it has ended."""


@dataclass(frozen=True)
class Rest:
    """Let everything happen that can."""


Step = Say | Fail | Hold | Open | Away | Redraw | Reset | Rest

names = st.sampled_from(["e1", "e1", "e2", "e3", "nobody"])
acts = st.builds(
    Say,
    st.sampled_from(["accept", "accept", "accept", "decline", "start", "incomplete", "complete", "complete"]),
    engineer_id=names,
    round=st.sampled_from([0, 0, 0, 1, 2]),
)
windows = st.integers(0, WINDOWS)
wishes = st.one_of(
    st.builds(Say, st.just("assign"), engineer_id=names),
    st.builds(Say, st.just("reschedule"), window=windows),
    st.builds(Say, st.just("reconsider")),
    st.builds(Away, st.just("e1"), windows),
)
cancels = st.builds(Say, st.just("cancel"), way=st.sampled_from(Way))
faults = st.one_of(
    st.builds(Fail, st.sampled_from(COMMANDS), st.booleans(), st.integers(1, 2)),
    st.builds(Hold, st.sampled_from(COMMANDS), st.booleans()),
    st.just(Open()),
)
steps = st.one_of(st.just(Rest()), st.just(Rest()), acts, acts, acts, wishes, wishes, cancels, faults)
redrawn = st.builds(
    lambda region: [Rest(), Redraw(region), Say("reconsider"), Rest()],
    st.sampled_from(["KR-11", "KR-26", "KR-41", None]),
)


def flattened(parts: list[list[Step]]) -> list[Step]:
    return [step for part in parts for step in part]


script = st.lists(st.one_of(*[steps.map(lambda step: [step])] * 5, redrawn, redrawn), min_size=1, max_size=12).map(
    flattened
)
scripts = st.lists(script, min_size=6, max_size=10)
resets = st.builds(Reset, st.integers(0, 3), st.sampled_from([True, True, False]), st.sampled_from(["", *AGAIN]))
said_again = st.sampled_from([[Say(what), Rest()] for what in ("complete", "complete", "complete", "accept")])
set_back = st.builds(
    lambda before, end, back, after: [*before, Rest(), Say("accept"), Rest(), end, Rest(), back, *after],
    st.lists(steps, max_size=2),
    st.one_of(cancels, cancels, st.just(Say("complete"))),
    resets,
    st.lists(
        st.one_of(*[said_again] * 3, steps.map(lambda step: [step]), resets.map(lambda back: [back])),
        min_size=3,
        max_size=8,
    ).map(flattened),
)
"""Steps of an order that has mostly ended, is reset, and then receives the same messages again."""


@dataclass
class Play:
    """Runs one script on one order."""

    stage: Stage
    order: Placed
    was_reset: bool = False
    gates: list[tuple[str, Gate]] = field(default_factory=list)
    said: "list[tuple[Say, asyncio.Task[str | None]]]" = field(default_factory=list)

    async def take(self, step: Step) -> None:
        """Run one step."""
        of, by = self.order.order_id, self.order.contexts.faults
        match step:
            case Say():
                self.said.append((step, await self.order.put(answered(self._message(step)))))
            case Fail():
                by.fail(step.command, done=step.done, times=step.times, order_id=of)
            case Hold():
                self.gates.append((step.command, by.hold(step.command, done=step.done, order_id=of, tries=1)))
            case Open():
                self.open()
            case Away():
                self.order.contexts.away.add((step.engineer_id, window(step.window)))
            case Redraw():
                self.order.contexts.redrawn[of] = step.region
            case Reset():
                await self.settle()
                self.said.clear()
                self.was_reset = True
                await reset(self.stage, self.order, task=step.task, after=step.after, forget=step.forget)
                # The server refuses updates that meet the reset itself.
                await self.order.until_quiet()
            case Rest():
                held = {command for command, gate in self.gates if not gate.opened.is_set()}
                await self.order.until_quiet(but=held)
                await self.order.order()

    def open(self) -> None:
        """Release everything that hangs."""
        for _, gate in self.gates:
            gate.open()

    async def settle(self) -> list[tuple[Say, str | None]]:
        """Let everything run to its end. Returns the answers."""
        self.open()
        await self.order.contexts.finished(self.order.order_id)
        await self.order.until_quiet()
        return [(say, await answer) for say, answer in self.said]

    async def end(self) -> None:
        """Compare the order with the answers that its messages got, and end it.

        Answers before a reset do not count, because the reset may have undone them.
        """
        told = await self.settle()
        order = await self.order.order()
        assert all(answer is None or answer in REFUSALS for _, answer in told)
        if not self.was_reset:
            assert self.order.row == order
            promised(order, told)
            at_rest(order, self.order.contexts)
        if not order.status.final:
            await self.order.cancel()
            order = await self.order.result()
            assert order.status is OrderStatus.ORDER_CANCELED
        if not self.was_reset:
            at_rest(order, self.order.contexts)

    def _message(self, say: Say) -> Awaitable[object]:
        match say.what:
            case "accept":
                return self.order.accept(say.engineer_id, say.round)
            case "decline":
                return self.order.decline(say.engineer_id, say.round)
            case "start":
                return self.order.start(say.engineer_id, say.round)
            case "incomplete":
                return self.order.incomplete(say.engineer_id, say.round)
            case "complete":
                return self.order.complete(say.engineer_id, say.round)
            case "reschedule":
                return self.order.reschedule(window(say.window))
            case "reconsider":
                return self.order.reconsider()
            case "assign":
                return self.order.assign(say.engineer_id)
            case _:
                return self.order.cancel(say.way)


async def answered(message: Awaitable[object]) -> str | None:
    """Return the refusal of a message, also of one that came after the order's end."""
    try:
        return await refusal(message)
    except RPCError as error:
        if error.status is not RPCStatusCode.NOT_FOUND:
            raise
        return CLOSED


def promised(order: Order, told: Sequence[tuple[Say, str | None]]) -> None:
    """Check that the order agrees with its positive answers."""
    yes = [say for say, answer in told if answer is None]
    completed = {say.engineer_id for say in yes if say.what == "complete"}
    canceled = {say.way for say in yes if say.what == "cancel"}
    events = [(entry.event, entry.by) for entry in order.history]
    if completed:
        assert (order.status, {order.engineer_id}) == (OrderStatus.JOIN_COMPLETED, completed)
        assert Way.UPDATE not in canceled
    else:
        assert (order.status is OrderStatus.ORDER_CANCELED) == bool(canceled)
        assert order.status is not OrderStatus.JOIN_COMPLETED
    for said, event in ACTS.items():
        engineers = {f"engineer:{say.engineer_id}" for say in yes if say.what == said}
        assert engineers == {by for happened, by in events if happened == event}
    too_late = any(answer == "OrderCancelRejected" for _, answer in told)
    assert not too_late or Event.ORDER_CANCEL_REJECTED in [event for event, _ in events]


def at_rest(order: Order, contexts: Contexts) -> None:
    """Check that the contexts agree about an order without a running step."""
    assert contexts.newest(order.order_id) in AT_REST[order.status]
    status, order_id = order.status, order.order_id
    if status.final or status is OrderStatus.AWAITING_ENGINEER:
        assert contexts.assignments[order_id] is None
    if status in (OrderStatus.INSTALLATION_REQUESTED, OrderStatus.INSTALLATION_ACCEPTED):
        assert order.visit is not None
        assert contexts.booked[order_id] == (order.engineer_id, order.visit.start)
    else:
        assert order_id not in contexts.booked
    assert (order_id in contexts.waiting) == (status is OrderStatus.AWAITING_ENGINEER)
    events = [entry.event for entry in order.history]
    lost = status is OrderStatus.AWAITING_RESCHEDULE and (
        events.count(Event.INSTALLATION_INCOMPLETE) > 1 or events[-1] == Event.VISIT_LOST
    )
    assert (order.attention is not None) == (lost or status is OrderStatus.AWAITING_ENGINEER)


async def play(stage: Stage, script: Sequence[Step]) -> None:
    """Run a script on a new order."""
    playing = Play(stage, await stage.place(HASTY))
    for step in script:
        await playing.take(step)
    await playing.end()


async def play_all(stage: Stage, scripts: Sequence[Sequence[Step]], *, scarce: bool = True) -> None:
    """Run all scripts at once, by default with scarce windows. Nothing is left on the stage for the next run."""
    stage.contexts.scarce, stage.contexts.windows = scarce, WINDOWS
    stage.contexts.away.clear()
    await together({f"{n}: {script}": play(stage, script) for n, script in enumerate(scripts)})
    await stage.look_back()
    stage.placed.clear()


quickly = settings(
    max_examples=examples(7, whole=40),
    derandomize=not is_whole(),
    print_blob=True,
    database=None,
    phases=[Phase.explicit, Phase.generate, Phase.target, Phase.shrink],
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)


@pytest.mark.multiplied
@quickly
@example(
    [
        [
            *flattened([[Rest(), Say("decline", each)] for each in ("e1", "e2", "e3")]),
            *(Rest(), Redraw("KR-26"), Say("reconsider"), Rest()),
        ]
    ]
)
@given(scripts)
async def test_every_rule_holds_whatever_is_said_and_whatever_fails(
    stage: Stage, scripts: Sequence[Sequence[Step]]
) -> None:
    await play_all(stage, scripts)


# Not shrunk: an order whose tasks fail is waited for until the deadline, each time.
@settings(quickly, max_examples=5, phases=[Phase.explicit, Phase.generate])
@example(
    [
        [
            *(Rest(), Say("accept"), Rest(), Say("cancel"), Rest()),
            *(Reset(0, forget=True, after=ACCEPT_INSTALLATION.name), Say("complete"), Rest(), Say("complete"), Rest()),
        ]
    ]
)
@given(st.lists(set_back, min_size=2, max_size=5))
async def test_an_order_goes_on_and_can_be_ended_wherever_it_is_set_back_to(
    stage: Stage, scripts: Sequence[Sequence[Step]]
) -> None:
    await play_all(stage, scripts, scarce=False)


@pytest.fixture
async def forgetful(client: Client) -> AsyncIterator[Stage]:
    """A stage whose worker replays the whole history for every task."""
    async with Stage(client, max_cached_workflows=0) as stage:
        yield stage


@pytest.mark.multiplied
@settings(quickly, max_examples=examples(2, whole=8))
@given(scripts)
async def test_every_rule_holds_when_no_worker_remembers_anything(
    forgetful: Stage, scripts: Sequence[Sequence[Step]]
) -> None:
    await play_all(forgetful, scripts)
