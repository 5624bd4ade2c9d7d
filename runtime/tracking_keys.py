"""Tracking keys: they sign the tracking tokens of orders. The first key signs, all keys verify."""

from pathlib import Path

from runtime.key_rings import KeyRing


class TrackingKeys(KeyRing):
    """The keys of `TRACKING_KEYS`. A tracking token is good as long as its key is among them."""


def read_file(file: Path) -> TrackingKeys | None:
    """Return the keys in a file, or None if it does not exist.

    Raises:
        ValueError: as `TrackingKeys.parse`.
    """
    try:
        return TrackingKeys.parse(file.read_text(encoding="ascii"))
    except FileNotFoundError:
        return None
