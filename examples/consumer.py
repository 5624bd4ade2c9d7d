"""A consumer of events: it stores each event once, answers at once, and works on it afterwards.

It needs Python and `standardwebhooks`. It is set up by environment variables:

    EVENT_SECRET  the secret of the subscription
    EVENT_PORT    the port to listen on (9100)
    EVENT_INBOX   the file that keeps the events (events.db)
    EVENTS_URL    where it catches up at its start (http://127.0.0.1:8080/events)
    EVENTS_TOKEN  its access token, if the API requires one
"""

import json
import os
import sqlite3
import sys
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterable, Iterator
from contextlib import closing, contextmanager
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from standardwebhooks import Webhook, WebhookVerificationError

LARGEST = 1024 * 1024
"""Bytes of the largest body: a batch has up to 100 events."""


class Inbox:
    """The events that have come, each once, in a file. What is not done yet is done after a restart."""

    def __init__(self, path: str) -> None:
        self._path = path
        with self._open() as db:
            db.execute("CREATE TABLE IF NOT EXISTS event (source, id, document, done, PRIMARY KEY (source, id))")
            db.execute("CREATE TABLE IF NOT EXISTS read_up_to (position)")

    def add(self, events: Iterable[dict[str, Any]], position: str | None = None) -> None:
        """Store the events that are not known yet, and up to where `GET /events` was read, in one transaction."""
        rows = [(event["source"], event["id"], json.dumps(event)) for event in events]
        with self._open() as db:
            db.executemany("INSERT OR IGNORE INTO event VALUES (?, ?, ?, 0)", rows)
            if position is not None:
                db.execute("DELETE FROM read_up_to")
                db.execute("INSERT INTO read_up_to VALUES (?)", (position,))

    def position(self) -> str | None:
        """Return up to where `GET /events` was read."""
        with self._open() as db:
            row = db.execute("SELECT position FROM read_up_to").fetchone()
        return row and str(row[0])

    def work(self, handle: Callable[[dict[str, Any]], None]) -> None:
        """Handle the events that are not done, in the order in which they came."""
        with self._open() as db:
            rows = db.execute("SELECT rowid, document FROM event WHERE done = 0 ORDER BY rowid").fetchall()
        for number, document in rows:
            handle(json.loads(document))
            with self._open() as db:
                db.execute("UPDATE event SET done = 1 WHERE rowid = ?", (number,))

    @contextmanager
    def _open(self) -> Iterator[sqlite3.Connection]:
        with closing(sqlite3.connect(self._path, timeout=10)) as db, db:
            yield db


def catch_up(inbox: Inbox, fetch: Callable[[str], tuple[int, dict[str, Any]]]) -> None:
    """Read everything that `GET /events` has after the last time. `fetch` takes a query and returns the answer."""
    position, last = inbox.position(), None
    while position is None or position != last:
        status, page = fetch("?limit=500" + (f"&after={position}" if position else ""))
        if status == HTTPStatus.GONE:
            print(f"events before {page['oldest']} are lost; GET /orderStatuses has the orders", file=sys.stderr)
            position = page["oldest"]
            continue
        if status != HTTPStatus.OK:
            raise RuntimeError(f"GET /events: {status} {page.get('title')}")
        position, last = page["next"], page["last"]
        inbox.add(page["items"], position)


@contextmanager
def listening(inbox: Inbox, secret: str, port: int) -> Iterator[int]:
    """Receive events at a port, and yield it. Port 0 is any that is free."""
    webhook = Webhook(secret)

    class Receiver(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        timeout = 30

        def do_OPTIONS(self) -> None:
            """Consent to the handshake. Who may send is decided by the signature."""
            self._answer(HTTPStatus.OK, {"WebHook-Allowed-Origin": "*", "WebHook-Allowed-Rate": "*"})

        def do_POST(self) -> None:
            """Check the signature of the bytes as they came, store the events, and answer. Work is done later."""
            length = self.headers.get("Content-Length", "")
            if not length.isdecimal() or int(length) > LARGEST:
                # The body is not read, so nothing can follow it.
                return self._answer(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, {"Connection": "close"})
            body = self.rfile.read(int(length))
            try:
                sent = webhook.verify(body, dict(self.headers))
            except (WebhookVerificationError, ValueError):
                return self._answer(HTTPStatus.UNAUTHORIZED)
            try:
                # A batch is a list. All of its events are stored, or none.
                inbox.add(sent if isinstance(sent, list) else [sent])
            except (KeyError, TypeError):
                return self._answer(HTTPStatus.BAD_REQUEST)
            return self._answer(HTTPStatus.NO_CONTENT)

        def _answer(self, status: HTTPStatus, headers: dict[str, str] | None = None) -> None:
            self.send_response(status)
            for name, value in (headers or {}).items():
                self.send_header(name, value)
            if status != HTTPStatus.NO_CONTENT:
                self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_: object) -> None:
            """Log nothing: the inbox has what came."""

    with ThreadingHTTPServer(("127.0.0.1", port), Receiver) as server:
        server.daemon_threads = True
        thread = threading.Thread(target=server.serve_forever, args=(0.1,))
        thread.start()
        try:
            yield server.server_port
        finally:
            server.shutdown()
            thread.join()


def fetch(query: str) -> tuple[int, dict[str, Any]]:
    """Send `GET /events`."""
    url = os.environ.get("EVENTS_URL", "http://127.0.0.1:8080/events") + query
    token = os.environ.get("EVENTS_TOKEN")
    request = urllib.request.Request(url, headers={"Authorization": f"Bearer {token}"} if token else {})  # noqa: S310
    try:
        with urllib.request.urlopen(request, timeout=30) as answer:  # noqa: S310
            return answer.status, json.load(answer)
    except urllib.error.HTTPError as error:
        with error:
            return error.code, json.load(error)


def show(event: dict[str, Any]) -> None:
    """Work on an event: here, print it. This may be done twice if the process dies."""
    print(event["time"], event["type"], event["subject"], event["data"].get("status", ""), flush=True)


def main() -> None:
    """Catch up, then receive and work until the process is ended."""
    inbox = Inbox(os.environ.get("EVENT_INBOX", "events.db"))
    catch_up(inbox, fetch)
    with listening(inbox, os.environ["EVENT_SECRET"], int(os.environ.get("EVENT_PORT", "9100"))):
        while True:
            inbox.work(show)
            time.sleep(0.2)


if __name__ == "__main__":
    main()
