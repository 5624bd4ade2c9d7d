"""Texts: normalization for comparison, limits for texts from outside, and texts that are not encrypted."""

import unicodedata

LONGEST_TEXT = 200
"""Maximum length of a reason or a note, in characters. Messages that bypass the API may be longer."""
_UNSTORABLE = ("Cc", "Cs")
"""Unicode's control characters and lone surrogates."""


def folded(text: str) -> str:
    """Normalize a text so that differences of case, width, spacing and Hangul composition disappear."""
    return " ".join(unicodedata.normalize("NFKC", text).casefold().split())


def bounded(text: str | None) -> str | None:
    """Cut a text from outside to what the API would have accepted, so that no database refuses it."""
    if not text:
        return text
    return "".join(sign for sign in text[:LONGEST_TEXT] if unicodedata.category(sign) not in _UNSTORABLE)


class PlainText(str):
    """Text that is not encrypted in Temporal, unlike all other values. It must not contain personal data."""

    __slots__ = ()
