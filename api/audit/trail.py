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

import asyncio
import re
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from time import monotonic
from typing import Any
from urllib.parse import unquote

import structlog
from fastapi import Request
from prometheus_client import CollectorRegistry, Counter, Gauge
from starlette.types import Scope

from api.audit.entry_ids import new_id
from api.http import write_behind as batches
from api.http.errors import NoAnswerInTime
from api.http.fields import ID
from api.http.write_behind import WriteBehindQueue
from api.security.limits import address_of
from api.security.permissions import RULES, Noted, Rule
from api.security.principals import ANONYMOUS
from domain.audit import AuditRecord, BrokenChain, Head, target_of
from domain.common.errors import StoreUnavailable
from stores.audit.heads import HeadsFile
from stores.audit.trail import AuditStore

TELL_EVERY = 60.0
"""Seconds between two log lines with the head of the chain. The log and the file of heads keep copies elsewhere."""
_REFUSED_FOR_SENDER = frozenset({401, 403, 404})
_TOO_MANY = 429
_PLACE = "audit_place"
"""The key in a request's state that tells whether a place is reserved for its entry. Absent if none is needed."""
_an_id = re.compile(ID)
_FOREIGN = frozenset({"customerId", "productId"})
"""The path parameters with ids of other systems, which may be any text."""

_log = structlog.get_logger(__name__)


class AuditTrail(WriteBehindQueue[AuditRecord]):
    """The queue of audit records that are not written yet."""

    def __init__(self, store: AuditStore, registry: CollectorRegistry, heads: HeadsFile | None = None) -> None:
        """Create an empty queue.

        Args:
            store: The store of the chain.
            registry: The registry of the process's metrics.
            heads: The file that keeps heads of the chain, or None if only the log keeps them.
        """
        super().__init__("audit_entries", "Audit entries", registry, retries_at_end=True)
        self._store = store
        self._heads = heads
        self._broken = Gauge(
            "audit_chain_broken",
            "1 while no audit entry can be appended, because entries exist that this service has not written",
            registry=registry,
        )
        self._told_at = -TELL_EVERY
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
            new_id(),
            datetime.now(UTC),
            actor_of(state),
            address_of(scope),
            act,
            _target(scope, state, status, headers),
            status,
        )
        self.add(entry, most=batches.MOST_WAITING // 2 if _was_refused(status) else None)

    def refused(self, items: Sequence[AuditRecord]) -> Sequence[AuditRecord]:
        """Retry all records. The store refuses for lack of a table, a permission or a head, not because of a record."""
        return items

    async def write(self, batch: Sequence[AuditRecord]) -> None:
        """Append the batch to the chain."""
        try:
            head = await self._store.append(batch)
        except BrokenChain as broken:
            if self._is_due():
                _log.error("the audit chain is broken: nothing can be appended", first=broken.sequence)
            self._broken.set(1)
            raise StoreUnavailable("the audit chain is broken") from broken
        self._broken.set(0)
        if self._is_due():
            _log.info("head of the audit chain", head=str(head))
            await self._keep(head)

    def _is_due(self) -> bool:
        """Return whether the log is to be told again how the chain stands."""
        if monotonic() - self._told_at < TELL_EVERY:
            return False
        self._told_at = monotonic()
        return True

    async def _keep(self, head: Head) -> None:
        if self._heads is None:
            return
        try:
            await asyncio.to_thread(self._heads.keep, head, datetime.now(UTC))
        except OSError as error:
            _log.warning("the head of the audit chain could not be kept in its file", error=type(error).__qualname__)

    def _oldest_seconds(self) -> float:
        now = datetime.now(UTC)
        return max(((now - entry.at).total_seconds() for entry in self.waiting()), default=0.0)


def _was_refused(status: int) -> bool:
    """Return whether the request certainly changed nothing. After a `5xx`, this is unknown."""
    return 400 <= status < 500


def actor_of(state: Mapping[str, Any]) -> str:
    """Return the sender of a request: role and subject, or `anonymous`."""
    for known in ("caller", "identity"):
        if known in state:
            return state[known].actor or ANONYMOUS
    return ANONYMOUS


def _target(scope: Scope, state: Mapping[str, Any], status: int, headers: Iterable[tuple[bytes, bytes]]) -> str | None:
    """Return the id in the path, or of the created resource.

    An id of another system may be any text. It is kept only if the sender was allowed to use the route, because anybody
    can send a text.
    """
    named: Mapping[str, Any] = scope.get("path_params", {})
    made = [unquote(value.decode("latin-1").rpartition("/")[2]) for name, value in headers if name == b"location"]
    ids = [
        one for one in (*named.values(), state.get("order_id"), *made) if isinstance(one, str) and _an_id.fullmatch(one)
    ]
    if status not in _REFUSED_FOR_SENDER:
        ids += [*(named[name] for name in _FOREIGN.intersection(named)), *made]
    return target_of(ids[0]) if ids else None
