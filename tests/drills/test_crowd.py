"""A drill comes to its verdict, whatever becomes of the crowd that uses the service."""

import asyncio
from functools import partial
from random import Random
from uuid import uuid4

import pytest
from httpx2 import AsyncClient, MockTransport, Request, Response

from drills import crowd as crowds
from drills.crowd import Crowd
from drills.drill import Drill
from drills.people import People, insist
from harness.waiting import soon


def of(status: int) -> Crowd:
    """Return a crowd whose every request is answered with a status, and whose orders are with another engineer then."""

    async def answer(_: Request) -> Response:
        row = {"orderId": uuid4().hex, "status": "INSTALLATION_REQUESTED", "engineerId": uuid4().hex}
        return Response(status, json=row)

    people = People(AsyncClient(transport=MockTransport(answer), base_url="http://api.example"))
    return Crowd([people], Random(1), pause=0)  # noqa: S311 - chance, not a secret


async def test_who_was_answered_until_the_end_passes() -> None:
    drill, crowd = Drill("a drill"), of(200)

    async def used() -> bool:
        return crowd.ways.total() > 3

    async with crowd.at_work(2, drill):
        await soon(used)

    assert drill.passed
    assert f"({dict(crowd.ways)})" in drill.report()


async def test_who_was_never_answered_is_a_failed_check_and_the_rest_of_the_drill_goes_on(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(crowds, "insist", partial(insist, within=0))
    drill, crowd, before = Drill("a drill"), of(503), asyncio.all_tasks()
    went_on = False

    async def nobody_is_left() -> bool:
        return asyncio.all_tasks() == before

    async with crowd.at_work(2, drill):
        await soon(nobody_is_left)
        went_on = True

    assert went_on
    assert not drill.passed
    assert "✗ everybody was answered in the end (ExceptionGroup" in drill.report()
    assert "a definite answer" in drill.report()
