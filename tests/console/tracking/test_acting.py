"""Somebody without an account moves and cancels the order of a link, with the real workflow behind it."""

import re

from tests.api.service import window
from tests.console.browser import Pages, form_of, text_of
from tests.console.tracking.test_sharing import link_in


async def test_with_a_link_one_moves_the_visit_and_cancels_the_order(pages: Pages) -> None:
    await pages.service.hire()
    await pages.service.work()
    order_id = await pages.service.requested(installationAddress="달 1", preferredVisit=window())
    path = f"/orders/{order_id}"
    made = await (await pages.person("customer:1")).post(f"{path}/link")
    browser = pages.browser()
    await browser.post("/t/" + link_in(made).partition("/t/")[2])

    asked = await browser.get(f"{path}/reschedule")
    assert re.search(f'name="visit" value="{window(13)}"', asked.text)
    sent = form_of(asked, f"{path}/reschedule") | {"visit": window(13)}
    moved = await browser.follow(await browser.post(f"{path}/reschedule", sent))
    assert "The visit has been moved to" in text_of(moved)
    assert "The visit was moved (you)" in text_of(moved)
    assert "BEGIN:VEVENT" in (await browser.get(f"{path}/visit.ics")).text

    sent = form_of(await browser.get(f"{path}/cancel"), f"{path}/cancel") | {"reason": "이사"}
    canceled = text_of(await browser.follow(await browser.post(f"{path}/cancel", sent)))
    assert "The order is canceled." in canceled
    assert "“이사”" in canceled
    order = (await pages.service.http.get(path)).json()
    assert order["status"] == "ORDER_CANCELED"
    by = {entry["event"]: entry["by"] for entry in order["history"]}
    assert by["CancelOrdered"] == by["VisitRescheduled"] == f"tracker:{order_id}"
    own = text_of(await (await pages.person("customer:1")).get(path))
    assert "The cancellation was requested (Customer, by link)" in own
