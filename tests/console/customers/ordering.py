"""What a customer does to order."""

from httpx2 import Response

from tests.api.service import Service
from tests.console.browser import Browser, form_of, text_of

ADDRESS, PRODUCT = "서울특별시 중구 세종대로 110", "2001"
FIRST = {"product": PRODUCT, "address": ADDRESS}
CONTACT = {"name": "김철수", "phone": "010-1234-5678", "note": "공동현관 1234"}


async def offer_products(service: Service) -> None:
    """Add the products with which `make run` starts."""
    for product_id, name, local in (("2001", "Internet", "인터넷"), ("2002", "IPTV", "IPTV")):
        body = {"productId": product_id, "name": name, "localName": local}
        assert (await service.http.post("/managementCenters/products", json=body)).status_code == 201


async def second_page(browser: Browser, **fields: str) -> Response:
    """Send the first page."""
    answer = await browser.post("/orders/new", {**FIRST, **fields})
    assert answer.status_code == 200, text_of(answer)
    return answer


async def filled(browser: Browser, **fields: str) -> dict[str, str]:
    """Return the second page as somebody has filled it in."""
    return {**form_of(await second_page(browser), "/orders"), **CONTACT, **fields}


async def ordered(browser: Browser, **fields: str) -> str:
    """Place an order. Returns its id."""
    answer = await browser.post("/orders", await filled(browser, **fields))
    assert answer.status_code == 303, text_of(answer)
    return str(answer.headers["Location"]).rpartition("/")[2]
