"""Signing in with the OpenID provider: who gets a session, how it lasts, and how it ends."""

import asyncio
import secrets
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack
from dataclasses import replace

import pytest
from httpx2 import AsyncClient
from httpx2 import Response as ApiAnswer
from starlette.responses import Response

from console.service import ApiAway
from console.sessions import Session
from console.sign_in import oidc, provider
from runtime.settings import Settings
from tests.api.service import Service, but, serving
from tests.console import openid
from tests.console.browser import Browser, Pages, form_of, pages_of, text_of
from tests.console.test_sealing import kept
from tests.console.test_sign_in import ELSEWHERE
from tests.console.tracking.links import COOKIE, opened_link, token_of
from tests.eventually import PATIENCE

WANTED = "/resume?a=b%26c"
"""A page for people who are signed in; without anything to resume, it leads to the start."""


@pytest.fixture(autouse=True)
def patient_sign_in(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(provider, "ANSWERS_WITHIN", PATIENCE)
    monkeypatch.setattr(oidc, "WAITS_FOR_NEW_TOKEN", PATIENCE)


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[openid.OpenIdProvider]:
    people = {"kim": "manager", "1": "customer"}
    with openid.provided(tmp_path_factory.mktemp("provider"), **people) as remote:
        yield remote


@pytest.fixture
def remote(running: openid.OpenIdProvider) -> openid.OpenIdProvider:
    running.forget()
    running.person = "kim"
    return running


@pytest.fixture
async def service(without_temporal: Settings, remote: openid.OpenIdProvider) -> AsyncIterator[Service]:
    async with serving(but(without_temporal, **remote.settings)) as service:
        yield service


@pytest.fixture
async def pages(service: Service) -> AsyncIterator[Pages]:
    async with pages_of(service) as pages:
        yield pages


async def to_the_provider(browser: Browser, path: str = WANTED) -> str:
    """Open a page without a session. Returns the address with which the browser comes back from the provider."""
    answer = await browser.get(path)
    if answer.headers["Location"].startswith("/login"):
        answer = await browser.get(answer.headers["Location"])
    async with AsyncClient(trust_env=False, verify=False, timeout=PATIENCE) as http:
        return str((await http.get(answer.headers["Location"])).headers["Location"])


async def signed_in(pages: Pages) -> Browser:
    browser = pages.browser()
    answer = await browser.get(await to_the_provider(browser))
    assert answer.headers["Location"] == WANTED, text_of(answer)
    return browser


async def is_signed_in(browser: Browser) -> bool:
    return bool((await browser.get("/resume")).headers["Location"] == "/")


def session_of(pages: Pages, browser: Browser) -> Session:
    session = pages.console.cookies.session_in(dict(browser.http.cookies))
    assert session is not None
    return session


def grow_old(pages: Pages, browser: Browser, *, ended: bool = False) -> Session:
    """Let most of the life of the session's token have passed, or all of it."""
    now = time.time()
    session = session_of(pages, browser)
    old = replace(session, issued_at=now - 3600, expires_at=now - 1 if ended else session.expires_at)
    answer = Response()
    pages.console.cookies.sign_in(answer, old, {})
    for name, value in kept(answer).items():
        browser.http.cookies.set(name, value, domain="127.0.0.1", path="/")
    return old


# --- signing in -------------------------------------------------------------------------------------------------------


async def test_one_signs_in_at_the_provider_and_returns_to_the_page_that_one_wanted(pages: Pages) -> None:
    browser = await signed_in(pages)

    session = session_of(pages, browser)
    assert (session.name, session.subject, session.roles) == ("kim 님", "kim", ("manager",))
    assert session.token not in str(dict(browser.http.cookies))
    assert await is_signed_in(browser)
    assert not [name for name in browser.http.cookies if "sign-in" in name]


@pytest.mark.parametrize("target", ELSEWHERE)
async def test_after_signing_in_nobody_is_led_elsewhere(pages: Pages, target: str) -> None:
    browser = pages.browser()
    begun = await browser.get("/login", params={"next": target})
    async with AsyncClient(trust_env=False, verify=False, timeout=PATIENCE) as http:
        back = (await http.get(begun.headers["Location"])).headers["Location"]

    assert (await browser.get(back)).headers["Location"] == "/"


async def test_nobody_is_signed_in_by_what_another_browser_has_begun(pages: Pages) -> None:
    attacker, victim = pages.browser(), pages.browser()
    link = await to_the_provider(attacker)
    await to_the_provider(victim)

    for browser in (victim, pages.browser()):
        answer = await browser.get(link)
        assert answer.status_code == 400
        assert "did not succeed" in text_of(answer)
        assert not await is_signed_in(browser)


async def test_coming_back_counts_once(pages: Pages) -> None:
    browser = pages.browser()
    link = await to_the_provider(browser)
    assert (await browser.get(link)).status_code == 303
    assert (await browser.get(link)).status_code == 400


@pytest.mark.parametrize("query", ["", "?state=x&code=y", "?error=access_denied", "?state=&code=%00", "?state=é"])
async def test_nonsense_signs_nobody_in(pages: Pages, query: str) -> None:
    browser = pages.browser()
    await to_the_provider(browser)

    assert (await browser.get(f"/login/callback{query}")).status_code == 400
    assert not await is_signed_in(browser)


async def test_an_account_that_the_api_does_not_accept_is_told_so(pages: Pages, remote: openid.OpenIdProvider) -> None:
    remote.access_claims = {"aud": "another-api"}
    browser = pages.browser("ko")
    answer = await browser.get(await to_the_provider(browser))

    assert answer.status_code == 403
    assert "관리자에게 문의" in text_of(answer)
    assert not await is_signed_in(browser)


async def test_tokens_that_no_browser_would_keep_are_refused_loudly(
    pages: Pages, remote: openid.OpenIdProvider
) -> None:
    remote.access_claims = {"padding": secrets.token_urlsafe(4000)}
    large = pages.browser()
    assert (await large.get(await to_the_provider(large))).status_code == 303
    assert await is_signed_in(large)
    remote.refresh_padding = secrets.token_urlsafe(5000)
    too_large = pages.browser()

    assert (await too_large.get(await to_the_provider(too_large))).status_code == 403
    assert not await is_signed_in(too_large)


async def test_without_the_provider_the_page_says_so(pages: Pages, remote: openid.OpenIdProvider) -> None:
    remote.answers = False

    answer = await pages.browser().get("/login?next=/orders")

    assert answer.status_code == 503
    assert "not possible at the moment" in text_of(answer)
    assert "/login?next=/orders" in answer.text


async def test_forms_may_lead_to_the_provider_and_nowhere_else(pages: Pages, remote: openid.OpenIdProvider) -> None:
    policy = (await pages.browser().get("/signed-out")).headers["Content-Security-Policy"]

    assert f"form-action 'self' {remote.issuer.name};" in policy


async def test_nobody_chooses_to_be_somebody(pages: Pages) -> None:
    assert {request for request in pages.console.table.by_request if request[1].startswith(("/log", "/signed"))} == {
        ("GET", "/login"),
        ("GET", "/login/callback"),
        ("GET", "/signed-out"),
        ("POST", "/logout"),
    }
    assert (await pages.browser().post("/login", {"person": "manager:*"})).status_code == 405


# --- staying signed in ------------------------------------------------------------------------------------------------


async def test_two_tabs_can_sign_in_at_once(pages: Pages) -> None:
    browser = pages.browser()
    links = [await to_the_provider(browser, path) for path in ("/orders", WANTED)]
    answers = [await browser.get(link) for link in links]

    assert [answer.headers.get("Location") for answer in answers] == ["/orders", WANTED]
    assert not [name for name in browser.http.cookies if "sign-in" in name]


async def test_what_does_not_belong_to_a_sign_in_ends_none(pages: Pages) -> None:
    browser = pages.browser()
    link = await to_the_provider(browser)

    assert (await browser.get("/login/callback?state=x&code=y")).status_code == 400

    assert (await browser.get(link)).headers["Location"] == WANTED


async def test_a_browser_keeps_the_newest_sign_ins_that_it_has_begun(pages: Pages) -> None:
    browser = pages.browser()
    oldest, *others = [await to_the_provider(browser, f"/orders?{'a' * 900}={number}") for number in range(4)]

    assert (await browser.get(oldest)).status_code == 400
    assert {(await browser.get(link)).status_code for link in others} == {303}


async def test_a_fresh_token_is_not_renewed(pages: Pages, remote: openid.OpenIdProvider) -> None:
    browser = await signed_in(pages)

    assert await is_signed_in(browser)
    assert remote.renewals == 0


@pytest.mark.parametrize("ended", [False, True])
async def test_an_old_token_is_renewed_on_the_way(pages: Pages, remote: openid.OpenIdProvider, *, ended: bool) -> None:
    browser = await signed_in(pages)
    old = grow_old(pages, browser, ended=ended)

    assert await is_signed_in(browser)

    new = session_of(pages, browser)
    assert remote.renewals == 1
    assert new.refresh_token != old.refresh_token
    assert (new.lives, new.name, new.roles) == (True, old.name, old.roles)


async def test_whoever_opens_a_link_with_an_old_session_stays_signed_in(
    pages: Pages, remote: openid.OpenIdProvider
) -> None:
    browser, token = await signed_in(pages), token_of()
    grow_old(pages, browser, ended=True)
    assert "You are signed in as" in text_of(await browser.get(f"/t/{token}"))
    grow_old(pages, browser, ended=True)
    await opened_link(browser, token)

    assert COOKIE not in browser.http.cookies
    assert remote.renewals == 2


async def test_twenty_requests_at_once_use_a_refresh_token_once(pages: Pages, remote: openid.OpenIdProvider) -> None:
    browser = await signed_in(pages)
    grow_old(pages, browser)
    headers = {"Cookie": browser.cookies}

    answers = await asyncio.gather(*(pages.browser().get("/resume", headers=headers) for _ in range(20)))

    assert {answer.headers["Location"] for answer in answers} == {"/"}
    assert (remote.renewals, remote.refused) == (1, 0)


async def test_of_two_processes_that_renew_at_once_the_loser_keeps_what_it_has(
    service: Service, pages: Pages, remote: openid.OpenIdProvider
) -> None:
    async with AsyncExitStack() as open_pages:
        other = await open_pages.enter_async_context(pages_of(service))
        browser = await signed_in(pages)
        grow_old(pages, browser)
        headers = {"Cookie": browser.cookies}
        browsers = [each.browser() for each in (pages, other) for _ in range(10)]

        answers = await asyncio.gather(*(each.get("/resume", headers=headers) for each in browsers))

        assert {answer.headers["Location"] for answer in answers} == {"/"}
        assert (remote.renewals, remote.refused) == (1, 1)
        written = [[name for name in answer.cookies if name == "session"] for answer in answers]
        assert sorted(written) == [[]] * 10 + [["session"]] * 10


async def test_without_the_provider_one_goes_on_with_the_token_that_one_has(
    pages: Pages, remote: openid.OpenIdProvider
) -> None:
    browser = await signed_in(pages)
    old = grow_old(pages, browser)
    remote.answers = False

    assert await is_signed_in(browser)
    assert session_of(pages, browser) == old


async def test_new_tokens_are_kept_although_the_api_is_away(
    pages: Pages, monkeypatch: pytest.MonkeyPatch, remote: openid.OpenIdProvider
) -> None:
    browser = await signed_in(pages)
    old = grow_old(pages, browser)

    async def away(*_: object, **__: object) -> Session:
        raise ApiAway("ConnectError")

    monkeypatch.setattr(oidc, "session_of", away)

    assert await is_signed_in(browser)
    assert session_of(pages, browser).refresh_token in remote.refresh_tokens
    assert session_of(pages, browser).roles == old.roles


@pytest.mark.parametrize(
    ("content", "answer", "status"),
    [
        (b"&".join(b"a=1" for _ in range(300)), None, 400),
        (b"q=" + b"a" * 70_000, None, 413),
        (b"q=some", ApiAnswer(200, json=["nothing that a page understands"]), 500),
        (b"q=some", ApiAnswer(401, json={"type": "/problems/unauthenticated"}), 303),
    ],
    ids=["not understood", "too long", "failed", "refused"],
)
async def test_new_tokens_are_kept_whatever_becomes_of_the_request(
    pages: Pages, remote: openid.OpenIdProvider, content: bytes, answer: ApiAnswer | None, status: int
) -> None:
    browser = await signed_in(pages)
    grow_old(pages, browser)
    if answer is not None:
        pages.line.answers["POST /orderStatuses/search"] = answer
    headers = {"Sec-Fetch-Site": "same-origin", "Content-Type": "application/x-www-form-urlencoded"}

    answered = await browser.http.post("/search", content=content, headers=headers)

    assert answered.status_code == status
    assert session_of(pages, browser).refresh_token in remote.refresh_tokens


async def test_new_tokens_that_do_not_fit_into_cookies_undo_nothing(
    pages: Pages, remote: openid.OpenIdProvider
) -> None:
    browser = await signed_in(pages)
    old = grow_old(pages, browser)
    remote.refresh_padding = secrets.token_urlsafe(12_000)

    assert await is_signed_in(browser)
    assert remote.renewals == 1
    assert session_of(pages, browser) == old


async def test_a_session_that_has_ended_leads_to_the_provider_and_the_form_is_kept(
    pages: Pages, remote: openid.OpenIdProvider
) -> None:
    browser = await signed_in(pages)
    grow_old(pages, browser, ended=True)
    remote.refresh_tokens.clear()
    before = browser.http.cookies["session"]

    answer = await browser.post("/search", {"q": "010-1234"})

    assert answer.headers["Location"] == "/login?next=%2Fresume"
    # Another process may have renewed it meanwhile, so this answer must not take the cookie away.
    assert browser.http.cookies["session"] == before
    back = await to_the_provider(browser, answer.headers["Location"])
    page = await browser.follow(await browser.get(back))
    assert form_of(page, "/search") == {"q": "010-1234"}


# --- signing out ------------------------------------------------------------------------------------------------------


async def test_signing_out_ends_the_session_here_and_at_the_provider(
    pages: Pages, remote: openid.OpenIdProvider
) -> None:
    browser = await signed_in(pages)

    answer = await browser.post("/logout")

    async with AsyncClient(trust_env=False, verify=False, timeout=PATIENCE) as http:
        back = await http.get(answer.headers["Location"])
    assert remote.signed_out[0]["client_id"] == openid.CLIENT_ID
    assert "id_token_hint" not in remote.signed_out[0]
    assert remote.person is None
    assert "You are signed out" in text_of(await browser.get(back.headers["Location"]))
    assert not await is_signed_in(browser)


async def test_one_can_sign_out_without_the_provider(pages: Pages, remote: openid.OpenIdProvider) -> None:
    browser = await signed_in(pages)
    remote.answers = False
    answer = await browser.post("/logout")

    assert answer.status_code == 303
    assert not await is_signed_in(browser)
