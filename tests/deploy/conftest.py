"""Fixtures for the tests of deploy/kubernetes."""

import json
import re
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from tests.deploy.kubernetes import OVERLAYS, Object, rendered


@pytest.fixture(params=OVERLAYS)
def objects(request: pytest.FixtureRequest) -> tuple[Object, ...]:
    return rendered(request.param)


@pytest.fixture(scope="session")
def validators() -> dict[str, Draft202012Validator]:
    definitions = {
        name: definition
        for file in sorted((Path(__file__).parent / "schemas").glob("*.json"))
        for name, definition in _own_names(file).items()
    }
    kinds = [name for name in definitions if name.isalpha()]
    return {
        kind: Draft202012Validator({"$ref": f"#/$defs/{kind}", "$defs": definitions})  # one set of names for all
        for kind in kinds
    }


def _own_names(file: Path) -> dict[str, Any]:
    """Return the file's definitions, with names that are unique across files, except for the kinds."""
    definitions: dict[str, Any] = json.loads(file.read_text())["$defs"]
    kinds = {name for name in definitions if re.fullmatch(r"(?!I[A-Z])[A-Z][A-Za-z]+", name)}
    text = json.dumps(definitions)
    renamed = re.sub(r'"#/\$defs/([^"]+)"', lambda found: f'"#/$defs/{file.stem}:{found[1]}"', text)
    return {(name if name in kinds else f"{file.stem}:{name}"): value for name, value in json.loads(renamed).items()}
