"""What the console adds to the packages that `make run` installs."""

import re
import tomllib
from importlib.metadata import distribution
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parents[2]
CONSOLE = {"authlib", "babel", "httpx2", "jinja2", "python-multipart", "rcssmin", "rjsmin"}
"""The packages that nothing but the console asks for. Of them, some come with others all the same."""
MOST_PACKAGES = 12
MOST_BYTES = 45_000_000
"""Of the files of the packages, as they are installed."""


def with_all_that_they_need(requirements: set[str]) -> set[str]:
    """Return packages by name, with all packages that they need here."""
    seen: set[tuple[str, frozenset[str]]] = set()
    waiting = [Requirement(requirement) for requirement in requirements]
    while waiting:
        requirement = waiting.pop()
        name, extras = canonicalize_name(requirement.name), frozenset(requirement.extras or {""})
        if (name, extras) in seen:
            continue
        seen.add((name, extras))
        waiting += [
            needed
            for needed in map(Requirement, distribution(name).requires or ())
            if needed.marker is None or any(needed.marker.evaluate({"extra": extra}) for extra in extras)
        ]
    return {name for name, _ in seen}


def test_the_console_adds_few_packages_to_those_that_are_installed_for_it() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    whole = set(project["dependencies"])
    others = {one for one in whole if canonicalize_name(Requirement(one).name) not in CONSOLE}
    assert len(whole) - len(others) == len(CONSOLE)
    added = with_all_that_they_need(whole) - with_all_that_they_need(others)
    lock = (ROOT / "requirements" / "service.txt").read_text(encoding="utf-8")
    locked = set(re.findall(r"^([a-z0-9-]+)==", lock, re.MULTILINE))
    installed = [Path(str(file.locate())) for name in added for file in distribution(name).files or ()]

    assert added <= locked
    assert len(added) <= MOST_PACKAGES
    assert sum(file.stat().st_size for file in installed if file.is_file() and file.suffix != ".pyc") <= MOST_BYTES
