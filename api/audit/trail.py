"""Records each request in the audit trail once it is answered, and writes the entries beside the requests.

It records every request that changes something, done or refused, and every other request that was refused because of
its sender (`401`, `403`, `404`). Requests beyond the rate limit (`429`) are only counted by the metrics, so that nobody
can fill the audit trail.

Entries wait in memory for the store, up to a limit:

- A request whose entry is guaranteed (`Noted.ALWAYS`) reserves a place for it before it changes anything. Without a
  place, the request is refused.
- A request on an order (`Noted.BEST_EFFORT`) is recorded while there is room. Beyond that, its entry is dropped.
- A refused request (`4xx`) has changed nothing. Such entries may take half of the room, so that they cannot fill it.
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
"""Seconds between two log lines with the head of the chain. The log thus keeps a copy of it elsewhere."""
_REFUSED_FOR_SENDER = frozenset({401, 403, 404})
_TOO_MANY = 429
_PLACE = "audit_place"
"""The key in a request's state that tells whether a place is reserved for its entry. Absent if none is needed."""
_an_id = re.compile(ID)

_log = structlog.get_logger(__name__)


class AuditTrail(WriteBehindQueue[AuditRecord]):
    """The queue of audit records that are not written yet."""

    def __init__(self, store: AuditStore, registry: CollectorRegistry) -> None:
        super().__init__("audit_entries", "Audit entries", registry, retries_at_end=True)
        self._store = store
        self._head_logged_at = -TELL_EVERY
        self._refused_requests = Counter(
            "audit_requests_refused",
            "Requests that were refused because too many audit entries wait to be written",
            registry=registry,
        )
        oldest = Gauge(
            "audit_entries_oldest_seconds", "Age of the oldest audit entry that waits to be written", registry=registry
        )
        oldest.set_function(self._oldest_seconds)

    def admit(self, request: Request, rule: Rule) -> None:
        """Admit a request. If its entry is guaranteed, reserve a place for it.

        Raises:
            NoAnswerInTime: no place is left.
        """
        if rule.noted is not Noted.ALWAYS:
            return
        place = self.reserve()
        setattr(request.state, _PLACE, place)
        if not place:
            self._refused_requests.inc()
            raise NoAnswerInTime("too many audit entries wait to be written; nothing was changed")

    def record(self, scope: Scope, status: int, headers: Iterable[tuple[bytes, bytes]]) -> None:
        """Record an answered request, if the audit trail covers it."""
        state: Mapping[str, Any] = scope.get("state", {})
        place: bool | None = state.get(_PLACE)
        if place:
            self.give_back()
        route = getattr(scope.get("route"), "path_format", None)
        act = f"{scope['method']} {route}"
        rule = RULES.get(act)
        if rule is None or status == _TOO_MANY or place is False:
            return
        if rule.noted is Noted.REFUSALS and status not in _REFUSED_FOR_SENDER:
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
        """Retry all records. The store refuses for lack of a table, a permission or a head, not because of a record."""
        return items

    async def write(self, batch: Sequence[AuditRecord]) -> None:
        """Append the batch to the chain."""
        head = await self._store.append(batch)
        if monotonic() - self._head_logged_at >= TELL_EVERY:
            self._head_logged_at = monotonic()
            _log.info("head of the audit chain", head=str(head))

    def _oldest_seconds(self) -> float:
        now = datetime.now(UTC)
        return max(((now - entry.at).total_seconds() for entry in self.waiting()), default=0.0)


def _was_refused(status: int) -> bool:
    """Return whether the request certainly changed nothing. After a `5xx`, this is unknown."""
    return 400 <= status < 500


def _actor(state: Mapping[str, Any]) -> str:
    for known in ("caller", "identity"):
        if known in state:
            return state[known].actor or ANONYMOUS
    return ANONYMOUS


def _target(scope: Scope, state: Mapping[str, Any], headers: Iterable[tuple[bytes, bytes]]) -> str | None:
    """Return the id in the path, or of the created resource. Only valid ids count, because anybody can send a text."""
    named = [*scope.get("path_params", {}).values(), state.get("order_id")]
    made = [value.decode("latin-1").rpartition("/")[2] for name, value in headers if name == b"location"]
    return next((one for one in (*named, *made) if isinstance(one, str) and _an_id.fullmatch(one)), None)
