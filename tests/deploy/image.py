"""The files that the Dockerfile copies into the image, from the Dockerfile and .dockerignore."""

import re
from fnmatch import fnmatch
from functools import cache
from pathlib import Path, PurePath

PROJECT = Path(__file__).parent.parent.parent
DOCKERFILE = (PROJECT / "Dockerfile").read_text()


@cache
def files() -> frozenset[PurePath]:
    """The project's files in the image, relative to the project and to the image's working directory."""
    copied = re.findall(r"^COPY (?!--from)(\S+) \S+$", DOCKERFILE, re.MULTILINE)
    found = {
        file
        for source in copied
        for place in PROJECT.glob(source)
        for file in ([place] if place.is_file() else place.rglob("*"))
        if file.is_file() and "requirements" not in source
    }
    return frozenset(path for file in found if not _ignored(path := file.relative_to(PROJECT)))


def _ignored(path: PurePath) -> bool:
    """Return whether a path is ignored. The last pattern that matches it, or one of its folders, decides."""
    ignored = False
    for line in (PROJECT / ".dockerignore").read_text().splitlines():
        pattern = line.removeprefix("!")
        if pattern and not line.startswith("#") and _matches(path, pattern):
            ignored = not line.startswith("!")
    return ignored


def _matches(path: PurePath, pattern: str) -> bool:
    places = [path, *path.parents[:-1]]
    if pattern.startswith("**/"):
        return any(fnmatch(place.name, pattern.removeprefix("**/")) for place in places)
    return any(len(place.parts) == len(PurePath(pattern).parts) and fnmatch(str(place), pattern) for place in places)
