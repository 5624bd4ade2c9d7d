"""What a drill counts as a look that was not answered."""

import asyncio
import time
from collections.abc import Callable
from itertools import chain, count, repeat

import pytest

from drills.stalls import Stalls
from tests.eventually import PATIENCE


def stand_still() -> None:
    """Stop the whole process, as a machine does."""
    time.sleep(0.7)


def no_stall() -> None:
    """Go on."""


@pytest.mark.parametrize(("meanwhile", "counts"), [(stand_still, [200]), (no_stall, [503, 200])])
async def test_a_look_counts_unless_the_machine_stood_still(meanwhile: Callable[[], None], counts: list[int]) -> None:
    stalls, answers, counted = Stalls(), iter((503, 200)), list[int]()

    async def look() -> int:
        await asyncio.sleep(0)
        status = next(answers)
        if status != 200:
            meanwhile()
        return status

    async with stalls.noticed():
        while counted[-1:] != [200]:
            counted.append(await stalls.answered(look))

    assert counted == counts


async def test_a_stall_excuses_only_the_looks_during_which_it_was() -> None:
    stalls, meanwhile, looks = Stalls(), chain([stand_still], repeat(no_stall)), count()

    async def refused() -> int:
        await asyncio.sleep(0)
        next(looks)
        next(meanwhile)()
        return 503

    # It would look for ever if the first stall excused every later look.
    async with stalls.noticed(), asyncio.timeout(PATIENCE):
        assert await stalls.answered(refused) == 503

    assert next(looks) > 1
