"""Payloads as Temporal's Web UI and CLI send them: protobuf's JSON, with all bytes in base64.

The first invalid payload ends the validation, because there may be many of them.
"""

import base64
import binascii
from typing import Annotated

from pydantic import BeforeValidator, FailFast, Field, PlainSerializer, WithJsonSchema
from temporalio.api.common.v1 import Payload

from api.codec.budget import PAYLOADS_PER_MINUTE
from api.http.fields import RequestBody

_BASE64 = r"^([A-Za-z0-9+/]{4})*([A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$"


def _decoded(text: str | bytes) -> bytes:
    try:
        return base64.b64decode(text, validate=True)
    except (binascii.Error, TypeError, ValueError):
        raise ValueError("must be base64") from None


def _encoded(data: bytes) -> str:
    return base64.b64encode(data).decode()


Bytes = Annotated[
    bytes,
    BeforeValidator(_decoded),
    PlainSerializer(_encoded),
    WithJsonSchema({"type": "string", "contentEncoding": "base64", "pattern": _BASE64}),
]


class PayloadMessage(RequestBody):
    """`temporal.api.common.v1.Payload`."""

    metadata: Annotated[dict[str, Bytes], Field(max_length=20), FailFast()] = Field({})
    data: Bytes = b""

    @classmethod
    def of(cls, payload: Payload) -> "PayloadMessage":
        """Make the message from a payload."""
        return cls.model_construct(metadata=dict(payload.metadata), data=payload.data)

    def payload(self) -> Payload:
        """Return the payload."""
        return Payload(metadata=self.metadata, data=self.data)


class PayloadsMessage(RequestBody):
    """`temporal.api.common.v1.Payloads`."""

    payloads: Annotated[list[PayloadMessage], Field(max_length=1000), FailFast()] = Field([])


class FewPayloadsMessage(PayloadsMessage):
    """Payloads to encrypt, as many as people send by hand."""

    payloads: Annotated[list[PayloadMessage], Field(max_length=PAYLOADS_PER_MINUTE), FailFast()] = Field([])
