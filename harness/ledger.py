"""The ledger of a consumer: a file that has every event that it was sent, and how it answered.

The replicas of a consumer write into one ledger, and whoever runs them reads it. It also tells them how to behave.
"""

import json
import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path
from time import time
from typing import Any

HANDLED = 204
"""Status of an answer that confirms an event."""
_TABLES = """
CREATE TABLE IF NOT EXISTS request (number INTEGER PRIMARY KEY, replica, event_id, order_id, event_type, position,
    sequence, happened REAL, began REAL, ended REAL, status, request_id);
CREATE INDEX IF NOT EXISTS request_by_event ON request (event_id);
CREATE TABLE IF NOT EXISTS astray (path);
CREATE TABLE IF NOT EXISTS told (name PRIMARY KEY, value);
"""
_SECRET, _MANNERS = "secret", "manners"
_WAIT = 30.0
"""Seconds to wait for another process that writes."""


@dataclass(frozen=True)
class Manners:
    """How a consumer behaves. By default it confirms each event at once."""

    lies: Sequence[str] = ()
    """Names of answers (`harness.lies`) that it gives, one after the other, to events that come for the first time."""
    lie_every: int = 1
    """It lies to one of so many events."""
    refuses: str = ""
    """Id of an order whose events it refuses."""


@dataclass(frozen=True)
class Request:
    """An event in a request. Times are seconds since 1970."""

    number: int
    """Rises in the order of arrival."""
    replica: str
    event_id: str
    order_id: str
    event_type: str
    position: int
    """Index in the order's history."""
    sequence: str
    """Position in the log of events."""
    happened: float
    """When the event happened."""
    began: float
    ended: float | None
    """`None`: the consumer was killed."""
    status: int | None
    """Status of the answer. `None`: there was none."""
    request_id: str = ""
    """The same for all events of one request, and for no others."""

    @property
    def handled(self) -> bool:
        """Whether the event was confirmed."""
        return self.status == HANDLED

    @property
    def delay(self) -> float:
        """Seconds from the event to the request."""
        return self.began - self.happened


class Ledger:
    """Reads and writes the file."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._db = sqlite3.connect(path, timeout=_WAIT, isolation_level=None)
        # Processes are killed, and the machine is not: what is committed stays.
        self._db.executescript(f"PRAGMA journal_mode=WAL; PRAGMA synchronous=OFF; {_TABLES}")

    def close(self) -> None:
        """Close the file."""
        self._db.close()

    # --- what the consumer writes -------------------------------------------------------------------------------------

    def begin(self, event: Mapping[str, Any], replica: str, request_id: str) -> int:
        """Note an event of a request. Returns its number."""
        row = (
            *(replica, event["id"], event["subject"], event["type"], event["data"]["position"], event["sequence"]),
            *(datetime.fromisoformat(event["time"]).timestamp(), time(), request_id),
        )
        cursor = self._db.execute(
            "INSERT INTO request (replica, event_id, order_id, event_type, position, sequence, happened, began, "
            "request_id) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
            row,
        )
        return cursor.lastrowid or 0

    def end(self, numbers: Sequence[int], status: int | None) -> None:
        """Note the answer to a request: to its only event, or to all of a batch."""
        now = time()
        with self._db:
            self._db.execute("BEGIN")
            rows = [(now, status, number) for number in numbers]
            self._db.executemany("UPDATE request SET ended = ?, status = ? WHERE number = ?", rows)

    def go_astray(self, path: str) -> None:
        """Note a request to a path that nobody was given."""
        self._db.execute("INSERT INTO astray VALUES (?)", (path,))

    # --- what the consumer is told ------------------------------------------------------------------------------------

    @property
    def secret(self) -> str | None:
        """The secret of the subscription."""
        return self._told(_SECRET)

    @secret.setter
    def secret(self, secret: str) -> None:
        self._tell(_SECRET, secret)

    @property
    def manners(self) -> Manners:
        """How to behave."""
        return Manners(**json.loads(self._told(_MANNERS) or "{}"))

    @manners.setter
    def manners(self, manners: Manners) -> None:
        self._tell(_MANNERS, json.dumps(asdict(manners)))

    # --- what can be read ---------------------------------------------------------------------------------------------

    def requests(self) -> Sequence[Request]:
        """Return all requests in the order of arrival."""
        return [Request(*row) for row in self._db.execute("SELECT * FROM request ORDER BY number")]

    def handled(self) -> set[str]:
        """Return the ids of the events that were confirmed."""
        return {row[0] for row in self._db.execute("SELECT event_id FROM request WHERE status = ?", (HANDLED,))}

    def known(self, event_id: str) -> bool:
        """Return whether an event has come before."""
        [(known,)] = self._db.execute("SELECT EXISTS (SELECT * FROM request WHERE event_id = ?)", (event_id,))
        return bool(known)

    def astray(self) -> Sequence[str]:
        """Return the paths of requests that went elsewhere."""
        return [path for (path,) in self._db.execute("SELECT path FROM astray")]

    def _told(self, name: str) -> str | None:
        row = self._db.execute("SELECT value FROM told WHERE name = ?", (name,)).fetchone()
        return row and str(row[0])

    def _tell(self, name: str, value: str) -> None:
        self._db.execute("INSERT OR REPLACE INTO told VALUES (?, ?)", (name, value))


@contextmanager
def opened(path: Path) -> Iterator[Ledger]:
    """Open the ledger of a file, which is made if it is not there."""
    with closing(Ledger(path)) as ledger:
        yield ledger
