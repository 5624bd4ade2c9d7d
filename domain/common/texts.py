"""Texts: comparing what people write in more than one way, and marking what everybody may read."""

import unicodedata

LONGEST_TEXT = 200
"""Characters of a reason or a note; what reaches a workflow past the API is not bounded by it."""
_UNSTORABLE = ("Cc", "Cs")
"""Unicode's control characters and lone surrogates."""


def folded(text: str) -> str:
    """The same for texts that differ only in case, in width, in spacing, or in how Hangul is composed."""
    return " ".join(unicodedata.normalize("NFKC", text).casefold().split())


def bounded(text: str | None) -> str | None:
    """A text from outside, cut to what the API would have let through: no database refuses it."""
    if not text:
        return text
    return "".join(sign for sign in text[:LONGEST_TEXT] if unicodedata.category(sign) not in _UNSTORABLE)


class PlainText(str):
    """A text that stays readable in Temporal, where all else is encrypted: nothing personal may be in it."""

    __slots__ = ()
