"""The README and the pages on settings and roles agree with the code."""

import re
from datetime import time
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from api.security.permissions import SCOPES
from harness.readme_pictures import BOARD, DAY, FOLDER, MOST_BYTES
from runtime.settings import Settings

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")
CONFIGURATION = (ROOT / "docs" / "configuration.md").read_text(encoding="utf-8")
ACCESS = (ROOT / "docs" / "access.md").read_text(encoding="utf-8")


def rows_of_settings(document: str) -> dict[str, str]:
    """Return the lines of a table that begin with a variable, by variable."""
    lines = re.findall(r"^\| `([A-Z][A-Z_]+)` (\|.*)$", document, re.MULTILINE)
    assert len(dict(lines)) == len(lines), "a setting is there twice"
    return dict(lines)


def as_written(default: object) -> str:
    """Return a default as it would be set in the environment."""
    if default is None:
        return "unset"
    if default == "":
        return "empty"
    if isinstance(default, bool):
        return f"`{str(default).lower()}`"
    if isinstance(default, time):
        return f"`{default:%H:%M}`"
    if isinstance(default, ZoneInfo):
        return f"`{default.key}`"
    return f"`{default:g}`" if isinstance(default, float) and default < 1e6 else f"`{default}`"


def test_every_setting_is_on_the_page_of_the_settings_and_no_other() -> None:
    assert sorted(rows_of_settings(CONFIGURATION)) == sorted(name.upper() for name in Settings.model_fields)


@pytest.mark.parametrize("name", sorted(Settings.model_fields))
def test_the_default_of_every_setting_is_as_the_page_says(name: str) -> None:
    _, default, meaning, _ = (cell.strip() for cell in rows_of_settings(CONFIGURATION)[name.upper()].split("|"))

    assert default.split(" (")[0] == as_written(Settings.model_fields[name].default)
    assert meaning


def test_the_readme_has_the_ten_settings_that_one_needs_first_as_the_page_has_them() -> None:
    every, first = rows_of_settings(CONFIGURATION), rows_of_settings(README)

    assert first == {name: every[name] for name in first}
    assert len(first) == 10


def test_the_readme_shows_the_board_and_an_engineers_day_in_small_pictures() -> None:
    shown = re.findall(r'<img src="([^"]+)" width="\d+" alt="[^"]+">', README)

    assert [Path(each) for each in shown] == [FOLDER / BOARD, FOLDER / DAY]
    assert all((ROOT / each).stat().st_size <= MOST_BYTES for each in shown)


def test_the_readme_is_short() -> None:
    assert len(README.splitlines()) <= 250


def test_the_scopes_of_services_are_those_of_the_routes() -> None:
    [told] = [line for line in ACCESS.splitlines() if line.startswith("| `scope` |")]

    assert sorted(re.findall(r"`(\w+:\w+)`", told)) == sorted(SCOPES)
