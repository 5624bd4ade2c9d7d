"""Cost of the costliest invalid requests, compared with the cost of a valid request of the same size.

A service sends them, because it may use every operation.
"""

import os
from collections import defaultdict
from collections.abc import Container, Mapping, Sequence
from functools import partial
from time import perf_counter

from google.protobuf.json_format import MessageToJson
from temporalio.api.common.v1 import Payloads
from temporalio.converter import DataConverter

from api.security.permissions import SCOPES
from api.security.principals import Role
from bench.report import Aim, Measurement
from bench.turns import Side, compare
from harness.costly_requests import CostlyRequest, costly_requests
from harness.http_client import Connection
from harness.stack import Stack
from runtime import development_issuer

_TRIES = 3
_NOTHING = "x"
"""An id that nothing has."""
_CODEC = "/codec/{namespace}/decode"
_PAYLOADS, _BYTES = 1000, 1400
"""Payloads of the largest valid request, and the bytes of each before they are encrypted."""
_AIM = 1.0
_VALID, _WRONG = frozenset({200}), frozenset({400, 404, 413, 422})
"""The statuses of the answers."""

Request = tuple[str, str, bytes | None]


async def measure(running: Stack, connection: Connection, found: Measurement, *, blocks: int, seconds: float) -> None:
    """Add the rows and aims of the costliest request to the codec, and of the costliest other one."""
    scopes = " ".join(sorted(SCOPES))
    claims = {"sub": "bench", "roles": [Role.SERVICE.value], "scope": scopes}
    token = development_issuer.token(running.settings.data_dir, claims, hours=1)
    named = defaultdict(lambda: _NOTHING, namespace=running.client.namespace)
    document: Mapping[str, object] = (await connection.request("GET", "/openapi.json")).document()
    wrong = list(costly_requests(document))
    payloads = [one for one in wrong if one.route.startswith("POST /codec/")]
    others = [one for one in wrong if not one.route.startswith("POST /codec/")]

    async def send(request: Request, expected: Container[int]) -> None:
        answer = await connection.request(*request, token=token)
        if answer.status not in expected:
            raise RuntimeError(f"{request[0]} {request[1][:100]} was answered with {answer.status}")

    for valid, request, candidates in (
        ("/orderStatuses, a page of 50", ("GET", "/orderStatuses?limit=50", None), others),
        (
            f"/codec, {_PAYLOADS} payloads to decrypt",
            ("POST", _CODEC.format_map(named), await _largest_payloads(running.client.data_converter)),
            payloads,
        ),
    ):
        costliest = await _costliest(connection, token, named, candidates)
        sides = (
            Side(valid, partial(send, request, _VALID)),
            Side(f"{costliest.route}, wrong: {costliest.kind}", partial(send, _request(costliest, named), _WRONG)),
        )
        await compare(running, sides, 1, blocks=blocks, seconds=seconds)
        found.rows += [side.row(1, "requests/s") for side in sides]
        right, costly = (side.cpu["api"] / len(side.took) for side in sides)
        found.aims.append(
            Aim(f"the costliest wrong request: CPU time of the API, by that of {valid}", costly / right, _AIM)
        )


async def _costliest(
    connection: Connection, token: str, named: Mapping[str, str], candidates: Sequence[CostlyRequest]
) -> CostlyRequest:
    """Return the request that takes longest when nothing else is sent."""
    took = []
    for number, one in enumerate(candidates):
        tries = []
        for _ in range(_TRIES):
            began = perf_counter()
            await connection.request(*_request(one, named), token=token)
            tries.append(perf_counter() - began)
        took.append((min(tries), number))
    return candidates[max(took)[1]]


def _request(costly: CostlyRequest, named: Mapping[str, str]) -> Request:
    return costly.method, costly.target(named), costly.body


async def _largest_payloads(converter: DataConverter) -> bytes:
    """Return a body of nearly 2 MiB, as the Web UI sends it to see what is in a workflow."""
    payloads = Payloads(payloads=await converter.encode([os.urandom(_BYTES) for _ in range(_PAYLOADS)]))
    return MessageToJson(payloads, indent=None).encode()
