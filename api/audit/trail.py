"""Notes for the audit what each request did, once it is answered, and has it written beside the requests.

Noted is whatever changes something, done or refused, and whatever else was refused because of who has asked (`401`,
`403`, `404`). Who asks for too much (`429`) is counted by the metrics alone: nobody can fill the audit.

Notes wait in memory for the store, up to a bound:

- A request that is noted for good (`Noted.FOR_GOOD`) gets a place for its note before it changes anything. Without a
  place it is refused.
- What is done to orders is noted while there is room. Beyond that its note is given up.
- What was refused (`4xx`) has changed nothing. Its note may take half of the room: nobody fills it by being refused.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from time import monotonic
from typing import Any
from uuid import uuid4

import structlog
from fastapi import Request
from prometheus_client import CollectorRegistry, Counter, Gauge
from starlette.types import Scope

from api.http import write_behind as batches
from api.http.errors import NoAnswerInTime
from api.http.fields import ID
from api.http.write_behind import WriteBehindQueue
from api.security.limits import address_of
from api.security.permissions import RULES, Noted, Rule
from api.security.principals import ANONYMOUS
from domain.audit import AuditRecord
from stores.audit.trail import AuditStore

TELL_EVERY = 60.0
"""Seconds between two lines in the log that name the chain's head: a copy of it that is kept elsewhere."""
_BECAUSE_OF_WHO_ASKS = frozenset({401, 403, 404})
_TOO_MANY = 429
_PLACE = "audit_place"
"""In a request's state, where it needs one: whether there is a place for its note."""
_an_id = re.compile(ID)

_log = structlog.get_logger(__name__)


class AuditTrail(WriteBehindQueue[AuditRecord]):
    """Acts that are still to be written down."""

    def __init__(self, store: AuditStore, registry: CollectorRegistry) -> None:
        super().__init__("audit_entries", "Audit entries", registry, tries_to_the_end=True)
        self._store = store
        self._told_at = -TELL_EVERY
        self._turned_away = Counter(
            "audit_requests_refused",
            "Requests that were refused because too many audit entries wait to be written",
            registry=registry,
        )
        oldest = Gauge(
            "audit_entries_oldest_seconds", "Age of the oldest audit entry that waits to be written", registry=registry
        )
        oldest.set_function(self._oldest_seconds)

    def admit(self, request: Request, rule: Rule) -> None:
        """Let a request through to where it may change something; keep a place for its note if that is for good.

        Raises:
            NoAnswerInTime: there is none.
        """
        if rule.noted is not Noted.FOR_GOOD:
            return
        place = self.reserve()
        setattr(request.state, _PLACE, place)
        if not place:
            self._turned_away.inc()
            raise NoAnswerInTime("too much waits to be noted in the audit; nothing was changed")

    def note(self, scope: Scope, status: int, headers: Iterable[tuple[bytes, bytes]]) -> None:
        """Note a request that was answered so, if it is one for the audit."""
        state: Mapping[str, Any] = scope.get("state", {})
        place: bool | None = state.get(_PLACE)
        if place:
            self.give_back()
        route = getattr(scope.get("route"), "path_format", None)
        act = f"{scope['method']} {route}"
        rule = RULES.get(act)
        if rule is None or status == _TOO_MANY or place is False:
            return
        if rule.noted is Noted.REFUSALS and status not in _BECAUSE_OF_WHO_ASKS:
            return
        entry = AuditRecord(
            uuid4().hex,
            datetime.now(UTC),
            _actor(state),
            address_of(Request(scope)),
            act,
            _target(scope, state, headers),
            status,
        )
        self.add(entry, most=batches.MOST_WAITING // 2 if _was_refused(status) else None)

    def refused(self, items: Sequence[AuditRecord]) -> Sequence[AuditRecord]:
        """Try all of them again: the store refuses whatever lacks a table, a right or the chain's head, not a text."""
        return items

    async def write(self, batch: Sequence[AuditRecord]) -> None:
        """Add them to the chain."""
        head = await self._store.append(batch)
        if monotonic() - self._told_at >= TELL_EVERY:
            self._told_at = monotonic()
            _log.info("head of the audit chain", head=str(head))

    def _oldest_seconds(self) -> float:
        now = datetime.now(UTC)
        return max(((now - entry.at).total_seconds() for entry in self.waiting()), default=0.0)


def _was_refused(status: int) -> bool:
    """Whether nothing was changed; after a `5xx` that is not known."""
    return 400 <= status < 500


def _actor(state: Mapping[str, Any]) -> str:
    for known in ("caller", "identity"):
        if known in state:
            return state[known].actor or ANONYMOUS
    return ANONYMOUS


def _target(scope: Scope, state: Mapping[str, Any], headers: Iterable[tuple[bytes, bytes]]) -> str | None:
    """What the path names, or else what was made; no text that anybody could have made up."""
    named = [*scope.get("path_params", {}).values(), state.get("order_id")]
    made = [value.decode("latin-1").rpartition("/")[2] for name, value in headers if name == b"location"]
    return next((one for one in (*named, *made) if isinstance(one, str) and _an_id.fullmatch(one)), None)
