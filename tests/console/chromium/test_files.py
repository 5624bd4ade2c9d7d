"""What browsers get of a file means what is written in it."""

import re
from pathlib import Path

import pytest
from playwright.async_api import Browser

from console import assets
from harness.browser import DESK, window

FOLDER = Path(assets.__file__).parent
RULES = "() => [...document.styleSheets].map((sheet) => [...sheet.cssRules].map((rule) => rule.cssText))"


@pytest.mark.parametrize("name", ["console.css", "engineers.css"])
async def test_a_stylesheet_without_comments_and_spaces_has_the_same_rules(chromium: Browser, name: str) -> None:
    """The minifier takes some spaces for needless that are none: that of `.table :is(th, td)` outside of `@media`."""
    styles = (FOLDER / name).read_text(encoding="utf-8"), assets.read().contents[name].decode()
    async with window(chromium, "http://localhost", DESK) as opened:
        await opened.page.set_content("".join(f"<style>{style}</style>" for style in styles))
        written, sent = await opened.page.evaluate(RULES)

    assert len(styles[1]) < len(styles[0])
    assert len(written) >= 1
    assert [spaced(rule) for rule in sent] == [spaced(rule) for rule in written]


def spaced(rule: str) -> str:
    """Return a rule with the same spaces in the values of its variables, which browsers leave as they are written."""
    return re.sub(r"\s*([,/])\s*", r"\1", rule)
