"""Customers and managers make tracking links. A link is shown once, and is nowhere else."""

import re
from datetime import UTC, datetime
from html import unescape

import jwt
import pytest
from httpx2 import Response

from console.texts import Texts
from domain.visits import VisitGrid
from runtime.settings import Settings
from stores.order_status.view import OrderStatusStore
from tests.api.service import but, serving
from tests.console.browser import CUSTOMER, MANAGER, ORIGIN, Pages, form_of, pages_of, text_of
from tests.console.tracking.links import MINE, ORDERS, PAGE

SHARE = f"{PAGE}/link"


@pytest.fixture
async def pages(bare: Pages, store: OrderStatusStore) -> Pages:
    await store.put(ORDERS)
    return bare


def link_in(page: Response) -> str:
    """Return the link in the field."""
    [link] = re.findall(r"<textarea[^>]* readonly[^>]*>([^<]+)</textarea>", page.text)
    return unescape(str(link))


def end_of(link: str) -> str:
    """Return until when a link opens the order, as pages say it."""
    claims = jwt.decode(link.rpartition("/")[2], options={"verify_signature": False})
    return Texts("en", VisitGrid().zone).moment(datetime.fromtimestamp(claims["exp"], UTC))


@pytest.mark.parametrize("who", [CUSTOMER, MANAGER, "manager:KR-11"])
async def test_a_link_is_made_shown_once_and_opens_the_order(pages: Pages, who: str) -> None:
    person = await pages.person(who)
    assert f'href="{SHARE}"' in (await person.get(PAGE)).text
    asked = await person.get(SHARE)

    made = await person.post(SHARE, form_of(asked, SHARE))

    link = link_in(made)
    assert link.startswith(f"{ORIGIN}/t/")
    assert f"It opens the order until {end_of(link)}." in text_of(made)
    assert made.headers["cache-control"] == "no-store"
    assert "set-cookie" not in made.headers
    assert link.removeprefix(ORIGIN) not in (await person.get(SHARE)).text
    follower = pages.browser()
    page = await follower.follow(await follower.post(link.removeprefix(ORIGIN)))
    assert str(MINE.customer_name) in text_of(page)


@pytest.mark.parametrize("who", ["customer:2", "manager:KR-26", "engineer:kr-11-1"])
async def test_whoever_may_not_see_the_order_makes_no_link(pages: Pages, who: str) -> None:
    person = await pages.person(who)

    answers = [await person.get(SHARE), await person.post(SHARE)]

    assert {answer.status_code for answer in answers} <= {403, 404}
    assert not [one for one in answers if "/t/" in one.text]


async def test_where_there_are_no_links_that_is_said(without_temporal: Settings, store: OrderStatusStore) -> None:
    await store.put(ORDERS)
    async with serving(but(without_temporal, tracking_keys=None)) as service, pages_of(service) as pages:
        answer = await (await pages.person(MANAGER)).post(SHARE)

    assert "No links can be made here" in text_of(answer)


@pytest.mark.parametrize("status", [None, 429, 503])
async def test_while_the_api_gives_none_the_form_comes_back(pages: Pages, status: int | None) -> None:
    person = await pages.person(MANAGER)
    if status is None:
        pages.line.cut.add(f"POST {PAGE}/trackingTokens")
    else:
        problem = {"type": "/problems/of-a-newer-release", "status": status}
        pages.line.answers[f"POST {PAGE}/trackingTokens"] = Response(status, json=problem)

    answer = await person.post(SHARE)

    assert answer.status_code == (status or 503)
    assert form_of(answer, SHARE) == {}
    assert 'role="alert"' in answer.text
