"""Texts: comparing what people write in more than one way, and marking what everybody may read."""

import unicodedata


def folded(text: str) -> str:
    """The same for texts that differ only in case, in width, in spacing, or in how Hangul is composed."""
    return " ".join(unicodedata.normalize("NFKC", text).casefold().split())


class PlainText(str):
    """A text that stays readable in Temporal, where all else is encrypted: nothing personal may be in it."""

    __slots__ = ()
