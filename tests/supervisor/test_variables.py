"""Environment variables of a part."""

import os
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from runtime.settings import Settings
from supervisor.output import Log
from supervisor.part import Part
from supervisor.process import Launcher
from supervisor.service import plan

SAY = ("sh", "-c", 'echo "$OF_THE_USER, $OF_THE_PART"')


@pytest.mark.usefixtures("processes")
async def test_what_the_user_has_set_goes_before_what_a_part_adds(tmp_path: Path) -> None:
    environment = os.environ | {"OF_THE_USER": "as the user wants"}
    added = {"OF_THE_USER": "as the part has it", "OF_THE_PART": "added"}

    with closing(Launcher(tmp_path, environment)) as launcher, closing(Log(tmp_path, "part")) as log:
        process = await launcher.start("part", SAY, log, None, added)
        assert await process.end == 0

    assert "as the user wants, added" in (tmp_path / "part.log").read_text()


@pytest.mark.parametrize(
    ("given", "networks"),
    [
        ({}, "127.0.0.0/8,::1/128"),
        ({"auth_required": True}, None),
        ({"event_target_networks": "10.0.0.0/8"}, None),
    ],
)
def test_only_without_tokens_consumers_may_be_on_this_machine(given: dict[str, Any], networks: str | None) -> None:
    parts = {part.name: part for part in plan(Settings(**given)) if isinstance(part, Part)}

    for name in ("worker", "api"):
        assert parts[name].variables.get("EVENT_TARGET_NETWORKS") == networks
