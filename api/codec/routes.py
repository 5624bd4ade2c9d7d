"""/codec: shows what is encrypted in Temporal to those who may read it, in its Web UI and its CLI.

Temporal's codec server protocol. The Web UI's page is of another origin: it, and no other, may ask from a browser.
"""

from collections.abc import Sequence
from typing import Annotated

from fastapi import APIRouter, Path
from starlette.middleware.cors import CORSMiddleware
from starlette.types import ASGIApp, Receive, Scope, Send
from temporalio.api.common.v1 import Payload

from api.codec.schemas import PayloadMessage, PayloadsMessage
from api.dependencies import Everything
from api.http.problems import ProblemType
from api.security.openapi import problem_responses
from api.security.routing import LargeJsonRoute
from domain.common.errors import NotFound
from runtime.payload_codec import DecryptionError, Encryption

router = APIRouter(prefix="/codec", tags=["codec"], route_class=LargeJsonRoute)

Namespace = Annotated[str, Path(max_length=255)]


@router.post("/{namespace}/decode", responses=problem_responses(ProblemType.NOT_FOUND, body=True))
async def decode(namespace: Namespace, given: PayloadsMessage, services: Everything) -> PayloadsMessage:
    """Payloads as they were before they were encrypted; what cannot be decrypted, as it is."""
    encryption = _of(namespace, services.get(Encryption))
    return _message([await _decrypted(encryption, each.payload()) for each in given.payloads])


@router.post("/{namespace}/encode", responses=problem_responses(ProblemType.NOT_FOUND, body=True))
async def encode(namespace: Namespace, given: PayloadsMessage, services: Everything) -> PayloadsMessage:
    """Payloads encrypted, for the Web UI and the CLI to send."""
    encryption = _of(namespace, services.get(Encryption))
    return _message(await encryption.encode([each.payload() for each in given.payloads]))


class CodecCors:
    """Lets the pages of some origins ask `/codec`, and nothing else."""

    def __init__(self, app: ASGIApp, origins: Sequence[str]) -> None:
        self._app = app
        self._codec = CORSMiddleware(
            app,
            allow_origins=origins,
            allow_methods=["POST"],
            allow_headers=["Authorization", "Content-Type", "X-Namespace"],
        )

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve a request."""
        asks_codec = scope["type"] == "http" and scope["path"].startswith(f"{router.prefix}/")
        await (self._codec if asks_codec else self._app)(scope, receive, send)


def _of(namespace: str, encryption: Encryption) -> Encryption:
    if namespace != encryption.namespace:
        raise NotFound("there is no such namespace here")
    return encryption


async def _decrypted(encryption: Encryption, payload: Payload) -> Payload:
    try:
        (decrypted,) = await encryption.decode([payload])
    except DecryptionError:
        return payload
    return decrypted


def _message(payloads: Sequence[Payload]) -> PayloadsMessage:
    return PayloadsMessage.model_construct(payloads=[PayloadMessage.of(payload) for payload in payloads])
