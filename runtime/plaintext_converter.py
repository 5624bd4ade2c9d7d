"""How values become payloads: as the SDK's own converter does it, but that texts for everybody are marked."""

from typing import Any

from temporalio.api.common.v1 import Payload
from temporalio.converter import CompositePayloadConverter, DefaultPayloadConverter, JSONPlainPayloadConverter

from domain.common.texts import PlainText

PLAIN = "open"
"""In the metadata of a `PlainText`, which the codec leaves as it is."""


class _JsonPayloadConverter(JSONPlainPayloadConverter):
    def to_payload(self, value: Any) -> Payload | None:
        payload = super().to_payload(value)
        if payload is not None and isinstance(value, PlainText):
            payload.metadata[PLAIN] = b"true"
        return payload


class PlainTextPayloadConverter(CompositePayloadConverter):
    """The SDK's default converter, which marks each `PlainText`."""

    def __init__(self) -> None:
        *others, _ = DefaultPayloadConverter.default_encoding_payload_converters
        super().__init__(*others, _JsonPayloadConverter())
