"""Payload converter: like the SDK's default converter, except that it marks texts that are not to be encrypted."""

from typing import Any

from temporalio.api.common.v1 import Payload
from temporalio.converter import CompositePayloadConverter, DefaultPayloadConverter, JSONPlainPayloadConverter

from domain.common.texts import PlainText

PLAIN = "open"
"""Key in the metadata of a `PlainText`. The codec does not encrypt such payloads."""


class _JsonPayloadConverter(JSONPlainPayloadConverter):
    def to_payload(self, value: Any) -> Payload | None:
        payload = super().to_payload(value)
        if payload is not None and isinstance(value, PlainText):
            payload.metadata[PLAIN] = b"true"
        return payload


class PlainTextPayloadConverter(CompositePayloadConverter):
    """The SDK's default converter, extended so that it marks each `PlainText`."""

    def __init__(self) -> None:
        *others, _ = DefaultPayloadConverter.default_encoding_payload_converters
        super().__init__(*others, _JsonPayloadConverter())
