"""The symbols beside texts. They are drawn within the pages, which would otherwise wait for one more file."""

import re
from collections.abc import Mapping
from pathlib import Path

from markupsafe import Markup

_FILE = Path(__file__).with_name("icons.svg")
_SYMBOL = re.compile(r'<symbol id="(\w+)" viewBox="([\d ]+)">(.*)</symbol>')
_DRAWN = Markup('<svg class="icon" viewBox="{}" aria-hidden="true">{}</svg>')


def icons() -> Mapping[str, Markup]:
    """Return the symbols by their ids. A screen reader passes over them: a text says the same."""
    symbols = _SYMBOL.findall(_FILE.read_text(encoding="utf-8"))
    return {name: _DRAWN.format(box, Markup(drawing)) for name, box, drawing in symbols}  # noqa: S704 - a file of ours
