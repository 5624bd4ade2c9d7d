"""Where the issuer of tokens may be, and its keys: whoever can answer there can make tokens."""

from ipaddress import ip_address
from urllib.parse import urlsplit


def is_loopback(host: str) -> bool:
    """Return whether only this machine can be reached by a host's name or address."""
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def check_issuer(issuer: str, keys: str | None) -> None:
    """Check the settings of an issuer. A `file:` URL of the keys is trusted, because the operator has named it.

    Raises:
        ValueError: somebody on the way could answer in the issuer's place, or nobody could be asked for its keys.
    """
    if keys is None and urlsplit(issuer).scheme not in ("https", "http"):
        raise ValueError("an AUTH_ISSUER that is not a URL needs AUTH_JWKS_URL")
    if urlsplit(issuer).scheme == "http" and not _is_guarded(issuer):
        raise ValueError("AUTH_ISSUER has to begin with https:// (http:// is only for an issuer on this machine)")
    if keys is not None and urlsplit(keys).scheme != "file":
        try:
            check_keys(keys, issuer)
        except ValueError as error:
            raise ValueError(f"AUTH_JWKS_URL: {error}") from None


def check_keys(url: str, issuer: str) -> None:
    """Check that keys may be fetched from a URL.

    Raises:
        ValueError: somebody on the way could answer with other keys, or it is not a web address.
    """
    if not _is_guarded(url):
        raise ValueError("keys are fetched by https:// (by http:// only from this machine)")
    if urlsplit(issuer).scheme == "https" and urlsplit(url).scheme != "https":
        raise ValueError("the keys of an issuer that begins with https:// are fetched by https://, too")


def _is_guarded(url: str) -> bool:
    """Return whether nobody on the way to a web address can answer in its place."""
    parts = urlsplit(url)
    host = parts.hostname or ""
    return (parts.scheme == "https" and host != "") or (parts.scheme == "http" and is_loopback(host))
