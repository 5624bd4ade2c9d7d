"""A browser without a window, Debian's Chromium, that keeps everything that goes wrong on a page."""

import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any, Literal

from playwright.async_api import Browser, BrowserContext, ConsoleMessage, Page, Response, async_playwright

from harness.programs import needed
from harness.waiting import PATIENCE

PROGRAM = "chromium-headless-shell"
"""The package of Debian has the same name."""
Language = Literal["ko", "en"]
Theme = Literal["light", "dark"]
_STATUS = "Failed to load resource: the server responded with a status of"
_REPORT_VIOLATIONS = """
document.addEventListener("securitypolicyviolation", (event) =>
  console.error(`content security policy: ${event.violatedDirective} ${event.blockedURI} ${event.sample}`));
"""


@dataclass(frozen=True)
class Appearance:
    """How a browser shows pages."""

    language: Language
    theme: Theme
    width: int
    """CSS pixels."""
    height: int = 800

    def __str__(self) -> str:
        return f"{self.language}-{self.width}-{self.theme}"


PHONE = Appearance("ko", "dark", 390)
DESK = Appearance("en", "light", 1280)


@dataclass
class Window:
    """One page, in a browser of its own: no cookies but its own."""

    page: Page
    context: BrowserContext
    errors: list[str] = field(default_factory=list)
    """Errors in the browser's console, violations of the security policy, exceptions, and files that are missing.

    The status of the page itself is no error.
    """

    @property
    def errors_but_delays(self) -> list[str]:
        """The errors, without what a running service was too slow for: pages ask for that again."""
        return [error for error in self.errors if not error.startswith(f"{HTTPStatus.SERVICE_UNAVAILABLE} of")]

    def watch(self) -> None:
        """Begin to keep what goes wrong."""
        self.page.on("console", self._message)
        self.page.on("pageerror", lambda error: self.errors.append(f"exception: {error}"))
        self.page.on("response", self._response)

    def _message(self, message: ConsoleMessage) -> None:
        # The browser says this of pages, too; `_response` does so of everything else.
        if message.type in ("error", "warning") and not message.text.startswith(_STATUS):
            self.errors.append(f"{message.type}: {message.text}")

    def _response(self, response: Response) -> None:
        if response.status >= 400 and not response.request.is_navigation_request():
            self.errors.append(f"{response.status} of {response.url}")


@asynccontextmanager
async def browser() -> AsyncIterator[Browser]:
    """Run a browser.

    Raises:
        ProgramMissing: it is not installed.
    """
    program = needed(PROGRAM)
    # As root, which containers often use, Chromium does not start with its sandbox.
    arguments = ["--no-sandbox"] if os.geteuid() == 0 else []
    async with async_playwright() as playwright:
        running = await playwright.chromium.launch(
            executable_path=program, args=arguments, timeout=PATIENCE * 1000, handle_sigint=False
        )
        try:
            yield running
        finally:
            await running.close()


@asynccontextmanager
async def window(running: Browser, base_url: str, appearance: Appearance, **options: Any) -> AsyncIterator[Window]:
    """Open a page with cookies of its own. `options` are those of Playwright's `new_context`."""
    context = await running.new_context(
        base_url=base_url,
        locale={"ko": "ko-KR", "en": "en-US"}[appearance.language],
        timezone_id="Asia/Seoul",
        color_scheme=appearance.theme,
        reduced_motion="reduce",
        viewport={"width": appearance.width, "height": appearance.height},
        **options,
    )
    context.set_default_timeout(PATIENCE * 1000)
    try:
        await context.add_init_script(_REPORT_VIOLATIONS)
        opened = Window(await context.new_page(), context)
        opened.watch()
        yield opened
    finally:
        await context.close()
