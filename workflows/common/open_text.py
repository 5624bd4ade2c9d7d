"""Texts that stay readable in Temporal, where all else is encrypted: nothing personal is in them."""

from typing import Any

from temporalio.api.common.v1 import Payload
from temporalio.converter import CompositePayloadConverter, DefaultPayloadConverter, JSONPlainPayloadConverter

OPEN = "open"
"""In the metadata of such a text."""


class OpenText(str):
    """A summary, for everybody who may look at an order in Temporal's Web UI."""

    __slots__ = ()


class _JsonPayloadConverter(JSONPlainPayloadConverter):
    def to_payload(self, value: Any) -> Payload | None:
        payload = super().to_payload(value)
        if payload is not None and isinstance(value, OpenText):
            payload.metadata[OPEN] = b"true"
        return payload


class OpenTextPayloadConverter(CompositePayloadConverter):
    """As the SDK's own, but that it marks open texts, for the codec to leave them alone."""

    def __init__(self) -> None:
        *others, _ = DefaultPayloadConverter.default_encoding_payload_converters
        super().__init__(*others, _JsonPayloadConverter())
