"""The classes and methods that docs/architecture.md names are in the named files."""

import re
from pathlib import Path

PROJECT = Path(__file__).parents[1]
ARCHITECTURE = (PROJECT / "docs" / "architecture.md").read_text(encoding="utf-8")
NAMED_IN = re.findall(r"((?:`[\w.]+`(?:, | and )?)+) in `([\w/]+\.py)`", ARCHITECTURE)


def test_it_begins_with_how_an_order_flows_and_where_to_look() -> None:
    assert re.findall(r"^## .*", ARCHITECTURE, re.MULTILINE)[:2] == ["## How an order flows", "## Where to look"]


def test_every_name_is_in_the_file_that_it_is_said_to_be_in() -> None:
    missing = []
    for names, path in NAMED_IN:
        source = (PROJECT / path).read_text(encoding="utf-8")
        parts = [part for name in re.findall(r"`([\w.]+)`", names) for part in name.split(".")]
        missing += [(part, path) for part in parts if not re.search(rf"\b{part}\b", source)]

    assert len(NAMED_IN) > 20
    assert missing == []
