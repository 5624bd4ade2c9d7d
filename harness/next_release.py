"""A release of the console after this one: a copy of its sources in which every file that pages load is another one."""

import json
import shutil
import subprocess
import sys
from base64 import b64decode
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from harness.release_before import OURS, Checkout

_SOURCES = ("console", "domain", "observability", "runtime")
"""What a console consists of."""
_CHANGES = {
    ".css": ":root { --release: next }\n",
    ".js": 'globalThis.release = "next";\n',
    ".svg": "<!-- The next release. -->\n",
    ".webmanifest": "\n",
}
"""What is added to a file, by its type."""
_TELL = """
import json
from base64 import b64encode
from console.assets import Assets
assets = Assets()
contents = {name: b64encode(content).decode() for name, content in assets.contents.items()}
print(json.dumps({"version": assets.version, "contents": contents}))
"""
_TOLD_WITHIN = 120
"""Seconds."""


def next_release(folder: Path) -> Checkout:
    """Make the release in an empty folder. Only its console can be run."""
    for name in _SOURCES:
        shutil.copytree(OURS.directory / name, folder / name, ignore=shutil.ignore_patterns("__pycache__"))
    for file in _files_of(folder):
        file.write_text(file.read_text(encoding="utf-8") + _CHANGES[file.suffix], encoding="utf-8")
    return Checkout(folder, Path(sys.executable))


@dataclass(frozen=True)
class Files:
    """What the pages of a release load."""

    version: str
    """The version under which they name their files."""
    contents: Mapping[str, bytes]
    """What is sent, by the name of the file."""


def files_of(release: Checkout) -> Files:
    """Ask a release for its files.

    Raises:
        subprocess.SubprocessError: the release does not tell.
    """
    command = (str(release.python), "-c", _TELL)
    asked = subprocess.run(
        command, cwd=release.directory, capture_output=True, text=True, check=True, timeout=_TOLD_WITHIN
    )
    told = json.loads(asked.stdout)
    return Files(told["version"], {name: b64decode(content) for name, content in told["contents"].items()})


def _files_of(folder: Path) -> list[Path]:
    return [file for file in (folder / "console" / "assets").iterdir() if file.is_file() and file.suffix != ".py"]
