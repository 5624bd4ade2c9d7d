"""Encryption of what Temporal stores: inputs, results, messages, memos, texts of failures, and stack traces.

The algorithm is AES-256-GCM with a random nonce for each payload. There are two formats, and both are read:

1. The namespace and the key's id are authenticated, so that a payload of another namespace cannot be read.
2. The format's number, the namespace, the key's id and the workflow's id are authenticated: the payload is bound to a
   workflow and its activities. The number and the workflow's id are also in the metadata, for readers that are not
   told about a workflow.

Unencrypted payloads of earlier releases are read as well. `PayloadBinding` says which format is written, and what
is refused.

Ids, search attributes and the texts for Temporal's Web UI (`PlainText`, and the current details) are not encrypted.
None of them is personal.
"""

import copy
import hashlib
import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property, lru_cache
from typing import Any, Self

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from prometheus_client import Counter
from temporalio.api.common.v1 import Payload
from temporalio.api.sdk.v1 import WorkflowMetadata
from temporalio.client import Client
from temporalio.converter import (
    ActivitySerializationContext,
    DataConverter,
    DefaultFailureConverterWithEncodedAttributes,
    PayloadCodec,
    SerializationContext,
    WithSerializationContext,
    WorkflowSerializationContext,
)

from runtime.payload_binding import PayloadBinding, bound_id
from runtime.payload_keys import PayloadKeys
from runtime.plaintext_converter import PLAIN, REFUSED, SEALED, UNENCRYPTED, PlainTextPayloadConverter

ENCRYPTED = Counter(
    "payloads_encrypted", "Payloads that this process has encrypted, by the id of the key", ("key",), registry=None
)
"""Counts what uses a key up: with random nonces, it is good for 2**32 payloads.

All clients of a process count here. The process registers it with its metrics.
"""
REFUSALS = Counter(
    "payloads_refused",
    "Inputs and messages that this worker has refused because they are not bound to the workflow, by what they are",
    ("what",),
    registry=None,
)
"""`what` is `start`, `signal`, `update`, `activity` or `result`; or `forged`: altered, or bound to another workflow."""
for _what in ("start", "signal", "update", "activity", "result", "forged"):
    REFUSALS.labels(_what)  # so that an alert sees the first one
ENCODING = b"binary/encrypted"
KEY_ID = "encryption-key-id"
KEY_CHECK = "encryption-key-check"
"""Few bytes of a hash of the key: another key of the same id is a mistake of an operator, and no forgery."""
FORMAT = "encryption-format"
BOUND_TO = "bound-to"
_BOUND = b"2"
_NONCE_BYTES = 12
_WORKFLOW_METADATA = WorkflowMetadata.DESCRIPTOR.full_name.encode()
"""Message type with which a running workflow answers the Web UI. It contains the current details."""
_CHECK_BYTES = 4
CONVERTERS_KEPT = 500
"""Converters that are kept, each for one workflow. More workflows are seldom in motion in one process."""


class DecryptionError(Exception):
    """A payload cannot be decrypted: its key is unknown, or it was tampered with."""


class NotBound(DecryptionError):
    """A payload is not bound to the workflow that it is said to come from."""


