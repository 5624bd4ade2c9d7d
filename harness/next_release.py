"""A release of the console after this one: a copy of its sources in which every file that pages load is another one."""

import shutil
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

from harness.release_before import OURS, Checkout

_SOURCES = ("console", "domain", "observability", "runtime")
"""What a console consists of."""
_CHANGES = {
    ".css": "/* The next release. */\n",
    ".js": "// The next release.\n",
    ".svg": "<!-- The next release. -->\n",
    ".webmanifest": "\n",
}
"""What is added to a file, by its type."""
_TELL_VERSION = "from console.assets import Assets; print(Assets().version)"
_TOLD_WITHIN = 120
"""Seconds."""


def next_release(folder: Path) -> Checkout:
    """Make the release in an empty folder. Only its console can be run."""
    for name in _SOURCES:
        shutil.copytree(OURS.directory / name, folder / name, ignore=shutil.ignore_patterns("__pycache__"))
    for file in _files_of(folder):
        file.write_text(file.read_text(encoding="utf-8") + _CHANGES[file.suffix], encoding="utf-8")
    return Checkout(folder, Path(sys.executable))


def files_of(release: Checkout) -> Mapping[str, bytes]:
    """Return the files that the pages of a release load, by name."""
    return {file.name: file.read_bytes() for file in _files_of(release.directory)}


def version_of(release: Checkout) -> str:
    """Return the version under which the pages of a release name their files.

    Raises:
        subprocess.SubprocessError: the release does not tell.
    """
    command = (str(release.python), "-c", _TELL_VERSION)
    told = subprocess.run(
        command, cwd=release.directory, capture_output=True, text=True, check=True, timeout=_TOLD_WITHIN
    )
    return told.stdout.strip()


def _files_of(folder: Path) -> list[Path]:
    return [file for file in (folder / "console" / "assets").iterdir() if file.is_file() and file.suffix != ".py"]
