"""In-memory fakes of the other contexts: their state, the saga's calls, and faults that a test can order."""

import asyncio
from collections import Counter, defaultdict
from collections.abc import Callable
from copy import deepcopy
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, TypeVar

from temporalio import activity

from domain.common import contexts
from domain.installation import (
    ACCEPT_INSTALLATION,
    CANCEL_INSTALLATION,
    COMPLETE_INSTALLATION,
    DECLINE_INSTALLATION,
    INCOMPLETE_INSTALLATION,
    REQUEST_INSTALLATION,
    START_INSTALLATION,
    WITHDRAW_INSTALLATION,
    CancelInstallation,
    InstallationStatus,
    RecordAnswer,
    RequestInstallation,
)
from domain.management_center.assignments import (
    ASSIGN_ENGINEER,
    CLOSE_ASSIGNMENT,
    RELEASE_ASSIGNMENT,
    AssignEngineer,
    Assignment,
    AssignmentOutcome,
    AssignmentRefusal,
    CloseAssignment,
    ReleaseAssignment,
    WhenNobody,
)
from domain.order_status.view import PROJECT_ORDER
from domain.orders import Order, OrderStatus
from domain.visits import TimeWindow
from tests.workflows.faults import Faults
from tests.workflows.invariants import broken_between, broken_by, two_readings
from tests.workflows.waiting import within

Answer = TypeVar("Answer")

WINDOW = timedelta(hours=2)
FIRST = datetime(2030, 1, 7, tzinfo=UTC)


def window(number: int) -> datetime:
    """Return the start of the window with this number after the first."""
    return FIRST + number * WINDOW


