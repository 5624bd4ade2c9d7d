"""What customers see of products, and that an order may name any product."""

from collections.abc import AsyncIterator

import pytest

from runtime.settings import Settings
from tests.api.issuer import Issuer
from tests.api.known import bearer
from tests.api.problems import assert_problem
from tests.api.service import Service, but, serving

PRODUCTS = "/managementCenters/products"
INTERNET = {"productId": "net 1/2", "name": "Internet", "localName": "인터넷", "skills": ["fibre"]}
WITHDRAWN = {"productId": "old", "name": "ADSL", "orderable": False}
OFFER = {"productId": "net 1/2", "name": "Internet", "localName": "인터넷", "orderable": True}
IPTV = {"productId": "tv", "name": None, "localName": None, "orderable": True}


@pytest.fixture
def settings(without_temporal: Settings) -> Settings:
    return without_temporal


@pytest.fixture
async def guarded(settings: Settings, issuer: Issuer) -> AsyncIterator[Service]:
    async with serving(but(settings, **issuer.settings, rate_limit_anonymous=0)) as service:
        manager = bearer(issuer.token("kim", "manager"))
        for product in (INTERNET, WITHDRAWN, {"productId": "tv"}):
            assert (await service.http.post(PRODUCTS, json=product, headers=manager)).status_code == 201
        yield service


async def test_a_customer_sees_what_can_be_ordered_without_the_skills(guarded: Service, issuer: Issuer) -> None:
    customer = bearer(issuer.token("1", "customer"))
    first = (await guarded.http.get(PRODUCTS, params={"limit": 1}, headers=customer)).json()
    rest = (await guarded.http.get(PRODUCTS, params={"cursor": first["nextCursor"]}, headers=customer)).json()

    assert (first["items"], rest) == ([OFFER], {"items": [IPTV], "nextCursor": None})
    for product in (OFFER, IPTV):
        assert (await guarded.http.get(f"{PRODUCTS}/{product['productId']}", headers=customer)).json() == product
    unknown = await guarded.http.get(f"{PRODUCTS}/unknown", headers=customer)
    withdrawn = await guarded.http.get(f"{PRODUCTS}/old", headers=customer)
    assert_problem(withdrawn, 404, "not-found")
    assert withdrawn.content == unknown.content


@pytest.mark.parametrize("who", ["manager", "regional", "service"])
async def test_everybody_else_who_sees_products_sees_all_of_them(guarded: Service, issuer: Issuer, who: str) -> None:
    token = {
        "manager": issuer.token("kim", "manager"),
        "regional": issuer.token("lee", "manager", regions=["KR-11"]),
        "service": issuer.token("shop", "service", scope="managementCenters:read"),
    }[who]
    listed = (await guarded.http.get(PRODUCTS, headers=bearer(token))).json()["items"]

    assert [(one["productId"], one["orderable"], one["skills"]) for one in listed] == [
        ("net 1/2", True, ["fibre"]),
        ("old", False, []),
        ("tv", True, []),
    ]
    assert (await guarded.http.get(f"{PRODUCTS}/old", headers=bearer(token))).json() == listed[1]


async def test_without_tokens_everybody_sees_all_of_them(settings: Settings) -> None:
    async with serving(settings) as service:
        created = await service.http.post(PRODUCTS, json=WITHDRAWN)

        assert created.json() == WITHDRAWN | {"localName": None, "skills": []}
        assert (await service.http.get(PRODUCTS)).json()["items"] == [created.json()]
