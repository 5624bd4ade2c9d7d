"""What the costliest invalid requests cost a running API: processor time, and the size of the answer."""

import json
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from http import HTTPStatus
from math import inf
from operator import itemgetter

from api.http.bodies import LARGEST_BODY
from drills.attack_waves import Requests
from harness.costly_requests import costly_requests
from harness.http_client import Answer, Connection, connections
from harness.process_usage import processor_seconds
from harness.supervised import Supervised

_PLAIN = "/orderStatuses?limit=50"
_PAYLOADS = 6
"""Number of requests as costly as which one with a body of payloads may be."""
_PLAIN_TIMES, _TIMES = 50, 2
_SCOPES = (
    "orders:read orders:write installations:read installations:write orderStatuses:read managementCenters:read "
    "managementCenters:write personalData:erase audit:read codec:decode codec:encode metrics:read"
)
_NAMED = {"namespace": "default"}
_NOTHING = "nothing"
"""Id of what a request names. So it changes nothing, even if it is not refused as a whole."""


@dataclass(frozen=True)
class Cost:
    """What one costly request costs."""

    of: str
    """Its route, and what there is too much of."""
    times: float
    """Processor time of the API, as a multiple of that for a page of orders. Infinite if it is not answered.

    A body of payloads, which may have 2 MiB, counts a sixth."""
    size: int = 0
    """Bytes of the answer."""
    errors: int = 0
    """Errors that the answer names."""


async def costs(service: Supervised, requests: Requests) -> Sequence[Cost]:
    """Send each costly request some times, while nobody else asks. The first one that is not answered ends it."""
    token = requests.token("service", "costs", scope=_SCOPES)
    found: list[Cost] = []
    async with connections((service.settings.api_host, service.settings.api_port), 1) as [connection]:
        scale = _Scale(connection, service.pid("api") or 0, token)
        document = (await connection.request("GET", "/openapi.json", token=token)).document()
        plain, _ = await scale.weigh("GET", _PLAIN, times=_PLAIN_TIMES)
        for costly in costly_requests(document):
            what = f"{costly.route}, {costly.kind}"
            target = costly.target(defaultdict(lambda: _NOTHING, _NAMED))
            try:
                # The least counts: what the API does in the background is no cost of the request.
                seconds, answer = min(
                    [await scale.weigh(costly.method, target, costly.body) for _ in range(_TIMES)], key=itemgetter(0)
                )
            except (ConnectionError, TimeoutError, FileNotFoundError):
                return [*found, Cost(what, inf)]
            share = _PAYLOADS if len(costly.body or b"") > LARGEST_BODY else 1
            found.append(Cost(what, seconds / plain / share, len(answer.body), _errors(answer)))
    return found


@dataclass(frozen=True)
class _Scale:
    """Weighs requests by the processor time of the API's process."""

    connection: Connection
    pid: int
    token: str

    async def weigh(
        self, method: str, target: str, body: bytes | None = None, *, times: int = 1
    ) -> tuple[float, Answer]:
        """Return the processor time of a request, in seconds, and the last answer."""
        before = processor_seconds(self.pid)
        for _ in range(times):
            answer = await self.connection.request(method, target, body, self.token)
        return (processor_seconds(self.pid) - before) / times, answer


def _errors(answer: Answer) -> int:
    """Return the number of errors that an answer names."""
    if answer.status != HTTPStatus.UNPROCESSABLE_ENTITY:
        return 0
    return len(json.loads(answer.body).get("errors", ()))
