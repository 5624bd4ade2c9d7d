"""siege, which is what the load of the drills comes from: so many clients, each with one request after the other."""

import asyncio
import json
import tempfile
from asyncio.subprocess import DEVNULL, PIPE
from dataclasses import dataclass
from pathlib import Path

from harness.programs import needed

_SETTINGS = """\
verbose = false
json_output = true
logging = false
show-logfile = false
parser = false
delay = 0
timeout = 30
failures = 1000000
connection = close
"""
_ENDS_WITHIN = 60.0
"""Seconds beyond its time."""


class SiegeFailure(Exception):
    """siege did not run to its end."""


@dataclass(frozen=True)
class Siege:
    """What siege says of its requests; those under way at its end are not among them."""

    seconds: float
    succeeded: int
    failed: int
    """Refused, answered with an error, or not answered."""
    mean_seconds: float
    longest_seconds: float

    @property
    def rate(self) -> float:
        """Successful requests per second."""
        return self.succeeded / self.seconds


async def besiege(*urls: str, clients: int, seconds: int, body: str | None = None) -> Siege:
    """Load URLs, one after the other, for so many seconds: with GET, or with POST of a JSON body.

    Raises:
        ProgramMissing: siege is not installed.
        SiegeFailure: it did not run to its end.
    """
    targets = [url if body is None else f"{url} POST {body}" for url in urls]
    with tempfile.TemporaryDirectory(prefix="siege-") as home:
        settings = Path(home) / "siegerc"
        settings.write_text(_SETTINGS, encoding="utf-8")
        listed = Path(home) / "urls"
        listed.write_text("".join(f"{target}\n" for target in targets), encoding="utf-8")
        load = [f"-c{clients}", f"-t{seconds}S", "--content-type", "application/json"]
        process = await asyncio.create_subprocess_exec(
            needed("siege"),
            "-R",
            str(settings),
            "-f",
            str(listed),
            *load,
            stdout=PIPE,
            stderr=DEVNULL,
            env={"HOME": home},
        )
        try:
            async with asyncio.timeout(seconds + _ENDS_WITHIN):
                output, _ = await process.communicate()
        except TimeoutError:
            raise SiegeFailure("siege did not end in time") from None
        finally:
            if process.returncode is None:
                process.kill()
                await process.wait()
    if process.returncode:
        raise SiegeFailure(f"siege ended with {process.returncode}")
    return _read(output)


def _read(output: bytes) -> Siege:
    _, brace, rest = output.partition(b"{")  # a first run greets its new home
    said = json.loads(brace + rest)
    return Siege(
        seconds=said["elapsed_time"],
        succeeded=said["transactions"],
        failed=said["failed_transactions"],
        mean_seconds=said["response_time"],
        longest_seconds=said["longest_transaction"],
    )
