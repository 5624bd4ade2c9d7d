"""Every page of the route table, for every role and in every state: nothing is cut, split, untranslated or shut."""

from http import HTTPStatus
from itertools import chain
from typing import get_args

import pytest
from playwright.async_api import Browser, Page, Response

from console.routing import RouteTable
from harness.browser import DESK, PHONE, Appearance, Language, Theme
from harness.showcase import Showcase
from harness.stack import Stack
from harness.views import Gallery, View, dealt, few, gallery, split, starts, views
from tests.console.chromium import appearance as check
from tests.eventually import soon
from tests.whole import is_whole

EVERY = [
    Appearance(language, theme, width)
    for language in get_args(Language)
    for theme in get_args(Theme)
    for width in (PHONE.width, DESK.width)
]
USUAL = [PHONE, DESK]
SHOWN = EVERY if is_whole() else USUAL
NO_INTERVALS = "window.setInterval = () => 0;"
"""A page that could not be shown does not load itself again while somebody looks at it."""


def looked_at(every: list[View], shown: Appearance) -> list[View]:
    """Return the views for an appearance. In the quick form, each view is in one of the usual appearances.

    In the whole form, the usual appearances have every state, and the others have each route, while its other states
    take turns.
    """
    if not is_whole():
        return split(few(every), len(USUAL))[USUAL.index(shown)]
    if shown in USUAL:
        return every
    taking_turns = [each for each in SHOWN if each not in USUAL]
    return dealt(few(every), len(taking_turns))[taking_turns.index(shown)]


async def shown_in_time(pages: Gallery, view: View) -> Response:
    """Show a view, and show it again while the service is too slow for it. Returns the answer."""

    async def answered() -> Response | None:
        answer = await pages.show(view)
        return None if answer is None or answer.status == HTTPStatus.SERVICE_UNAVAILABLE else answer

    answer = await soon(answered, every=0.5, what=view.name)
    assert answer is not None
    return answer


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
    wrong: list[str] = []
    async with gallery(chromium, stack.console_url, shown) as pages:
        await check.load_axe(pages.window.context)
        for view in looked_at(views(table, showcase), shown):
            answer = await shown_in_time(pages, view)
            found = await findings(pages.window.page, shown, showcase.entered)
            found += pages.window.errors_but_delays
            if answer.status >= 500:
                found.append(f"answered {answer.status}")
            wrong += [f"{view.name}: {one}" for one in found]
    assert wrong == []


@pytest.mark.multiplied
async def test_the_views_are_those_of_the_route_table(table: RouteTable, showcase: Showcase) -> None:
    every = views(table, showcase)
    parts = [looked_at(every, shown) for shown in SHOWN]
    for part in parts:
        if is_whole():
            assert {view.route for view in part} == {view.route for view in every}
        else:
            assert {view.state for view in part} >= {"full", "empty", "without-entries", "requested", "unknown"}
    seen = {(view.method, view.route, view.role) for view in chain(*parts)}
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
    async with (
        gallery(chromium, stack.console_url, PHONE) as on_phone,
        gallery(chromium, stack.console_url, DESK) as on_desk,
    ):
        pages = {PHONE: on_phone, DESK: on_desk}
        for each in pages.values():
            await check.load_axe(each.window.context)
            for view in seen:  # people who were signed in before
                await each.show(view)
            await each.window.context.add_init_script(NO_INTERVALS)
        await stack.kill("api")
        try:
            for view in seen:
                for shown, each in pages.items():
                    answer = await each.show(view)
                    assert answer is not None
                    assert answer.status == 503
                    assert await findings(each.window.page, shown, showcase.entered) == []
                    assert each.window.errors == []
        finally:
            await stack.start("api")
