"""The checks of pages find what they are for, and nothing on a page that is right."""

from collections.abc import AsyncIterator, Awaitable, Callable
from urllib.parse import urlsplit

import pytest
import pytest_asyncio
from playwright.async_api import Browser, Page, Route

from harness.browser import PHONE, Window, window
from tests.console.chromium import appearance
from tests.eventually import soon

RIGHT = """
<p lang="ko">설치기사가 <b>가입신청</b>을 수락했습니다. 대구광역시 수성구 달구벌대로 2450</p>
<label for="name">이름</label> <input id="name">
<ul><li>신청이 없습니다.</li></ul>
<button type="button">취소</button>
<div tabindex="0" style="overflow-x: auto">
<table style="width: 600px"><tbody><tr><td>넓은 표</td></tr></tbody></table></div>
<p style="width: 3em; overflow: hidden; white-space: nowrap; text-overflow: ellipsis">길고 긴 이름</p>
<p>길고 긴 이름</p>
<span style="position:absolute; width:1px; height:1px; overflow:hidden; clip-path:inset(50%)"><b>화면 낭독기</b></span>
"""
WRONG = {
    "px wide on": '<div style="width: 700px">넓다</div>',
    "is split into": '<table style="width:3em; table-layout:fixed; overflow-wrap:anywhere; word-break:normal">'
    "<tbody><tr><td>대구광역시수성구</td></tr></tbody></table>",
    "“09:00–11:00” is split": '<p style="width: 4em">09:00–11:00</p>',
    "text is wider than its box": '<p style="width: 4em; overflow: hidden; white-space: nowrap">끝이 없는 글</p>',
    "text is higher than its box": '<p style="height: 1em; line-height: 1.6">두 줄이<br>넘는<br>글</p>',
    "text is beyond the page": '<p style="position: absolute; left: -3em">왼쪽 밖</p>',
    "overlaps <button": '<button type="button">하나</button><button style="margin-left: -2em">둘</button>',
    "an empty list without a sentence": "<ul></ul>",
}


def document(body: str, language: str = "ko") -> str:
    return (
        f'<!doctype html><html lang="{language}"><head><title>확인</title><meta name="viewport" content="width='
        'device-width"><style>:lang(ko) { word-break: keep-all; overflow-wrap: break-word }</style></head>'
        f"<body><main><h1>확인</h1>{body}</main></body></html>"
    )


@pytest_asyncio.fixture(loop_scope="session", scope="module")
async def shared(chromium: Browser) -> AsyncIterator[Window]:
    async with window(chromium, "http://localhost", PHONE) as opened:
        await appearance.load_axe(opened.context)
        await opened.page.goto("about:blank")
        yield opened


async def test_a_page_that_is_right_has_no_findings(shared: Window) -> None:
    page = shared.page
    await page.set_content(document(RIGHT))
    checks: list[Callable[[Page], Awaitable[list[str]]]] = [
        appearance.shut_out,
        appearance.misplaced,
        appearance.misplaced_when_narrow,
        appearance.misplaced_with_large_text,
    ]

    assert [finding for check in checks for finding in await check(page)] == []
    assert await appearance.untranslated(page, set()) == []


@pytest.mark.parametrize("finding", WRONG)
async def test_what_is_wrong_is_found(shared: Window, finding: str) -> None:
    await shared.page.set_content(document(WRONG[finding]))

    found = await appearance.misplaced(shared.page)

    assert any(finding in one for one in found), found


async def test_what_fits_may_not_fit_a_narrow_phone_or_large_text(shared: Window) -> None:
    await shared.page.set_content(document('<p style="width: 22em">조금 넓은 글</p>'))

    assert await appearance.misplaced(shared.page) == []
    assert await appearance.misplaced_when_narrow(shared.page)
    assert await appearance.misplaced_with_large_text(shared.page)


@pytest.mark.parametrize(
    ("language", "text"), [("ko", "Your order was taken"), ("en", "가입신청"), ("en", '<input aria-label="이름">')]
)
async def test_another_language_is_found_unless_somebody_has_entered_it(
    shared: Window, language: str, text: str
) -> None:
    await shared.page.set_content(document(text, language).replace("확인", "Ok"))

    assert len(await appearance.untranslated(shared.page, set())) == 1
    assert await appearance.untranslated(shared.page, {"Your order was taken", "가입신청", "이름"}) == []


async def test_axe_knows_the_rules_of_wcag_2_2(shared: Window) -> None:
    small = "display:inline-block; width:12px; height:12px; padding:0; font-size:6px; margin:0"
    await shared.page.set_content(document(f'<button style="{small}">1</button><button style="{small}">2</button>'))

    assert any("target-size" in one for one in await appearance.shut_out(shared.page))


@pytest.mark.parametrize(
    ("expected", "fault"),
    [
        ("404 of", '<link rel="stylesheet" href="/missing.css">'),
        ("content security policy: style-src", '<p style="color: red">x</p>'),
        ("content security policy: require-trusted-types-for", '<script src="/writes.js"></script>'),
        ("exception: thrown", '<script src="/throws.js"></script>'),
        ("error: said", '<script src="/says.js"></script>'),
    ],
)
async def test_whatever_goes_wrong_in_the_browser_is_kept(chromium: Browser, expected: str, fault: str) -> None:
    files = {
        "/page": f"<!doctype html><body>{fault}</body>",
        "/writes.js": "document.body.innerHTML = '<p>x</p>';",
        "/throws.js": "throw new Error('thrown');",
        "/says.js": "console.error('said');",
    }

    async def answer(route: Route) -> None:
        path = urlsplit(route.request.url).path
        await route.fulfill(
            status=503 if path == "/page" else 200 if path in files else 404,
            content_type="text/html" if path == "/page" else "text/javascript",
            headers={"Content-Security-Policy": "default-src 'self'; require-trusted-types-for 'script'"},
            body=files.get(path, ""),
        )

    async with window(chromium, "http://localhost", PHONE) as opened:
        await opened.page.route("**/*", answer)
        await opened.page.goto("/page")

        async def kept() -> bool:
            return any(expected in one for one in opened.errors)

        await soon(kept, what=f"{expected} in {opened.errors}")
        assert not [one for one in opened.errors if one.startswith("503")]
