"""Token issuer for development: a key pair in a directory. Only the directory's owner can make tokens."""

import json
import os
import tempfile
import time
from collections.abc import Mapping
from hashlib import sha256
from pathlib import Path
from typing import Any

import jwt
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, EllipticCurvePrivateKey, generate_private_key
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)
from jwt.algorithms import ECAlgorithm

ISSUER = "urn:subscription-orders:development"
AUDIENCE = "subscription-orders"
_PRIVATE = "issuer.pem"
_PUBLIC = "issuer_keys.json"


def publish(directory: Path) -> str:
    """Ensure that the directory has a key pair, and return the URL of the public keys."""
    jwk = _jwk(_private_key(directory))
    _write(directory / _PUBLIC, json.dumps({"keys": [jwk]}).encode(), 0o644).replace(directory / _PUBLIC)
    return keys_url(directory)


def keys_url(directory: Path) -> str:
    """Return the URL of the public keys (JWKS)."""
    return (directory / _PUBLIC).resolve().as_uri()


def is_in(directory: Path) -> bool:
    """Whether the directory has a key pair."""
    return (directory / _PRIVATE).exists()


def token(directory: Path, claims: Mapping[str, Any], hours: float) -> str:
    """Create a token with these claims that is valid for some hours. Unless they name regions, it is for all."""
    key = _private_key(directory)
    now = int(time.time())
    standard = {"iss": ISSUER, "aud": AUDIENCE, "iat": now, "nbf": now, "exp": now + int(hours * 3600)}
    return jwt.encode({**standard, "regions": ["*"], **claims}, key, "ES256", {"kid": _jwk(key)["kid"]})


def _private_key(directory: Path) -> EllipticCurvePrivateKey:
    file = directory / _PRIVATE
    if not file.exists():
        directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        new = generate_private_key(SECP256R1()).private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
        draft = _write(file, new, 0o600)
        try:
            os.link(draft, file)
        except FileExistsError:  # another process was first
            pass
        finally:
            draft.unlink()
    key = load_pem_private_key(file.read_bytes(), None)
    if not isinstance(key, EllipticCurvePrivateKey):
        raise ValueError(f"{file} is not a key of this program")
    return key


def _jwk(key: EllipticCurvePrivateKey) -> dict[str, Any]:
    jwk = ECAlgorithm.to_jwk(key.public_key(), as_dict=True)
    key_id = sha256(json.dumps(jwk, sort_keys=True).encode()).hexdigest()[:16]
    return {**jwk, "kid": key_id, "use": "sig", "alg": "ES256"}


def _write(file: Path, content: bytes, mode: int) -> Path:
    """Write a draft of the file next to it, and return its path."""
    descriptor, draft = tempfile.mkstemp(dir=file.parent)  # readable by its owner only
    with os.fdopen(descriptor, "wb") as opened:
        opened.write(content)
        os.fchmod(descriptor, mode)
    return Path(draft)
