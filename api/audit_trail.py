"""Notes for the audit what each request did, once it is answered, and has it written beside the requests.

Noted is whatever changes something, done or refused, and whatever else was refused because of who has asked (`401`,
`403`, `404`). Who asks for too much (`429`) is counted by the metrics alone: nobody can fill the audit.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from time import monotonic
from typing import Any
from uuid import uuid4

import structlog
from fastapi import Request
from prometheus_client import CollectorRegistry
from starlette.types import Scope

from api.access import RULES
from api.batches import Batches
from api.callers import ANONYMOUS
from api.limits import address_of
from api.schemas.common import ID
from domain.audit import Act
from stores.audit import AuditStore

TELL_EVERY = 60.0
"""Seconds between two lines in the log that name the chain's head: a copy of it that is kept elsewhere."""
_READS = frozenset({"GET", "HEAD"})
_BECAUSE_OF_WHO_ASKS = frozenset({401, 403, 404})
_TOO_MANY = 429
_an_id = re.compile(ID)

_log = structlog.get_logger(__name__)


class AuditTrail(Batches[Act]):
    """Acts that are still to be written down."""

    def __init__(self, store: AuditStore, registry: CollectorRegistry) -> None:
        super().__init__("audit_entries", "Audit entries", registry)
        self._store = store
        self._told_at = -TELL_EVERY

    def note(self, scope: Scope, status: int, headers: Iterable[tuple[bytes, bytes]]) -> None:
        """Note a request that was answered so, if it is one for the audit."""
        route = getattr(scope.get("route"), "path_format", None)
        act = f"{scope['method']} {route}"
        if RULES.get(act) is None or status == _TOO_MANY:
            return
        if scope["method"] in _READS and status not in _BECAUSE_OF_WHO_ASKS:
            return
        request = Request(scope)
        state: Mapping[str, Any] = scope.get("state", {})
        self.add(
            Act(
                uuid4().hex,
                datetime.now(UTC),
                _actor(state),
                address_of(request),
                act,
                _target(scope, state, headers),
                status,
            )
        )

    async def write(self, batch: Sequence[Act]) -> None:
        """Add them to the chain."""
        head = await self._store.append(batch)
        if monotonic() - self._told_at >= TELL_EVERY:
            self._told_at = monotonic()
            _log.info("the audit reaches", head=str(head))


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
