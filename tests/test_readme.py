"""What documents promise in tables is there."""

import re
from pathlib import Path

import pytest

from api.security.permissions import RULES
from runtime.settings import Settings

README = (Path(__file__).parents[1] / "README.md").read_text(encoding="utf-8")
ACCESS = (Path(__file__).parents[1] / "docs" / "access.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("name", sorted(Settings.model_fields))
def test_every_setting_is_in_the_readme(name: str) -> None:
    assert f"`{name.upper()}`" in README


def test_the_scopes_of_services_are_those_of_the_routes() -> None:
    [told] = [line for line in ACCESS.splitlines() if line.startswith("| `scope` |")]

    assert sorted(re.findall(r"`(\w+:\w+)`", told)) == sorted({rule.scope for rule in RULES.values() if rule})
