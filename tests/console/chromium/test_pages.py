"""Every page of the route table, for every role and in every state: nothing is cut, split, untranslated or shut."""

from typing import get_args

import pytest
from playwright.async_api import Browser, Page

from console.routing import RouteTable
from harness.browser import DESK, PHONE, Appearance, Language, Theme
from harness.showcase import Showcase
from harness.stack import Stack
from harness.views import View, dealt, few, gallery, starts, views
from tests.console.chromium import appearance as check
from tests.whole import is_whole

EVERY = [
    Appearance(language, theme, width)
    for language in get_args(Language)
    for theme in get_args(Theme)
    for width in (PHONE.width, DESK.width)
]
USUAL = [PHONE, DESK]
SHOWN = EVERY if is_whole() else USUAL


def looked_at(every: list[View], shown: Appearance) -> list[View]:
    """Return the views for an appearance: each route, while its other states take turns.

    In the whole form, these turns are those of the unusual appearances, and the usual ones have every state.
    """
    if is_whole() and shown in USUAL:
        return every
    taking_turns = [each for each in SHOWN if each not in USUAL] or USUAL
    return dealt(few(every), len(taking_turns))[taking_turns.index(shown)]


async def findings(page: Page, shown: Appearance, entered: set[str]) -> list[str]:
    found = [
        *await check.shut_out(page),
        *await check.misplaced(page),
        *await check.untranslated(page, entered),
    ]
    if shown.width < DESK.width:
        return found + await check.misplaced_when_narrow(page)
    return found + await check.misplaced_with_large_text(page)


@pytest.mark.multiplied
@pytest.mark.parametrize("shown", SHOWN, ids=str)
async def test_every_page_is_whole_and_open_to_everybody(
    chromium: Browser, stack: Stack, showcase: Showcase, table: RouteTable, shown: Appearance
) -> None:
    pages = gallery(chromium, stack.console_url, shown)
    wrong: list[str] = []
    for view in looked_at(views(table, showcase), shown):
        async with pages.opened(view) as (window, answer):
            assert answer is not None
            found = await findings(window.page, shown, showcase.entered)
            found += window.errors
            if answer.status >= 500:
                found.append(f"answered {answer.status}")
        wrong += [f"{view.name}: {one}" for one in found]
    assert wrong == []


async def test_the_views_are_those_of_the_route_table(table: RouteTable, showcase: Showcase) -> None:
    every = views(table, showcase)
    seen = {(view.method, view.route, view.role) for shown in SHOWN for view in looked_at(every, shown)}
    for shown in SHOWN:
        assert {view.route for view in looked_at(every, shown)} == {view.route for view in every}
    for route in table.routes:
        if route.path.endswith(("/live", "/counts", ".csv", ".ics")) or route.path in ("/logout", "/preferences"):
            continue
        for role in route.roles or ["nobody"]:
            assert (route.method, route.path, role) in seen


async def test_pages_say_so_while_the_api_is_away(
    chromium: Browser, stack: Stack, showcase: Showcase, table: RouteTable
) -> None:
    seen = starts(table, views(table, showcase))
    assert seen
    pages = {shown: gallery(chromium, stack.console_url, shown) for shown in (PHONE, DESK)}
    for view in seen:  # people who were signed in before
        for each in pages.values():
            async with each.opened(view):
                pass
    await stack.kill("api")
    try:
        for view in seen:
            for shown, each in pages.items():
                async with each.opened(view) as (window, answer):
                    assert answer is not None
                    assert answer.status == 503
                    assert await findings(window.page, shown, showcase.entered) == []
                    assert window.errors == []
    finally:
        await stack.start("api")
