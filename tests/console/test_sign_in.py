"""Who is signed in, and where one gets by it."""

import pytest
from httpx2 import Response

from console.app import create_app
from console.page_request import path_of_ours
from runtime import development_issuer
from runtime.settings import InsecureConfiguration, Settings
from tests.api.service import but, serving
from tests.console.browser import CUSTOMER, ENGINEER, KEYS, MANAGER, Pages, form_of, pages_of, text_of

ELSEWHERE = [
    "https://evil.example/",
    "//evil.example/",
    "///evil.example/",  # to a browser the same as the one before
    "/\\evil.example",
    "\\/evil.example",
    "/a\\b",
    "/\t/evil.example",
    "/%0d\r\nSet-Cookie: a=b",
    "evil.example",
    "javascript:alert(1)",
    "/é",
    "/" + "a" * 2000,
    "",
]


@pytest.mark.parametrize("target", ELSEWHERE)
async def test_after_signing_in_nobody_is_led_elsewhere(bare: Pages, target: str) -> None:
    answer = await bare.browser().post("/login", {"person": MANAGER, "next": target})

    assert answer.headers["Location"] == "/"
    assert path_of_ours(target) == "/"


async def test_one_returns_to_the_page_that_one_wanted(bare: Pages) -> None:
    browser = bare.browser()
    asked = await browser.follow(await browser.get("/resume?a=b%26c"))
    assert 'name="next" value="/resume?a=b%26c"' in asked.text

    answer = await browser.post("/login", {"next": "/resume?a=b%26c", "person": CUSTOMER})

    assert answer.headers["Location"] == "/resume?a=b%26c"


@pytest.mark.parametrize(
    ("person", "name", "role"),
    [
        (CUSTOMER, "1", "Customer"),
        (MANAGER, "manager", "Service manager"),
        ("manager:KR-11", "manager-KR-11", "Service manager"),
        (ENGINEER, "kr-11-1", "Engineer"),
    ],
)
async def test_a_person_is_who_was_chosen(bare: Pages, person: str, name: str, role: str) -> None:
    browser = await bare.person(person)

    page = text_of(await browser.get("/nothing"))

    assert role in page
    session = bare.console.cookies.session_in(browser.http.cookies)
    assert session is not None
    assert session.subject == name
    assert session.token not in str(dict(browser.http.cookies))


@pytest.mark.parametrize("person", ["", "king:1", "customer:", "service:x", "engineer:a b"])
async def test_nobody_else_can_be_chosen(bare: Pages, person: str) -> None:
    answer = await bare.browser().post("/login", {"person": person})

    assert answer.status_code == 422
    assert "Please choose one of the people" in text_of(answer)


async def test_somebody_whom_the_api_refuses_is_told_so_in_their_language(bare: Pages) -> None:
    browser = bare.browser("ko")
    body = {"type": "/problems/too-many-requests", "status": 429, "detail": "Too many requests"}
    bare.line.answers["GET /whoami"] = Response(429, json=body)

    page = await browser.follow(await browser.post("/login", {"person": CUSTOMER}))

    assert "요청이 너무 많습니다." in text_of(page)
    assert "Too many" not in text_of(page)


async def test_what_was_kept_stays_until_it_is_sent(bare: Pages) -> None:
    browser = bare.browser()
    kept = await browser.post("/search", {"q": "kim"})
    await browser.post("/login", {"person": MANAGER, "next": kept.headers["Location"]})

    await browser.post("/orders/of-somebody/acknowledge")
    assert form_of(await browser.get("/resume"), "/search") == {"q": "kim"}
    await browser.post("/search", {"q": "kim"})

    assert (await browser.get("/resume")).headers["Location"] == "/"


async def test_engineers_are_listed_by_name(bare: Pages) -> None:
    page = await bare.browser("ko").get("/login?region=KR-11")

    assert "engineer:kr-11-1" in page.text
    assert "서울 설치기사" in text_of(page)


async def test_signing_out_ends_the_session_and_only_a_form_does(bare: Pages) -> None:
    browser = await bare.person(CUSTOMER)
    assert (await browser.get("/logout")).status_code == 405

    answer = await browser.post("/logout")

    assert answer.headers["Location"] == "/login"
    assert not [name for name in browser.http.cookies if "session" in name]


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"console_host": "0.0.0.0"}, "CONSOLE_HOST"),  # noqa: S104 - what is refused
        ({"console_url": "https://console.example"}, "CONSOLE_URL"),
        (
            {
                "auth_issuer": "https://i.example",
                "auth_audience": "o",
                "console_oidc_client_id": "c",
                "console_url": "http://c.example",
            },
            "https",
        ),
        ({"auth_issuer": "https://i.example", "auth_audience": "o"}, "CONSOLE_OIDC_CLIENT_ID"),
        ({"console_session_keys": None}, "CONSOLE_SESSION_KEYS"),
    ],
)
def test_a_console_that_would_let_anybody_in_does_not_start(
    without_temporal: Settings, changes: dict[str, str], said: str
) -> None:
    with pytest.raises(InsecureConfiguration, match=said):
        create_app(Settings(**but(without_temporal, console_session_keys=KEYS).model_dump() | changes))


async def test_metrics_are_for_operators_where_tokens_are_required(without_temporal: Settings) -> None:
    settings = but(without_temporal, auth_required=True)
    async with serving(settings) as service, pages_of(service) as pages:
        token = development_issuer.token(settings.data_dir, {"sub": "prometheus", "roles": ["operator"]}, 1)
        customer = development_issuer.token(settings.data_dir, {"sub": "1", "roles": ["customer"]}, 1)
        statuses = {
            authorization: (await pages.browser().get("/metrics", headers={"Authorization": authorization})).status_code
            for authorization in ("", "Bearer x", f"Bearer {customer}", f"Bearer {token}")
        }

    assert list(statuses.values()) == [403, 403, 403, 200]
