"""Encryption of what Temporal stores: inputs, results, messages, memos, texts of failures, and stack traces.

The algorithm is AES-256-GCM with a random nonce for each payload. The namespace and the key's id are authenticated,
so that a payload of another namespace cannot be read. Unencrypted payloads of earlier releases are read unchanged.

Ids, search attributes and the texts for Temporal's Web UI (`PlainText`, and the current details) are not encrypted.
None of them is personal.
"""

import os
from collections.abc import Sequence

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from prometheus_client import Counter
from temporalio.api.common.v1 import Payload
from temporalio.api.sdk.v1 import WorkflowMetadata
from temporalio.converter import DataConverter, DefaultFailureConverterWithEncodedAttributes, PayloadCodec

from runtime.payload_keys import PayloadKeys
from runtime.plaintext_converter import PLAIN, PlainTextPayloadConverter

ENCRYPTED = Counter(
    "payloads_encrypted", "Payloads that this process has encrypted, by the id of the key", ("key",), registry=None
)
"""Counts what uses a key up: with random nonces, it is good for 2**32 payloads.

All clients of a process count here. The process registers it with its metrics.
"""
ENCODING = b"binary/encrypted"
KEY_ID = "encryption-key-id"
_NONCE_BYTES = 12
_WORKFLOW_METADATA = WorkflowMetadata.DESCRIPTOR.full_name.encode()
"""Message type with which a running workflow answers the Web UI. It contains the current details."""


class DecryptionError(Exception):
    """A payload cannot be decrypted: its key is unknown, or it was tampered with."""


class Encryption(PayloadCodec):
    """Encrypts with the newest key, and decrypts with the key that was used."""

    def __init__(self, keys: PayloadKeys, namespace: str) -> None:
        self._ciphers = {key_id: AESGCM(key) for key_id, key in keys.by_id.items()}
        self._newest = keys.newest
        self._count = ENCRYPTED.labels(keys.newest)
        self.namespace = namespace

    async def encode(self, payloads: Sequence[Payload]) -> list[Payload]:
        """Encrypt all payloads except those that are marked as plain."""
        return [payload if _is_plain(payload) else self._encrypted(payload) for payload in payloads]

    async def decode(self, payloads: Sequence[Payload]) -> list[Payload]:
        """Decrypt the encrypted payloads.

        Raises:
            DecryptionError: a payload cannot be decrypted.
        """
        return [self._decrypted(payload) if _is_encrypted(payload) else payload for payload in payloads]

    def _encrypted(self, payload: Payload) -> Payload:
        nonce = os.urandom(_NONCE_BYTES)
        key_id = self._newest
        self._count.inc()
        sealed = self._ciphers[key_id].encrypt(nonce, payload.SerializeToString(), self._bound_to(key_id))
        return Payload(metadata={"encoding": ENCODING, KEY_ID: key_id.encode()}, data=nonce + sealed)

    def _decrypted(self, payload: Payload) -> Payload:
        key_id = payload.metadata[KEY_ID].decode("ascii", "replace")
        if key_id not in self._ciphers:
            raise DecryptionError(f"no payload key '{key_id[:64]}'; known keys: {', '.join(self._ciphers)}")
        nonce, sealed = payload.data[:_NONCE_BYTES], payload.data[_NONCE_BYTES:]
        try:
            return Payload.FromString(self._ciphers[key_id].decrypt(nonce, sealed, self._bound_to(key_id)))
        except (InvalidTag, ValueError) as error:
            raise DecryptionError(f"not encrypted with this payload key '{key_id}' for this namespace") from error

    def _bound_to(self, key_id: str) -> bytes:
        return f"{self.namespace}\n{key_id}".encode()


def encrypting(keys: PayloadKeys, namespace: str) -> DataConverter:
    """Return the data converter of every client and worker of the service."""
    return DataConverter(
        payload_converter_class=PlainTextPayloadConverter,
        payload_codec=Encryption(keys, namespace),
        failure_converter_class=DefaultFailureConverterWithEncodedAttributes,
    )


def _is_encrypted(payload: Payload) -> bool:
    return payload.metadata.get("encoding") == ENCODING


def _is_plain(payload: Payload) -> bool:
    return PLAIN in payload.metadata or payload.metadata.get("messageType") == _WORKFLOW_METADATA
