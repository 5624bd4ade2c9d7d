"""What the drill that replaces consoles counts as a failure, and that nobody notices it."""

from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import httpx2
import pytest

from drills.drill import Drill
from drills.redeploy_console import Replaced, judge
from drills.visitors import Seen, Visitor
from harness.next_release import files_of, next_release
from harness.release_before import OURS
from tests.drills.drilled import finds, passes
from tests.programs import program

PAGE = (
    '<link rel="stylesheet" href="/assets/{version}/console.css"><script src="/assets/{version}/console.js"></script>'
)
RELEASES = {version: {name: f"{name} {version}".encode() for name in ("console.css", "console.js")} for version in "12"}
FOR_GOOD, NOT_AT_ALL = "public, max-age=31536000, immutable", "no-store"


SEEN = Seen(RELEASES, pages=Counter({"1": 3, "2": 4}), foreign=2, ordered=["a", "b"], looks=9)
UNNOTICED = Replaced(SEEN, answers=Counter({"200": 7, "303": 2}), known=["b", "a"], took=20)


def but(**found: object) -> Replaced:
    """Return what was seen, with something else."""
    return replace(UNNOTICED, seen=replace(SEEN, **found))  # type: ignore[arg-type]


FAULTS = {
    "a page failed": but(failed=["/board: 503"]),
    "a page had no stylesheet": but(unstyled=["/assets/1/console.css: 404"]),
    "a browser keeps another release's file": but(misnamed=["/assets/1/console.css"]),
    "no console was replaced": but(pages=Counter({"1": 3})),
    "no page met the other release": but(foreign=0),
    "nobody ordered": replace(but(ordered=[]), known=[]),
    "an order is lost": replace(UNNOTICED, known=["a"]),
    "an order is there twice": replace(UNNOTICED, known=["a", "a", "b"]),
    "a console answered with an error": replace(UNNOTICED, answers=Counter({"200": 7, "303": 2, "503": 1})),
    "no console could be reached": replace(UNNOTICED, answers=Counter({"200": 7, "503 SC": 1})),
}


def judged(replaced: Replaced) -> bool:
    drill = Drill("consoles")
    judge(drill, replaced)
    return drill.passed


def test_a_replacement_that_nobody_has_noticed() -> None:
    assert judged(UNNOTICED)


@pytest.mark.parametrize("fault", FAULTS)
def test_the_drill_fails_on_a_fault(fault: str) -> None:
    assert not judged(FAULTS[fault])


@pytest.mark.parametrize(("headers", "slow", "failed"), [({"Content-Security-Policy": "x"}, 1, 0), ({}, 0, 1)])
async def test_who_is_asked_to_try_again_does_so_and_who_finds_no_console_does_not(
    headers: dict[str, str], slow: int, failed: int
) -> None:
    seen, answers = Seen(RELEASES), iter([httpx2.Response(503, headers=headers), httpx2.Response(200, text="")])
    transport = httpx2.MockTransport(lambda _: next(answers))
    async with httpx2.AsyncClient(base_url="http://console", transport=transport) as http:
        await Visitor(http, seen).open("/board")

    assert (seen.slow, len(seen.failed)) == (slow, failed)


def file(version: str, name: str, kept: str) -> httpx2.Response:
    return httpx2.Response(200, content=RELEASES[version][name], headers={"Cache-Control": kept})


async def looked(answer: Callable[[str], httpx2.Response]) -> Seen:
    """Let a visitor open a page of the first release. Its files are what `answer` returns for their names."""

    def site(request: httpx2.Request) -> httpx2.Response:
        path = request.url.path
        return answer(path) if path.startswith("/assets/") else httpx2.Response(200, text=PAGE.format(version="1"))

    seen = Seen(RELEASES)
    async with httpx2.AsyncClient(base_url="http://console", transport=httpx2.MockTransport(site)) as http:
        await Visitor(http, seen).open("/board")
    return seen


async def test_a_page_with_the_files_of_either_release_is_styled() -> None:
    own = await looked(lambda path: file("1", path.rpartition("/")[2], FOR_GOOD))
    other = await looked(lambda path: file("2", path.rpartition("/")[2], NOT_AT_ALL))

    assert (own.foreign, other.foreign) == (0, 2)
    assert [*own.unstyled, *own.misnamed, *other.unstyled, *other.misnamed] == []


@pytest.mark.parametrize(
    "answer",
    [
        lambda _: httpx2.Response(404),
        lambda _: httpx2.Response(200, content=b""),
        lambda _: httpx2.Response(200, text="<!doctype html>"),
    ],
    ids=["missing", "empty", "a page"],
)
async def test_a_file_that_is_none_of_them_leaves_the_page_unstyled(
    answer: Callable[[str], httpx2.Response],
) -> None:
    assert len((await looked(answer)).unstyled) == 2


@pytest.mark.parametrize(("version", "kept"), [("2", FOR_GOOD), ("2", ""), ("1", NOT_AT_ALL)])
async def test_a_file_is_kept_for_good_if_it_is_of_the_release_that_its_name_says(version: str, kept: str) -> None:
    seen = await looked(lambda path: file(version, path.rpartition("/")[2], kept))

    assert len(seen.misnamed) == 2


def test_the_next_release_names_other_files(tmp_path: Path) -> None:
    ours, following = files_of(OURS), files_of(next_release(tmp_path))

    assert following.version != ours.version
    assert following.contents.keys() == ours.contents.keys()
    assert not set(following.contents.values()) & set(ours.contents.values())


def test_nobody_notices_that_consoles_are_replaced() -> None:
    program("haproxy")
    assert passes("redeploy-console")


@pytest.mark.whole
def test_it_finds_that_a_console_does_not_drain() -> None:
    program("haproxy")
    assert finds("redeploy-console", "hasty")
