"""`make quick` runs the tests that start no process. A test that starts one without declaring it always fails."""

import asyncio
import os
import subprocess
import sys

import pytest

from tests.processes import SERVER, ProcessRefused
from tests.servers import dev_server, time_skipping_server

NOTHING = [sys.executable, "-c", ""]


def test_a_test_that_does_not_say_so_starts_no_process(request: pytest.FixtureRequest) -> None:
    assert request.node.get_closest_marker(SERVER) is None
    with pytest.raises(ProcessRefused, match="test_a_test_that_does_not_say_so"):
        subprocess.run(NOTHING, check=True)
    with pytest.raises(ProcessRefused):
        os.system("true")  # noqa: S605, S607 - it is refused


async def test_nor_in_an_event_loop() -> None:
    with pytest.raises(ProcessRefused):
        await asyncio.create_subprocess_exec(*NOTHING)


async def test_nor_a_server_that_a_library_starts() -> None:
    with pytest.raises(ProcessRefused):
        await time_skipping_server().__aenter__()


def test_nor_the_real_server() -> None:
    with pytest.raises(ProcessRefused):
        dev_server().__enter__()


def test_what_says_so_is_marked_and_starts_processes(request: pytest.FixtureRequest, processes: None) -> None:
    assert request.node.get_closest_marker(SERVER) is not None
    subprocess.run(NOTHING, check=True)


@pytest.mark.parametrize("kind", ["sqlite", "mariadb"])
def test_a_kind_of_database_says_it_for_itself(request: pytest.FixtureRequest, kind: str) -> None:
    from tests.stores.conftest import _on_a_server

    assert _on_a_server(request.node) == (kind != "sqlite")
