"""One browser, and one service with orders in every state, for all tests of a process."""

import os
from collections.abc import AsyncIterator
from unittest import mock

import pytest
import pytest_asyncio
from playwright.async_api import Browser

from console.routing import RouteTable
from harness import screenshots
from harness.browser import PROGRAM, browser
from harness.picky_consumer import picky_consumer
from harness.showcase import Showcase, shown
from harness.stack import Stack, running
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
    async with browser() as started:
        yield started


@pytest_asyncio.fixture(scope="session", loop_scope="session")
@starts_processes()
async def stack(chromium: Browser) -> AsyncIterator[Stack]:
    """The service, as `make run` starts it."""
    environment = dict(os.environ)
    async with running("temporal", "migration", "worker", "api", "console", engineers=1) as stack:
        # Tests of other things in this process keep the environment that they had.
        with mock.patch.dict(os.environ, environment, clear=True):
            yield stack


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def showcase(stack: Stack) -> AsyncIterator[Showcase]:
    """Orders in every state."""
    async with picky_consumer() as consumer:
        yield await shown(stack.url, consumer)


@pytest.fixture(scope="session")
def table() -> RouteTable:
    """The routes of the console."""
    return screenshots.table()
