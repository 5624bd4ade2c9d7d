"""One browser for all tests of a process."""

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio
from playwright.async_api import Browser

from harness.browser import PROGRAM, browser
from tests.processes import starts_processes
from tests.programs import program


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Run these tests in the event loop of the browser."""
    for item in items:
        if item.path.is_relative_to(__file__.rpartition("/")[0]):
            item.add_marker(pytest.mark.asyncio(loop_scope="session"), append=False)


@pytest_asyncio.fixture(scope="session", loop_scope="session")
@starts_processes()
async def chromium() -> AsyncIterator[Browser]:
    """The browser. Skips the test if it is not installed, unless it is in `REQUIRE_PROGRAMS`."""
    program(PROGRAM)
    async with browser() as running:
        yield running
