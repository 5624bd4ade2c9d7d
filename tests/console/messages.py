"""The texts in the code and the templates that are to be translated."""

import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from babel.messages.extract import extract_from_dir

CONSOLE = Path(__file__).parents[2] / "console"
_METHODS = [("**.py", "python"), ("templates/**.html", "jinja2.ext:babel_extract")]
_OPTIONS = {"templates/**.html": {"trimmed": "true", "trim_blocks": "true", "lstrip_blocks": "true"}}
_KEYWORDS: dict[str, Any] = {
    "_": None,
    "N_": None,
    "gettext": None,
    "ngettext": (1, 2),
    "texts": None,
    "count": (1, 2),
}

Message = str | tuple[str, ...]


def messages() -> Iterator[tuple[str, Message]]:
    """Yield the file and the id of each text. A text with a number has two ids."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # it takes the definition of `texts` for a call
        found = list(extract_from_dir(CONSOLE, _METHODS, _OPTIONS, _KEYWORDS))
    for file, _, message, _, _ in found:
        yield file, message
