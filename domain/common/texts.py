"""Texts: normalization for comparison, limits for texts from outside, and texts that are not encrypted."""

import unicodedata

LONGEST_TEXT = 200
"""Maximum length of a reason or a note, in characters. Messages that bypass the API may be longer."""
_HIDDEN = ("Cc", "Cf", "Cs", "Zl", "Zp")
"""Unicode's categories of control characters, invisible formatting, lone surrogates, and separators of lines."""
_JOINERS = "\u200c\u200d"
"""Invisible characters that some scripts and emoji need."""


def folded(text: str) -> str:
    """Normalize a text so that differences of case, width, spacing and Hangul composition disappear."""
    return " ".join(unicodedata.normalize("NFKC", text).casefold().split())


def bounded(text: str | None) -> str | None:
    """Cut a text from outside to what the API would have accepted, so that it can be stored and read."""
    if not text:
        return text
    return "".join(sign for sign in text[:LONGEST_TEXT] if not is_hidden(sign))


def is_hidden(sign: str) -> bool:
    """Return whether a character is not seen, or changes how others are seen, as one that reverses their direction."""
    return unicodedata.category(sign) in _HIDDEN and sign not in _JOINERS


class PlainText(str):
    """Text that is not encrypted in Temporal, unlike all other values. It must not contain personal data."""

    __slots__ = ()
