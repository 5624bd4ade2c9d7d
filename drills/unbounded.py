"""The service as `make run` starts it, with an API that lacks one bound: `python -m drills.unbounded BOUND`.

These are the faults that `attack` plants.
"""

import argparse
import os
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import partial

from api.__main__ import main as serve
from api.http import bodies, problems, queries
from runtime import http_protocol
from runtime.settings import Settings
from runtime.temporal_client import run_and_end
from supervisor.main import supervise
from supervisor.part import Part, Service
from supervisor.service import service_of

_ENDLESS = 10**9


@dataclass(frozen=True)
class Bound:
    """A bound, and how to take it out of this process."""

    what: str
    remove: Callable[[], None]


def _without(module: object, *names: str) -> Callable[[], None]:
    """Return a function that makes numbers so large that they bound nothing."""

    def remove() -> None:
        for name in names:
            setattr(module, name, _ENDLESS)

    return remove


def _unset(variable: str) -> Callable[[], None]:
    """Return a function that sets a limit to 0, which is none."""
    return partial(os.environ.__setitem__, variable, "0")


BOUNDS: Mapping[str, Bound] = {
    "query-parameters": Bound("the query's parameters", _without(queries, "MOST_PARAMETERS", "MOST_OF_ONE_NAME")),
    "list-length": Bound("the values of a body", _without(bodies, "MOST_SEPARATORS", "MOST_VALUES")),
    "errors-reported": Bound("the errors that an answer names", _without(problems, "MOST_ERRORS")),
    "writing-deadline": Bound("the time until a client reads", _without(http_protocol, "WRITE_WITHIN")),
    "connections": Bound("the connections of an address", _unset("MAX_CONNECTIONS_PER_ADDRESS")),
    "pipelining": Bound("the requests that wait on a connection", _without(http_protocol, "MOST_PIPELINED")),
    "anonymous-rate": Bound("the requests of an address without a token", _unset("RATE_LIMIT_ANONYMOUS")),
}
"""By name."""


def main() -> None:
    """Run the service, or with `--api` only the API itself."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("bound", choices=BOUNDS)
    parser.add_argument("--api", action="store_true")
    given = parser.parse_args()
    if given.api:
        BOUNDS[given.bound].remove()
        run_and_end(serve)
    command = ("-m", "drills.unbounded", given.bound, "--api")
    sys.exit(supervise(_with_api(service_of(Settings()), command), None))


def _with_api(service: Service, command: tuple[str, ...]) -> Service:
    plan = [
        replace(item, command=(sys.executable, *command)) if isinstance(item, Part) and item.name == "api" else item
        for item in service.plan
    ]
    return replace(service, plan=plan)


if __name__ == "__main__":
    main()
