"""What documents say of the sources is so: the files that they name are there, and the names are in those files."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

PROJECT = Path(__file__).parents[1]
DOCUMENTS = [PROJECT / "README.md", PROJECT / "SECURITY.md", *sorted((PROJECT / "docs").rglob("*.md"))]
ARCHITECTURE = (PROJECT / "docs" / "architecture.md").read_text(encoding="utf-8")
FOLDERS = {path.parent.name for path in PROJECT.glob("*/__init__.py")}
TESTS = {path: path.read_text(encoding="utf-8") for path in (PROJECT / "tests").rglob("test_*.py")}

_CODE = re.compile(r"`([^`\n]+)`")
_NAMED_IN = re.compile(r"((?:`[\w.]+`(?:, | and )?)+) in `([\w/]+\.py)`")


def documents() -> pytest.MarkDecorator:
    return pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)


def quoted(document: Path) -> set[str]:
    return set(_CODE.findall(document.read_text(encoding="utf-8")))


def paths(document: Path) -> Iterator[str]:
    """Files and folders of the sources; those with a placeholder are nobody's."""
    for text in quoted(document):
        ours = re.fullmatch(r"(\w+)/[\w./-]*", text)
        if ours and ours.group(1) in FOLDERS and not re.search(r"\.(?!py\b)\w+$", text):
            yield text


@documents()
def test_every_file_that_is_named_is_there(document: Path) -> None:
    assert [path for path in paths(document) if not (PROJECT / path).exists()] == []


@documents()
def test_every_test_that_is_named_is_there(document: Path) -> None:
    for text in quoted(document):
        if re.fullmatch(r"test_\w+", text):
            assert any(f"def {text}(" in source for source in TESTS.values()), text
        elif re.fullmatch(r"test_\w+\.py", text):
            assert any(path.name == text for path in TESTS), text


@documents()
def test_names_are_in_the_files_that_they_are_said_to_be_in(document: Path) -> None:
    for names, path in _NAMED_IN.findall(document.read_text(encoding="utf-8")):
        source = (PROJECT / path).read_text(encoding="utf-8")
        for name in _CODE.findall(names):
            missing = [part for part in name.split(".") if not re.search(rf"\b{part}\b", source)]
            assert not missing, f"{name} in {path}"


def test_the_architecture_begins_with_how_an_order_flows() -> None:
    assert re.findall(r"^## .*", ARCHITECTURE, re.MULTILINE)[:2] == ["## How an order flows", "## Where to look"]
