"""The other contexts, in memory: what the saga asked of them, what they hold, and faults to order."""

import asyncio
from collections import Counter, defaultdict
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any

from temporalio import activity

from domain import contexts
from domain.installation import (
    ACCEPT_INSTALLATION,
    CANCEL_INSTALLATION,
    COMPLETE_INSTALLATION,
    DECLINE_INSTALLATION,
    REQUEST_INSTALLATION,
    CancelInstallation,
    InstallationStatus,
    RecordAnswer,
    RequestInstallation,
)
from domain.management_center import (
    ASSIGN_ENGINEER,
    CLOSE_ASSIGNMENT,
    AssignEngineer,
    Assignment,
    AssignmentOutcome,
    AssignmentRefusal,
    CloseAssignment,
)
from domain.order_status import PROJECT_ORDER
from domain.orders import Order


class Outage(Exception):
    """A fault that a test has ordered."""


@dataclass
class Gate:
    """Holds a command before or after its effect, until the test opens it."""

    reached: asyncio.Event = field(default_factory=asyncio.Event)
    opened: asyncio.Event = field(default_factory=asyncio.Event)


@dataclass
class Contexts:
    """In-memory contexts that keep DESIGN's rules: rounds, tombstones, idempotent writes."""

    engineers: list[str] = field(default_factory=lambda: ["e1", "e2", "e3"])
    region: str | None = "KR-11"
    assignments: dict[str, Assignment | None] = field(default_factory=dict)
    rounds: Counter[str] = field(default_factory=Counter)
    closed: set[str] = field(default_factory=set)
    installations: dict[str, dict[int, InstallationStatus]] = field(default_factory=lambda: defaultdict(dict))
    canceled: set[str] = field(default_factory=set)
    projected: dict[str, list[Order]] = field(default_factory=lambda: defaultdict(list))
    calls: list[str] = field(default_factory=list)
    failures: Counter[str] = field(default_factory=Counter)
    """How often a command still fails before it works."""
    failures_after: Counter[str] = field(default_factory=Counter)
    """How often a command still does its work and fails to say so."""
    gates: dict[str, Gate] = field(default_factory=dict)
    gates_after: dict[str, Gate] = field(default_factory=dict)

    def newest(self, order_id: str) -> InstallationStatus | None:
        """The status of the order's newest installation."""
        rounds = self.installations[order_id]
        return rounds[max(rounds)] if rounds else None

    def activities(self) -> dict[str, list[Callable[..., Any]]]:
        """By task queue."""
        return {
            contexts.MANAGEMENT_CENTER: [self.assign_engineer, self.close_assignment],
            contexts.INSTALLATION: [
                self.request_installation,
                self.accept_installation,
                self.decline_installation,
                self.complete_installation,
                self.cancel_installation,
            ],
            contexts.ORDER_STATUS: [self.project_order],
        }

    async def _serve(self, name: str, effect: Callable[[], Any]) -> Any:
        self.calls.append(name)
        await self._pass(self.gates.get(name))
        self._fail(name, self.failures)
        answer = effect()
        await self._pass(self.gates_after.get(name))
        self._fail(name, self.failures_after)
        return answer

    @staticmethod
    async def _pass(gate: Gate | None) -> None:
        if gate is not None:
            gate.reached.set()
            await gate.opened.wait()

    @staticmethod
    def _fail(name: str, failures: Counter[str]) -> None:
        if failures[name] > 0:
            failures[name] -= 1
            raise Outage(name)

    @activity.defn(name=ASSIGN_ENGINEER.name)
    async def assign_engineer(self, asked: AssignEngineer) -> AssignmentOutcome:
        outcome = await self._serve(ASSIGN_ENGINEER.name, lambda: self._assign(asked))
        assert isinstance(outcome, AssignmentOutcome)
        return outcome

    def _assign(self, asked: AssignEngineer) -> AssignmentOutcome:
        order_id, known = asked.order_id, self.rounds[asked.order_id]
        held = self.assignments.get(order_id)
        if order_id in self.closed:
            return AssignmentOutcome(refusal=AssignmentRefusal.CLOSED, region=self.region, round=known)
        if asked.round < known:
            return AssignmentOutcome(refusal=AssignmentRefusal.SUPERSEDED, region=self.region, round=known)
        if held is not None and held.round == asked.round:
            return AssignmentOutcome(assignment=held, region=self.region, round=known)
        if asked.engineer_id is not None:
            chosen = asked.engineer_id if asked.engineer_id in self.engineers else None
            refusal = AssignmentRefusal.ENGINEER_UNAVAILABLE
        else:
            left = [engineer for engineer in self.engineers if engineer not in asked.passed_over]
            chosen = left[0] if left and self.region else None
            refusal = AssignmentRefusal.NO_ENGINEER if self.region else AssignmentRefusal.NO_SERVICE_AREA
        self.rounds[order_id] = asked.round
        if chosen is None:
            if asked.engineer_id is None:
                self.assignments[order_id] = None
            return AssignmentOutcome(refusal=refusal, region=self.region, round=asked.round)
        assignment = Assignment(
            order_id, chosen, chosen.upper(), self.region or "KR-11", asked.round, "first", by=asked.by
        )
        self.assignments[order_id] = assignment
        return AssignmentOutcome(assignment=assignment, region=self.region, round=asked.round)

    @activity.defn(name=CLOSE_ASSIGNMENT.name)
    async def close_assignment(self, asked: CloseAssignment) -> None:
        await self._serve(CLOSE_ASSIGNMENT.name, lambda: self.closed.add(asked.order_id))

    @activity.defn(name=REQUEST_INSTALLATION.name)
    async def request_installation(self, asked: RequestInstallation) -> InstallationStatus:
        status = await self._serve(REQUEST_INSTALLATION.name, lambda: self._request(asked))
        assert isinstance(status, InstallationStatus)
        return status

    def _request(self, asked: RequestInstallation) -> InstallationStatus:
        rounds = self.installations[asked.order_id]
        if asked.order_id in self.canceled or asked.round < max(rounds, default=0):
            return InstallationStatus.CANCELED
        for earlier in rounds:
            if earlier < asked.round and rounds[earlier].open:
                rounds[earlier] = InstallationStatus.CANCELED
        return rounds.setdefault(asked.round, InstallationStatus.REQUESTED)

    def _answer(self, asked: RecordAnswer, status: InstallationStatus) -> None:
        rounds = self.installations[asked.order_id]
        if asked.order_id not in self.canceled and asked.round == max(rounds) and rounds[asked.round].open:
            rounds[asked.round] = status

    @activity.defn(name=ACCEPT_INSTALLATION.name)
    async def accept_installation(self, asked: RecordAnswer) -> None:
        await self._serve(ACCEPT_INSTALLATION.name, lambda: self._answer(asked, InstallationStatus.ACCEPTED))

    @activity.defn(name=DECLINE_INSTALLATION.name)
    async def decline_installation(self, asked: RecordAnswer) -> None:
        await self._serve(DECLINE_INSTALLATION.name, lambda: self._answer(asked, InstallationStatus.DECLINED))

    @activity.defn(name=COMPLETE_INSTALLATION.name)
    async def complete_installation(self, asked: RecordAnswer) -> None:
        await self._serve(COMPLETE_INSTALLATION.name, lambda: self._answer(asked, InstallationStatus.COMPLETED))

    @activity.defn(name=CANCEL_INSTALLATION.name)
    async def cancel_installation(self, asked: CancelInstallation) -> None:
        await self._serve(CANCEL_INSTALLATION.name, lambda: self._cancel(asked.order_id))

    def _cancel(self, order_id: str) -> None:
        self.canceled.add(order_id)
        rounds = self.installations[order_id]
        for round_, status in rounds.items():
            if status.open:
                rounds[round_] = InstallationStatus.CANCELED
        if not rounds:
            rounds[0] = InstallationStatus.CANCELED

    @activity.defn(name=PROJECT_ORDER.name)
    async def project_order(self, order: Order) -> None:
        def store() -> None:
            stored = self.projected[order.order_id]
            if not stored or stored[-1].version < order.version:
                stored.append(replace(order))

        await self._serve(PROJECT_ORDER.name, store)
