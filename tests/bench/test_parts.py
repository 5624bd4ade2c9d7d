"""Every part of the bench runs. What it uses changes with the service."""

import pytest

from bench.__main__ import PARTS

_OTHERS = ("console", "events")
"""Parts that have tests of their own."""


@pytest.mark.whole
@pytest.mark.usefixtures("processes")
@pytest.mark.parametrize("name", sorted(set(PARTS) - set(_OTHERS)))
async def test_a_part_of_the_bench_runs(name: str) -> None:
    found = await PARTS[name](quick=True)

    assert found.rows
    assert found.markdown()
