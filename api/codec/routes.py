"""/codec: decrypts payloads of Temporal for those who may read them, in its Web UI and its CLI.

It implements Temporal's codec server protocol. The Web UI has another origin, which is the only one allowed by CORS.
"""

from collections.abc import Sequence
from typing import Annotated

from fastapi import APIRouter, Path, Request, Response
from starlette.middleware.cors import CORSMiddleware
from starlette.types import ASGIApp, Receive, Scope, Send
from temporalio.api.common.v1 import Payload

from api.codec.budget import EncodingBudget
from api.codec.schemas import FewPayloadsMessage, PayloadMessage, PayloadsMessage
from api.codec.subjects import subject_of
from api.dependencies import AppServices
from api.http.problems import ProblemType
from api.security.disclosures import disclosures_of
from api.security.openapi import problem_responses
from api.security.routing import LargeJsonRoute
from domain.common.errors import NotFound
from runtime.payload_codec import DecryptionError, Encryption

router = APIRouter(prefix="/codec", tags=["codec"], route_class=LargeJsonRoute)

Namespace = Annotated[str, Path(max_length=255)]
_CONVERTING = problem_responses(ProblemType.NOT_FOUND, ProblemType.NO_ANSWER_IN_TIME, body=True)


@router.post("/{namespace}/decode", response_model=PayloadsMessage, responses=_CONVERTING)
async def decode(request: Request, namespace: Namespace, given: PayloadsMessage, services: AppServices) -> Response:
    """Decrypt payloads. A payload that cannot be decrypted is returned unchanged."""
    encryption, disclosures = _of(namespace, services.get(Encryption)), disclosures_of(request)
    shown = []
    for payload in (each.payload() for each in given.payloads):
        shown.append(await _decrypted(encryption, payload))
        if shown[-1] != payload:
            subject = subject_of(shown[-1].data)
            disclosures.decrypt(subject.customer_id, subject.order_id, subject.workflow_id)
    return _response(shown)


@router.post("/{namespace}/encode", response_model=PayloadsMessage, responses=_CONVERTING)
async def encode(namespace: Namespace, given: FewPayloadsMessage, services: AppServices) -> Response:
    """Encrypt payloads, for the Web UI and the CLI to send. A process encrypts few a minute, whoever asks.

    They are bound to no workflow, so workflows refuse them with `PAYLOAD_BINDING=require`.
    """
    encryption = _of(namespace, services.get(Encryption))
    services.get(EncodingBudget).take(len(given.payloads))
    return _response(await encryption.encode([each.payload() for each in given.payloads]))


class CodecCors:
    """Allows pages of some origins to call `/codec`, and nothing else."""

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
        calls_codec = scope["type"] == "http" and scope["path"].startswith(f"{router.prefix}/")
        await (self._codec if calls_codec else self._app)(scope, receive, send)


def _of(namespace: str, encryption: Encryption) -> Encryption:
    if namespace != encryption.namespace:
        raise NotFound("this server has no such namespace")
    return encryption


async def _decrypted(encryption: Encryption, payload: Payload) -> Payload:
    try:
        (decrypted,) = await encryption.decode([payload])
    except DecryptionError:
        return payload
    return decrypted


def _response(payloads: Sequence[Payload]) -> Response:
    # Serialized here, because FastAPI would validate and copy each payload.
    message = PayloadsMessage.model_construct(payloads=[PayloadMessage.of(payload) for payload in payloads])
    return Response(message.model_dump_json(by_alias=True), media_type="application/json")