@dataclass
class Contexts:
    """In-memory contexts that keep DESIGN's rules (rounds, tombstones, idempotent writes) and watch the saga's."""

    first: datetime = FIRST
    """The start of the first window that can be booked."""
    windows: int = 100
    """The number of windows that can be booked at a time."""
    scarce: bool = False
    """Whether an engineer takes one visit in a window. Otherwise any number, so that orders do not compete."""
    engineers: list[str] = field(default_factory=lambda: ["e1", "e2", "e3"])
    region: str | None = "KR-11"
    redrawn: dict[str, str | None] = field(default_factory=dict)
    """The different regions of single orders after the areas were redrawn."""
    in_question: list[str] = field(default_factory=list)
    """The regions in which the addresses may be if `region` is None."""
    away: set[tuple[str, datetime]] = field(default_factory=set)
    """Engineers, and the starts of windows in which they are absent."""
    faults: Faults = field(default_factory=Faults)
    assignments: dict[str, Assignment | None] = field(default_factory=dict)
    rounds: Counter[str] = field(default_factory=Counter)
    refusals: dict[str, AssignmentRefusal | None] = field(default_factory=dict)
    """By order: why its newest round has assigned nobody, if it has not."""
    booked: dict[str, tuple[str, datetime]] = field(default_factory=dict)
    """By order: the engineer, and the start of the window."""
    waiting: list[str] = field(default_factory=list)
    """Orders that wait for capacity."""
    closed: set[str] = field(default_factory=set)
    installations: dict[str, dict[int, InstallationStatus]] = field(default_factory=lambda: defaultdict(dict))
    canceled: set[str] = field(default_factory=set)
    answers: dict[str, list[RecordAnswer]] = field(default_factory=lambda: defaultdict(list))
    """The recorded answers of engineers."""
    projected: dict[str, list[Order]] = field(default_factory=lambda: defaultdict(list))
    """The versions of each order that the read model has stored, in order."""
    calls: list[tuple[str, str]] = field(default_factory=list)
    """Every try of a command: its name and the order's id."""
    reset: set[str] = field(default_factory=set)
    """Orders that an operator has reset, so that their history is not continuous."""
    broken: list[str] = field(default_factory=list)
    """Rules that a call has found broken. It should stay empty."""
    _waiting: list[tuple[Callable[[], bool], "asyncio.Future[None]"]] = field(default_factory=list)
    _working: dict["asyncio.Task[Any]", str] = field(default_factory=dict)

    def newest(self, order_id: str) -> InstallationStatus | None:
        """Return the status of the order's newest installation."""
        rounds = self.installations[order_id]
        return rounds[max(rounds)] if rounds else None

    def region_of(self, order_id: str) -> str | None:
        """Return the current region of an order's address."""
        return self.redrawn.get(order_id, self.region)

    def called(self, order_id: str) -> list[str]:
        """Return the names of the commands tried for an order."""
        return [name for name, of in self.calls if of == order_id]

    async def until(self, condition: Callable[[], bool]) -> None:
        """Wait until a condition on the contexts' state holds."""
        if not condition():
            so: asyncio.Future[None] = asyncio.get_running_loop().create_future()
            self._waiting.append((condition, so))
            await within(so)

    def activities(self) -> dict[str, list[Callable[..., Any]]]:
        """Return the activities by task queue."""
        return {
            contexts.MANAGEMENT_CENTER: [self.assign_engineer, self.release_assignment, self.close_assignment],
            contexts.INSTALLATION: [
                self.request_installation,
                self.accept_installation,
                self.decline_installation,
                self.start_installation,
                self.complete_installation,
                self.incomplete_installation,
                self.withdraw_installation,
                self.cancel_installation,
            ],
            contexts.ORDER_STATUS: [self.project_order],
        }

    async def finished(self, order_id: str) -> None:
        """Wait until every call for an order has ended, even if nobody waits for its answer."""
        calls = [call for call, of in self._working.items() if of == order_id]
        await within(asyncio.gather(*calls, return_exceptions=True))

    def close(self) -> None:
        """Cancel the calls that are still held."""
        for task in self._working:
            task.cancel()

    async def _serve(self, name: str, order_id: str, effect: Callable[[], Answer]) -> Answer:
        # As a database does, a call goes on when nobody waits for its answer any more.
        work = asyncio.ensure_future(self._work(name, order_id, effect))
        self._working[work] = order_id
        work.add_done_callback(self._done)
        return await asyncio.shield(work)

    def _done(self, work: "asyncio.Task[Any]") -> None:
        del self._working[work]
        if not work.cancelled():
            work.exception()

    async def _work(self, name: str, order_id: str, effect: Callable[[], Answer]) -> Answer:
        self.calls.append((name, order_id))
        self._tell()
        await self.faults.before(name, order_id)
        answer = effect()
        self._check(order_id)
        self._tell()
        await self.faults.after(name, order_id)
        return answer

    def _tell(self) -> None:
        for condition, so in self._waiting:
            if not so.done() and condition():
                so.set_result(None)
        self._waiting = [(condition, so) for condition, so in self._waiting if not so.done()]

    # --- what is watched ----------------------------------------------------------------------------------------------

    def check(self, order: Order) -> None:
        """Check that an order, read anywhere, is consistent with the contexts' state."""
        wrong, newest = broken_by(order), self.newest(order.order_id)
        if stored := self.projected[order.order_id]:
            wrong += two_readings(stored[-1], order)
        lives = order.order_id not in self.canceled or newest is None or newest.open
        if order.status is OrderStatus.ORDER_CANCELED and lives:
            wrong.append(f"reads {order.status} while the installation is {newest}")
        if order.status is OrderStatus.JOIN_COMPLETED and newest is not InstallationStatus.COMPLETED:
            wrong.append(f"reads {order.status} while the installation is {newest}")
        self._note(order.order_id, wrong)

    def _check(self, order_id: str) -> None:
        rounds = self.installations[order_id]
        wrong = []
        if sum(status.open for status in rounds.values()) > 1:
            wrong.append(f"two engineers work on it: {rounds}")
        if any(order.status.final for order in self.projected[order_id]) and any(s.open for s in rounds.values()):
            wrong.append(f"an installation lives after the order's end: {rounds}")
        held = self.assignments.get(order_id)
        if order_id in self.closed and (held is not None or order_id in self.booked or order_id in self.waiting):
            wrong.append("an assignment lives after the order's end")
        if order_id in self.booked and (held is None or self.booked[order_id][0] != held.engineer_id):
            wrong.append(f"{self.booked[order_id]} is booked, and {held} is assigned")
        if self.scarce and len(set(self.booked.values())) < len(self.booked):
            wrong.append("a window is sold twice")
        self._note(order_id, wrong)

    def _note(self, order_id: str, wrong: list[str]) -> None:
        self.broken += [f"{order_id}: {text} (after {self.called(order_id)})" for text in wrong]

    # --- management center --------------------------------------------------------------------------------------------

    @activity.defn(name=ASSIGN_ENGINEER.name)
    async def assign_engineer(self, asked: AssignEngineer) -> AssignmentOutcome:
        return await self._serve(ASSIGN_ENGINEER.name, asked.order_id, lambda: self._assign(asked))

    def _assign(self, asked: AssignEngineer) -> AssignmentOutcome:
        order_id, known = asked.order_id, self.rounds[asked.order_id]
        held = self.assignments.get(order_id)
        if order_id in self.closed:
            return AssignmentOutcome(refusal=AssignmentRefusal.CLOSED, region=self.region_of(order_id), round=known)
        if asked.round < known:
            return AssignmentOutcome(refusal=AssignmentRefusal.SUPERSEDED, region=self.region_of(order_id), round=known)
        if held is not None and held.round == asked.round:
            return AssignmentOutcome(assignment=held, region=self.region_of(order_id), round=known)
        if asked.round == known and (refusal := self._repeated(asked)):
            return self._refused(asked, refusal)
        self.rounds[order_id] = asked.round
        before = self.booked.pop(order_id, None)
        chosen, refusal = self._choose(asked)
        self.refusals[order_id] = refusal if chosen is None else None
        if chosen is None:
            if asked.keeps_assignment:
                self._book(order_id, before)
            else:
                self.assignments[order_id] = None
                self._wait(order_id, waits=asked.otherwise is WhenNobody.QUEUE)
            return self._refused(asked, refusal)
        self._wait(order_id, waits=False)
        self._book(order_id, chosen)
        engineer_id, start = chosen
        assignment = Assignment(
            *(order_id, engineer_id, engineer_id.upper(), self.region_of(order_id) or "KR-11", asked.round, "first"),
            by=asked.by,
            visit=TimeWindow(start, start + WINDOW),
        )
        self.assignments[order_id] = assignment
        return AssignmentOutcome(assignment=assignment, region=self.region_of(order_id), round=asked.round)

    def _repeated(self, asked: AssignEngineer) -> AssignmentRefusal | None:
        """Return why the newest round was refused, unless a manager now names an engineer, which is a new question."""
        refusal = self.refusals.get(asked.order_id)
        new = asked.engineer_id is not None and refusal is not AssignmentRefusal.ENGINEER_UNAVAILABLE
        return None if new else refusal

    def _refused(self, asked: AssignEngineer, refusal: AssignmentRefusal) -> AssignmentOutcome:
        regions = list(self.in_question) if refusal is AssignmentRefusal.NO_SERVICE_AREA else []
        return AssignmentOutcome(None, refusal, self.region_of(asked.order_id), asked.round, regions)

    def _choose(self, asked: AssignEngineer) -> tuple[tuple[str, datetime] | None, AssignmentRefusal]:
        if asked.engineer_id is not None:
            named = [asked.engineer_id] if asked.engineer_id in self.engineers else []
            return self._free(named, asked), AssignmentRefusal.ENGINEER_UNAVAILABLE
        if self.region_of(asked.order_id) is None:
            return None, AssignmentRefusal.NO_SERVICE_AREA
        left = [engineer for engineer in self.engineers if engineer not in asked.passed_over]
        if not left or asked.enough:
            return None, AssignmentRefusal.NO_ENGINEER
        left.sort(key=lambda engineer: engineer != asked.keep)
        unavailable = AssignmentRefusal.VISIT_UNAVAILABLE if asked.exactly else AssignmentRefusal.NO_CAPACITY
        return self._free(left, asked), unavailable

    def _free(self, engineers: list[str], asked: AssignEngineer) -> tuple[str, datetime] | None:
        """Return the first engineer with a free window, which is the wanted one or a later one."""
        taken = self.away | (set(self.booked.values()) if self.scarce else set())
        wanted = max(asked.wanted or self.first, self.first)
        starts = [wanted + n * WINDOW for n in range(1 if asked.exactly else self.windows)]
        if asked.exactly and wanted != (asked.wanted or self.first):
            return None
        places = ((engineer_id, start) for engineer_id in engineers for start in starts)
        return next((place for place in places if place not in taken), None)

    def _book(self, order_id: str, booking: tuple[str, datetime] | None) -> None:
        if booking is not None:
            self.booked[order_id] = booking

    def _wait(self, order_id: str, *, waits: bool) -> None:
        if order_id in self.waiting:
            self.waiting.remove(order_id)
        if waits:
            self.waiting.append(order_id)

    @activity.defn(name=RELEASE_ASSIGNMENT.name)
    async def release_assignment(self, asked: ReleaseAssignment) -> None:
        await self._serve(RELEASE_ASSIGNMENT.name, asked.order_id, lambda: self._release(asked))

    def _release(self, asked: ReleaseAssignment) -> None:
        held = self.assignments.get(asked.order_id)
        if held is not None and held.round == asked.round:
            self.booked.pop(asked.order_id, None)

    @activity.defn(name=CLOSE_ASSIGNMENT.name)
    async def close_assignment(self, asked: CloseAssignment) -> None:
        await self._serve(CLOSE_ASSIGNMENT.name, asked.order_id, lambda: self._close(asked.order_id))

    def _close(self, order_id: str) -> None:
        self.closed.add(order_id)
        self.assignments[order_id] = None
        self.booked.pop(order_id, None)
        self._wait(order_id, waits=False)

    # --- installation -------------------------------------------------------------------------------------------------

    @activity.defn(name=REQUEST_INSTALLATION.name)
    async def request_installation(self, asked: RequestInstallation) -> InstallationStatus:
        return await self._serve(REQUEST_INSTALLATION.name, asked.order_id, lambda: self._request(asked))

    def _request(self, asked: RequestInstallation) -> InstallationStatus:
        rounds = self.installations[asked.order_id]
        if asked.order_id in self.canceled or asked.round < max(rounds, default=0):
            return InstallationStatus.CANCELED
        for earlier in rounds:
            if earlier < asked.round and rounds[earlier].open:
                rounds[earlier] = InstallationStatus.CANCELED
        return rounds.setdefault(asked.round, InstallationStatus.REQUESTED)

    @activity.defn(name=ACCEPT_INSTALLATION.name)
    async def accept_installation(self, asked: RecordAnswer) -> InstallationStatus:
        return await self._answer(ACCEPT_INSTALLATION.name, asked, InstallationStatus.ACCEPTED)

    @activity.defn(name=DECLINE_INSTALLATION.name)
    async def decline_installation(self, asked: RecordAnswer) -> InstallationStatus:
        return await self._answer(DECLINE_INSTALLATION.name, asked, InstallationStatus.DECLINED)

    @activity.defn(name=COMPLETE_INSTALLATION.name)
    async def complete_installation(self, asked: RecordAnswer) -> InstallationStatus:
        return await self._answer(COMPLETE_INSTALLATION.name, asked, InstallationStatus.COMPLETED)

    @activity.defn(name=START_INSTALLATION.name)
    async def start_installation(self, asked: RecordAnswer) -> InstallationStatus:
        return await self._answer(START_INSTALLATION.name, asked, InstallationStatus.STARTED)

    @activity.defn(name=INCOMPLETE_INSTALLATION.name)
    async def incomplete_installation(self, asked: RecordAnswer) -> InstallationStatus:
        return await self._answer(INCOMPLETE_INSTALLATION.name, asked, InstallationStatus.INCOMPLETE)

    @activity.defn(name=WITHDRAW_INSTALLATION.name)
    async def withdraw_installation(self, asked: RecordAnswer) -> InstallationStatus:
        return await self._answer(WITHDRAW_INSTALLATION.name, asked, InstallationStatus.CANCELED)

    async def _answer(self, name: str, asked: RecordAnswer, status: InstallationStatus) -> InstallationStatus:
        def write() -> InstallationStatus:
            rounds = self.installations[asked.order_id]
            self.answers[asked.order_id].append(asked)
            if asked.order_id not in self.canceled and asked.round == max(rounds) and rounds[asked.round].open:
                rounds[asked.round] = status
            return rounds[asked.round]

        standing = await self._serve(name, asked.order_id, write)
        assert isinstance(standing, InstallationStatus)
        return standing

    @activity.defn(name=CANCEL_INSTALLATION.name)
    async def cancel_installation(self, asked: CancelInstallation) -> None:
        await self._serve(CANCEL_INSTALLATION.name, asked.order_id, lambda: self._cancel(asked.order_id))

    def _cancel(self, order_id: str) -> None:
        self.canceled.add(order_id)
        rounds = self.installations[order_id]
        for round_, status in rounds.items():
            if status.open:
                rounds[round_] = InstallationStatus.CANCELED
        if not rounds:
            rounds[0] = InstallationStatus.CANCELED

    # --- order status -------------------------------------------------------------------------------------------------

    @activity.defn(name=PROJECT_ORDER.name)
    async def project_order(self, order: Order) -> None:
        def store() -> None:
            stored = self.projected[order.order_id]
            self.check(order)
            if not stored or stored[-1].version < order.version:
                if stored and order.order_id not in self.reset:
                    self._note(order.order_id, broken_between(stored[-1], order))
                stored.append(deepcopy(order))

        await self._serve(PROJECT_ORDER.name, order.order_id, store)
