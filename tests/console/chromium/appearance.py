"""What can be seen on a page and be wrong: its layout, its language, and what shuts people out."""

import re
from pathlib import Path
from typing import Any

from axe_playwright_python.async_playwright import Axe  # type: ignore[import-untyped]
from playwright.async_api import BrowserContext, Page

_LAYOUT = Path(__file__).with_name("layout.js").read_text(encoding="utf-8")
_AXE = {
    "resultTypes": ["violations"],
    # `target-size` and other rules of WCAG 2.2 run only if their tag is named.
    "runOnly": {"type": "tag", "values": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]},
}
_RUN_AXE = "(options) => axe.run(options).then((found) => found.violations)"
"""Nobody reads what else it finds, and handing it over would take time on each page."""
_NARROW, _SMALLEST = 320, 640
_ENGLISH = re.compile(r"\b[A-Za-z]{2,}(?:\s+[A-Za-z]{2,}){2,}\b")
"""Three words in a row. Single ones may be names."""
_KOREAN = re.compile("[가-힣]+")
_TEXTS = """() => {
  const found = [];
  const languageOf = (element) => element.closest("[lang]")?.lang ?? "";
  const walker = document.createTreeWalker(document.documentElement, NodeFilter.SHOW_TEXT);
  for (let node = walker.nextNode(); node; node = walker.nextNode()) {
    const holder = node.parentElement;
    const text = node.data.trim();
    if (text && !holder.closest("script, style, template")) found.push([languageOf(holder), text]);
  }
  for (const name of ["aria-label", "title", "alt", "placeholder"]) {
    for (const one of document.querySelectorAll(`[${name}]`)) found.push([languageOf(one), one.getAttribute(name)]);
  }
  return found;
}"""


async def load_axe(context: BrowserContext) -> None:
    """Load axe into every document that is opened from now on."""
    await context.add_init_script(Axe().axe_script)


async def shut_out(page: Page) -> list[str]:
    """Return what axe finds by the rules of WCAG 2.2 AA, on a page with axe."""
    violations: list[dict[str, Any]] = await page.evaluate(_RUN_AXE, _AXE)
    return [
        f"axe {violation['id']}: {node['target']} {node['failureSummary']}"
        for violation in violations
        for node in violation["nodes"]
    ]


async def misplaced(page: Page) -> list[str]:
    """Return what is cut, split, overlapping or too wide in the window as it is."""
    found: list[str] = await page.evaluate(_LAYOUT)
    return found


async def misplaced_when_narrow(page: Page) -> list[str]:
    """Return the same for the narrowest phone."""
    return await _in_a_window(page, _NARROW, "")


async def misplaced_with_large_text(page: Page) -> list[str]:
    """Return the same for text of twice the size."""
    return await _in_a_window(page, _SMALLEST, "200%")


async def _in_a_window(page: Page, width: int, font_size: str) -> list[str]:
    before = page.viewport_size
    assert before is not None
    resize = "(size) => { document.documentElement.style.fontSize = size; }"
    await page.set_viewport_size({"width": width, "height": before["height"]})
    await page.evaluate(resize, font_size)
    try:
        return [f"{finding} ({width} px{font_size and ', '}{font_size})" for finding in await misplaced(page)]
    finally:
        await page.evaluate(resize, "")
        await page.set_viewport_size(before)


async def untranslated(page: Page, known: set[str]) -> list[str]:
    """Return the texts of a page in another language than the page's own.

    Args:
        page: The page.
        known: What people have entered, which is not translated.
    """
    found: list[tuple[str, str]] = await page.evaluate(_TEXTS)
    wrong = []
    for language, text in found:
        rest = text
        for entered in sorted(known, key=len, reverse=True):
            rest = rest.replace(entered, "")
        if (_ENGLISH if language == "ko" else _KOREAN).search(rest):
            wrong.append(f"not in {language}: “{text}”")
    return wrong
