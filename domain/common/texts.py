"""Texts that people write in more than one way."""

import unicodedata


def folded(text: str) -> str:
    """The same for texts that differ only in case, in width, in spacing, or in how Hangul is composed."""
    return " ".join(unicodedata.normalize("NFKC", text).casefold().split())