class Encryption(PayloadCodec, WithSerializationContext):
    """Encrypts with the newest key, and decrypts with the key that was used.

    With a context, it binds payloads to the context's workflow, and checks whether they are bound to it. What it does
    with others depends on whom it decrypts for. A client gets an error. A worker would retry that error forever, so it
    gets the payload without a mark (see `domain.common.seals`), or a payload that the converter refuses.
    """

    def __init__(
        self,
        keys: PayloadKeys,
        namespace: str,
        binding: PayloadBinding = PayloadBinding.ACCEPT,
        *,
        worker: bool = False,
    ) -> None:
        self._ciphers = {key_id: AESGCM(key) for key_id, key in keys.by_id.items()}
        self._checks = {key_id: _check(key) for key_id, key in keys.by_id.items()}
        self._newest = keys.newest
        self._count = ENCRYPTED.labels(keys.newest)
        self._worker = worker
        self._workflow: str | None = None
        self.namespace = namespace
        self.binding = binding

    def with_context(self, context: SerializationContext) -> Self:
        """Return the encryption for the payloads of one workflow and its activities."""
        if not isinstance(context, WorkflowSerializationContext | ActivitySerializationContext):
            return self
        bound = copy.copy(self)
        bound._workflow = bound_id(context.workflow_id or "")
        return bound

    def for_worker(self) -> Self:
        """Return the encryption that a worker decrypts with."""
        encryption = copy.copy(self)
        encryption._worker = True
        return encryption

    async def encode(self, payloads: Sequence[Payload]) -> list[Payload]:
        """Encrypt all payloads except those that are marked as plain."""
        return [payload if _is_plain(payload) else self._encrypted(payload) for payload in payloads]

    async def decode(self, payloads: Sequence[Payload]) -> list[Payload]:
        """Decrypt the encrypted payloads.

        Raises:
            DecryptionError: a payload cannot be decrypted.
            NotBound: a payload is bound to another workflow or, if that is required, to none. Not for a worker.
        """
        return [self._read(payload) for payload in payloads]

    def _encrypted(self, payload: Payload) -> Payload:
        nonce, key_id = os.urandom(_NONCE_BYTES), self._newest
        self._count.inc()
        metadata = {"encoding": ENCODING, KEY_ID: key_id.encode()}
        if self._workflow is None or self.binding is PayloadBinding.ACCEPT:
            authenticated = self._of_namespace(key_id)
        else:
            metadata |= {KEY_CHECK: self._checks[key_id], FORMAT: _BOUND, BOUND_TO: self._workflow.encode()}
            authenticated = self._of_workflow(key_id, metadata[BOUND_TO])
        encrypted = self._ciphers[key_id].encrypt(nonce, payload.SerializeToString(), authenticated)
        return Payload(metadata=metadata, data=nonce + encrypted)

    def _read(self, payload: Payload) -> Payload:
        if payload.metadata.get("encoding") != ENCODING:
            return self._unbound(payload, UNENCRYPTED) if self._workflow is not None else payload
        if FORMAT not in payload.metadata:
            return self._of_format_1(payload)
        if payload.metadata[FORMAT] != _BOUND:
            raise DecryptionError("the payload has a format that only a newer release reads")
        return self._of_format_2(payload)

    def _of_format_1(self, payload: Payload) -> Payload:
        try:
            decrypted = self._decrypted(payload, self._of_namespace(self._key_of(payload)))
        except NotBound as error:
            if self._worker and self.binding is PayloadBinding.REQUIRE:
                return self._refused(error)
            raise
        return decrypted if self._workflow is None else self._unbound(decrypted, None)

    def _of_format_2(self, payload: Payload) -> Payload:
        bound_to = payload.metadata[BOUND_TO]
        if self._workflow is not None and bound_to != self._workflow.encode():
            return self._refused(NotBound("the payload is bound to another workflow"))
        key_id = self._key_of(payload)
        if payload.metadata[KEY_CHECK] != self._checks[key_id]:
            raise DecryptionError(f"the payload was encrypted with another key '{key_id}' than this process has")
        try:
            decrypted = self._decrypted(payload, self._of_workflow(key_id, bound_to))
        except NotBound as error:
            return self._refused(error)
        if self._worker:
            decrypted.metadata[SEALED] = b"true"
        return decrypted

    def _key_of(self, payload: Payload) -> str:
        key_id = payload.metadata[KEY_ID].decode("ascii", "replace")
        if key_id not in self._ciphers:
            raise DecryptionError(f"no payload key '{key_id[:64]}'; known keys: {', '.join(self._ciphers)}")
        return key_id

    def _decrypted(self, payload: Payload, authenticated: bytes) -> Payload:
        key_id, nonce, encrypted = self._key_of(payload), payload.data[:_NONCE_BYTES], payload.data[_NONCE_BYTES:]
        try:
            return Payload.FromString(self._ciphers[key_id].decrypt(nonce, encrypted, authenticated))
        except (InvalidTag, ValueError) as error:
            raise NotBound(f"not encrypted with this payload key '{key_id}' for this namespace and workflow") from error

    def _unbound(self, payload: Payload, mark: str | None) -> Payload:
        """Return a payload that is bound to nothing, without the marks that its sender may have made."""
        if not self._worker:
            if self.binding is PayloadBinding.REQUIRE:
                raise NotBound("the payload is bound to no workflow")
            return payload
        metadata = {key: value for key, value in payload.metadata.items() if key not in (SEALED, UNENCRYPTED)}
        return Payload(metadata=metadata | ({mark: b"true"} if mark else {}), data=payload.data)

    def _refused(self, error: NotBound) -> Payload:
        if not self._worker:
            raise error
        REFUSALS.labels("forged").inc()
        return Payload(metadata={"encoding": REFUSED})

    def _of_namespace(self, key_id: str) -> bytes:
        return f"{self.namespace}\n{key_id}".encode()

    def _of_workflow(self, key_id: str, workflow_id: bytes) -> bytes:
        # The id of the workflow comes last, because it is the only part that may contain a line break.
        return b"\n".join((_BOUND, self.namespace.encode(), key_id.encode(), workflow_id))


