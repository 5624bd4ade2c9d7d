"""Documents name only what exists: pages, sections, files, commands with their options, drills and tests."""

import re
from collections.abc import Iterator
from functools import cache
from itertools import product
from pathlib import Path

import pytest

from bench.__main__ import PARTS
from drills.__main__ import DRILLS
from harness.documents import BENCHMARKS, record
from harness.documents import DRILLS as DRILLS_PAGE

ROOT = Path(__file__).parents[1]
DOCUMENTS = sorted([ROOT / "README.md", ROOT / "SECURITY.md", *(ROOT / "docs").glob("*.md")])
FOLDERS = sorted(path.name for path in ROOT.iterdir() if path.is_dir() and not path.name.startswith("."))
MADE = ("bench/results/", "secrets/", "var/", "backups/")
"""Paths that commands create."""


def of(document: Path) -> str:
    return document.read_text(encoding="utf-8")


def code(document: Path) -> Iterator[str]:
    """Yield the parts in code style, which are literal: blocks other than diagrams, and inline code."""
    blocks = re.compile(r"^ *```(\w*)\n(.*?)^ *```$", re.MULTILINE | re.DOTALL)
    yield from (text for kind, text in blocks.findall(of(document)) if kind == "sh")
    yield from re.findall(r"`([^`\n]+(?:\n[^`\n]+)?)`", blocks.sub("", of(document)))


@cache
def sections(document: Path) -> frozenset[str]:
    """Return the headings as GitHub's anchors."""
    headings = re.findall(r"^#+ (.*)$", re.sub(r"(?ms)^```.*?^```$", "", of(document)), re.MULTILINE)
    return frozenset(re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings)


@cache
def names_in_tests() -> frozenset[str]:
    texts = (path.read_text(encoding="utf-8") for path in (ROOT / "tests").rglob("*.py"))
    return frozenset(name for text in texts for name in re.findall(r"def (test_\w+)", text))


@cache
def source_of(module: str) -> str | None:
    """Return the source of a module, or of a package's `__main__`."""
    path = ROOT.joinpath(*module.split("."))
    [*found] = (file for file in (path.with_suffix(".py"), path / "__main__.py") if file.is_file())
    return of(found[0]) if found else None


each_document = pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)


@each_document
def test_every_link_leads_to_a_page_and_a_section_of_it(document: Path) -> None:
    links = re.findall(r"\]\(([^)\s]+)\)", of(document))
    dead = []
    for link in links:
        page, _, section = link.partition("#")
        target = document if not page else (document.parent / page).resolve()
        if re.match(r"[a-z]+:", link) or (target.exists() and (not section or section in sections(target))):
            continue
        dead.append(link)

    assert not dead


@each_document
def test_every_file_that_a_document_names_is_there(document: Path) -> None:
    named = re.compile(rf"(?<![\w./$-])((?:{'|'.join(map(re.escape, FOLDERS))})/[\w./-]*)")
    paths = {path.rstrip(".") for text in code(document) for path in named.findall(text)}

    assert not {path for path in paths if not path.startswith(MADE) and not (ROOT / path).exists()}


@each_document
def test_every_name_that_a_document_finds_in_a_file_is_there(document: Path) -> None:
    named = re.findall(r"`([A-Za-z_]+)`(?:, `([A-Za-z_]+)`)?\s+in\s+`([\w/]+\.py)`", of(document))
    pairs = {(name, path) for *names, path in named for name in names if name}

    assert not {
        (name, path)
        for name, path in pairs
        if not (ROOT / path).is_file() or not re.search(rf"\b{name}\b", of(ROOT / path))
    }


@each_document
def test_every_test_that_a_document_names_is_there(document: Path) -> None:
    tests = {name for text in code(document) for name in re.findall(r"(?<![\w/])(test_\w+)(?![\w.])", text)}

    assert tests <= names_in_tests()


@each_document
def test_every_module_that_a_document_runs_is_there_and_has_the_options(document: Path) -> None:
    ours = re.compile(rf"python (?:-m )?((?:{'|'.join(FOLDERS)})[\w.]*|worker\.py)([^\n|&#)]*)")
    wrong = []
    for text in code(document):
        for module, arguments in ours.findall(re.sub(r"\s*\\?\n\s+|(?<=-m)\n", " ", text)):
            source = source_of(module.removesuffix(".py"))
            if source is None or not all(f'"{option}"' in source for option in re.findall(r"--[a-z-]+", arguments)):
                wrong.append(module + arguments)

    assert not wrong


@each_document
def test_every_target_of_make_that_a_document_names_is_there(document: Path) -> None:
    makefile = of(ROOT / "Makefile")
    targets = {*re.findall(r"^([a-z-]+):", makefile, re.MULTILINE), *(f"drill-{name}" for name in DRILLS)}
    named = {name for text in code(document) for name in re.findall(r"\bmake (?:-s )?([a-z-]+)(?![a-z-]*[A-Z])", text)}

    assert named - {"drill-"} <= targets


@pytest.mark.parametrize(
    ("page", "name"),
    [*product([DRILLS_PAGE], DRILLS), *product([BENCHMARKS], ["machine", *PARTS])],
    ids=lambda value: value if isinstance(value, str) else value.stem,
)
def test_results_have_a_place_in_their_page_and_nothing_else_is_changed(page: Path, name: str, tmp_path: Path) -> None:
    copy = tmp_path / page.name
    copy.write_text(of(page), encoding="utf-8")

    record(copy, name, "### New\n\nresults\n")
    once = of(copy)
    record(copy, name, "### New\n\nresults\n")

    assert of(copy) == once
    before, after = once.split(f"<!-- {name} -->\n### New\n\nresults\n<!-- /{name} -->")
    assert of(page).startswith(before)
    assert of(page).endswith(after)


def test_results_without_a_place_are_refused(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text("<!-- other -->\n<!-- /other -->\n")

    with pytest.raises(ValueError, match="no place"):
        record(page, "one", "results")
