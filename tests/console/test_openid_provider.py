"""The code flow with PKCE: whatever does not belong together signs nobody in."""

import time
from collections.abc import AsyncIterator, Iterator
from dataclasses import replace
from pathlib import Path
from urllib.parse import parse_qs, parse_qsl, urlsplit

import httpx2
import jwt
import pytest

from console.sign_in import provider as provider_module
from console.sign_in.provider import Attempt, OpenIdProvider, ProviderAway, SignInRefused
from tests.api.issuer import Issuer, ec_key, unsigned
from tests.console import openid
from tests.console.openid import CLIENT_ID, CLIENT_SECRET
from tests.eventually import PATIENCE

BACK = "http://localhost:8082/login/callback"


@pytest.fixture(autouse=True)
def patient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(provider_module, "ANSWERS_WITHIN", PATIENCE)


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[openid.OpenIdProvider]:
    with openid.provided(tmp_path_factory.mktemp("provider"), kim="manager") as remote:
        yield remote


@pytest.fixture
def remote(running: openid.OpenIdProvider) -> openid.OpenIdProvider:
    running.forget()
    running.person = "kim"
    return running


def client_of(remote: openid.OpenIdProvider, secret: str | None = CLIENT_SECRET) -> OpenIdProvider:
    return OpenIdProvider(remote.issuer.name, CLIENT_ID, secret, BACK)


@pytest.fixture
async def browser() -> AsyncIterator[httpx2.AsyncClient]:
    async with httpx2.AsyncClient(trust_env=False, verify=False, timeout=PATIENCE) as browser:
        yield browser


async def brought_back(browser: httpx2.AsyncClient, url: str) -> dict[str, str]:
    """Sign in at the provider. Returns the query with which the browser comes back."""
    answer = await browser.get(url)
    assert answer.headers["Location"].startswith(BACK)
    return dict(parse_qsl(urlsplit(answer.headers["Location"]).query))


async def test_a_person_comes_back_with_tokens(remote: openid.OpenIdProvider, browser: httpx2.AsyncClient) -> None:
    provider = client_of(remote)
    url, attempt = await provider.begin("/orders/1")
    asked = parse_qs(urlsplit(url).query)
    assert asked["code_challenge_method"] == ["S256"]
    assert attempt.code_verifier not in url
    assert attempt.next == "/orders/1"

    tokens = await provider.finish(await brought_back(browser, url), attempt)

    assert (tokens.name, tokens.refresh_token in remote.refresh_tokens) == ("kim 님", True)
    assert tokens.expires_at - tokens.issued_at <= remote.lifetime


async def test_every_attempt_is_another(remote: openid.OpenIdProvider) -> None:
    provider = client_of(remote)
    (_, one), (_, other) = await provider.begin("/"), await provider.begin("/")

    assert one.state != other.state
    assert one.nonce != other.nonce
    assert one.code_verifier != other.code_verifier


@pytest.mark.parametrize("kept", ["nothing", "state", "nonce", "code_verifier"])
async def test_what_another_browser_has_begun_is_refused(
    remote: openid.OpenIdProvider, browser: httpx2.AsyncClient, kept: str
) -> None:
    provider = client_of(remote)
    url, attempt = await provider.begin("/")
    _, other = await provider.begin("/")
    mine: Attempt | None = None if kept == "nothing" else replace(attempt, **{kept: getattr(other, kept)})

    with pytest.raises(SignInRefused):
        await provider.finish(await brought_back(browser, url), mine)


async def test_a_code_counts_once(remote: openid.OpenIdProvider, browser: httpx2.AsyncClient) -> None:
    provider = client_of(remote)
    url, attempt = await provider.begin("/")
    query = await brought_back(browser, url)
    await provider.finish(query, attempt)

    with pytest.raises(SignInRefused, match="invalid_grant"):
        await provider.finish(query, attempt)


async def test_the_providers_refusal_is_one(remote: openid.OpenIdProvider) -> None:
    provider = client_of(remote)
    _, attempt = await provider.begin("/")

    with pytest.raises(SignInRefused, match="access_denied"):
        await provider.finish({"state": attempt.state, "error": "access_denied"}, attempt)


@pytest.mark.parametrize(
    "wrong",
    [
        {"aud": "another-client"},
        {"iss": "https://another.example"},
        {"exp": 1},
        {"nonce": None},
        {"azp": "another-client", "aud": [CLIENT_ID, "another-client"]},
    ],
    ids=str,
)
async def test_an_id_token_for_something_else_is_refused(
    remote: openid.OpenIdProvider, browser: httpx2.AsyncClient, wrong: dict[str, object]
) -> None:
    provider = client_of(remote)
    remote.id_claims = wrong
    url, attempt = await provider.begin("/")

    with pytest.raises(SignInRefused):
        await provider.finish(await brought_back(browser, url), attempt)