@dataclass(frozen=True)
class EncryptingConverter(DataConverter):
    """Data converter of which only the codec depends on the context of a payload.

    The SDK asks for the converter of a context more often than it converts. What its own method makes anew each time,
    this one keeps for the workflows of late.
    """

    def with_context(self, context: SerializationContext) -> Self:
        """Return the converter for the payloads of one workflow and its activities."""
        if not isinstance(context, WorkflowSerializationContext | ActivitySerializationContext):
            return self
        bound: Self = self._kept(context.namespace, context.workflow_id or "")
        return bound

    @cached_property
    def _kept(self) -> Callable[[str, str], Any]:
        return lru_cache(CONVERTERS_KEPT)(self._bound)

    def _bound(self, namespace: str, workflow_id: str) -> Self:
        codec = self.payload_codec
        if isinstance(codec, Encryption):
            codec = codec.with_context(WorkflowSerializationContext(namespace, workflow_id))
        return replace(self, payload_codec=codec)


def encrypting(keys: PayloadKeys, namespace: str, binding: PayloadBinding = PayloadBinding.ACCEPT) -> DataConverter:
    """Return the data converter of every client of the service."""
    return EncryptingConverter(
        payload_converter_class=PlainTextPayloadConverter,
        payload_codec=Encryption(keys, namespace, binding),
        failure_converter_class=DefaultFailureConverterWithEncodedAttributes,
    )


def for_worker(client: Client) -> Client:
    """Return a client for a worker, with the same connection. The worker never stumbles over a payload it refuses."""
    config = client.config()
    config["data_converter"] = worker_converter(client.data_converter)
    return Client(**config)


def worker_converter(converter: DataConverter) -> DataConverter:
    """Return the data converter of a worker whose client has this one."""
    codec = converter.payload_codec
    return replace(converter, payload_codec=codec.for_worker()) if isinstance(codec, Encryption) else converter


def count_refusal(what: str) -> None:
    """Count an input or a message that was refused."""
    REFUSALS.labels(what).inc()


def _check(key: bytes) -> bytes:
    return hashlib.blake2b(key, digest_size=_CHECK_BYTES, person=b"payload-key-id").hexdigest().encode()


def _is_plain(payload: Payload) -> bool:
    return PLAIN in payload.metadata or payload.metadata.get("messageType") == _WORKFLOW_METADATA
