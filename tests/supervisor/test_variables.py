"""Environment variables of a part."""

import os
from contextlib import closing
from pathlib import Path

import pytest

from supervisor.output import Log
from supervisor.process import Launcher

SAY = ("sh", "-c", 'echo "$OF_THE_USER, $OF_THE_PART"')


@pytest.mark.usefixtures("processes")
async def test_what_the_user_has_set_goes_before_what_a_part_adds(tmp_path: Path) -> None:
    environment = os.environ | {"OF_THE_USER": "as the user wants"}
    added = {"OF_THE_USER": "as the part has it", "OF_THE_PART": "added"}

    with closing(Launcher(tmp_path, environment)) as launcher, closing(Log(tmp_path, "part")) as log:
        process = await launcher.start("part", SAY, log, None, added)
        assert await process.end == 0

    assert "as the user wants, added" in (tmp_path / "part.log").read_text()
