"""Load by the program siege: a number of clients, each with one request after the other."""

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
"""Seconds that siege may take in addition to its time."""


class SiegeFailure(Exception):
    """siege did not run to its end."""


@dataclass(frozen=True)
class Siege:
    """Result of siege, without requests in progress at its end."""

    seconds: float
    succeeded: int
    failed: int
    """Requests that were refused, answered with an error, or not answered."""
    mean_seconds: float
    longest_seconds: float

    @property
    def rate(self) -> float:
        """Successful requests per second."""
        return self.succeeded / self.seconds


async def besiege(*urls: str, clients: int, seconds: int, body: str | None = None) -> Siege:
    """Request URLs in turn for some seconds, with GET or, if a JSON body is given, with POST.

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
    _, brace, rest = output.partition(b"{")  # on a first run, siege prints a message about its home directory
    result = json.loads(brace + rest)
    return Siege(
        seconds=result["elapsed_time"],
        succeeded=result["transactions"],
        failed=result["failed_transactions"],
        mean_seconds=result["response_time"],
        longest_seconds=result["longest_transaction"],
    )
