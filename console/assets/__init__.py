"""The files that pages load: stylesheet and script. Nothing comes from another site.

The sources are for people; browsers get them without comments and spaces.

A page names them under the version of its release. During a roll-out, a replica is asked for files of another release:
it answers with its own, so that every page is styled, and tells the browser not to keep them.
"""

import gzip
from collections.abc import Callable, Mapping
from functools import cache
from hashlib import sha256
from pathlib import Path

from rcssmin import cssmin  # type: ignore[import-untyped]
from rjsmin import jsmin  # type: ignore[import-untyped]
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

_FOLDER = Path(__file__).parent
_TYPES = {
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".svg": "image/svg+xml",
    ".webmanifest": "application/manifest+json",
}
_MINIFIED: Mapping[str, Callable[[bytes], bytes]] = {".css": cssmin, ".js": jsmin}
_FOR_GOOD = "public, max-age=31536000, immutable"


class Assets:
    """The files. See `read`."""

    def __init__(self) -> None:
        self.contents = {file.name: _read(file) for file in sorted(_FOLDER.iterdir()) if file.suffix in _TYPES}
        """What is sent, by the name of the file."""
        self._packed = {name: gzip.compress(content, mtime=0) for name, content in self.contents.items()}
        self.version = sha256(b"".join(self.contents.values())).hexdigest()[:12]

    def path_of(self, name: str) -> str:
        """Return the path under which a page names a file."""
        if name not in self.contents:
            raise KeyError(name)
        return f"/assets/{self.version}/{name}"

    @property
    def route(self) -> Route:
        """The route that serves them."""
        return Route("/assets/{version}/{name}", self._serve, methods=["GET"])

    async def _serve(self, request: Request) -> Response:
        name = request.path_params["name"]
        if name not in self.contents:
            raise HTTPException(404)
        own = request.path_params["version"] == self.version
        headers = {"Cache-Control": _FOR_GOOD if own else "no-store", "Vary": "Accept-Encoding"}
        content = self.contents[name]
        if "gzip" in request.headers.get("Accept-Encoding", ""):
            content = self._packed[name]
            headers["Content-Encoding"] = "gzip"
        return Response(content, headers=headers, media_type=_TYPES[Path(name).suffix])


def _read(file: Path) -> bytes:
    content = file.read_bytes()
    minify = _MINIFIED.get(file.suffix)
    return minify(content) if minify else content


@cache
def read() -> Assets:
    """Read, minify and compress the files, once in a process."""
    return Assets()
