"""URLs of the parts, for programs on this machine."""

from ipaddress import ip_address

LOCAL = "127.0.0.1"


def url(host: str, port: int) -> str:
    """Return the URL of a program that listens on this host and port."""
    try:
        address = ip_address(host)
    except ValueError:
        return f"http://{host}:{port}"
    if address.is_unspecified:
        return f"http://{LOCAL if address.version == 4 else '[::1]'}:{port}"
    return f"http://{host if address.version == 4 else f'[{host}]'}:{port}"
