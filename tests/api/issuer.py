"""A token issuer: its keys in a file that can change, and its valid and invalid tokens."""

import base64
import json
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

import jwt
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from jwt.algorithms import ECAlgorithm, RSAAlgorithm

from api.security.tokens import Trust

PrivateKey = rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey


@cache
def rsa_key(which: int = 0) -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(public_exponent=65537, key_size=2048)


@cache
def ec_key(which: int = 0) -> ec.EllipticCurvePrivateKey:
    return ec.generate_private_key(ec.SECP256R1())


def as_pem(key: PrivateKey) -> bytes:
    return key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)


def as_jwk(key_id: str, key: PrivateKey, **more: Any) -> dict[str, Any]:
    public: Any = key.public_key()
    algorithm = RSAAlgorithm if isinstance(key, rsa.RSAPrivateKey) else ECAlgorithm
    return {**algorithm.to_jwk(public, as_dict=True), "kid": key_id, **more}


@dataclass
class Issuer:
    """An issuer whose keys are in a file."""

    file: Path
    name: str = "https://issuer.example"
    audience: str = "orders"
    keys: dict[str, PrivateKey] = field(default_factory=lambda: {"one": ec_key()})

    def __post_init__(self) -> None:
        self.publish()

    @property
    def trust(self) -> Trust:
        return Trust(self.name, self.audience, self.file.as_uri())

    @property
    def settings(self) -> dict[str, Any]:
        """Settings of an API that trusts this issuer."""
        return {"auth_issuer": self.name, "auth_audience": self.audience, "auth_jwks_url": self.file.as_uri()}

    def publish(self) -> None:
        self.file.write_text(json.dumps({"keys": [as_jwk(key_id, key) for key_id, key in self.keys.items()]}))

    def claims(self, subject: str = "1", *roles: str, **more: Any) -> dict[str, Any]:
        """Return the claims of a valid token, for the whole country. A claim that is given as `None` is left out."""
        now = int(time.time())
        default = {"iss": self.name, "aud": self.audience, "sub": subject, "roles": list(roles), "regions": ["*"]}
        times = {"iat": now, "nbf": now, "exp": now + 600}
        said = {**default, **times, **more}
        return {name: value for name, value in said.items() if value is not None}

    def token(self, subject: str = "1", *roles: str, **more: Any) -> str:
        return self.sign(self.claims(subject, *roles, **more))

    def sign(self, claims: Mapping[str, Any], key_id: str = "one", **header: Any) -> str:
        key = self.keys[key_id]
        algorithm = "RS256" if isinstance(key, rsa.RSAPrivateKey) else "ES256"
        return jwt.encode(dict(claims), key, algorithm, {"kid": key_id, **header})


def unsigned(header: Mapping[str, Any], claims: Mapping[str, Any], signature: bytes = b"") -> str:
    """Assemble a token that no library would create."""
    parts = (json.dumps(header).encode(), json.dumps(claims).encode(), signature)
    return ".".join(base64.urlsafe_b64encode(part).rstrip(b"=").decode() for part in parts)
