"""The script and the stylesheet stay small, and stand alone."""

import gzip
import re
from pathlib import Path

from console.assets import read
from console.icons import icons

ASSETS = Path(__file__).parents[2] / "console" / "assets"
TEMPLATES = ASSETS.with_name("templates")
MOST_LINES = {"*.js": 250, "*.css": 600}
MOST_BYTES = {"console.js": 4000, "console.css": 6000, "engineers.css": 2000}
"""Of what is sent, compressed."""


def statements(name: str) -> list[str]:
    """Return what stands in a stylesheet outside of all braces."""
    text = re.sub(r"/\*.*?\*/", "", (ASSETS / name).read_text(encoding="utf-8"), flags=re.DOTALL)
    while (flat := re.sub(r"\{[^{}]*\}", ";", text)) != text:
        text = flat
    return [part.strip() for part in text.split(";") if part.strip()]


def test_script_and_stylesheets_have_so_many_lines_at_most() -> None:
    for kind, most in MOST_LINES.items():
        assert sum(len(file.read_text(encoding="utf-8").splitlines()) for file in ASSETS.glob(kind)) <= most, kind


def test_browsers_get_so_many_bytes_at_most() -> None:
    for name, most in MOST_BYTES.items():
        assert len(gzip.compress(read().contents[name])) <= most, name


def test_every_rule_is_in_a_layer_and_the_layers_stand_in_the_order_that_is_named() -> None:
    order, *layers = statements("console.css")
    named = [f"@layer {name}" for name in order.removeprefix("@layer ").split(", ")]

    assert statements("engineers.css") == ["@layer visits"]
    assert layers == [name for name in named if name != "@layer visits"]
    assert len(layers) == len(named) - 1


def test_nothing_is_loaded_from_elsewhere_and_nothing_stands_inline() -> None:
    for file in [*ASSETS.glob("*.css"), *ASSETS.glob("*.js"), *TEMPLATES.rglob("*.html")]:
        text = file.read_text(encoding="utf-8")
        assert not re.search(r"https?://", text), file
        assert not re.search(r"\sstyle=|<style|<script(?! type=\"module\" src=)|\son\w+=", text), file


def test_what_a_page_escapes_is_never_switched_off() -> None:
    for file in TEMPLATES.rglob("*.html"):
        assert not re.search(r"\|\s*safe\b|autoescape", file.read_text(encoding="utf-8")), file


def test_every_symbol_that_a_page_shows_is_drawn() -> None:
    named = {
        name
        for file in TEMPLATES.rglob("*.html")
        for name in re.findall(r'icon\("(\w+)"', file.read_text(encoding="utf-8"))
    }

    assert named <= icons().keys()
