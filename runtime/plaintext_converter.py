"""Payload converter: the SDK's default one with marks, and with a faster one for dataclasses.

It marks texts that are not to be encrypted, and values of payloads that are bound to their reader. It refuses payloads
that the codec has found to be forged, and unencrypted ones that are no value of the expected type.
"""

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import is_dataclass
from functools import cache
from typing import Any, NoReturn

from pydantic import TypeAdapter, ValidationError
from pydantic_core import PydanticSerializationError, to_json
from temporalio.api.common.v1 import Payload
from temporalio.converter import (
    CompositePayloadConverter,
    DefaultPayloadConverter,
    EncodingPayloadConverter,
    JSONPlainPayloadConverter,
)
from temporalio.exceptions import ApplicationError

from domain.common.seals import MALFORMED_MESSAGE, sealed
from domain.common.texts import PlainText

PLAIN = "open"
"""Key in the metadata of a `PlainText`. The codec does not encrypt such payloads."""
SEALED = "sealed"
"""Key in the metadata of a decrypted payload that is bound to its reader. It is never stored."""
UNENCRYPTED = "unencrypted"
"""Key in the metadata of a payload that was not encrypted. It is never stored."""
REFUSED = b"binary/refused"
"""Encoding that the codec gives to a payload that nobody may read."""


class _JsonPayloadConverter(JSONPlainPayloadConverter):
    """Has pydantic write and read dataclasses, which takes a thirtieth of the SDK's time.

    The SDK does what pydantic refuses, such as half a surrogate pair. Histories may contain it. Pydantic takes more
    forms of times, such as seconds since 1970, and writes `Z` for UTC, where the SDK writes `+00:00`.
    """

    def from_payload(self, payload: Payload, type_hint: type | None = None) -> Any:
        if is_dataclass(type_hint):
            with suppress(ValidationError):
                return _reader(type_hint).validate_json(payload.data, strict=True)
        return super().from_payload(payload, type_hint)

    def to_payload(self, value: Any) -> Payload | None:
        if is_dataclass(value):
            with suppress(PydanticSerializationError):
                return Payload(metadata={"encoding": self.encoding.encode()}, data=to_json(value))
        payload = super().to_payload(value)
        if payload is not None and isinstance(value, PlainText):
            payload.metadata[PLAIN] = b"true"
        return payload


@cache
def _reader(of: type) -> TypeAdapter[Any]:
    return TypeAdapter(of)


class _RefusingPayloadConverter(EncodingPayloadConverter):
    @property
    def encoding(self) -> str:
        return REFUSED.decode()

    def to_payload(self, value: Any) -> None:  # noqa: ARG002 - as every converter has it
        return None

    def from_payload(self, payload: Payload, type_hint: type | None = None) -> NoReturn:  # noqa: ARG002
        raise _refusal("it was altered, or is bound to another workflow")


_OTHERS = DefaultPayloadConverter.default_encoding_payload_converters[:-1]
_CONVERTERS = (*_OTHERS, _JsonPayloadConverter(), _RefusingPayloadConverter())
"""Converters of all workflows: the SDK makes a payload converter each time that it runs one."""


class PlainTextPayloadConverter(CompositePayloadConverter):
    """The SDK's default converter, extended."""

    def __init__(self) -> None:
        super().__init__(*_CONVERTERS)

    def from_payloads(self, payloads: Sequence[Payload], type_hints: list[type] | None = None) -> list[Any]:
        """Convert payloads to values.

        Raises:
            ApplicationError: a payload is refused. It ends a workflow whose input it is, drops a signal and refuses an
                update. Another error in the input would be retried forever.
        """
        try:
            values = super().from_payloads(payloads, type_hints)
        except ApplicationError:
            raise
        except Exception as error:
            if any(UNENCRYPTED in payload.metadata for payload in payloads):
                raise _refusal("it is not encrypted, and no such value") from error
            raise
        if any(_is_no_value(value, payload) for payload, value in zip(payloads, values, strict=True)):
            raise _refusal("it is not encrypted, and no such value")
        return [
            sealed(value) if SEALED in payload.metadata else value
            for payload, value in zip(payloads, values, strict=True)
        ]


def _is_no_value(value: Any, payload: Payload) -> bool:
    # The SDK hands on bytes whatever type is expected. No message of ours has any.
    return UNENCRYPTED in payload.metadata and isinstance(value, bytes)


def _refusal(reason: str) -> ApplicationError:
    return ApplicationError(f"the payload is refused: {reason}", type=MALFORMED_MESSAGE, non_retryable=True)
