"""Records whose personal data each answer has shown to somebody else, and writes the entries beside the requests.

An answer gets its entry when it ends; a long answer, such as an event stream, one for each minute. While the store is
down, entries wait in memory, and requests are answered as usual. Entries beyond the limit are dropped and counted.
"""

import asyncio
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime
from itertools import islice

from fastapi.dependencies.models import Dependant
from prometheus_client import CollectorRegistry, Counter
from starlette.datastructures import QueryParams
from starlette.types import ASGIApp, Receive, Scope, Send

from api.audit.entry_ids import new_id
from api.audit.trail import actor_of
from api.http.write_behind import WriteBehindQueue
from api.security.disclosures import NO_FILTERS, Disclosed, Disclosures, attach
from api.security.limits import address_of
from domain.audit import MOST_NAMED, AccessEntry
from runtime.access_log_key import AccessLogKey, make_file, read_file
from runtime.settings import Settings
from stores.audit.access_log import AccessLogStore

EACH = 60.0
"""Seconds that one entry covers of a long answer."""
MOST_WAITING = 100_000
"""The largest number of waiting entries."""
MOST_NAMES_WAITING = 500_000
"""The largest number of people whom the waiting entries name: some 60 MB. Further entries only count them."""
MOST_NAMES_AT_ONCE = 4_000
"""The largest number of people whom the entries of one transaction name."""


def key_of(settings: Settings) -> AccessLogKey:
    """Return the key of `ACCESS_LOG_KEY`, or of the file in `DATA_DIR`.

    The file is created if the audit is in the same directory.

    Raises:
        NoKeys: the audit is elsewhere, and no key is configured.
        ValueError: the file does not contain a valid key.
    """
    if settings.access_log_key is not None:
        return AccessLogKey.parse(settings.access_log_key.get_secret_value())
    if settings.audit_database_url is None:
        make_file(settings.access_log_key_file)
    return read_file(settings.access_log_key_file)


class AccessLog(WriteBehindQueue[AccessEntry]):
    """The queue of entries that are not written yet."""

    capacity = MOST_WAITING

    def __init__(self, store: AccessLogStore, key: AccessLogKey, registry: CollectorRegistry) -> None:
        super().__init__("access_entries", "Entries of the access log", registry, retries_at_end=True)
        self._store = store
        self._key = key
        self._names_waiting = 0
        self._unnamed = Counter(
            "access_entries_unnamed",
            "Entries of the access log that only count people, because too many entries wait to be written",
            registry=registry,
        )

    def record(self, scope: Scope, disclosed: Disclosed) -> None:
        """Record what an answer, or a part of it, has shown. If it has shown nobody, do nothing."""
        if not disclosed:
            return
        persons: Sequence[str] = ()
        if self._names_waiting < MOST_NAMES_WAITING:
            persons = [self._key.person(each) for each in islice(disclosed.customers, MOST_NAMED)]
        elif disclosed.customers:
            self._unnamed.inc()
        entry = AccessEntry(
            new_id(),
            datetime.now(UTC),
            actor_of(scope["state"]),
            address_of(scope),
            f"{scope['method']} {scope['route'].path_format}",
            tuple(sorted(_filters(scope) | disclosed.filters)),
            disclosed.people,
            tuple(persons),
            tuple(islice(disclosed.workflows, MOST_NAMED)),
        )
        if self.add(entry):
            self._names_waiting += len(persons)

    def refused(self, items: Sequence[AccessEntry]) -> Sequence[AccessEntry]:
        """Retry all entries. The store refuses for lack of a table or a permission, not because of an entry."""
        return items

    def next_batch(self) -> list[AccessEntry]:
        """Return as many of the oldest entries as one transaction may contain."""
        batch: list[AccessEntry] = []
        names = 0
        for entry in super().next_batch():
            names += len(entry.persons)
            if batch and names > MOST_NAMES_AT_ONCE:
                break
            batch.append(entry)
        return batch

    async def write(self, batch: Sequence[AccessEntry]) -> None:
        """Add the batch to the access log."""
        await self._store.add(batch)
        self._names_waiting -= sum(len(entry.persons) for entry in batch)


class AccessRecording:
    """Middleware that records what each answer has shown: when it ends, and each minute until then."""

    def __init__(self, app: ASGIApp, access_log: Callable[[], AccessLog]) -> None:
        self._app = app
        self._access_log = access_log

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve a request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        timer: asyncio.TimerHandle | None = None

        def begin() -> None:
            nonlocal timer
            timer = asyncio.get_running_loop().call_later(EACH, end)

        def end() -> None:
            if timer is not None:
                timer.cancel()
            self._access_log().record(scope, disclosures.take())

        disclosures = Disclosures(begin)
        attach(scope, disclosures)
        try:
            await self._app(scope, receive, send)
        finally:
            # An answer that was broken off may have shown a part.
            end()


def _parameters(dependant: Dependant) -> Iterator[str]:
    yield from (parameter.alias for parameter in dependant.query_params)
    for each in dependant.dependencies:
        yield from _parameters(each)


def _filters(scope: Scope) -> frozenset[str]:
    """Return the names of the filters in the query, without other names, which the sender chooses freely."""
    if not scope["query_string"]:
        return frozenset()
    declared = frozenset(_parameters(scope["route"].dependant))
    return declared.intersection(QueryParams(scope["query_string"])) - NO_FILTERS
