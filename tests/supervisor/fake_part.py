"""A part without a purpose: serves `/health/ready` and `/health/live`, and behaves as it is told.

`fake_part.py NAME PORT JOURNAL BEHAVIOR`; it adds a line to the journal for each thing that happens to it. Behaviors:
`dies` at once, `patient` (ready once there is a file `go` beside the journal), `stumbles` (two of three probes of its
liveness fail), `stubborn` (does not stop when asked), `talkative` (writes more than a pipe holds before it serves).
"""

import signal
import sys
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from types import FrameType


def main(name: str, port: int, journal: Path, behavior: str) -> None:
    def note(what: str) -> None:
        with journal.open("a", encoding="utf-8") as lines:
            lines.write(f"{name} {what}\n")

    probes = 0

    class Health(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            well = behavior != "patient" or journal.with_name("go").exists()
            if not well:
                note("not ready")
            if behavior == "stumbles" and self.path == "/health/live":
                nonlocal probes
                probes += 1
                well = probes % 3 == 0
                note("lives" if well else "stumbles")
            self.send_response_only(200 if well else 503)
            self.end_headers()

    server = HTTPServer(("127.0.0.1", port), Health)

    def stop(_: int, __: FrameType | None) -> None:
        note("asked to stop")
        if behavior != "stubborn":
            threading.Thread(target=server.shutdown).start()

    signal.signal(signal.SIGTERM, stop)
    note("started")
    sys.stdout.write(f"the fake {name} speaks\n" * (20_000 if behavior == "talkative" else 1))
    if behavior == "dies":
        sys.exit(3)
    with server:
        server.serve_forever(poll_interval=0.05)
    note("stopped")


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), Path(sys.argv[3]), sys.argv[4])
