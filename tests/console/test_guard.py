"""No page of another site, and no other name of this server, gets anything done or shown."""

import asyncio
import re
from collections.abc import AsyncIterator
from typing import Any

import pytest
from httpx2 import ASGITransport, AsyncClient, Response
from starlette import requests

from console import page_request
from tests.console.browser import CUSTOMER, MANAGER, ORIGIN, Pages, text_of

EVIL = "https://evil.example"


@pytest.mark.parametrize(
    "headers",
    [
        {"Sec-Fetch-Site": "cross-site", "Origin": EVIL},
        {"Sec-Fetch-Site": "same-site", "Origin": ORIGIN},
        {"Sec-Fetch-Site": "cross-site", "Origin": ORIGIN},
        {"Origin": EVIL},
        {"Origin": "null"},
        {"Origin": "http://127.0.0.1:8081"},
        {},
    ],
)
async def test_a_form_of_another_site_does_nothing(bare: Pages, headers: dict[str, str]) -> None:
    person = await bare.person(MANAGER)
    for path in sorted({path for method, path in bare.console.table.by_request if method == "POST"}):
        answer = await person.http.post(path.replace("{", "").replace("}", ""), data={"theme": "dark"}, headers=headers)

        assert answer.status_code == 403, path
        assert not answer.headers.get_list("set-cookie")


@pytest.mark.parametrize("headers", [{"Sec-Fetch-Site": "same-origin"}, {"Origin": ORIGIN}])
async def test_a_form_of_our_own_is_accepted(bare: Pages, headers: dict[str, str]) -> None:
    answer = await bare.browser().http.post("/preferences", data={"theme": "dark"}, headers=headers)

    assert answer.status_code == 303


@pytest.mark.parametrize("host", ["evil.example", "127.0.0.1.evil.example", "evil.example:8082", "[::1", "", "a@b:1"])
async def test_under_another_name_nothing_is_shown(bare: Pages, host: str) -> None:
    person = await bare.person(MANAGER)

    answer = await person.get("/login", headers={"Host": host})

    assert answer.status_code == 421
    assert "manager" not in answer.text


@pytest.mark.parametrize("host", ["127.0.0.1:8082", "localhost:8082", "LOCALHOST:9999", "[::1]:8082"])
async def test_on_this_machine_every_name_of_loopback_is_ours(bare: Pages, host: str) -> None:
    assert (await bare.browser().get("/login", headers={"Host": host})).status_code == 200


async def test_probes_may_name_the_address(bare: Pages) -> None:
    assert (await bare.browser().get("/health/ready", headers={"Host": "10.0.0.7:8082"})).status_code == 200


async def test_no_route_has_the_framework_parse_cookies(bare: Pages, monkeypatch: pytest.MonkeyPatch) -> None:
    parsed: list[str] = []
    monkeypatch.setattr(requests, "cookie_parser", parsed.append)
    person = await bare.person(MANAGER)
    pages = [(method, re.sub("{.*?}", "unknown", path)) for method, path in bare.console.table.by_request]

    for path in ("/health/live", "/health/ready", "/metrics", "/unknown", "/assets/x/console.js"):
        await person.get(path)
    for method, path in sorted(pages, key=lambda page: page[1] == "/logout"):
        await (person.get if method == "GET" else person.post)(path)

    assert parsed == []


@pytest.mark.parametrize("path", ["/login", "/nothing", "/", "/assets/x/console.js", "/health/live"])
async def test_every_answer_has_the_headers(bare: Pages, path: str) -> None:
    assert_has_headers(await bare.browser().get(path))


async def test_a_page_that_fails_has_them_too(bare: Pages) -> None:
    person = await bare.person(CUSTOMER)
    bare.line.answers["GET /orderStatuses"] = Response(200, json=["nothing that a page understands"])

    answer = await person.get("/orders")

    assert answer.status_code == 500
    assert "The page could not be shown." in text_of(answer)
    assert_has_headers(answer)


async def test_the_log_of_a_failure_says_where_it_was_and_not_what_was_entered(
    bare: Pages, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    person, render = await bare.person(CUSTOMER), bare.console.renderer.render
    entered = "010-1234-5678"

    def fail(template: str, *rest: Any) -> str:
        if template == "error.html":
            return render(template, *rest)
        raise ValueError(f"entered: {entered}")

    monkeypatch.setattr(bare.console.renderer, "render", fail)

    answer = await person.get("/orders")

    told = "".join(capsys.readouterr())
    assert answer.status_code == 500
    assert "a page failed" in told
    assert "ValueError" in told
    assert "customers/listing.py" in told
    assert entered not in told


async def test_and_so_has_a_failure_that_no_page_can_tell(bare: Pages, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bare.console.renderer, "render", None)
    transport = ASGITransport(bare.app, raise_app_exceptions=False)
    async with AsyncClient(transport=transport, base_url=ORIGIN) as http:
        answer = await http.get("/login")

    assert answer.status_code == 500
    assert_has_headers(answer)


def assert_has_headers(answer: Response) -> None:
    policy = answer.headers["content-security-policy"]
    assert "default-src 'none'; script-src 'self'; style-src 'self'" in policy
    assert "require-trusted-types-for 'script'; trusted-types console" in policy
    assert "frame-ancestors 'none'" in policy
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.headers["cache-control"] == "no-store"


@pytest.mark.parametrize(
    ("content", "kind", "status"),
    [
        (b"theme=" + b"a" * 70_000, "application/x-www-form-urlencoded", 413),
        (b"&".join(b"a=1" for _ in range(300)), "application/x-www-form-urlencoded", 400),
        (b"--x\r\nbroken", "multipart/form-data; boundary=x", 303),
        (b"{}", "application/json", 303),
    ],
)
async def test_a_form_beyond_the_bounds_changes_nothing(bare: Pages, content: bytes, kind: str, status: int) -> None:
    headers = {"Sec-Fetch-Site": "same-origin", "Content-Type": kind}

    answer = await bare.browser().http.post("/preferences", content=content, headers=headers)

    assert answer.status_code == status
    assert status != 413 or ("What you entered is too long." in text_of(answer) and answer.headers["connection"])
    assert not answer.headers.get_list("set-cookie") or "auto" in answer.headers["set-cookie"]


async def test_a_form_that_does_not_end_is_given_up(bare: Pages, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(page_request, "FORM_WITHIN", 0.01)
    for_good = asyncio.Event()

    async def slowly() -> AsyncIterator[bytes]:
        yield b"theme="
        await for_good.wait()

    headers = {"Sec-Fetch-Site": "same-origin", "Content-Type": "application/x-www-form-urlencoded"}
    answer = await bare.browser().http.post("/preferences", content=slowly(), headers=headers)

    assert answer.status_code == 408
    assert answer.headers["connection"] == "close"


async def test_files_of_this_release_are_kept_and_of_another_are_served_and_not_kept(bare: Pages) -> None:
    browser = bare.browser()
    page = (await browser.get("/login")).text
    path = page.partition('rel="stylesheet" href="')[2].partition('"')[0]

    own, other = await browser.get(path), await browser.get("/assets/another/console.css")

    assert "immutable" in own.headers["cache-control"]
    assert other.headers["cache-control"] == "no-store"
    assert own.text == other.text
    assert (await browser.get("/assets/another/__init__.py")).status_code == 404
