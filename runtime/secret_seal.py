"""Secrets of subscriptions, encrypted for the database by the payload keys.

The algorithm is AES-256-GCM with a random nonce. The purpose, the subscription and the key's id are authenticated: a
secret that is copied to another subscription cannot be read there.
"""

import base64
import os
import secrets

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from runtime.payload_keys import PayloadKeys

_PREFIX = "whsec_"
_SECRET_BYTES = 32
_NONCE_BYTES = 12
_PURPOSE = "event-secret"


class SecretUnreadable(Exception):
    """A secret cannot be decrypted: its key is unknown, or it was tampered with."""


def new_secret() -> str:
    """Return a random secret, as Standard Webhooks writes it."""
    return f"{_PREFIX}{base64.b64encode(secrets.token_bytes(_SECRET_BYTES)).decode()}"


class SecretSeal:
    """Encrypts secrets with the newest key, and decrypts them with the key that was used."""

    def __init__(self, keys: PayloadKeys) -> None:
        self._ciphers = {key_id: AESGCM(key) for key_id, key in keys.by_id.items()}
        self._newest = keys.newest

    def seal(self, subscription_id: str, secret: str) -> str:
        """Return a secret as it is stored: the id of the key, and what is encrypted."""
        nonce = os.urandom(_NONCE_BYTES)
        sealed = self._ciphers[self._newest].encrypt(nonce, secret.encode(), _bound(subscription_id, self._newest))
        return f"{self._newest}:{base64.b64encode(nonce + sealed).decode()}"

    def open(self, subscription_id: str, sealed: str) -> str:
        """Return a secret.

        Raises:
            SecretUnreadable: no key of this process decrypts it.
        """
        key_id, _, encoded = sealed.partition(":")
        cipher = self._ciphers.get(key_id)
        if cipher is None:
            raise SecretUnreadable(
                f"no payload key '{key_id[:64]}' for a secret; known keys: {', '.join(self._ciphers)}"
            )
        try:
            content = base64.b64decode(encoded, validate=True)
            opened = cipher.decrypt(content[:_NONCE_BYTES], content[_NONCE_BYTES:], _bound(subscription_id, key_id))
        except (InvalidTag, ValueError) as error:
            raise SecretUnreadable(f"a secret is not encrypted with this key '{key_id}'") from error
        return opened.decode()

    def is_newest(self, sealed: str) -> bool:
        """Return whether a secret is encrypted with the newest key."""
        return sealed.startswith(f"{self._newest}:")


def _bound(subscription_id: str, key_id: str) -> bytes:
    return "\n".join((_PURPOSE, key_id, subscription_id)).encode()