@pytest.mark.parametrize("forgery", ["unsigned", "signed with what everybody knows", "of another key"])
async def test_a_forged_id_token_is_refused(
    remote: openid.OpenIdProvider,
    browser: httpx2.AsyncClient,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    forgery: str,
) -> None:
    provider = client_of(remote)
    url, attempt = await provider.begin("/")
    claims = remote.issuer.claims("kim", aud=CLIENT_ID, nonce=attempt.nonce)
    forged = {
        "unsigned": unsigned({"alg": "none", "kid": "one"}, claims),
        "signed with what everybody knows": jwt.encode(claims, "x" * 32, "HS256", {"kid": "one"}),
        "of another key": Issuer(tmp_path / "others.json", keys={"one": ec_key(1)}).sign(claims),
    }[forgery]
    monkeypatch.setattr(Issuer, "sign", lambda *_, **__: forged)

    with pytest.raises(SignInRefused, match="id_token"):
        await provider.finish(await brought_back(browser, url), attempt)


async def test_the_provider_may_change_its_key(remote: openid.OpenIdProvider, browser: httpx2.AsyncClient) -> None:
    provider = client_of(remote)
    url, attempt = await provider.begin("/")
    await provider.finish(await brought_back(browser, url), attempt)
    url, attempt = await provider.begin("/")
    remote.issuer.keys = {"two": ec_key(2)}
    remote.key_id = "two"

    await provider.finish(await brought_back(browser, url), attempt)


async def test_a_code_without_an_id_token_is_refused(
    remote: openid.OpenIdProvider, browser: httpx2.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    provider = client_of(remote)
    url, attempt = await provider.begin("/")
    query = await brought_back(browser, url)
    remote.codes.clear()
    remote.refresh_tokens["code"] = "kim"

    with pytest.raises(SignInRefused):
        await provider.finish(query, attempt)


async def test_a_refresh_token_counts_once(remote: openid.OpenIdProvider, browser: httpx2.AsyncClient) -> None:
    provider = client_of(remote)
    url, attempt = await provider.begin("/")
    tokens = await provider.finish(await brought_back(browser, url), attempt)
    assert tokens.refresh_token is not None

    newer = await provider.renew(tokens.refresh_token)

    assert newer.refresh_token not in (None, tokens.refresh_token)
    with pytest.raises(SignInRefused, match="invalid_grant"):
        await provider.renew(tokens.refresh_token)


async def test_a_provider_that_does_not_answer_is_away(remote: openid.OpenIdProvider) -> None:
    remote.answers = False

    with pytest.raises(ProviderAway):
        await client_of(remote).begin("/")


@pytest.mark.parametrize(
    "wrong",
    [
        {"issuer": "https://another.example"},
        {"token_endpoint": "http://login.example/token"},
        {"jwks_uri": "http://login.example/keys"},
        {"authorization_endpoint": "javascript:alert(1)"},
        {"end_session_endpoint": "http://login.example/logout"},
        {"token_endpoint": None},
    ],
    ids=str,
)
async def test_a_discovery_document_that_anybody_could_have_written_is_not_used(
    remote: openid.OpenIdProvider, wrong: dict[str, object]
) -> None:
    remote.more = wrong

    with pytest.raises(ProviderAway):
        await client_of(remote).begin("/")


async def test_members_of_the_discovery_document_do_not_set_up_the_client(remote: openid.OpenIdProvider) -> None:
    remote.more = {"verify": False, "scope": "everything", "proxy": "http://127.0.0.1:1"}

    url, _ = await client_of(remote).begin("/")

    assert parse_qs(urlsplit(url).query)["scope"] == ["openid profile"]


async def test_the_discovery_document_is_read_again_after_a_while(remote: openid.OpenIdProvider) -> None:
    times = [time.time()]
    provider = OpenIdProvider(remote.issuer.name, CLIENT_ID, None, BACK, now=lambda: times[0])
    await provider.begin("/")
    remote.more = {"authorization_endpoint": f"{remote.issuer.name}/moved"}
    assert "/authorize?" in (await provider.begin("/"))[0]

    times[0] += provider_module.FRESH_FOR

    assert "/moved?" in (await provider.begin("/"))[0]


async def test_signing_out_ends_the_providers_session_if_it_can(remote: openid.OpenIdProvider) -> None:
    url = await client_of(remote).sign_out_url("http://localhost:8082/signed-out")
    assert url is not None
    asked = parse_qs(urlsplit(url).query)
    assert (asked["client_id"], asked["post_logout_redirect_uri"]) == (
        [CLIENT_ID],
        ["http://localhost:8082/signed-out"],
    )
    assert "id_token_hint" not in asked
