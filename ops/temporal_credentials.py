"""Make the certificates and tokens for Temporal and its clients: `python -m ops.temporal_credentials DIRECTORY`.

Two authorities, so that no client passes for one of Temporal's own services: one signs the certificate of the cluster,
the other those of its clients. A token says what its holder may do in the namespace. Each folder that is written is the
content of one Kubernetes Secret (docs/deployment.md):

- `cluster`: Temporal's own certificate, the authorities, the public key of the tokens;
- `client`: for the API, the workers and the promotion, which may write;
- `keda`: for KEDA, which may read.

Run it again to renew certificates and tokens. The authorities' keys, and that of the tokens, are made once; keep them
where no cluster has them.
"""

import argparse
import os
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, EllipticCurvePrivateKey, generate_private_key
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, load_pem_private_key
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from runtime import development_issuer

SERVERS: Final = (
    "temporal-cluster",
    *(
        f"{service}{domain}"
        for service in ("temporal-frontend", "temporal-internal-frontend")
        for domain in ("", ".temporal", ".temporal.svc", ".temporal.svc.cluster.local")
    ),
)
"""Names of Temporal's servers. The first is the one by which they know each other."""
AUDIENCE: Final = "temporal"
LASTS: Final = timedelta(days=397)
"""How long certificates and tokens are valid: renewed once a year, with a month to spare."""
_AUTHORITY_LASTS: Final = timedelta(days=3653)
_BEFORE: Final = timedelta(minutes=5)
"""Clocks may differ."""


class _Authority:
    """Signs certificates. Its key is made once, and its certificate with it."""

    def __init__(self, directory: Path, name: str) -> None:
        key, certificate = directory / f"{name}_ca.key", directory / f"{name}_ca.crt"
        if not key.exists():
            made = generate_private_key(SECP256R1())
            subject = _name(f"{name} of Temporal")
            signed = (
                _builder(subject, subject, made, _AUTHORITY_LASTS)
                .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
                .add_extension(_usage(authority=True), critical=True)
                .sign(made, SHA256())
            )
            _write(certificate, signed.public_bytes(Encoding.PEM))
            _write(key, _pem(made))
        loaded = load_pem_private_key(key.read_bytes(), None)
        if not isinstance(loaded, EllipticCurvePrivateKey):
            raise ValueError(f"{key} is not a key of this program")
        self._key = loaded
        self.pem = certificate.read_bytes()
        self._subject = x509.load_pem_x509_certificate(self.pem).subject

    def issue(self, folder: Path, name: str, servers: tuple[str, ...] = ()) -> None:
        """Write `tls.key` and `tls.crt` of a client. With names of servers, it is a server as well."""
        key = generate_private_key(SECP256R1())
        purposes = [ExtendedKeyUsageOID.CLIENT_AUTH, *([ExtendedKeyUsageOID.SERVER_AUTH] if servers else [])]
        own = x509.AuthorityKeyIdentifier.from_issuer_public_key(self._key.public_key())
        certificate = (
            _builder(_name(name), self._subject, key, LASTS)
            .add_extension(_usage(authority=False), critical=True)
            .add_extension(x509.ExtendedKeyUsage(purposes), critical=False)
            .add_extension(own, critical=False)
        )
        if servers:
            names = x509.SubjectAlternativeName([x509.DNSName(server) for server in servers])
            certificate = certificate.add_extension(names, critical=False)
        _write(folder / "tls.key", _pem(key))
        _write(folder / "tls.crt", certificate.sign(self._key, SHA256()).public_bytes(Encoding.PEM))


def make(directory: Path, namespace: str) -> None:
    """Write all folders. Keys that are there are kept; certificates and tokens are renewed."""
    for folder in ("cluster", "client", "keda"):
        (directory / folder).mkdir(mode=0o700, parents=True, exist_ok=True)
    cluster, clients = _Authority(directory, "cluster"), _Authority(directory, "clients")
    cluster.issue(directory / "cluster", SERVERS[0], SERVERS)
    _write(directory / "cluster" / "ca.crt", cluster.pem)
    _write(directory / "cluster" / "clients_ca.crt", clients.pem)
    development_issuer.publish(directory)  # a pair of keys in a directory is all that this needs, too
    _write(directory / "cluster" / "tokens.json", (directory / "issuer_keys.json").read_bytes())
    for folder, role in (("client", "write"), ("keda", "read")):
        clients.issue(directory / folder, folder)
        _write(directory / folder / "ca.crt", cluster.pem)
        claims = {"iss": "temporal-credentials", "aud": AUDIENCE, "sub": folder, "permissions": [f"{namespace}:{role}"]}
        token = development_issuer.token(directory, claims, LASTS / timedelta(hours=1))
        _write(directory / folder / "api_key", token.encode())
        # A file for Temporal's SDK, so that no environment has the token.
        _write(directory / folder / "client.toml", f'[profile.default]\napi_key = "{token}"\n'.encode())


def _builder(
    subject: x509.Name, issuer: x509.Name, key: EllipticCurvePrivateKey, lasts: timedelta
) -> x509.CertificateBuilder:
    now = datetime.now(UTC)
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - _BEFORE)
        .not_valid_after(now + lasts)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
    )


def _usage(*, authority: bool) -> x509.KeyUsage:
    """Return what a key is for: an authority's signs certificates, another's proves who has it."""
    return x509.KeyUsage(
        digital_signature=not authority,
        key_cert_sign=authority,
        crl_sign=authority,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        encipher_only=False,
        decipher_only=False,
    )


def _name(common: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common)])


def _pem(key: EllipticCurvePrivateKey) -> bytes:
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())


def _write(file: Path, content: bytes) -> None:
    """Write a file for its owner alone, whole or not at all."""
    draft = file.with_name(f"{file.name}.draft")
    draft.unlink(missing_ok=True)
    with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as opened:
        opened.write(content)
    draft.replace(file)


def main() -> None:
    """Make or renew the credentials."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("directory", type=Path, help="where they are written, such as secrets/temporal")
    parser.add_argument("--namespace", default="orders", help="Temporal's namespace (default: orders)")
    given = parser.parse_args()
    make(given.directory, given.namespace)
    print(f"{given.directory}: valid until {datetime.now(UTC) + LASTS:%Y-%m-%d}")


if __name__ == "__main__":
    main()
