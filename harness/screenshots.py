"""`make screenshots`: pictures of every page of the console and every state of it, side by side in one document."""

import asyncio
import html
import sys
from collections.abc import Sequence
from pathlib import Path

from playwright.async_api import Browser

from console.app import create_app
from console.routing import RouteTable
from harness.browser import DESK, PHONE, browser
from harness.picky_consumer import picky_consumer
from harness.programs import ProgramMissing
from harness.showcase import shown
from harness.stack import running
from harness.views import View, gallery, starts, views
from runtime.key_files import new_key
from runtime.settings import Settings

FOLDER = Path("screenshots")
APPEARANCES = (PHONE, DESK)
_HEAD = """<!doctype html>
<html lang="en"><meta charset="utf-8"><title>Screenshots of the console</title>
<style>
body { font: 16px/1.5 system-ui, sans-serif; margin: 2rem; background: #e8eaee; color: #1c2430 }
section { margin-bottom: 3rem }
h2 { font-size: 1.1rem; position: sticky; top: 0; background: #e8eaee; margin: 0; padding: .5rem 0 }
div { display: flex; gap: 1.5rem; align-items: flex-start }
img { box-shadow: 0 1px 6px #0005; max-width: 100%; height: auto }
img.ko { width: 390px }
img.en { width: 960px }
</style>
<h1>Every page and state of the console</h1>
"""


def table() -> RouteTable:
    """Return the routes of the console."""
    app = create_app(Settings(console_session_keys=f"screenshots:{new_key()}"))
    routes: RouteTable = app.state.console.table
    return routes


async def take(folder: Path) -> list[str]:
    """Start the service, and take all pictures. Returns what went wrong in the browser.

    Raises:
        ProgramMissing: there is no browser.
    """
    parts = ("temporal", "migration", "worker", "api", "console")
    async with browser() as running_browser, running(*parts, engineers=1) as stack, picky_consumer() as consumer:
        routes = table()
        every = views(routes, await shown(stack.url, consumer))
        wrong = await _pictures(every, running_browser, stack.console_url, folder)
        await stack.kill("api")
        away = [view.called("away") for view in starts(routes, every)]
        wrong += await _pictures(away, running_browser, stack.console_url, folder)
    (folder / "index.html").write_text(_document([*every, *away]), encoding="utf-8")
    return wrong


async def _pictures(every: Sequence[View], running_browser: Browser, url: str, folder: Path) -> list[str]:
    wrong = []
    for appearance in APPEARANCES:
        async with gallery(running_browser, url, appearance) as pages:
            for view in every:
                await pages.show(view)
                await pages.window.page.screenshot(path=folder / _file(view, str(appearance)), full_page=True)
                wrong += [f"{view.name} ({appearance}): {error}" for error in pages.window.errors]
    return wrong


def _file(view: View, appearance: str) -> str:
    return f"{view.name}-{appearance}.png"


def _document(every: Sequence[View]) -> str:
    sections = []
    for view in every:
        images = "".join(
            f'<img class="{appearance.language}" src="{_file(view, str(appearance))}" loading="lazy" alt="">'
            for appearance in APPEARANCES
        )
        title = html.escape(f"{view.role}: {view.method} {view.route} ({view.state})")
        sections.append(f'<section id="{view.name}"><h2>{title}</h2><div>{images}</div></section>\n')
    return _HEAD + "".join(sections)


def main() -> None:
    """Take all pictures, and say where they are."""
    FOLDER.mkdir(exist_ok=True)
    for old in FOLDER.glob("*.png"):
        old.unlink()
    try:
        wrong = asyncio.run(take(FOLDER))
    except ProgramMissing as error:
        sys.exit(str(error))
    sys.stdout.write("".join(f"{one}\n" for one in wrong))
    sys.stdout.write(f"{(FOLDER / 'index.html').resolve()}\n")


if __name__ == "__main__":
    main()
