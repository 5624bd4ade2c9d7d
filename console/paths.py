"""Paths of things, in the console and in the API."""

from urllib.parse import quote


def path_of(collection: str, thing: str, act: str = "") -> str:
    """Return the path of a thing, or of an act on it. An id of a browser may hold any character."""
    return f"{collection}/{quote(thing, safe='')}{act and '/'}{act}"
